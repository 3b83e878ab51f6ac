"""Every row of a CSV export counts, or is named by its line: what cannot be understood blocks too much (R13).

A plain appointment takes the short way, with many others at once: a few look-ups and two numbers appended. All else is
judged row by row.
"""

from array import array
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import compress
from operator import add, itemgetter
from typing import Final

from adapters.duria import csv_text as text
from adapters.duria.content import Content
from adapters.duria.csv_header import Layout
from adapters.duria.csv_runs import Times, Who
from adapters.duria.known import Known
from adapters.duria.rows import UNREADABLE
from adapters.duria.trouble import refused, shown
from adapters.duria.walltext import Clock
from engine.faults import Fact, Fault
from engine.model import DAY, ColumnId, Wall

MOST_ROWS: Final = 1_000_000
MOST_ODD: Final = 20_000
"""Rows other than plain appointments: reservations, and what is doubtful."""
MOST_COLUMNS: Final = 10_000
_SHIFTS: Final = range(1, 4)
_SEAL_EVERY: Final = 8192
_NEVER: Final = -(2**60)
_EARLIEST: Final = -(2**50)


class RowReader:
    """Reads one export's rows into `content`, for one practice."""

    def __init__(self, layout: Layout, practice: str, name: str, content: Content) -> None:
        self._layout, self.practice, self._name, self._content = layout, practice, name, content
        who = ("kalender", "spalte", *(each for each in ("art", "praxis", "belegt") if each in layout.at))
        self._who = itemgetter(*(layout.at[each] for each in who))
        self._at_of_who = {each: index for index, each in enumerate(who)}
        self._targets = Known(self._resolve)
        self._days = Known(_midnight)
        self._opens = Known(partial(_second, up=0))
        self._closes = Known(partial(_second, up=1))
        self._elsewhere = array("q")
        """Times of another practice."""
        self._odd = self._unsealed = 0

    def read(self, rows: list[list[str]], line: int, lines: list[int] | None = None) -> Times | None:
        """Take in `rows`, of which the first stands in `line`, and the others in the lines after it or in `lines`. What
        they come to, if all of them are plain appointments.

        Raises ExportError.
        """
        found = Known[Who, "array[int] | None"](self._room)
        fitting = [index for index, row in enumerate(rows) if len(row) == self._layout.width]
        plain = set(compress(fitting, self._plain([rows[index] for index in fitting], found)))
        for index in [index for index in range(len(rows)) if index not in plain]:
            self._judge(rows[index], line + index if lines is None else lines[index])
        times = tuple((who, each.tobytes()) for who, each in found.items() if each)
        self.take(times, len(rows))
        return times if len(plain) == len(rows) else None

    def take(self, times: Times, rows: int) -> None:
        """Take in what so many rows came to. Raises ExportError."""
        for who, packed in times:
            target = self._targets[who]
            if target is not None:
                target.frombytes(packed)
        del self._elsewhere[:]
        self._count(rows)

    def _plain(self, rows: list[list[str]], found: "Known[Who, array[int] | None]") -> Iterator[bool]:
        """Add the times of plain appointments among `rows`, which have all their cells; which of them are."""
        at, fields = self._layout.at, list(zip(*rows, strict=True)) or [()] * self._layout.width
        dates, opens, closes = fields[at["datum"]], fields[at["von"]], fields[at["bis"]]
        until = map(_or, fields[at["bis_datum"]], dates) if "bis_datum" in at else dates
        starts = map(add, map(self._days.__getitem__, dates), map(self._opens.__getitem__, opens))
        ends = map(add, map(self._days.__getitem__, until), map(self._closes.__getitem__, closes))
        rooms = map(found.__getitem__, zip(*self._who(fields), strict=True))
        for room, start, end in zip(rooms, starts, ends, strict=True):
            plain = room is not None and _EARLIEST < start < end
            if room is not None and plain:
                room.append(start)
                room.append(end)
            yield plain

    def _room(self, who: Who) -> "array[int] | None":
        return None if self._targets[who] is None else array("q")

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

    def _resolve(self, who: Who) -> "array[int] | None":
        """Where the times of such rows go; None where they are no plain appointments."""
        cells = _Cells(who, self._at_of_who)
        if not self._is_ours(cells):
            return self._elsewhere
        calendar, column, occupied = cells.get("kalender"), cells.get("spalte"), cells.occupied()
        if not calendar or not column or occupied is None or cells.reservation() is not False:
            return None
        content = self._content.column(ColumnId(calendar, column))
        content.named = True
        return (content.occupied if occupied else content.free).open

    def _is_ours(self, cells: "_Cells") -> bool:
        return (cells.get("praxis") or self.practice) == self.practice

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
        if longer or (len(row) != self._layout.width and cells.misplaced()) or cells.shifted():
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

    def __init__(self, row: Sequence[str], at: dict[str, int]) -> None:
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

    def shifted(self) -> bool:
        """Whether a start and an end stand a few cells after their places, as they do when a text before them holds
        delimiters.
        """
        missed = self.misplaced() or (not self.get("datum") and self.reservation() is None)
        later = (_Cells(self._row[by:], self._at) for by in _SHIFTS)
        return missed and any(each.start() is not None and each.end() is not None for each in later)

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


def _or(day: str, other: str) -> str:
    return day or other
