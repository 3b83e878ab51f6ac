"""What a story is about: a week of a practice, and how likely each thing goes wrong in it."""

import asyncio
from random import Random

import msgspec

from engine.model import DAY, ColumnId, Instant, Reservation, Rows, Window
from engine.spans import EMPTY, IntervalSet

HOUR = 3600
MONDAY = Instant(1_772_409_600)  # 2026-03-02 00:00 UTC; the simulated practice lives in UTC
EVER = [MONDAY + hour * HOUR for hour in (8, 9, 10, 32, 40, 42, 6 * 24 + 12)]
"""The hours that a story may block, by their starts; the last one is a reservation's."""
WINDOW = Window(MONDAY, Instant(MONDAY + 7 * DAY))
ALWAYS = 1.1
"""How likely a thing is that never fails to go wrong."""


def hours(*which: int) -> IntervalSet:
    """These hours, counted from Monday's first."""
    return IntervalSet((MONDAY + hour * HOUR, MONDAY + (hour + 1) * HOUR) for hour in which)


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How likely each thing goes wrong; one mix a seed. All zero is a world without faults."""

    hint_lost: float = 0.0
    hint_doubled: float = 0.0
    hint_late: float = 0.0
    read_failed: float = 0.0
    read_partial: float = 0.0
    read_slow: float = 0.0
    upload_refused: float = 0.0
    upload_error: float = 0.0
    upload_busy: float = 0.0
    answer_lost: float = 0.0
    lands_late: float = 0.0
    never_lands: float = 0.0
    key_refused: float = 0.0
    window_failed: float = 0.0
    window_busy: float = 0.0
    ledger_fails: float = 0.0
    ledger_slow: float = 0.0
    freezes: float = 0.0

    def draw(self, chance: Random, name: str) -> bool:
        """Whether the fault `name` happens now."""
        likely: float = getattr(self, name)
        return chance.random() < likely


class Practice:
    """The truth: which hours are taken in each column, and the free row that every day begins with."""

    def __init__(self, columns: list[ColumnId]) -> None:
        self.taken: dict[ColumnId, set[int]] = {column: set() for column in columns}
        self.emptied: set[ColumnId] = set()
        """Columns that read as if their table had been truncated."""
        self.unnamed: set[ColumnId] = set()
        """Columns of which no row is left anywhere."""
        self.no_free = self.no_lunch = False
        """Whether the free row of Sunday, or its reservation, is gone."""

    def occupied(self, column: ColumnId) -> IntervalSet:
        taken = set() if column in self.emptied else self.taken.get(column, set())
        return hours(*taken)

    def blocked(self, column: ColumnId) -> IntervalSet:
        """What rows and the reservation block."""
        return self.occupied(column) | (EMPTY if self.no_lunch or column in self.emptied else LUNCH)

    def free(self, column: ColumnId) -> IntervalSet:
        return EMPTY if self.no_free or column in self.emptied else SUNDAY

    def rows(self, column: ColumnId, *, skip: float, chance: Random) -> Rows:
        """What a reading finds; each occupied row is left out with probability `skip`."""
        rows = Rows(column)
        rows.exists = column in self.taken and column not in self.unnamed
        if not rows.exists:
            return rows
        for start, end in self.occupied(column):
            if chance.random() >= skip:
                rows.occupied.extend((start, end))
        for start, end in self.free(column):
            rows.free.extend((start, end))
        if column not in self.emptied and not self.no_lunch:
            rows.reservations.append(Reservation(MONDAY // DAY + 6, MONDAY // DAY + 6, 12 * HOUR, 13 * HOUR))
        return rows


LUNCH = IntervalSet([(MONDAY + 6 * DAY + 12 * HOUR, MONDAY + 6 * DAY + 13 * HOUR)])
SUNDAY = IntervalSet([(MONDAY + 6 * DAY, MONDAY + 6 * DAY + HOUR)])


def clock() -> float:
    """Seconds by the virtual clock."""
    return asyncio.get_running_loop().time()
