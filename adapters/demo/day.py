"""A simulated practice day: appointments made, moved, extended and cancelled, and reservations, in every column."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

from adapters.demo.stores import Slot, Store
from adapters.texts.phrasing import phrase
from engine.model import ColumnId
from engine.spans import IntervalSet
from engine.walltime import WallClock

_SLOT = timedelta(minutes=15)
_AT_FIRST = 24


class Step(NamedTuple):
    """One change in the practice: what is taken by it and what is given back, in the column that feeds `name`."""

    name: str
    what: str
    taken: IntervalSet
    given: IntervalSet


class Day:
    """What the practice's staff does."""

    def __init__(
        self, stores: Mapping[ColumnId, Store], names: Mapping[ColumnId, str], lang: str, clock: WallClock
    ) -> None:
        self._stores, self._names, self._lang, self.clock = stores, names, lang, clock
        self._chance = Random()
        self._base = datetime.now().replace(hour=8, minute=0, second=0, microsecond=0)  # noqa: DTZ005 - wall time
        self._taken: list[Slot] = []
        self._reserved: list[Slot] = []

    async def begin(self) -> None:
        """The appointments that are there already."""
        for number in range(_AT_FIRST):
            await self._take(self._free(list(self._stores)[number % len(self._stores)]))

    async def step(self) -> Step:
        """The next change, committed."""
        kinds = [self._make, self._make, self._move, self._extend, self._cancel, self._reserve]
        return await self._chance.choice(kinds)()

    def pause(self) -> float:
        """Seconds until the next change: a day of 150 changes in a few minutes."""
        return self._chance.uniform(0.3, 2.5)

    async def enter(self, column: ColumnId, start: int, end: int) -> Step | None:
        """Enter what a patient booked online, in seconds since the epoch; None when the time is taken already."""
        slot = Slot(
            column, *(datetime.fromtimestamp(each, self.clock.zone).replace(tzinfo=None) for each in (start, end))
        )
        others = self._instants(each for each in self._taken + self._reserved if each.column == column)
        if others & IntervalSet([(start, end)]):
            return None
        await self._take(slot)
        return self._told("enter", slot, taken=slot)

    async def _make(self) -> Step:
        slot = self._free()
        await self._take(slot)
        return self._told("make", slot, taken=slot)

    async def _move(self) -> Step:
        old = self._chance.choice(self._taken)
        new = self._free(old.column)
        await self._take(new, given=old)
        return self._told("move", new, taken=new, given=old)

    async def _extend(self) -> Step:
        old = self._chance.choice(self._taken)
        await self._take(old._replace(end=old.end + _SLOT), given=old)
        more = old._replace(start=old.end, end=old.end + _SLOT)
        return self._told("extend", more, taken=more)

    async def _cancel(self) -> Step:
        old = self._chance.choice(self._taken)
        await self._stores[old.column].change(given=old)
        self._taken.remove(old)
        return self._told("cancel", old, given=old)

    async def _reserve(self) -> Step:
        slot = self._free()
        await self._stores[slot.column].reserve(slot)
        self._reserved.append(slot)
        return self._told("reserve", slot, taken=slot)

    async def _take(self, slot: Slot, given: Slot | None = None) -> None:
        await self._stores[slot.column].change(taken=slot, given=given)
        self._taken.append(slot)
        if given is not None:
            self._taken.remove(given)

    def _free(self, column: ColumnId | None = None) -> Slot:
        start = self._base + timedelta(days=self._chance.randrange(60)) + _SLOT * self._chance.randrange(36)
        where = column or self._chance.choice(list(self._stores))
        return Slot(where, start, start + _SLOT * self._chance.choice([1, 1, 2]))

    def _told(self, kind: str, shown: Slot, *, taken: Slot | None = None, given: Slot | None = None) -> Step:
        span = f"{shown.start:%d.%m. %H:%M}–{shown.end:%H:%M}"
        what = phrase(f"demo.{kind}", self._lang, span=span)
        return Step(self._names[shown.column], what, self._instants([taken]), self._freed(given))

    def _freed(self, slot: Slot | None) -> IntervalSet:
        """What nothing else in the column takes."""
        others = [each for each in self._taken + self._reserved if slot is not None and each.column == slot.column]
        return self._instants([slot]) - self._instants(others)

    def _instants(self, slots: Iterable[Slot | None]) -> IntervalSet:
        zone = self.clock.zone
        edges = [
            [int(edge.replace(tzinfo=zone).timestamp()) for edge in (each.start, each.end)] for each in slots if each
        ]
        return IntervalSet((start, end) for start, end in edges)
