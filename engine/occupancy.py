"""A reading and a window become the blocked intervals: exactly the occupied times, and at least all of them.

Pure. Rules R3 to R9 and R13 live here and nowhere else, so they are the same for every source.
"""

from array import array
from collections.abc import Callable, Iterator
from functools import lru_cache
from operator import lt
from typing import Final

from engine.edges import pairs, stretches
from engine.faults import Fact, Fault
from engine.limits import Limits
from engine.model import DAY, Complete, Incomplete, Occupancy, Reservation, Rows, Wall, Window
from engine.spans import IntervalSet
from engine.walltime import WallClock, wall_text

_STRETCH: Final = 7 * DAY
_Doubt = Callable[[int, int], None]
MOST_DOUBTS: Final = 20
"""How many doubtful rows are named; a broken export may hold thousands of one kind."""


def occupancy(reading: Complete | Incomplete, window: Window, clock: WallClock, limits: Limits) -> Occupancy:
    """What `reading` says of `window`; an incomplete reading says so in `incomplete`."""
    view = _View(reading.rows, window, clock, limits.default_slot)
    taken, count = view.occupied()
    free = view.free()
    reserved = [list(view.reserved(each)) for each in reading.rows.reservations]
    touching = [days for days in reserved if days]
    return Occupancy(
        blocked=taken | IntervalSet(pair for days in touching for pair in days),
        taken=taken,
        free=free,
        appointments=count + len(touching),
        has_rows=bool(taken) or bool(free),
        doubts=tuple(view.doubts),
        incomplete=reading.reason if isinstance(reading, Incomplete) else None,
    )


def taken_and_blocked(
    rows: Rows, window: Window, clock: WallClock, limits: Limits
) -> tuple[IntervalSet, IntervalSet] | None:
    """What occupied rows block in `window`, and what they and the reservations do; None when a row is doubtful."""
    found = [_plain(stretch.tobytes(), clock) for stretch in stretches(rows.occupied, _STRETCH)]
    if rows.doubts or None in found:
        return None
    taken = window.clip(IntervalSet.joined(each for each in found if each is not None))
    if not rows.reservations:
        return taken, taken
    view = _View(rows, window, clock, limits.default_slot)
    return taken, taken | IntervalSet(pair for each in rows.reservations for pair in view.reserved(each))


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

    def occupied(self) -> tuple[IntervalSet, int]:
        """What is taken, and how many rows that is."""
        return self._gathered(self._rows.occupied, self._doubt)

    def free(self) -> IntervalSet:
        return self._gathered(self._rows.free, _no_doubt)[0]

    def _gathered(self, rows: "array[int]", doubt: "_Doubt") -> tuple[IntervalSet, int]:
        """A stretch that lies in the window and has no doubtful row is looked at once, and then known."""
        found, count, index = [], 0, 0
        for stretch in stretches(rows, _STRETCH):
            times = _plain(stretch.tobytes(), self._clock)
            if times is not None and self._window.clip(times) == times:
                found.append(times)
                count += len(stretch) // 2
            else:
                cuts = list(self._cuts(stretch, index, doubt))
                found.append(IntervalSet(cuts))
                count += len(cuts)
            index += len(stretch) // 2
        return IntervalSet.joined(found), count

    def _cuts(self, rows: "array[int]", index: int, doubt: "_Doubt") -> Iterator[tuple[int, int]]:
        """What of each row lies in the window; `index` is the first one's number."""
        for number, (start, end) in enumerate(pairs(rows), index):
            usable = next_midnight(start, end)
            cut = self._cut(start, start + self._slot if usable is None else usable)
            if cut is None:
                continue
            if usable is None:
                doubt(number, start)
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


@lru_cache(maxsize=1024)
def _plain(packed: bytes, clock: WallClock) -> IntervalSet | None:
    """The instants of packed rows, unclipped; None when an end is unusable."""
    rows, instants = array("q", packed), list[tuple[int, int]]()
    offset = clock.steady(min(rows), max(rows)) if all(map(lt, rows[::2], rows[1::2])) else None
    if offset is not None:
        return IntervalSet.of_edges(array("q", [each - offset for each in rows]))
    for start, end in pairs(rows):
        usable = next_midnight(start, end)
        if usable is None:
            return None
        instants.append((clock.earliest(Wall(start)), clock.latest(Wall(usable))))
    return IntervalSet(instants)


def _no_doubt(_index: int, _start: int) -> None:
    """A free row blocks nothing, whatever its end."""
