"""Debezium: an engine in Java that follows the server's log; what it leaves there is dropped, or the log would grow."""

from typing import Final

from bench.peers import Office
from bench.practices import PostgresPractice

NAME: Final = "bench"
"""Of its slot and of its publication."""
_POLLS: Final = 0.5
"""Seconds, as it comes."""
# While a publication has the table, which has no key, nothing can be deleted from it.
_AFTER: Final = f"""
SELECT pg_terminate_backend(active_pid, 10000) FROM pg_replication_slots WHERE slot_name = '{NAME}' AND active;
SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{NAME}';
DROP PUBLICATION IF EXISTS {NAME};
"""


async def office(place: PostgresPractice, *wishes: str) -> Office:
    """It makes its slot and its publication itself; Java reaches the server over loopback."""
    polls = 0.0 if wishes else _POLLS
    return Office("bench.peers.debezium_worker", place.database.tcp(), wishes=wishes, polls=polls, after=_AFTER)
