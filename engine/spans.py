"""A set of seconds, kept as sorted, disjoint, never touching half-open intervals: no other shape can exist.

Packed into one array, 8 bytes an interval, so that thousands of columns fit one process; 16 where an edge lies before
1970 or beyond 2106. Every operation returns a new set. Two sets of thousands of intervals mostly differ in a few of
them: what they share is compared and copied as memory, and only the pieces in which they differ are looked at one by
one.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from sys import byteorder
from typing import Final, Self

from engine.edges import NARROW, WIDE, as_wide, ascends, difference, merged, narrowed, pairs, shared, union, widened


class IntervalSet:
    """Which seconds are in the set; `[start, end)` pairs of whole seconds in ascending order (rules R5 and R7)."""

    __slots__ = ("_edges",)

    def __init__(self, times: Iterable[tuple[int, int]] = ()) -> None:
        """Merge `times`, in any order, overlapping, nested or touching; a pair with start >= end is an error."""
        self._edges = narrowed(merged(sorted(times)))

    @classmethod
    def _of(cls, edges: "array[int]") -> Self:
        new = cls.__new__(cls)
        new._edges = narrowed(edges)  # noqa: SLF001 - its own class
        return new

    @classmethod
    def of_edges(cls, edges: "array[int]") -> Self:
        """As of pairs that stand one after another; those of most columns are in order, and then taken as they are."""
        return cls._of(edges) if ascends(edges) else cls(pairs(edges))

    @classmethod
    def from_bytes(cls, packed: bytes) -> Self:
        """The set that `to_bytes` packed; raises ValueError when the bytes are not one."""
        edges = array(WIDE)
        edges.frombytes(packed)
        if byteorder == "big":  # pragma: no cover - no such machine is at hand
            edges.byteswap()
        if len(edges) % 2 or not ascends(edges):
            raise ValueError("not a packed interval set")
        return cls._of(edges)

    def to_bytes(self) -> bytes:
        """Little-endian 64-bit seconds, start and end of each interval in turn."""
        edges = widened(self._edges)
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
        edges, astray = array(NARROW), EMPTY
        for each in sets:
            more = each._edges  # noqa: SLF001 - its own class
            if more.typecode == WIDE or (edges and more and more[0] <= edges[-1]):
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
        front, back = shared(self._edges, other.edges())
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
        return IntervalSet._of(union(*as_wide(self._edges, other._edges)))

    def __sub__(self, other: "IntervalSet") -> "IntervalSet":
        if not self._edges or not other._edges:
            return self
        if self._edges == other._edges:
            return EMPTY
        return IntervalSet._of(difference(*as_wide(self._edges, other._edges)))

    def __and__(self, other: "IntervalSet") -> "IntervalSet":
        return self - (self - other)


EMPTY: Final = IntervalSet()
