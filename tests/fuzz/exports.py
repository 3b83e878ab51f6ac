"""Exports as practices write them, in pieces of which each is known to block certain times, and what reading them may
come to: a piece that stands unharmed in a file that is read must be read, and a refused file frees nothing.
"""

import re
from typing import Final, NamedTuple

from adapters.duria.content import Content
from adapters.duria.csv_format import parse_csv
from adapters.duria.ics_format import parse_ics
from adapters.duria.trouble import ExportError
from engine.faults import Fault
from engine.model import Complete, Failed, Incomplete, Reading, Rows
from engine.spans import EMPTY, IntervalSet
from tests.contract.source_contract import CLOCK, PRACTICE, SPAN, WINDOW, A, instant
from tests.fuzz.decisions import nothing_freed
from tests.fuzz.target import CANARY, Target, no_canary, require

_BREAK: Final = re.compile(rb"\r\n|\r|\n")
_FOLD: Final = re.compile(rb"\r\n[ \t]")
_OTHER: Final = Fault("other", {})


class Piece(NamedTuple):
    """A row of a CSV export, or an event of a calendar, and the times of column A that it blocks."""

    text: bytes
    times: IntervalSet = EMPTY


class Good(NamedTuple):
    """A whole export."""

    head: bytes
    pieces: tuple[Piece, ...]
    end: bytes = b""

    @property
    def data(self) -> bytes:
        """The file."""
        return b"".join((self.head, *(each.text for each in self.pieces), self.end))

    @property
    def times(self) -> IntervalSet:
        """All that it blocks in column A, within the window."""
        return WINDOW.clip(IntervalSet(pair for each in self.pieces for pair in each.times))


# ------------------------------------------------------------------------------------------------------------- CSV

HEADER: Final = "Art;Praxis;Kalender;Spalte;Datum;Bis_Datum;Von;Bis;Belegt;Bemerkung"


def _times(*texts: str) -> IntervalSet:
    """`2026-11-23 08:00/2026-11-23 08:20` each."""
    return IntervalSet((instant(start), instant(end)) for start, _, end in (text.partition("/") for text in texts))


def _row(number: int) -> Piece:
    day, hour, column = 23 + number % 7, 8 + number // 2 % 9, "AB"[number % 2]
    clock = f"{day}.11.2026;;{hour:02}:00;{hour:02}:20"
    text = f'Termin;{PRACTICE};Kalender;{column};{clock};ja;"{CANARY}, Jörg {number}"\r\n'
    times = _times(f"2026-11-{day} {hour:02}:00/2026-11-{day} {hour:02}:20") if column == "A" else EMPTY
    return Piece(text.encode("cp1252"), times)


def _csv_odds() -> tuple[Piece, ...]:
    lines = (
        (f"Reservierung;;Kalender;;23.11.2026;24.11.2026;12:00;13:00;;{CANARY}", ("2026-11-23", "2026-11-24")),
        ("Termin;;Kalender;A;25.11.2026;26.11.2026;22:00;06:00;x;Jörg", ()),
        (f"Termin;;Kalender;A;23.11.2026;;07:00;07:20;nein;{CANARY}", ()),
    )
    noon = _times(*(f"{day} 12:00/{day} 13:00" for day in lines[0][1]))
    night = _times("2026-11-25 22:00/2026-11-26 06:00")
    texts = [f"{text}\r\n".encode("cp1252") for text, _ in lines]
    return tuple(map(Piece, texts, (noon, night, EMPTY)))


CSV: Final = Good(f"{HEADER}\r\n".encode(), (*map(_row, range(16)), *_csv_odds()))
_ENGLISH: Final = (
    "calendar,column,date,from,to,occupied\nKalender,A,2026-11-23,08:00,08:20,1\nKalender,A,2026-11-24,9:00,24:00,x\n"
)


def read_csv(data: bytes) -> Reading:
    """Column A of a CSV export; a refusal must be one by the documented error."""
    try:
        content = parse_csv(data, PRACTICE, "auto", "x.csv").content
    except ExportError as error:
        return _refused(error)
    return poured(content)


def csv_still_says(data: bytes) -> IntervalSet:
    """What rows of the good export block that stand unharmed below its header: none may be lost, whatever else the
    file holds.
    """
    lines = _BREAK.split(data.removeprefix(b"\xef\xbb\xbf"))
    if lines[0] + b"\r\n" != CSV.head:
        return EMPTY
    there = set(lines[1:])
    return WINDOW.clip(
        IntervalSet(pair for each in CSV.pieces if each.text.removesuffix(b"\r\n") in there for pair in each.times)
    )


def check_csv(data: bytes) -> None:
    """I1, I2, I7: right, or refused, and nothing freed."""
    nothing_freed(read_csv(data), CSV.times, csv_still_says(data))


# ------------------------------------------------------------------------------------------------------- iCalendar

_HEAD: Final = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nX-WR-CALNAME:Kalender/A\r\n"
_ZONE: Final = """BEGIN:VTIMEZONE
TZID:Praxiszeit
BEGIN:STANDARD
DTSTART:19961027T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
END:VTIMEZONE
""".replace("\n", "\r\n")


def _event(uid: str, *lines: str, times: IntervalSet = EMPTY) -> Piece:
    text = "\r\n".join(("BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{CANARY}", *lines, "END:VEVENT", ""))
    return Piece(text.encode(), times)


