"""A look at a column ends in what the plan may rely on, or in a fault; a failed reading is never an empty one (I2).

What a look learns is taken in at once, before anything else can happen: which columns exist (R10), which free rows
vanished (R12), and since when each removal is missing (I3).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, assert_never

import msgspec

from engine.calendar import Calendar
from engine.faults import Fact, Fault
from engine.limits import Limits
from engine.model import DAY, ColumnId, Complete, Days, Failed, Incomplete, Occupancy, Reading, Rows, Window
from engine.occupancy import occupancy, taken_and_blocked, vanished
from engine.plan import Standing, glimpsed, observe
from engine.ports import ColumnRecord, Source, SourceError
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock, WallSpan, wall_span

READING_LIFETIME: Final = 10.0
"""Seconds from its beginning after which a reading is too old to go up: the process was frozen, or the disk hung (fault
44). More than any source may take for a reading; one that takes longer is given up."""
_REMEMBERED: Final = 400 * DAY
_FAR: Final = 2**62


class Sight(NamedTuple):
    """A usable reading, seen through a window; it began at `began` by the loop's clock, at `wall` by the wall clock."""

    seen: Occupancy
    window: Window
    began: float
    wall: float
    vanished: IntervalSet
    """Where a free row was and neither a row nor a reservation is any more (R12)."""
    column: ColumnRecord | None
    """What is known of the column now, if that is new."""
    ripening: bool
    """Whether something ripens or waits, so that a restart must not lose since when (I3)."""


class Lookout:
    """Reads columns and keeps what is known of them."""

    def __init__(self, source: Source, limits: Limits, wall: Callable[[], float]) -> None:
        self.columns: dict[ColumnId, ColumnRecord] = {}
        """Every column that has been seen."""
        self._source, self._limits, self._wall = source, limits, wall
        self._clock = WallClock(limits.zone)

    def recall(self, columns: Mapping[ColumnId, ColumnRecord]) -> None:
        """Take up what an earlier process saw; a column of another practice has not been seen in this one (R10)."""
        ours = ("", self._limits.practice)
        self.columns.update({column: each for column, each in columns.items() if each.practice in ours})

    async def look(self, calendar: Calendar, window: Window) -> Sight | Fault:
        """Read the calendar's column and take in what that tells; a Fault when it tells nothing."""
        began, wall, calendar.due = _now(), self._wall(), False
        reading = await self._read(calendar.column, self._clock.around(window))
        match reading:
            case Failed(reason):
                return reason
            case Complete(rows) | Incomplete(rows):
                if not self._exists(rows):
                    return await self._unknown(calendar.column)
                seen = occupancy(reading, window, self._clock, self._limits)
                return self._take_in(calendar, seen, window, began, wall)
            case _:
                assert_never(reading)

    async def glimpse(self, calendar: Calendar, window: Window, days: Days) -> Sight | None:
        """Read some days alone, and take in what is blocked in them: nothing is learnt of the others, and nothing
        becomes free by it. None when that is not enough.

        A change names the days of its row, so no other day is read. What reaches into them from the next day, as it may
        when clocks change at midnight, is missed here, and then looked for as all that is missing is.
        """
        began, wall, part = _now(), self._wall(), self._clock.within(window, days)
        if part is None:
            return None
        reading = await self._read(calendar.column, wall_span(days))
        if not isinstance(reading, Complete) or not self._exists(reading.rows):
            return None
        found = taken_and_blocked(reading.rows, part, self._clock, self._limits)
        if found is None:
            return None
        taken, blocked = found
        calendar.standing = glimpsed(calendar.standing, blocked)
        return Sight(Occupancy(blocked=blocked, taken=taken), part, began, wall, EMPTY, None, ripening=False)

    async def _read(self, column: ColumnId, span: WallSpan) -> Reading:
        try:
            async with asyncio.timeout(READING_LIFETIME):
                return await self._source.read(column, span)
        except TimeoutError:
            return Failed(Fault("job.too_slow"))

    def _exists(self, rows: Rows) -> bool:
        return rows.exists or rows.column in self.columns

    async def _unknown(self, column: ColumnId) -> Fault:
        try:
            found = await self._source.columns()
        except SourceError as error:
            return error.fault
        facts: dict[str, Fact] = {"column": str(column)}
        return Fault("column.unknown", facts | ({"found": ", ".join(map(str, found))} if found else {}))

    def _take_in(self, calendar: Calendar, seen: Occupancy, window: Window, began: float, wall: float) -> Sight:
        gone, record = self._vanished(calendar.column, seen, window)
        bookable = gone - seen.blocked
        if self._limits.block_vanished:
            seen = msgspec.structs.replace(seen, blocked=seen.blocked | gone)
        gap = 0.0 if calendar.last_complete is None else began - calendar.last_complete
        before, lasted = calendar.standing, _now() - began
        calendar.standing = observe(before, seen, window, gap, self._limits, lasted=lasted)
        if seen.incomplete is None:
            calendar.last_complete = began
        ripening = _ripening(before) or _ripening(calendar.standing)
        return Sight(seen, window, began, wall, bookable, record, ripening)

    def _vanished(self, column: ColumnId, seen: Occupancy, window: Window) -> tuple[IntervalSet, ColumnRecord | None]:
        """Where free rows vanished, and the column's record if it is new; an incomplete reading knows of none that
        vanished. What lies outside the window now stays as it was.
        """
        known = self.columns.get(column)
        before = EMPTY if known is None else known.free.clip(window.start - _REMEMBERED, _FAR)
        record = ColumnRecord(before - seen.taken | seen.free, self._limits.practice)
        self.columns[column] = record
        gone = EMPTY if seen.incomplete is not None else vanished(window.clip(before), seen)
        return gone, None if record == known else record


def _ripening(standing: Standing) -> bool:
    return bool(standing.losses or standing.by_hand or standing.released)


def _now() -> float:
    return asyncio.get_running_loop().time()
