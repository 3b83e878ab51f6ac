"""The source of a story: it reads, hints and fails as a seed says; and the tester's own books of what it showed."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from copy import copy
from math import inf
from random import Random

from engine.calendar import Calendar
from engine.edges import pairs
from engine.faults import Fault, FaultError
from engine.look import Lookout, Sight
from engine.model import DAY, ColumnId, Complete, Days, Failed, Incomplete, Reading, Rows, Window
from engine.ports import (
    Hint,
    SourceError,
)
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallSpan
from tests.simulation.chronicle import Chronicle
from tests.simulation.world import EVER, LUNCH, MONDAY, Faults, Practice, clock


class Seen:
    """What the readings for one online calendar have shown, by the tester's own books."""

    def __init__(self) -> None:
        self.at = -inf
        """When the last reading saw what it saw."""
        self.whole = False
        """Whether that was a complete one; the rest is of the last complete one."""
        self.complete_at = -inf
        self.blocked = self.rows = self.free = EMPTY
        self.shown = EMPTY
        """What the last reading showed beyond doubt, of the days that it was of."""
        self.missing: dict[int, float] = {}
        """Since when each hour has been missing from every reading, by its start."""

    def look(self, practice: Practice, column: ColumnId) -> None:
        """A complete reading sees the practice as it is now."""
        self.at = self.complete_at = clock()
        self.whole = True
        self.blocked, self.free = practice.blocked(column), practice.free(column)
        self.shown = self.blocked
        self.rows = practice.occupied(column) | self.free
        self.missing = {start: self.missing.get(start, self.at) for start in EVER if start not in self.blocked}

    def glimpse(self, rows: Rows) -> None:
        """An incomplete reading sees some of it."""
        self.at, self.whole, self.shown = clock(), False, EMPTY
        shown = IntervalSet(zip(rows.occupied[::2], rows.occupied[1::2], strict=True))
        shown = shown | LUNCH if rows.reservations else shown
        self.missing = {start: since for start, since in self.missing.items() if start not in shown}

    def look_at(self, practice: Practice, column: ColumnId, span: WallSpan) -> None:
        """A complete reading of some days sees them as they are now; of the others it says nothing."""
        self.at, self.whole = clock(), False
        days = IntervalSet([span])
        self.shown = practice.blocked(column) & days
        self.blocked = self.blocked - days | self.shown
        self.missing = {start: since for start, since in self.missing.items() if start not in self.shown}

    def missed(self, start: int) -> float:
        """For how long readings have shown that the hour from `start` on is not blocked."""
        return self.complete_at - self.missing.get(start, self.complete_at)


