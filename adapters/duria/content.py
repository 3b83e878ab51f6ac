"""What counts of an export is kept packed, per column, so that a column is read without touching the file again.

Times and the names of columns, nothing else (I7): 16 bytes a row, in blocks of which each knows its earliest and its
latest time, so that a reading leaves out what lies far from its span without looking at it.
"""

from array import array
from typing import Final, NamedTuple

from adapters.duria.rows import RowCollector
from engine.faults import Fault
from engine.model import DAY, ColumnId, Rows, Wall
from engine.occupancy import MOST_DOUBTS
from engine.walltime import WallSpan

EVERYTHING: Final = WallSpan(Wall(-(2**62)), Wall(2**62))
_BLOCK: Final = 4096
"""Numbers, two a row."""


class Pack:
    """Starts and ends in turn, in the order in which they came."""

    __slots__ = ("_sealed", "open")

    def __init__(self) -> None:
        self.open: array[int] = array("q")
        """Where the next start and end go; call `seal` now and then."""
        self._sealed: list[tuple[int, int, array[int]]] = []

    def seal(self, least: int = _BLOCK) -> None:
        """Close the open block if it holds `least` numbers; `open` stays the same array."""
        if len(self.open) >= least:
            self._sealed.append((min(self.open), max(self.open), self.open[:]))
            del self.open[:]

    def pour(self, into: "array[int]", span: WallSpan) -> None:
        """Append all that may touch `span`, even if a day is added to an end (R8, R13)."""
        for low, high, block in self._sealed:
            if low < span.end and high + DAY > span.start:
                into.extend(block)


class ColumnContent:
    """One column's rows in one export; usable appointments are packed, all else goes through the collector (R13)."""

    __slots__ = ("_unplaced", "collector", "free", "named", "occupied", "odd")

    def __init__(self, column: ColumnId) -> None:
        self.named = False
        """Whether a row that can be understood names the column (R10)."""
        self.occupied, self.free = Pack(), Pack()
        self.collector = RowCollector(column, EVERYTHING)
        self._unplaced: list[Fault] = []
        self.odd: Rows | None = None
        """What the collector collected, once the export is read to its end."""

    def unplace(self, fault: Fault) -> None:
        """Note what may block and has no place in time."""
        if len(self._unplaced) < MOST_DOUBTS:
            self._unplaced.append(fault)

    def close(self) -> None:
        """Nothing more is coming."""
        self.occupied.seal(1)
        self.free.seal(1)
        self.odd = self.collector.rows(exists=self.named)
        self.odd.unplaced.extend(self._unplaced)

    def pour(self, rows: Rows, span: WallSpan) -> None:
        """Add what may touch `span` to `rows`."""
        assert self.odd is not None, "closed before it is read"
        self._pour_odd(rows, self.odd)
        self.occupied.pour(rows.occupied, span)
        self.free.pour(rows.free, span)
        first, last = span.start // DAY - 1, span.end // DAY + 1
        near = [each for each in self.odd.reservations if each.first_day <= last and each.last_day >= first]
        rows.reservations.extend(near)

    def _pour_odd(self, rows: Rows, odd: Rows) -> None:
        before = len(rows.occupied) // 2
        rows.places.update({before + index: place for index, place in odd.places.items()})
        rows.occupied.extend(odd.occupied)
        rows.free.extend(odd.free)
        rows.doubts.extend(odd.doubts[: MOST_DOUBTS - len(rows.doubts)])
        rows.unplaced.extend(odd.unplaced[: MOST_DOUBTS - len(rows.unplaced)])


class Expansion(NamedTuple):
    """What recurs of a column within a span."""

    span: WallSpan
    content: ColumnContent


class Content:
    """All that counts of one export."""

    def __init__(self) -> None:
        self.columns: dict[ColumnId, ColumnContent] = {}
        """A column with an empty name stands for every column of its calendar (R6)."""
        self.unplaced: list[Fault] = []
        """Rows that may block in a column that cannot be known: no column of the folder is read completely."""
        self.count = 0
        """How many rows it has."""

    def column(self, column: ColumnId) -> ColumnContent:
        """The content of one column, made if need be."""
        if column not in self.columns:
            self.columns[column] = ColumnContent(column)
        return self.columns[column]

    def unplace(self, fault: Fault) -> None:
        """Note a row of which nobody knows the column."""
        if len(self.unplaced) < MOST_DOUBTS:
            self.unplaced.append(fault)

    def close(self) -> None:
        """The export has been read to its end."""
        for each in self.columns.values():
            each.close()

    def stale(self, span: WallSpan) -> bool:  # noqa: ARG002 - what is read once stays as it is, but for iCalendar
        """Whether `expand` must come before a reading of `span`."""
        return False

    def expand(self, span: WallSpan) -> Expansion:
        """What depends on the span, worked out; changes nothing here, and belongs into a thread."""
        return Expansion(span, ColumnContent(next(iter(self.columns))))

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
            if each in self.columns:
                self.columns[each].pour(rows, span)
        if column in self.columns:
            rows.exists = rows.exists or self.columns[column].named


def every(column: ColumnId) -> ColumnId:
    """What stands for every column of its calendar."""
    return ColumnId(column.calendar, "")
