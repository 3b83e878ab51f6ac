"""A set of seconds, kept as sorted, disjoint, never touching half-open intervals: no other shape can exist.

Packed into one array, 16 bytes an interval, so that thousands of columns fit one process. Every operation returns
a new set and takes time linear in the number of intervals; equality is a comparison of memory.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import pairwise
from sys import byteorder
from typing import Final, Self

_CODE: Final = "q"


class IntervalSet:
    """Which seconds are in the set; `[start, end)` pairs of whole seconds in ascending order (rules R5 and R7)."""

    __slots__ = ("_edges",)

    def __init__(self, pairs: Iterable[tuple[int, int]] = ()) -> None:
        """Merge `pairs`, in any order, overlapping, nested or touching; a pair with start >= end is an error."""
        self._edges = _merged(sorted(pairs))

    @classmethod
    def _of(cls, edges: "array[int]") -> Self:
        new = cls.__new__(cls)
        new._edges = edges  # noqa: SLF001 - its own class
        return new

    @classmethod
    def from_bytes(cls, packed: bytes) -> Self:
        """The set that `to_bytes` packed; raises ValueError when the bytes are not one."""
        edges = array(_CODE)
        edges.frombytes(packed)
        if byteorder == "big":  # pragma: no cover - no such machine is at hand
            edges.byteswap()
        if len(edges) % 2 or any(a >= b for a, b in pairwise(edges)):
            raise ValueError("not a packed interval set")
        return cls._of(edges)

    def to_bytes(self) -> bytes:
        """Little-endian 64-bit seconds, start and end of each interval in turn."""
        edges = self._edges
        if byteorder == "big":  # pragma: no cover - no such machine is at hand
            edges = array(_CODE, edges)
            edges.byteswap()
        return edges.tobytes()

    def __iter__(self) -> Iterator[tuple[int, int]]:
        edges = iter(self._edges)
        return zip(edges, edges, strict=True)

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
        return IntervalSet([*self, *other])

    def __sub__(self, other: "IntervalSet") -> "IntervalSet":
        if not self._edges or not other._edges:
            return self
        if self._edges == other._edges:
            return EMPTY
        return IntervalSet._of(_difference(self, other))

    def __and__(self, other: "IntervalSet") -> "IntervalSet":
        return self - (self - other)


def _merged(pairs: list[tuple[int, int]]) -> "array[int]":
    edges = array(_CODE)
    last = None
    for start, end in pairs:
        if start >= end:
            raise ValueError("an interval ends after its start")
        if last is None or start > last:
            edges.append(start)
            edges.append(end)
            last = end
        elif end > last:
            edges[-1] = last = end
    return edges


def _difference(left: IntervalSet, right: IntervalSet) -> "array[int]":
    edges, cuts = array(_CODE), right._edges  # noqa: SLF001 - the same class
    # A few times are taken out of a whole column in every reading: begin where they are.
    here, last = bisect_right(cuts, left._edges[0]) & -2, len(cuts)  # noqa: SLF001 - the same class
    for start, end in left:
        while here < last and cuts[here + 1] <= start:
            here += 2
        at, cut = start, here
        while cut < last and cuts[cut] < end:
            if at < cuts[cut]:
                edges.extend((at, cuts[cut]))
            at = cuts[cut + 1]
            cut += 2
        if at < end:
            edges.extend((at, end))
    return edges


EMPTY: Final = IntervalSet()
