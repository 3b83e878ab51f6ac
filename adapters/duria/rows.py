"""What a source read, row by row, becomes the engine's `Rows`; what cannot be read blocks too much, never too little.

The same for every source, which hands in numbers: wall seconds, days, seconds of the day, and None for what it could
not read (R13).
"""

from array import array
from collections.abc import Mapping
from typing import Final

from engine.faults import Fact, Fault
from engine.model import DAY, NO_END, ColumnId, Reservation, Rows, Wall
from engine.occupancy import MOST_DOUBTS
from engine.walltime import WallSpan, wall_text

UNREADABLE: Final = -1
"""A time of day that is there and cannot be read; None is one that is not there."""
Place = Mapping[str, Fact]
"""Where a row stands, as facts (`file`, `line`), for a source that can tell."""
_LAST: Final = 253_402_300_799  # 9999-12-31 23:59:59, the last wall time with a text
_MOST_PLACES: Final = 1000
"""How many places of unusable ends are kept; further ones are named by column and start."""


class RowCollector:
    """Collects one column's rows; what provably lies outside `span` is not kept."""

    def __init__(self, column: ColumnId, span: WallSpan) -> None:
        self._rows, self._span = Rows(column), span
        self._startless = self._dayless = 0
        self._placed: list[Fault] = []

    def appointment(
        self,
        start: Wall | None,
        end: Wall | None,
        occupied: bool | None,  # noqa: FBT001 - a row
        *,
        place: Place | None = None,
    ) -> None:
        """A row of the grid; what neither says occupied nor free is occupied."""
        if start is None:
            if occupied is not False:
                self._unplace("row.start_unreadable", place)
        elif not self._misses(start, start if end is None else end):
            if occupied is None:
                self._doubt("row.occupied_unreadable", place, start=wall_text(Wall(min(start, _LAST))))
            if occupied is not False and place is not None and (end is None or end <= start):
                self._note(place)
            pairs = self._rows.free if occupied is False else self._rows.occupied
            pairs.append(start)
            pairs.append(NO_END if end is None else end)

    def packed(self, occupied: "array[int]", free: "array[int]", *, startless: int = 0) -> None:
        """Many rows of the grid at once, a start and an end each, NO_END for an end that cannot be read; beside them
        `startless` rows that may be occupied and have no readable start.
        """
        self._rows.occupied.extend(occupied)
        self._rows.free.extend(free)
        self._startless += startless

    def reservation(
        self,
        first: int | None,
        last: int | None,
        opens: int | None,
        closes: int | None,
        *,
        place: Place | None = None,
        sure: bool = True,
    ) -> None:
        """A rectangle (R6): its first and last day, and its daily times in seconds of the day, None or UNREADABLE; not
        `sure` where the row does not say that it is one.
        """
        days = self._days(first, last, place)
        if days is None or self._misses(days[0] * DAY, days[1] * DAY):
            return
        if not sure:
            self._doubt("row.occupied_unreadable", place)
        begin, end, doubtful = _daily(opens, closes)
        if doubtful:
            self._doubt("reservation.time_unreadable", place, day=_day_text(days[0]))
        self._rows.reservations.append(Reservation(*days, begin, end))

    def rows(self, *, exists: bool) -> Rows:
        """All of it. Call it once, at the end; `exists` says whether any row names the column (R10)."""
        rows = self._rows
        rows.exists = exists
        rows.unplaced.extend(self._placed)
        if self._startless:
            rows.unplaced.append(self._fault("row.start_unreadable", count=self._startless))
        if self._dayless:
            rows.unplaced.append(self._fault("reservation.day_unreadable", count=self._dayless))
        return rows

    def _days(self, first: int | None, last: int | None, place: Place | None) -> tuple[int, int] | None:
        """The first and the last day that it provably has; None when there is none, or it was over before the span."""
        if first is None:
            if last is not None and (last + 1) * DAY <= self._span.start:
                return None
            self._unplace("reservation.day_unreadable", place)  # nobody knows how long before its last day it begins
            return None if last is None else (last, last)
        if last is None or last < first:
            self._doubt("reservation.end_unusable", place, day=_day_text(first))
            return first, first
        return first, last

    def _misses(self, start: int, end: int) -> bool:
        """Whether it cannot touch the span, even if a day is added for an end that the engine makes up (R8, R13)."""
        return start >= self._span.end or max(start, end) + DAY <= self._span.start

    def _note(self, place: Place) -> None:
        """The row that is appended next has an end that may be unusable, and stands there."""
        if len(self._rows.places) < _MOST_PLACES:
            self._rows.places[len(self._rows.occupied) // 2] = dict(place)

    def _unplace(self, code: str, place: Place | None) -> None:
        """Count what may block and has no place in time, or say where it stands."""
        if place is not None:
            if len(self._placed) < MOST_DOUBTS:
                self._placed.append(_in_file(code, place))
        elif code == "row.start_unreadable":
            self._startless += 1
        else:
            self._dayless += 1

    def _doubt(self, code: str, place: Place | None, **facts: Fact) -> None:
        """Note what was read in a doubtful way, once, and not more than anybody reads."""
        fault = self._fault(code, **facts) if place is None else _in_file(code, place)
        doubts = self._rows.doubts
        if len(doubts) < MOST_DOUBTS and fault not in doubts:
            doubts.append(fault)

    def _fault(self, code: str, **facts: Fact) -> Fault:
        return Fault(code, {"column": str(self._rows.column), **facts})


def _day_text(day: int) -> str:
    return wall_text(Wall(day * DAY))[:10]


def _daily(opens: int | None, closes: int | None) -> tuple[int, int, bool]:
    """From and to which second of the day, and whether that is in doubt; a doubtful edge is the day's own."""
    if opens is None and closes is None:
        return 0, DAY, False
    begin = opens if opens is not None and opens != UNREADABLE else 0
    end = closes if closes is not None and closes not in (UNREADABLE, 0) else DAY
    doubtful = opens in (None, UNREADABLE) or closes in (None, UNREADABLE) or begin >= end
    return (begin, end, doubtful) if begin < end else (0, DAY, doubtful)


_IN_FILE: Final = {
    "row.occupied_unreadable": "row.occupied_unreadable_in_file",
    "row.start_unreadable": "row.start_unreadable_in_file",
    "reservation.day_unreadable": "reservation.day_unreadable_in_file",
    "reservation.end_unusable": "reservation.end_unusable_in_file",
    "reservation.time_unreadable": "reservation.time_unreadable_in_file",
}


def _in_file(code: str, place: Place) -> Fault:
    return Fault(_IN_FILE[code], dict(place))
