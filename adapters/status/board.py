"""What the page knows: how the job stands, what happened lately, and when there is something new to show."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from adapters.condition import Condition
from adapters.minutes import PERIOD
from engine.ports import Entry, Event, LedgerError, Report
from engine.runtime import Engine
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock

OUTCOMES: Final = ("uploaded", "unchanged", "held", "failed")
BUCKETS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
"""Seconds from the reading that showed a change to its acceptance."""

History = Callable[[float], Awaitable[list[Entry]]]


class Board:
    """An observer of the engine, and all that the page shows of it."""

    def __init__(
        self, engine: Engine, condition: Callable[[], Condition], history: History, clock: WallClock, lang: str
    ) -> None:
        """`history` gives the entries since a wall-clock time; `lang` is the language of who asks for none."""
        self.engine, self.clock, self.lang = engine, clock, lang
        self.turns: Counter[tuple[str, str]] = Counter()
        """How each calendar's turns ended, since the job began."""
        self.exposures: list[float] = [0.0] * (len(BUCKETS) + 1)
        self.exposed = 0.0
        self._condition, self._history = condition, history
        self._entries: list[Entry] = []
        self._known: object = None
        self._news = asyncio.Event()

    def tell(self, event: Event) -> None:
        """Take note of what the engine tells, at once and without failing."""
        if isinstance(event, Report):
            self.turns[event.name, event.state] += 1
            if event.state == "uploaded" and event.added:
                self._count(event.seconds, len(event.added))
        self._news.set()

    async def condition(self) -> Condition:
        """How the job stands now, with its unsafe minutes."""
        now = self._condition()
        return now.counted(await self.entries(now.at), self.clock)

    async def entries(self, at: float) -> list[Entry]:
        """What happened in the last thirty days, oldest first; what was last known where it cannot be read."""
        known = sum(self.turns[key] for key in self.turns if key[1] == "uploaded"), int(at // 60)
        if known != self._known:
            with suppress(LedgerError):
                self._entries = await self._history(at - PERIOD)
                self._known = known
        return self._entries

    def blocked(self, name: str) -> IntervalSet:
        """All that the portal may hold of a calendar."""
        return self.engine.calendars[name].standing.baseline or EMPTY

    async def news(self) -> AsyncIterator[None]:
        """Whenever there is something new to show; at most twice a second, and once half a minute in any case."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(30):
                    await self._news.wait()
            await asyncio.sleep(0.5)
            self._news.clear()
            yield

    def _count(self, seconds: float, times: int) -> None:
        self.exposed += seconds * times
        index = next((index for index, edge in enumerate(BUCKETS) if seconds <= edge), len(BUCKETS))
        self.exposures[index] += times
