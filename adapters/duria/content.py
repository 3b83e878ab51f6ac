"""What counts of an export is kept packed, per column, so that a column is read without touching the file again.

Times and the names of columns, nothing else (I7): 16 bytes a row, in blocks of which each knows its earliest and its
latest time, so that a reading leaves out what lies far from its span without looking at it.
"""

from array import array
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from adapters.duria.rows import RowCollector
from engine.faults import Fault
from engine.model import DAY, ColumnId, Rows, Wall
from engine.occupancy import MOST_DOUBTS
from engine.walltime import WallSpan

EVERYTHING: Final = WallSpan(Wall(-(2**62)), Wall(2**62))
_BLOCK: Final = 4096
"""Numbers, two a row."""


class Block(msgspec.Struct, frozen=True, gc=False):
    """Some starts and ends in turn. There may be very many, which the collector of garbage need not see."""

    low: int
    high: int
    packed: bytes


class Pack:
    """Starts and ends in turn, in the order in which they came."""

    __slots__ = ("_sealed", "open")

    def __init__(self) -> None:
        self.open: array[int] = array("q")
        """Where the next start and end go; call `seal` now and then."""
        self._sealed: list[Block] = []

    def seal(self, least: int = _BLOCK) -> None:
        """Close the open block if it holds `least` numbers; `open` stays the same array."""
        if len(self.open) >= least:
            self._sealed.append(Block(min(self.open), max(self.open), self.open.tobytes()))
            del self.open[:]

    def blocks(self) -> tuple[Block, ...]:
        """All of them; nothing more is coming."""
        self.seal(1)
        return tuple(self._sealed)


class ColumnContent(NamedTuple):
    """One column's rows in one export, as long as it counts."""

    named: bool
    """Whether a row that can be understood names the column (R10)."""
    occupied: tuple[Block, ...] = ()
    free: tuple[Block, ...] = ()
    odd: Rows | None = None
    """What is not plain, and what stands beside it; None when all is plain."""

    def pour(self, rows: Rows, span: WallSpan) -> None:
        """Add what may touch `span` to `rows`."""
        if self.odd is not None:
            _pour_odd(rows, self.odd, span)
        _pour(self.occupied, rows.occupied, span)
        _pour(self.free, rows.free, span)


class ColumnBuilder:
    """One column's rows while they are read: usable appointments are packed, all else is collected (R13)."""

    __slots__ = ("_unplaced", "collector", "free", "named", "occupied")

    def __init__(self, column: ColumnId) -> None:
        self.named = False
        self.occupied, self.free = Pack(), Pack()
        self.collector = RowCollector(column, EVERYTHING)
        self._unplaced: list[Fault] = []

    def unplace(self, fault: Fault) -> None:
        """Note what may block and has no place in time."""
        if len(self._unplaced) < MOST_DOUBTS:
            self._unplaced.append(fault)

    def close(self) -> ColumnContent:
        """All of it; nothing more is coming."""
        odd = self.collector.rows(exists=self.named)
        odd.unplaced.extend(self._unplaced)
        if odd.places or odd.reservations or odd.doubts or odd.unplaced:
            return ColumnContent(self.named, self.occupied.blocks(), self.free.blocks(), odd)
        self.occupied.open.extend(odd.occupied)
        self.free.open.extend(odd.free)
        return ColumnContent(self.named, self.occupied.blocks(), self.free.blocks())


def _pour(blocks: tuple[Block, ...], into: "array[int]", span: WallSpan) -> None:
    """Append all that may touch `span`, even if a day is added to an end (R8, R13)."""
    for block in blocks:
        if block.low < span.end and block.high + DAY > span.start:
            into.frombytes(block.packed)


def _pour_odd(rows: Rows, odd: Rows, span: WallSpan) -> None:
    before = len(rows.occupied) // 2
    rows.places.update({before + index: place for index, place in odd.places.items()})
    rows.occupied.extend(odd.occupied)
    rows.free.extend(odd.free)
    rows.doubts.extend(odd.doubts[: MOST_DOUBTS - len(rows.doubts)])
    rows.unplaced.extend(odd.unplaced[: MOST_DOUBTS - len(rows.unplaced)])
    first, last = span.start // DAY - 1, span.end // DAY + 1
    near = [each for each in odd.reservations if each.first_day <= last and each.last_day >= first]
    rows.reservations.extend(near)


class Expansion(NamedTuple):
    """What recurs of a column within a span."""

    span: WallSpan
    content: ColumnContent


class Content:
    """All that counts of one export."""

    __slots__ = ("building", "columns", "count", "unplaced")

    def __init__(self) -> None:
        self.building: dict[ColumnId, ColumnBuilder] = {}
        """A column with an empty name stands for every column of its calendar (R6)."""
        self.columns: dict[ColumnId, ColumnContent] = {}
        """The same, once the export was read to its end."""
        self.unplaced: tuple[Fault, ...] = ()
        """Rows that may block in a column that cannot be known: no column of the folder is read completely."""
        self.count = 0
        """How many rows it has."""

    def column(self, column: ColumnId) -> ColumnBuilder:
        """Where the rows of one column go."""
        if column not in self.building:
            self.building[column] = ColumnBuilder(column)
        return self.building[column]

    def unplace(self, fault: Fault) -> None:
        """Note a row of which nobody knows the column."""
        if len(self.unplaced) < MOST_DOUBTS:
            self.unplaced = (*self.unplaced, fault)

    def close(self) -> None:
        """The export has been read to its end."""
        self.columns = {column: each.close() for column, each in self.building.items()}
        self.building = {}

    def stale(self, span: WallSpan) -> bool:  # noqa: ARG002 - what is read once stays as it is, but for iCalendar
        """Whether `expand` must come before a reading of `span`."""
        return False

    def expand(self, span: WallSpan) -> Expansion:
        """What depends on the span, worked out; changes nothing here, and belongs into a thread."""
        return Expansion(span, ColumnContent(named=False))

    def take_up(self, expansion: Expansion) -> None:
        """Have the next pourings add it, for spans that lie within its own."""

    def named(self) -> list[ColumnId]:
        """The columns that its rows name (R10)."""
        return [column for column, each in self.columns.items() if each.named and column.column]

    def feeds(self) -> frozenset[ColumnId]:
        """The columns that it may block something in."""
        return frozenset(self.columns)

    def pour(self, column: ColumnId, rows: Rows, span: WallSpan) -> None:
        """Add to `rows` what the export holds of `column`."""
        for each in (column, every(column)):
            held = self.columns.get(each)
            if held is not None:
                held.pour(rows, span)
                rows.exists = rows.exists or (held.named and each is column)


@lru_cache(maxsize=1024)
def every(column: ColumnId) -> ColumnId:
    """What stands for every column of its calendar."""
    return ColumnId(column.calendar, "")
