"""Unsafe minutes from the two histories alone: what stood in the practice's books, and what the portal blocked.

For every appointment, the time in which it stands in the books and is not blocked online; summed over appointments,
however long each of them is. What a program says of itself plays no part in it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple, TypeVar

from engine.spans import EMPTY, IntervalSet

Time = tuple[int, int]
T = TypeVar("T")


class Books(NamedTuple):
    """What stands in one column."""

    times: frozenset[Time]
    taken: IntervalSet


class Exposure(NamedTuple):
    """Of one day, in seconds."""

    total: float
    longest: float
    appointments: int
    """How many were exposed for more than a second."""


def exposure(
    books: Sequence[tuple[float, Books]], blocked: Sequence[tuple[float, IntervalSet]], until: float
) -> Exposure:
    """Of one column: `books` and `blocked` are what held from each moment on, in order; up to `until`."""
    lasted: dict[Time, float] = {}
    moments = sorted({at for at, _ in (*books, *blocked) if at < until})
    for at, after in pairwise((*moments, until)):
        book = held_at(books, at)
        lacking = book.taken - (held_at(blocked, at) or EMPTY) if book else EMPTY
        for each in book.times if book and lacking else ():
            if lacking.clip(*each):
                lasted[each] = lasted.get(each, 0.0) + after - at
    return Exposure(sum(lasted.values()), max(lasted.values(), default=0.0), sum(each > 1 for each in lasted.values()))


def together(each: Iterable[Exposure]) -> Exposure:
    """Of several columns."""
    found = list(each)
    return Exposure(
        sum(one.total for one in found), max(one.longest for one in found), sum(one.appointments for one in found)
    )


def held_at(history: Sequence[tuple[float, T]], moment: float) -> T | None:
    """What held then; None before anything did."""
    index = bisect_right(history, moment, key=lambda entry: entry[0])
    return history[index - 1][1] if index else None
