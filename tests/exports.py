"""A practice whose calendar leaves it as export files: CSV as a practice system writes it, or a folder of iCalendar."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

_HEADER: Final = "Art;Praxis;Kalender;Spalte;Datum;Bis_Datum;Von;Bis;Belegt;Patient"


class Appointment(NamedTuple):
    """A row of the grid; times as `2026-03-09 08:00`."""

    practice: str
    calendar: str
    column: str
    start: str
    end: str
    occupied: bool
    patient: str


class Block(NamedTuple):
    """A reservation; both times None are the whole day."""

    practice: str
    calendar: str
    column: str | None
    first: str
    last: str
    start: str | None
    end: str | None


class Exports:
    """What stands in the exports, which are written aside and renamed after each transaction."""

    def __init__(self, folder: Path, write: "Callable[[Path, list[Appointment], list[Block]], None]") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._write = folder, write
        self._appointments: list[Appointment] = []
        self._blocks: list[Block] = []

    @property
    def address(self) -> str:
        """What TMEX_SOURCE names."""
        return f"files://{self._folder}"

    @contextmanager
    def writing(self) -> Iterator["Exports"]:
        """A transaction."""
        yield self
        self._write(self._folder, self._appointments, self._blocks)

    def insert(
        self, practice: str, column: str, start: str, end: str, *, occupied: bool = True, patient: str = ""
    ) -> None:
        """Add a row of the grid."""
        calendar, col = column.split("/")
        self._appointments.append(Appointment(practice, calendar, col, start, end, occupied, patient))

    def reserve(
        self, practice: str, calendar: str, column: str | None, first: str, last: str, *times: str | None
    ) -> None:
        """Add a reservation."""
        start, end = times or (None, None)
        self._blocks.append(Block(practice, calendar, column, first, last, start, end))

    def erase(self, column: str, start: str | None) -> None:
        """Delete the rows of a column that start then, or all of them."""
        self._appointments = [
            each
            for each in self._appointments
            if f"{each.calendar}/{each.column}" != column or start not in {None, each.start}
        ]

    def rename_patients(self, name: str) -> None:
        """Change what is none of ours."""
        self._appointments = [each._replace(patient=name) for each in self._appointments]


def csv_file(folder: Path, appointments: list[Appointment], blocks: list[Block]) -> None:
    """One CSV with German headers, in cp1252."""
    lines = [_HEADER]
    for each in appointments:
        day, until = each.start[:10], each.end[:10]
        last = "" if until == day else _german(until)
        taken = "ja" if each.occupied else "nein"
        times = f"{each.start[11:]};{each.end[11:]}"
        lines.append(
            f"Termin;{each.practice};{each.calendar};{each.column};{_german(day)};{last};{times};{taken};{each.patient}"
        )
    for block in blocks:
        days, times = f"{_german(block.first)};{_german(block.last)}", f"{block.start or ''};{block.end or ''}"
        lines.append(f"Reservierung;{block.practice};{block.calendar};{block.column or ''};{days};{times};;Ärztin")
    _put(folder / "export.csv", "\r\n".join([*lines, ""]).encode("cp1252"))


def ics_folder(folder: Path, appointments: list[Appointment], blocks: list[Block]) -> None:
    """One iCalendar file for each column of the own practice."""
    ours = [each for each in appointments if each.practice == "PRAX1"]
    columns = sorted({(each.calendar, each.column) for each in ours})
    for calendar, column in columns:
        mine = [each for each in ours if (each.calendar, each.column) == (calendar, column)]
        events = [_event(number, each) for number, each in enumerate(mine)]
        there = [each for each in blocks if each.practice == "PRAX1" and each.calendar == calendar]
        events += [_days(number, each) for number, each in enumerate(there) if each.column in {None, column}]
        head = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:{calendar}/{column}\n"
        text = f"{head}{''.join(events)}END:VCALENDAR\n"
        _put(folder / f"{calendar}{column}.ics", text.replace("\n", "\r\n").encode())


def _event(number: int, each: Appointment) -> str:
    free = "" if each.occupied else "TRANSP:TRANSPARENT\n"
    times = f"DTSTART;TZID=Europe/Berlin:{_stamp(each.start)}\nDTEND;TZID=Europe/Berlin:{_stamp(each.end)}\n"
    return f"BEGIN:VEVENT\nUID:{number}@a\n{times}{free}SUMMARY:{each.patient}\nEND:VEVENT\n"


def _days(number: int, block: Block) -> str:
    count = (date.fromisoformat(block.last) - date.fromisoformat(block.first)).days + 1
    start, end = f"{block.first} {block.start or '00:00'}", f"{block.first} {block.end or '24:00'}"
    times = f"DTSTART;TZID=Europe/Berlin:{_stamp(start)}\nDTEND;TZID=Europe/Berlin:{_stamp(end)}\n"
    return f"BEGIN:VEVENT\nUID:{number}@b\n{times}RRULE:FREQ=DAILY;COUNT={count}\nEND:VEVENT\n"


def _stamp(text: str) -> str:
    if text.endswith("24:00"):
        text = (datetime.fromisoformat(text[:10]) + timedelta(days=1)).isoformat(" ", "minutes")
    return f"{text[:16].replace('-', '').replace(':', '').replace(' ', 'T')}{text[17:19] or '00'}"


def _german(day: str) -> str:
    return ".".join(reversed(day.split("-")))


def _put(path: Path, data: bytes) -> None:
    aside = path.with_suffix(".new")
    aside.write_bytes(data)
    aside.replace(path)
