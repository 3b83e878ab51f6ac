"""A reading and a window become the blocked intervals: exactly the occupied times, and at least all of them.

Pure. Rules R3 to R9 and R13 live here and nowhere else, so they are the same for every source.
"""

from array import array
from collections.abc import Iterator
from typing import Final

from engine.faults import Fact, Fault
from engine.limits import Limits
from engine.model import DAY, Complete, Incomplete, Occupancy, Reservation, Rows, Wall, Window
from engine.spans import IntervalSet
from engine.walltime import WallClock, wall_text

MOST_DOUBTS: Final = 20
"""How many doubtful rows are named; a broken export may hold thousands of one kind."""


def occupancy(reading: Complete | Incomplete, window: Window, clock: WallClock, limits: Limits) -> Occupancy:
    """What `reading` says of `window`; an incomplete reading says so in `incomplete`."""
    view = _View(reading.rows, window, clock, limits.default_slot)
    occupied = list(view.occupied())
    reserved = [list(view.reserved(each)) for each in reading.rows.reservations]
    touching = [days for days in reserved if days]
    taken, free = IntervalSet(occupied), IntervalSet(view.free())
    return Occupancy(
        blocked=taken | IntervalSet(pair for days in touching for pair in days),
        taken=taken,
        free=free,
        appointments=len(occupied) + len(touching),
        has_rows=bool(occupied) or bool(free),
        doubts=tuple(view.doubts),
        incomplete=reading.reason if isinstance(reading, Incomplete) else None,
    )


def vanished(seen_free: IntervalSet, seen: Occupancy) -> IntervalSet:
    """Where a free row was seen and no row is any more (R12); `seen_free` holds those that vanished earlier too. A
    reservation is no row.
    """
    return seen_free - seen.taken - seen.free


class _View:
    """One column's rows, seen through a window: yields pairs of instants that are cut at its edges."""

    def __init__(self, rows: Rows, window: Window, clock: WallClock, default_slot: int) -> None:
        self._rows, self._window, self._clock, self._slot = rows, window, clock, default_slot
        self._from, self._to = clock.around(window)
        self.doubts = rows.doubts[:MOST_DOUBTS]

    def occupied(self) -> Iterator[tuple[int, int]]:
        for index, (start, end) in enumerate(_pairs(self._rows.occupied)):
            usable = next_midnight(start, end)
            cut = self._cut(start, start + self._slot if usable is None else usable)
            if cut is None:
                continue
            if usable is None:
                self._doubt(index, start)
            yield cut

    def free(self) -> Iterator[tuple[int, int]]:
        for start, end in _pairs(self._rows.free):
            usable = next_midnight(start, end)
            cut = self._cut(start, start + self._slot if usable is None else usable)
            if cut is not None:
                yield cut

    def reserved(self, reservation: Reservation) -> Iterator[tuple[int, int]]:
        first = max(reservation.first_day, self._from // DAY)
        last = min(reservation.last_day, self._to // DAY)
        for day in range(first, last + 1):
            midnight = day * DAY
            cut = self._cut(midnight + reservation.from_second, midnight + reservation.to_second)
            if cut is not None:
                yield cut

    def _cut(self, start: int, end: int) -> tuple[int, int] | None:
        """The widest reading of a wall time range, clipped; None where it does not touch the window."""
        if end <= self._from or start >= self._to:
            return None
        opened = self._clock.earliest(Wall(max(start, self._from)))
        closed = self._clock.latest(Wall(min(end, self._to)))
        opened, closed = max(opened, self._window.start), min(closed, self._window.end)
        return (opened, closed) if opened < closed else None

    def _doubt(self, index: int, start: int) -> None:
        if len(self.doubts) >= MOST_DOUBTS:
            return
        place = self._rows.places.get(index)
        if place is None:
            where: dict[str, Fact] = {"column": str(self._rows.column), "start": wall_text(Wall(start))}
            self.doubts.append(Fault("row.end_unusable", where))
        else:
            self.doubts.append(Fault("row.end_unusable_in_file", place))


def next_midnight(start: int, end: int) -> int | None:
    """The end of a row by R8: midnight of the start's own day means the next one; None when it is unusable (R13)."""
    if end > start:
        return end
    midnight = start - start % DAY
    return midnight + DAY if end == midnight else None


def _pairs(edges: "array[int]") -> Iterator[tuple[int, int]]:
    each = iter(edges)
    return zip(each, each, strict=True)
