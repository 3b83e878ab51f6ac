"""When the listener of PostgreSQL asks, polls and proves, in virtual time: at even seconds, and never late."""

import asyncio
from itertools import pairwise
from random import Random
from typing import Any, Final

from adapters.duria.postgres_link import Readers
from adapters.duria.postgres_listener import POLL_EVERY, PULSE_EVERY, Listener, _Inbox, _Session
from engine.faults import Fault
from engine.ports import Hint
from tests.simulation.calm import calmly

INTERVAL: Final = 60.0
LASTS: Final = 20 * INTERVAL
QUICK: Final = 0.01
"""Seconds that an answer takes at most."""


class Server:
    """Answers the listener's questions, and lets it hear its echo."""

    def __init__(self, session: _Session) -> None:
        self._session, self._chance = session, Random(3)
        self.asked: list[float] = []

    async def rows(self, *_: object) -> list[Any]:
        self.asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self._chance.uniform(0, QUICK))
        self._session.heard.set()
        return [(0.0, "as before")]


class Inbox(_Inbox):
    """Notes when each hint came."""

    def __init__(self) -> None:
        super().__init__()
        self.at: list[float] = []

    def put(self, hint: Hint) -> None:
        self.at.append(asyncio.get_running_loop().time())
        super().put(hint)


async def watched(reason: Fault | None, interval: float) -> tuple[list[float], list[float], list[float]]:
    """When it asked, when it spoke to itself, and when it said that everything is to be read."""
    inbox = Inbox()
    session = _Session(inbox)
    link, voice = Server(session), Server(session)
    listener: Any = Listener("", Readers(""), interval=interval)
    listener._voice = voice
    await asyncio.sleep(0.3)
    asyncio.get_running_loop().call_later(LASTS, session.end, None)
    await listener._watch(link, session, reason, "as before")
    return link.asked, voice.asked, inbox.at


def longest(times: list[float]) -> float:
    return max(after - before for before, after in pairwise(times))


@calmly
async def test_it_asks_at_even_seconds_and_proves_in_time() -> None:
    """Fault 2, I11: a wake-up shared with whoever else comes then, no question later than two seconds after another."""
    asked, proven, _ = await watched(None, INTERVAL)
    assert {at % PULSE_EVERY for at in asked} == {0.0}
    assert longest(asked) == PULSE_EVERY
    assert INTERVAL - PULSE_EVERY <= longest(proven) <= INTERVAL + 2 * QUICK


@calmly
async def test_it_polls_in_time() -> None:
    """Fault 4: where nothing can be heard, five seconds between two readings at most, however answers waver."""
    _, _, polled = await watched(Fault("source.deaf"), LASTS * 2)
    assert longest(polled) <= POLL_EVERY