class HostileSource:
    """Reads the practice, or fails to; remembers what each reading showed."""

    def __init__(self, practice: Practice, chance: Random) -> None:
        self.practice, self.chance = practice, chance
        self.faults = Faults()
        self.seen: dict[object, Seen] = defaultdict(Seen)
        """By the online calendar that a reading was for, or by column where nobody tells."""
        self.reader: str | None = None
        """For which online calendar the reading that now begins is."""
        self.some_days = False
        """Whether it is of some days only."""
        self.readings = self.glimpses = 0
        self.noted: tuple[Fault, ...] = ()
        self.gone: set[ColumnId] = set()
        """Columns that something fed which vanished; and whether a confirmation cannot be kept."""
        self.unkept = False
        self.lasts = 0.002
        """Seconds that a reading takes before it sees anything."""
        self.doubtful: Fault | None = None
        """What is wrong with a row."""
        self.unlisted = self.broken = self.mute = False
        """Whether its columns cannot be listed; whether it has a bug; whether its hints end."""
        self.chronicle = Chronicle(MONDAY)
        self._hints: asyncio.Queue[Hint] = asyncio.Queue()

    def follow(self, lookout: Lookout) -> None:
        """Be told for which online calendar `lookout` reads, and whether some days alone."""
        honest, hasty = lookout.look, lookout.glimpse

        async def look(calendar: Calendar, window: Window) -> Sight | Fault:
            self.reader, self.some_days = calendar.name, False
            return await honest(calendar, window)

        async def glimpse(calendar: Calendar, window: Window, days: Days) -> Sight | None:
            self.reader, self.some_days = calendar.name, True
            return await hasty(calendar, window, days)

        lookout.look, lookout.glimpse = look, glimpse  # type: ignore[method-assign]  # spies

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        reader = self.reader
        reading = await self._read(column, span)
        self.chronicle.read(f"{column} for {reader}" if reader else str(column), reading)
        return reading

    async def _read(self, column: ColumnId, span: WallSpan) -> Reading:
        assert span.start < span.end
        self.readings += 1
        seen, some_days = self.seen[self.reader or column], self.some_days
        if self.broken:
            raise ZeroDivisionError
        if self.faults.draw(self.chance, "read_slow"):
            await asyncio.sleep(self.chance.uniform(0.1, 9))
        else:
            await asyncio.sleep(self.lasts)
        if self.faults.draw(self.chance, "read_failed"):
            return Failed(Fault("source.locked", {"file": "x"}))
        if some_days:
            return self._read_days(column, span, seen)
        partial = column in self.gone or self.faults.draw(self.chance, "read_partial")
        rows = self.practice.rows(column, skip=0.5 if partial else 0.0, chance=self.chance)
        before = copy(seen)
        if partial:
            seen.glimpse(rows)
        else:
            seen.look(self.practice, column)
        try:
            await asyncio.sleep(0.002)
        except asyncio.CancelledError:  # given up, for it took too long: it showed nothing to anybody
            vars(seen).update(vars(before))
            raise
        return (
            Incomplete(rows, Fault("row.start_unreadable", {"column": "x", "count": 1})) if partial else Complete(rows)
        )

    def _read_days(self, column: ColumnId, span: WallSpan, seen: Seen) -> Reading:
        """What lies in them, and nothing else."""
        self.glimpses += 1
        whole, rows = self.practice.rows(column, skip=0.0, chance=self.chance), Rows(column)
        rows.doubts = [] if self.doubtful is None else [self.doubtful]
        seen.look_at(self.practice, column, span)
        rows.exists, rows.reservations = whole.exists, whole.reservations
        for start, end in pairs(whole.occupied):
            if start < span.end and end > span.start:
                rows.occupied.extend((start, end))
        if column in self.gone:
            return Incomplete(rows, Fault("row.start_unreadable", {"column": "x", "count": 1}))
        return Complete(rows)

    async def columns(self) -> tuple[ColumnId, ...]:
        if self.unlisted:
            raise SourceError("source.locked", file="x")
        return tuple(self.practice.taken)

    def hint(self, column: ColumnId, *hours: int) -> None:
        """The practice changed, at these hours if they are named: perhaps the engine learns of it."""
        if self.faults.draw(self.chance, "hint_lost"):
            return
        named = self.chance.choice([None, column])
        days = [MONDAY // DAY + hour // 24 for hour in hours]
        hint = Hint(named, Days(min(days), max(days)) if named and days else None)
        for _ in range(2 if self.faults.draw(self.chance, "hint_doubled") else 1):
            delay = self.chance.uniform(0, 30) if self.faults.draw(self.chance, "hint_late") else 0.0
            asyncio.get_running_loop().call_later(delay, self._hints.put_nowait, hint)

    def put(self, hint: Hint) -> None:
        """Let the engine have just this hint."""
        self._hints.put_nowait(hint)

    def notes(self) -> tuple[Fault, ...]:
        return self.noted

    async def vanished(self, column: ColumnId) -> bool:
        return column in self.gone

    async def confirm(self, column: ColumnId) -> None:
        if self.unkept:
            raise FaultError("ledger.unwritable", kind="ENOSPC")
        self.gone.discard(column)

    async def hints(self) -> AsyncIterator[Hint]:
        yield Hint()
        while not self.mute:
            yield await self._hints.get()
