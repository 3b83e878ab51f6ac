"""Starts and ends in one array, ascending: put together, taken from each other, compared, kept as narrow as they fit.

What two arrays share is compared and copied as memory, and only the pieces in which they differ are looked at one by
one. `spans` makes sets of them.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from operator import lt
from sys import byteorder
from typing import Final

NARROW: Final = "I"
WIDE: Final = "q"
_MOST: Final = 2**32 - 1
_PIECE: Final = 32
"""Edges, two an interval. With more of them a place that differs costs more, with fewer all that does not."""
_LOW: Final = 0 if byteorder == "little" else 1
"""Which half of a wide number is the low one."""


def narrowed(ascending: "array[int]") -> "array[int]":
    """As every set is kept, so that equal ones are equal byte by byte: wide only where not all of it fits otherwise."""
    if ascending.typecode == NARROW or (ascending and (ascending[0] < 0 or ascending[-1] > _MOST)):
        return ascending
    return array(NARROW, ascending.tobytes())[_LOW::2]


def widened(edges: "array[int]") -> "array[int]":
    """The same in 64 bits."""
    if edges.typecode == WIDE:
        return edges
    halves = array(NARROW, bytes(8 * len(edges)))
    halves[_LOW::2] = edges
    return array(WIDE, halves.tobytes())


def as_wide(left: "array[int]", right: "array[int]") -> "tuple[array[int], array[int]]":
    """Both as wide as the wider one: arrays of two widths cannot be put together."""
    return (left, right) if left.typecode == right.typecode else (widened(left), widened(right))


def ascends(edges: "array[int]") -> bool:
    """Whether each is greater than the one before it: as in a set."""
    return all(map(lt, edges, edges[1:]))


def merged(times: Iterable[tuple[int, int]]) -> "array[int]":
    """The edges of `times`, which are in order and may overlap or touch; ValueError where one ends before it begins."""
    edges = array(WIDE)
    last = None
    for start, end in times:
        if start >= end:
            raise ValueError("an interval ends after its start")
        if last is None or start > last:
            edges.append(start)
            edges.append(end)
            last = end
        elif end > last:
            edges[-1] = last = end
    return edges


def union(left: "array[int]", right: "array[int]") -> "array[int]":
    """What is in either; both are of one width."""
    fewer, more = (left, right) if len(left) < len(right) else (right, left)
    if len(fewer) <= _PIECE:
        return _joint(fewer, more)
    front, back = shared(fewer, more)
    edges = more[:front]
    for some, others in _pieces(fewer[front : len(fewer) - back], more[front : len(more) - back]):
        edges += some if some == others else _joint(some, others)
    return edges + more[len(more) - back :]


def _joint(fewer: "array[int]", more: "array[int]") -> "array[int]":
    edges, here = array(more.typecode), 0
    for start, end in pairs(fewer):
        # At an even place nothing is open: there it begins, or ends, itself.
        first = bisect_left(more, start, here)
        edges += more[here:first]
        if first % 2 == 0:
            edges.append(start)
        here = bisect_right(more, end, first)
        if here % 2 == 0:
            edges.append(end)
    return edges + more[here:]


def difference(left: "array[int]", right: "array[int]") -> "array[int]":
    """What is in `left` alone; both are of one width, and neither is empty."""
    cuts = right[bisect_left(right, left[0]) & -2 : bisect_right(right, left[-1]) + 1 & -2]
    if min(len(left), len(cuts)) <= _PIECE:
        return _cut(left, cuts)
    front, back = shared(left, cuts)
    edges = array(left.typecode)
    for some, others in _pieces(cuts[front : len(cuts) - back], left[front : len(left) - back]):
        if some != others:
            edges += _cut(others, some)
    return edges[:]


def _cut(left: "array[int]", cuts: "array[int]") -> "array[int]":
    edges, here = array(left.typecode), 0
    for start, end in pairs(cuts):
        # At an odd place one is open: there it ends where the cut begins, and begins where the cut ends.
        first = bisect_left(left, start, here)
        edges += left[here:first]
        if first % 2:
            edges.append(start)
        here = bisect_right(left, end, first)
        if here % 2:
            edges.append(end)
    return edges + left[here:]


def _pieces(one: "array[int]", other: "array[int]") -> "Iterator[tuple[array[int], array[int]]]":
    """Both, cut where neither is open: most pieces of two sets that differ in a few places are then the same."""
    here = there = 0
    for beyond in range(_PIECE, len(one), _PIECE):
        far = bisect_left(other, one[beyond], there)
        if far % 2 == 0:
            yield one[here:beyond], other[there:far]
            here, there = beyond, far
    yield one[here:], other[there:]


def shared(left: "array[int]", right: "array[int]") -> tuple[int, int]:
    """How many edges of whole intervals both have in common at the front, and at the back."""
    most = min(len(left), len(right))
    front = _alike(most // 2, lambda first, last: left[2 * first : 2 * last] == right[2 * first : 2 * last])
    a, b = len(left), len(right)
    rest = most // 2 - front
    back = _alike(rest, lambda first, last: left[a - 2 * last : a - 2 * first] == right[b - 2 * last : b - 2 * first])
    return 2 * front, 2 * back


def _alike(most: int, same: Callable[[int, int], bool]) -> int:
    """Up to which number all are the same, found by halves; `same` compares from one number to another."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if same(least, middle):
            least = middle
        else:
            most = middle - 1
    return least


def stretches(edges: "array[int]", seconds: int) -> "Iterator[array[int]]":
    """All of `edges`, in pairs of which none is lost, cut where a start passes a multiple of `seconds`: so a change in
    one stretch leaves the others as they are. The pairs may be in any order, but those of a stretch are then not near.
    """
    starts, here, count = edges[::2], 0, len(edges) // 2
    while here < count:
        there = bisect_left(starts, (starts[here] // seconds + 1) * seconds, here + 1)
        yield edges[2 * here : 2 * there]
        here = there


def pairs(edges: "array[int]") -> Iterator[tuple[int, int]]:
    """A start and an end each."""
    each = iter(edges)
    return zip(each, each, strict=True)
