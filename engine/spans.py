"""A set of seconds, kept as sorted, disjoint, never touching half-open intervals: no other shape can exist.

Packed into one array, 8 bytes an interval, so that thousands of columns fit one process; 16 where an edge lies before
1970 or beyond 2106. Every operation returns a new set. Two sets of thousands of intervals mostly differ in a few of
them: what they share is compared and copied as memory, and only the pieces in which they differ are looked at one by
one.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from operator import lt
from sys import byteorder
from typing import Final, Self

_NARROW: Final = "I"
_WIDE: Final = "q"
_MOST: Final = 2**32 - 1
_PIECE: Final = 32
"""Edges, two an interval. With more of them a place that differs costs more, with fewer all that does not."""
_LOW: Final = 0 if byteorder == "little" else 1
"""Which half of a wide number is the low one."""


class IntervalSet:
    """Which seconds are in the set; `[start, end)` pairs of whole seconds in ascending order (rules R5 and R7)."""

    __slots__ = ("_edges",)

    def __init__(self, times: Iterable[tuple[int, int]] = ()) -> None:
        """Merge `times`, in any order, overlapping, nested or touching; a pair with start >= end is an error."""
        self._edges = _narrowed(_merged(sorted(times)))

    @classmethod
    def _of(cls, edges: "array[int]") -> Self:
        new = cls.__new__(cls)
        new._edges = _narrowed(edges)  # noqa: SLF001 - its own class
        return new

    @classmethod
    def of_edges(cls, edges: "array[int]") -> Self:
        """As of pairs that stand one after another; those of most columns are in order, and then taken as they are."""
        return cls._of(edges) if _ascends(edges) else cls(pairs(edges))

    @classmethod
    def from_bytes(cls, packed: bytes) -> Self:
        """The set that `to_bytes` packed; raises ValueError when the bytes are not one."""
        edges = array(_WIDE)
        edges.frombytes(packed)
        if byteorder == "big":  # pragma: no cover - no such machine is at hand
            edges.byteswap()
        if len(edges) % 2 or not _ascends(edges):
            raise ValueError("not a packed interval set")
        return cls._of(edges)

    def to_bytes(self) -> bytes:
        """Little-endian 64-bit seconds, start and end of each interval in turn."""
        edges = _widened(self._edges)
        if byteorder == "big":  # pragma: no cover - no such machine is at hand
            edges = edges[:]
            edges.byteswap()
        return edges.tobytes()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return pairs(self._edges)

    def __len__(self) -> int:
        return len(self._edges) // 2

    def __bool__(self) -> bool:
        return bool(self._edges)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IntervalSet) and self._edges == other._edges

    def __hash__(self) -> int:
        return hash(self._edges.tobytes())

    def __repr__(self) -> str:
        return f"IntervalSet({list(self)!r})"

    def __contains__(self, second: int) -> bool:
        return bisect_right(self._edges, second) % 2 == 1

    @classmethod
    def joined(cls, sets: Iterable["IntervalSet"]) -> "IntervalSet":
        """All of them in one; as fast as copying memory when each begins where the one before it has ended."""
        edges, astray = array(_NARROW), EMPTY
        for each in sets:
            more = each._edges  # noqa: SLF001 - its own class
            if more.typecode == _WIDE or (edges and more and more[0] <= edges[-1]):
                astray |= each
            else:
                edges += more
        # What grew has room to grow on; what is kept needs none, and fits where another of its size has been.
        return cls._of(edges[:]) | astray

    def edges(self) -> "array[int]":
        """A start and an end each, ascending, 32 or 64 bits wide; to be read, not changed."""
        return self._edges

    def shared(self, other: "IntervalSet") -> tuple[int, int]:
        """How many intervals both have in common at the front, and how many others at the back."""
        front, back = _shared(self._edges, other.edges())
        return front // 2, back // 2

    def part(self, first: int, last: int) -> "IntervalSet":
        """The intervals from the `first`, counted from 0, to before the `last`."""
        return IntervalSet._of(self._edges[2 * first : 2 * last])

    def total(self) -> int:
        """How many seconds are in the set."""
        return sum(self._edges[1::2]) - sum(self._edges[0::2])

    def clip(self, start: int, end: int) -> "IntervalSet":
        """What lies in `[start, end)`; what sticks out is cut at the edge (R7)."""
        edges = self._edges
        if start >= end or not edges:
            return EMPTY
        if edges[0] >= start and edges[-1] <= end:
            return self
        first, last = bisect_right(edges, start), bisect_left(edges, end)
        inner = edges[first:last]
        if first % 2:
            inner.insert(0, start)
        if last % 2:
            inner.append(end)
        return IntervalSet._of(inner)

    def __or__(self, other: "IntervalSet") -> "IntervalSet":
        if not other._edges or self._edges == other._edges:
            return self
        if not self._edges:
            return other
        return IntervalSet._of(_union(*_as_wide(self._edges, other._edges)))

    def __sub__(self, other: "IntervalSet") -> "IntervalSet":
        if not self._edges or not other._edges:
            return self
        if self._edges == other._edges:
            return EMPTY
        return IntervalSet._of(_difference(*_as_wide(self._edges, other._edges)))

    def __and__(self, other: "IntervalSet") -> "IntervalSet":
        return self - (self - other)


def _narrowed(ascending: "array[int]") -> "array[int]":
    """As every set is kept, so that equal ones are equal byte by byte: wide only where not all of it fits otherwise."""
    if ascending.typecode == _NARROW or (ascending and (ascending[0] < 0 or ascending[-1] > _MOST)):
        return ascending
    return array(_NARROW, ascending.tobytes())[_LOW::2]


def _widened(edges: "array[int]") -> "array[int]":
    if edges.typecode == _WIDE:
        return edges
    halves = array(_NARROW, bytes(8 * len(edges)))
    halves[_LOW::2] = edges
    return array(_WIDE, halves.tobytes())


def _as_wide(left: "array[int]", right: "array[int]") -> "tuple[array[int], array[int]]":
    """Both as wide as the wider one: arrays of two widths cannot be put together."""
    return (left, right) if left.typecode == right.typecode else (_widened(left), _widened(right))


def _ascends(edges: "array[int]") -> bool:
    return all(map(lt, edges, edges[1:]))


def _merged(times: Iterable[tuple[int, int]]) -> "array[int]":
    edges = array(_WIDE)
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


def _union(left: "array[int]", right: "array[int]") -> "array[int]":
    front, back = _shared(left, right)
    fewer, more = right[front : len(right) - back], left[front : len(left) - back]
    if len(more) < len(fewer):
        fewer, more = more, fewer
    edges = left[:front]
    for some, others in _pieces(fewer, more):
        edges += some if some == others else _joint(some, others)
    return edges + left[len(left) - back :]


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


def _difference(left: "array[int]", right: "array[int]") -> "array[int]":
    front, back = _shared(left, right)
    left, cuts = left[front : len(left) - back], right[front : len(right) - back]
    if not left or not cuts:
        return left
    near = cuts[bisect_left(cuts, left[0]) & -2 : bisect_right(cuts, left[-1]) + 1 & -2]
    edges = array(left.typecode)
    for some, others in _pieces(near, left):
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


def _shared(left: "array[int]", right: "array[int]") -> tuple[int, int]:
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


EMPTY: Final = IntervalSet()
