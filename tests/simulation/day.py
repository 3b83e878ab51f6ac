"""A practice's day, the same for every program that is tried on it: what its staff does, second by second.

Four columns, some hundred and fifty changes between half past seven and seven, most of them when the doors open and at
noon; one in seven days a doctor calls in sick. A seed is a day.
"""

from bisect import insort
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from engine.model import DAY, ColumnId
from engine.spans import IntervalSet
from tests.simulation.exposed import Books, Time
from tests.simulation.world import HOUR, MONDAY

COLUMNS: Final = {name: ColumnId("TK1", name[-1]) for name in ("Dr. A", "Dr. B", "Dr. C", "Labor D")}
SLOT: Final = 20 * 60
OPENS, CLOSES = 8 * HOUR, 18 * HOUR
WEEKS: Final = 12
CHANGES: Final = 150
MORNING, EVENING = 7.5 * HOUR, 19 * HOUR


class Change(NamedTuple):
    """One commit: at `at` seconds of the day, `column` gets `added` and loses `removed`."""

    at: float
    column: ColumnId
    added: tuple[Time, ...] = ()
    removed: tuple[Time, ...] = ()


class Day(NamedTuple):
    """What stands in the books at midnight, and all that happens to them, in order."""

    books: dict[ColumnId, frozenset[Time]]
    changes: tuple[Change, ...]


def day(seed: int, *, begins: float = MORNING, ends: float = EVENING, changes: int = CHANGES) -> Day:
    """The day of this seed."""
    chance = Random(seed)
    books = {column: {slot for slot in slots(WEEKS * 7) if chance.random() < 0.5} for column in COLUMNS.values()}
    before = {column: frozenset(times) for column, times in books.items()}
    told: list[Change] = []
    for at in sorted(_moment(chance, begins, ends) for _ in range(changes)):
        for each in _deed(chance, at, books):
            books[each.column] = books[each.column] - set(each.removed) | set(each.added)
            insort(told, each)
    return Day(before, tuple(told))


def slots(days: int) -> list[Time]:
    """Every time that a patient can be given, on so many days; none at the weekend."""
    starts = (MONDAY + number * DAY + second for number in range(days) for second in range(OPENS, CLOSES, SLOT))
    return [(start, start + SLOT) for start in starts if (start - MONDAY) // DAY % 7 < 5]


def chronicle(day: Day, column: ColumnId) -> list[tuple[float, Books]]:
    """What stands in `column` from each moment of the day on, in seconds of it."""
    times = day.books[column]
    told = [(0.0, Books(times, IntervalSet(times)))]
    for each in day.changes:
        if each.column == column:
            times = times - set(each.removed) | set(each.added)
            told.append((each.at, Books(times, IntervalSet(times))))
    return told


def _moment(chance: Random, begins: float, ends: float) -> float:
    rush = {0: OPENS + 600, 1: OPENS + 600, 2: 12 * HOUR}.get(chance.randrange(5))
    if rush is None or not begins <= rush <= ends:
        return chance.uniform(begins, ends)
    return min(max(chance.gauss(rush, 900), begins), ends)


def _deed(chance: Random, at: float, books: dict[ColumnId, set[Time]]) -> Iterator[Change]:
    """What happens then; a drag is a delete and an insert, in two transactions."""
    column = chance.choice(list(books))
    near = [each for each in slots(21) if each[0] > MONDAY + at]
    free = sorted(set(near) - books[column])
    taken = sorted(set(near) & books[column])
    kind = chance.random()
    if kind < 0.001:
        yield Change(at, column, added=((MONDAY + OPENS, MONDAY + CLOSES),))
    elif kind < 0.03:
        start = chance.choice(near)[0] // DAY * DAY + OPENS
        yield Change(at, column, added=((start + 4 * HOUR, start + 6 * HOUR),))
    elif kind < 0.62 or not taken:
        yield Change(at, column, added=(chance.choice(free[:200]),))
    elif kind < 0.82:
        yield Change(at, column, removed=(chance.choice(taken),))
    else:
        yield Change(at, column, removed=(chance.choice(taken),))
        yield Change(at + chance.uniform(0.5, 3), column, added=(chance.choice(free),))