ICS: Final = Good(
    (_HEAD + _ZONE).encode(),
    (
        _event(
            *("1@a", "DTSTART;TZID=Europe/Berlin:20261123T080000", "DTEND;TZID=Europe/Berlin:20261123T083000"),
            times=_times("2026-11-23 07:00/2026-11-23 07:30"),
        ),
        _event("2@a", "DTSTART:20261124T100000Z", "DURATION:PT45M", times=_times("2026-11-24 10:00/2026-11-24 10:45")),
        _event("3@a", "DTSTART;VALUE=DATE:20261125", times=_times("2026-11-25 00:00/2026-11-26 00:00")),
        _event("4@a", "DTSTART:20261123T150000Z", "DTEND:20261123T160000Z", "TRANSP:TRANSPARENT"),
        _event(
            *("5@a", "DTSTART;TZID=Europe/Berlin:20261005T180000", "DTEND;TZID=Europe/Berlin:20261005T190000"),
            *("RRULE:FREQ=WEEKLY;BYDAY=MO,TH", "EXDATE;TZID=Europe/Berlin:20261005T180000"),
            times=_times("2026-11-23 17:00/2026-11-23 18:00", "2026-11-26 17:00/2026-11-26 18:00"),
        ),
        _event(
            *("6@a", "DTSTART:20261110T110000Z", "DURATION:PT1H", "RDATE:20261127T110000Z,20261128T110000Z"),
            times=_times("2026-11-27 11:00/2026-11-27 12:00", "2026-11-28 11:00/2026-11-28 12:00"),
        ),
        _event("7@a", "DTSTART;TZID=Praxiszeit:20261128T080000", "DTEND;TZID=Praxiszeit:20261128T083000"),
    ),
    b"END:VCALENDAR\r\n",
)
_CHANGED: Final = (
    _HEAD
    + "".join(
        each.text.decode()
        for each in (
            _event("8@a", "DTSTART:20261123T090000Z", "DURATION:PT30M", "RRULE:FREQ=DAILY;COUNT=4"),
            _event(
                *("8@a", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261125T090000Z", "DTSTART:20261125T100000Z"),
                *("DTEND:20261125T103000Z", "STATUS:CANCELLED"),
            ),
        )
    )
    + "END:VCALENDAR\r\n"
).encode()


def read_ics(data: bytes) -> Reading:
    """Column A of an iCalendar export; a refusal must be one by the documented error. One that names another column
    says nothing of A.
    """
    try:
        content = parse_ics(data, CLOCK, "auto", "x.ics").content
    except ExportError as error:
        return _refused(error)
    return poured(content) if A in content.columns else Failed(_OTHER)


def ics_still_says(data: bytes) -> IntervalSet:
    """What events of the good calendar block that stand unharmed in this one; not those of which another event says
    that it changes them, for it bears the same UID.
    """
    lines = b"\r\n".join((b"", *_BREAK.split(data)))
    unfolded = _FOLD.sub(b"", lines)
    return WINDOW.clip(
        IntervalSet(
            pair
            for each in ICS.pieces
            if b"\r\n" + each.text in lines and unfolded.count(_uid(each)) == 1
            for pair in each.times
        )
    )


def _uid(piece: Piece) -> bytes:
    return piece.text.split(b"\r\n")[1].removeprefix(b"UID:")


def check_ics(data: bytes) -> None:
    """I1, I2, I7: right, or refused, and nothing freed."""
    nothing_freed(read_ics(data), ICS.times, ics_still_says(data))


# ------------------------------------------------------------------------------------------------------------ both


def _refused(error: ExportError) -> Failed:
    no_canary(error, error.fault, error.__cause__, error.__context__ if not error.__suppress_context__ else "")
    return Failed(error.fault)


def poured(content: Content) -> Complete | Incomplete:
    """Column A as the folder's source would read it."""
    if content.stale(SPAN):
        content.take_up(content.expand(SPAN))
    rows = Rows(A)
    content.pour(A, rows, SPAN)
    rows.unplaced.extend(content.unplaced)
    no_canary(rows.unplaced, rows.doubts, rows.places)
    require(len(rows.occupied) % 2 == len(rows.free) % 2 == 0, "half a row")
    return rows.reading()


_WORDS: Final = (
    *(b"ja", b"nein", b"Termin", b"Reservierung", b"24:00", b"00:00", b"31.02.2026", b"2026-11-23", b"PRAX2", b"sep=;"),
    *(b"\r\n", b'"\r\n', b';"', b'";', b'""', b"Kalender", b"\xef\xbb\xbf", b"\x81", b"\xe4", "ü".encode()),
)
_ICS_WORDS: Final = (
    *(b"BEGIN:VCALENDAR\r\n", b"END:VCALENDAR\r\n", b"BEGIN:VEVENT\r\n", b"END:VEVENT\r\n", b"BEGIN:VTIMEZONE\r\n"),
    *(b"BEGIN:STANDARD\r\n", b"END:STANDARD\r\n", b"\r\n ", b"\r\n\t", b"RRULE:FREQ=DAILY", b"FREQ=YEARLY", b"RDATE:"),
    *(b"EXDATE:", b"RECURRENCE-ID:", b"RANGE=THISANDFUTURE", b";VALUE=DATE", b";VALUE=PERIOD", b";TZID=Praxiszeit"),
    *(b";TZID=Europe/Berlin", b"DURATION:PT1H", b"DTEND:", b"DTSTART:", b"STATUS:CANCELLED", b"TRANSP:TRANSPARENT"),
    *(b"COUNT=3", b"INTERVAL=2", b"UNTIL=20261201T000000Z", b"BYDAY=MO", b"BYMONTHDAY=-1", b"BYSETPOS=1", b"UID:5@a"),
    *(b"TZOFFSETTO:+0200", b"99991231T235959Z", b"00010101T000000Z", b"X-WR-CALNAME:", b"\\,"),
)
CSV_TARGET: Final = Target("csv", check_csv, (CSV.data, _ENGLISH.encode()), _WORDS)
ICS_TARGET: Final = Target("ics", check_ics, (ICS.data, _CHANGED), _ICS_WORDS)
