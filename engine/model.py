"""The values of the domain: frozen, checked at birth, and with no place for anything but times and names (I7).

Two clocks never mix. A `Wall` is what the practice's clock on the wall shows, in seconds since 1970-01-01 00:00 as
if there were no time zones; an `Instant` is a second of UTC since the epoch. `walltime` turns one into the other.
"""

from array import array
from typing import NamedTuple, NewType

import msgspec

from engine.faults import Fact, Fault
from engine.spans import EMPTY, IntervalSet

Wall = NewType("Wall", int)
Instant = NewType("Instant", int)

DAY = 86_400
NO_END = Wall(-(2**62))
"""The end of a row whose end cannot be read: never after any start (R13)."""
LONGEST_WINDOW = 3 * 366 * DAY
"""No three years are longer, in seconds; the portal's adapter counts them by the calendar."""


class Days(NamedTuple):
    """Days on the practice's clock, from `first` to `last`, both inclusive, counted from 1970-01-01."""

    first: int
    last: int


def joined(some: Days | None, others: Days | None) -> Days | None:
    """The shortest stretch that holds both; None, which stands for any day, holds all."""
    if some is None or others is None:
        return None
    return Days(min(some.first, others.first), max(some.last, others.last))


class ColumnId(msgspec.Struct, frozen=True, order=True):
    """One column of one DURIA calendar, within the practice that is configured (R10)."""

    calendar: str
    column: str

    def __str__(self) -> str:
        return f"{self.calendar}/{self.column}"


class Window(msgspec.Struct, frozen=True):
    """The period the portal asks for, `[start, end)`; at most three years, never empty (R1)."""

    start: Instant
    end: Instant

    def __post_init__(self) -> None:
        if not 0 < self.end - self.start <= LONGEST_WINDOW:
            raise ValueError("a window starts before it ends and spans at most three years")

    def clip(self, times: IntervalSet) -> IntervalSet:
        """What of `times` lies in the window (R7)."""
        return times.clip(self.start, self.end)


class Reservation(msgspec.Struct, frozen=True):
    """A rectangle: on each day from `first_day` to `last_day`, `from_second` to `to_second` of the day (R6).

    Days are counted from 1970-01-01, both inclusive; seconds of the day run from 0 to 86,400.
    """

    first_day: int
    last_day: int
    from_second: int = 0
    to_second: int = DAY

    def __post_init__(self) -> None:
        if self.first_day > self.last_day or not 0 <= self.from_second < self.to_second <= DAY:
            raise ValueError("a reservation has a first day, a last day and a time range within a day")


class Rows:
    """What a source read of one column, in wall time, as it stood at one moment; filled row by row, then only read.

    `occupied` and `free` hold a start and an end for each row, in any order; an end that is not after its start is
    an unusable one, `NO_END` a missing one (R13). Nothing else of a row is kept.
    """

    __slots__ = ("column", "doubts", "exists", "free", "occupied", "places", "reservations", "unplaced")

    def __init__(self, column: ColumnId) -> None:
        self.column = column
        self.exists = False
        """Whether any row of the practice names this column, on any day (R10)."""
        self.occupied: array[int] = array("q")
        self.free: array[int] = array("q")
        self.reservations: list[Reservation] = []
        self.places: dict[int, dict[str, Fact]] = {}
        """Where the n-th occupied row stands, as facts (`file`, `line`), for a source that can tell; only needed of
        rows whose end is unusable. Others are named by column and start."""
        self.doubts: list[Fault] = []
        """What was read in a doubtful way and blocks all the same: it makes the column degraded (R13)."""
        self.unplaced: list[Fault] = []
        """What may block and has no readable place in time: it makes the reading incomplete (R13)."""

    def reading(self) -> "Complete | Incomplete":
        """The reading that these rows are, when the source saw all that there was to see."""
        return Incomplete(self, self.unplaced[0]) if self.unplaced else Complete(self)


class Complete(msgspec.Struct, frozen=True):
    """A reading that found every row: the only kind that may free a time (I1, I2)."""

    rows: Rows


class Incomplete(msgspec.Struct, frozen=True):
    """A reading that found rows, but not provably all: it may block, and frees nothing (I1, I2)."""

    rows: Rows
    reason: Fault


class Failed(msgspec.Struct, frozen=True):
    """No reading at all; never to be taken for an empty one (I2)."""

    reason: Fault


Reading = Complete | Incomplete | Failed


class Occupancy(msgspec.Struct, frozen=True, kw_only=True):
    """A reading, seen through a window: what is blocked, and what the decision needs to know besides."""

    blocked: IntervalSet = EMPTY
    taken: IntervalSet = EMPTY
    """What of it occupied rows block, without the reservations."""
    free: IntervalSet = EMPTY
    appointments: int = 0
    """How many occupied rows and reservations touch the window."""
    has_rows: bool = False
    """Whether any row of the grid, occupied or free, touches the window (I3)."""
    doubts: tuple[Fault, ...] = ()
    """What made the column degraded (R13), the first few of it."""
    incomplete: Fault | None = None
    """Why the reading is not complete and frees nothing, or None."""
