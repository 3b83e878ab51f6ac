"""Programs of others that could do a part of tmex's work: what each of them takes for that part alone.

They are installed by `make bench-peers`, and by nothing else.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Final, NamedTuple, Protocol, cast

from bench.practices import Enqueue, PostgresPractice

QUEUES: Final = ("pgqueuer", "procrastinate")


class Office(NamedTuple):
    """A peer at work: its program, where that reads, and what a change must do for it."""

    program: str
    dsn: str
    enqueue: Enqueue


class _Peer(Protocol):
    async def office(self, place: PostgresPractice) -> Office: ...


def lacking(name: str) -> str:
    """Why this peer cannot be measured here; empty when it can."""
    return "" if find_spec(name) else f"{name} is not installed: make bench-peers installs it."


async def offices(name: str, place: PostgresPractice) -> Office:
    """The peer, ready in the practice's database."""
    return await cast("_Peer", import_module(f"bench.peers.{name}_office")).office(place)
