"""Every row of a CSV export counts, or is named by its line: what cannot be understood blocks too much (R13).

A plain appointment takes the short way: a few look-ups and two numbers appended. All else is judged row by row.
"""

from collections.abc import Callable
from contextlib import suppress
from operator import itemgetter
from typing import Final

from adapters.duria import csv_text as text
from adapters.duria.content import Content
from adapters.duria.csv_header import Layout
from adapters.duria.rows import UNREADABLE
from adapters.duria.trouble import refused, shown
from adapters.duria.walltext import Clock
from engine.faults import Fact, Fault
from engine.model import DAY, ColumnId, Wall

MOST_ROWS: Final = 1_000_000
MOST_ODD: Final = 20_000
"""Rows other than plain appointments: reservations, and what is doubtful."""
MOST_COLUMNS: Final = 10_000
_MOST_KNOWN: Final = 20_000
"""How many different texts are remembered."""
_SEAL_EVERY: Final = 8192
_NEVER: Final = -(2**60)
_EARLIEST: Final = -(2**50)

Append = Callable[[int], None]
Who = tuple[str, ...]


class RowReader:
    """Reads one export's rows into `content`, for one practice."""

    def __init__(self, layout: Layout, practice: str, name: str, content: Content) -> None:
        self._layout, self._practice, self._name, self._content = layout, practice, name, content
        at = layout.at
        self._who = itemgetter(*(at[each] for each in ("kalender", "spalte")), *self._optional(at))
        # What each text that has been met means; rows that hold a new one are judged.
        self._targets: dict[Who, Append | None] = {}
        self._days: dict[str, int] = {}
        self._opens: dict[str, int] = {}
        self._closes: dict[str, int] = {}
        self._odd = self._unsealed = 0

    def read(self, rows: list[list[str]], line: int, lines: list[int] | None) -> None:
        """Take in `rows`, of which the first stands in `line`, and the others in the lines after it or in `lines`.

        Raises ExportError.
        """
        at, width = self._layout.at, self._layout.width
        date, first, last = at["datum"], at["von"], at["bis"]
        until = at.get("bis_datum", date)
        who, targets, days, opens, closes = self._who, self._targets, self._days, self._opens, self._closes
        for index, row in enumerate(rows):
            try:
                start = days[row[date]] + opens[row[first]]
                end = days[row[until] or row[date]] + closes[row[last]]
                append = targets[who(row)]
                if _EARLIEST < start < end and append is not None and len(row) == width:
                    append(start)
                    append(end)
                    continue
            except KeyError:
                self._learn(row)
            except IndexError:  # too short
                pass
            self._judge(row, line + index if lines is None else lines[index])
        self._count(len(rows))

    def _optional(self, at: dict[str, int]) -> list[int]:
        return [at[each] for each in ("art", "praxis", "belegt") if each in at]

    def _count(self, rows: int) -> None:
        self._content.count += rows
        self._unsealed += rows
        columns = self._content.building
        if self._content.count > MOST_ROWS or self._odd > MOST_ODD or len(columns) > MOST_COLUMNS:
            raise refused("file.too_many_rows", self._name, most=MOST_ROWS)
        if self._unsealed >= max(_SEAL_EVERY, 4 * len(columns)):
            self._unsealed = 0
            for each in columns.values():
                each.occupied.seal()
                each.free.seal()

    def _learn(self, row: list[str]) -> None:
        """Remember what the texts of this row mean, which is long enough."""
        at, known = self._layout.at, len(self._targets) + len(self._days) + len(self._opens) + len(self._closes)
        if known > _MOST_KNOWN:
            return
        with suppress(IndexError):  # too short
            date, until = row[at["datum"]], row[at.get("bis_datum", at["datum"])]
            self._days[date], self._days[until or date] = _midnight(date), _midnight(until or date)
            self._opens[row[at["von"]]] = _second(row[at["von"]], 0)
            self._closes[row[at["bis"]]] = _second(row[at["bis"]], 1)
            self._targets[self._who(row)] = self._resolve(_Cells(row, at))

    def _resolve(self, cells: "_Cells") -> Append | None:
        if not self._is_ours(cells):
            return _ignore
        calendar, column, occupied = cells.get("kalender"), cells.get("spalte"), cells.occupied()
        if not calendar or not column or occupied is None or cells.reservation() is not False:
            return None
        content = self._content.column(ColumnId(calendar, column))
        content.named = True
        return (content.occupied if occupied else content.free).open.append

    def _is_ours(self, cells: "_Cells") -> bool:
        return (cells.get("praxis") or self._practice) == self._practice

    def _judge(self, row: list[str], line: int) -> None:
        """A row that is no plain appointment."""
        if not any(map(str.strip, row)):
            return
        self._odd += 1
        if self._odd > MOST_ODD:
            raise refused("file.too_many_rows", self._name, most=MOST_ODD)
        cells = _Cells(row, self._layout.at)
        place: dict[str, Fact] = {"file": shown(self._name), "line": line}
        longer = any(map(str.strip, row[self._layout.width :]))
        if longer or (len(row) < self._layout.width and cells.misplaced()):
            # A delimiter too many, within a text that is not quoted, or one too few: nobody knows which cell is which.
            self._content.unplace(Fault("row.fields_in_file", place))
            if cells.start() is None or not self._is_ours(cells):
                return
        if not self._is_ours(cells):
            return
        if cells.reservation() or cells.may_reserve():
            self._reservation(cells, place)
        else:
            self._appointment(cells, place)

    def _appointment(self, cells: "_Cells", place: dict[str, Fact]) -> None:
        calendar, column, occupied = cells.get("kalender"), cells.get("spalte"), cells.occupied()
        if occupied is False and not (calendar and column):
            return
        if not calendar or not column:
            self._content.unplace(Fault("row.column_unreadable_in_file", place))
            return
        content, start = self._content.column(ColumnId(calendar, column)), cells.start()
        content.named = content.named or start is not None
        content.collector.appointment(start, cells.end(), occupied, place=place)

    def _reservation(self, cells: "_Cells", place: dict[str, Fact]) -> None:
        calendar = cells.get("kalender")
        column = cells.get("spalte")
        if not calendar or column is None:
            self._content.unplace(Fault("row.column_unreadable_in_file", place))
            return
        content, first = self._content.column(ColumnId(calendar, column)), cells.day("datum")
        last = cells.day("bis_datum") if cells.get("bis_datum") else first
        content.named = content.named or (first is not None and bool(column))
        sure = bool(cells.reservation())
        content.collector.reservation(first, last, cells.time("von", 0), cells.time("bis", 1), place=place, sure=sure)


class _Cells:
    """One row's cells by the names of their fields; one that is not there is None."""

    def __init__(self, row: list[str], at: dict[str, int]) -> None:
        self._row, self._at = row, at

    def get(self, field: str) -> str | None:
        """The cell's text, stripped."""
        index = self._at.get(field)
        return self._row[index].strip() if index is not None and index < len(self._row) else None

    def occupied(self) -> bool | None:
        """None where the cell is not there or says neither."""
        cell = self.get("belegt")
        return None if cell is None else text.occupied(cell)

    def reservation(self) -> bool | None:
        """None where the cell says neither reservation nor appointment."""
        return text.reservation(self.get("art") or "")

    def misplaced(self) -> bool:
        """Whether something else stands where a day or a time belongs."""
        days = (text.day(cell) for field in ("datum", "bis_datum") if (cell := self.get(field)))
        times = (text.clock(cell) for field in ("von", "bis") if (cell := self.get(field)))
        return None in (*days, *times)

    def may_reserve(self) -> bool:
        """Whether it is of a kind that nobody knows, and says neither: no free row, if it names a calendar or a day."""
        silent = self.reservation() is None and self.get("belegt") == ""
        return silent and bool(self.get("kalender") or self.get("datum"))

    def day(self, field: str) -> int | None:
        """The day in a cell."""
        return text.day(self.get(field) or "")

    def time(self, field: str, up: int) -> int | None:
        """A reservation's time of day: None where there is none, UNREADABLE where it cannot be read."""
        cell = self.get(field)
        if cell == "":
            return None
        clock = text.clock(cell or "")
        return UNREADABLE if clock is None else clock[up]

    def start(self) -> Wall | None:
        """An appointment's start."""
        return _moment(self.day("datum"), text.clock(self.get("von") or ""), 0)

    def end(self) -> Wall | None:
        """Its end, on its last day."""
        last = self.day("bis_datum" if self.get("bis_datum") else "datum")
        return _moment(last, text.clock(self.get("bis") or ""), 1)


def _moment(day: int | None, clock: Clock | None, up: int) -> Wall | None:
    return None if day is None or clock is None else Wall(day * DAY + clock[up])


def _midnight(cell: str) -> int:
    day = text.day(cell)
    return _NEVER if day is None else day * DAY


def _second(cell: str, up: int) -> int:
    clock = text.clock(cell)
    return _NEVER if clock is None else clock[up]


def _ignore(_: int) -> None:
    """Another practice's time."""
