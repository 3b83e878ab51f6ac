"""An iCalendar export blocks what its events occupy, as often as they recur, and what nobody can expand is refused."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from adapters.duria.ics_format import parse_ics
from adapters.duria.ics_rules import MOST_STEPS, MOST_TIMES, cost
from adapters.duria.trouble import ExportError
from engine.limits import Limits
from engine.model import Complete, Incomplete, Instant, Rows, Window
from engine.occupancy import occupancy
from engine.walltime import WallClock, wall_text
from tests.contract.source_contract import CANARY, A, B, instant

BERLIN = WallClock(ZoneInfo("Europe/Berlin"))
HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nX-WR-CALNAME:Kalender/A\r\n"
END = "END:VCALENDAR\r\n"
NOVEMBER = Window(instant("2026-11-23 00:00"), instant("2026-11-30 00:00"))
OCTOBER = Window(instant("2026-10-19 00:00"), instant("2026-11-02 00:00"))
CUSTOM = """BEGIN:VTIMEZONE
TZID:Praxiszeit
BEGIN:STANDARD
DTSTART:19961027T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19810329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
"""


def event(*lines: str) -> str:
    """A VEVENT with a patient's name beside."""
    return "\r\n".join(("BEGIN:VEVENT", f"SUMMARY:{CANARY}", *lines, "END:VEVENT", ""))


def reading(*parts: str, window: Window = NOVEMBER, clock: WallClock = BERLIN) -> Complete | Incomplete:
    """What an export of these parts is read as."""
    text = HEAD + "".join(parts).replace("\r\n", "\n").replace("\n", "\r\n") + END
    content = parse_ics(text.encode(), clock, "auto", "x.ics").content
    span, rows = clock.around(window), Rows(A)
    if content.stale(span):
        content.take_up(content.expand(span))
    content.pour(A, rows, span)
    assert CANARY not in str(rows.unplaced) + str(rows.doubts) + str(rows.places)
    return rows.reading()


def blocked(*parts: str, window: Window = NOVEMBER, clock: WallClock = BERLIN) -> list[str]:
    """What is blocked, in UTC."""
    seen = occupancy(reading(*parts, window=window, clock=clock), window, clock, Limits())
    utc = WallClock(UTC)
    return ["–".join(wall_text(utc.wall(Instant(edge)))[5:] for edge in pair) for pair in seen.blocked]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("DTSTART:20261123T080000Z", "DTEND:20261123T083000Z"), ["11-23 08:00–11-23 08:30"]),
        (("DTSTART:20261123T080000", "DTEND:20261123T083000"), ["11-23 07:00–11-23 07:30"]),
        (("DTSTART;TZID=America/New_York:20261123T080000", "DURATION:PT45M"), ["11-23 13:00–11-23 13:45"]),
        (("DTSTART;TZID=W. Europe Standard Time:20261123T080000", "DURATION:P1D"), ["11-23 07:00–11-24 07:00"]),
        (("DTSTART;VALUE=DATE:20261124",), ["11-23 23:00–11-24 23:00"]),
        (("DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261127"), ["11-23 23:00–11-26 23:00"]),
        (("DTSTART:20261123T080000", "DTEND:20261123T083000", "TRANSP:TRANSPARENT"), []),
        (("DTSTART:20261123T080000", "DTEND:20261123T083000", "STATUS:CANCELLED"), []),
        (("DTSTART:20261123T220000", "DTEND:20261125T060000"), ["11-23 21:00–11-25 05:00"]),
        (("DTSTART:20261123T080000",), ["11-23 07:00–11-23 07:15"]),
        (("DTSTART:20261123T080000", "DTEND:20261123T070000"), ["11-23 07:00–11-23 07:15"]),
    ],
)
def test_a_single_event_blocks_its_time(lines: tuple[str, ...], expected: list[str]) -> None:
    """R9, R13: with an end, a duration or neither, in any zone, for a day or several; free and cancelled ones not."""
    assert blocked(event(*lines)) == expected


def test_a_zone_of_the_file_is_used() -> None:
    """R9: a VTIMEZONE that nobody else knows, on both sides of the clock change."""
    events = [
        event(f"DTSTART;TZID=Praxiszeit:{day}T090000", f"DTEND;TZID=Praxiszeit:{day}T093000")
        for day in ("20261024", "20261026")
    ]
    assert blocked(CUSTOM, *events, window=OCTOBER) == ["10-24 07:00–10-24 07:30", "10-26 08:00–10-26 08:30"]


def test_zones_of_one_name_in_two_files_are_two_zones() -> None:
    """R9: Outlook calls every zone that somebody changed `Customized Time Zone`; the library remembers the first one
    of a name for as long as the process lives.
    """
    series = event("DTSTART;TZID=Praxiszeit:20261123T090000", "DURATION:PT30M", "RRULE:FREQ=DAILY;COUNT=1")
    other = CUSTOM.replace("TZOFFSETTO:+0100", "TZOFFSETTO:+0300")
    for _ in range(2):
        assert blocked(CUSTOM, series) == ["11-23 08:00–11-23 08:30"]
        assert blocked(other, series) == ["11-23 06:00–11-23 06:30"]


@pytest.mark.parametrize(
    "line", ["TZOFFSETTO:+6133", "TZOFFSETTO:bald", "TZOFFSETFROM:", 'DTSTART;X="y:19961027T030000']
)
def test_a_bad_zone_takes_no_series_along_that_does_not_speak_of_it(line: str) -> None:
    """R13: what is in a zone of its own is named; the others recur as ever."""
    name = line.partition(":")[0].partition(";")[0]
    zone = "\n".join(line if each.startswith(name) else each for each in CUSTOM.splitlines())
    found = blocked(
        f"{zone}\n",
        event("UID:1", "DTSTART;TZID=Praxiszeit:20261123T080000", "DURATION:PT10M", "RRULE:FREQ=WEEKLY"),
        event("UID:2", "DTSTART;TZID=Praxiszeit:20261123T080000", "DURATION:PT10M"),
        event("UID:3", "DTSTART;TZID=Europe/Berlin:20261116T090000", "DURATION:PT10M", "RRULE:FREQ=WEEKLY"),
    )
    assert "11-23 08:00–11-23 08:10" in found


NINE_UNTIL_HALF_PAST = ("DTSTART;TZID=Europe/Berlin:20261123T090000", "DTEND;TZID=Europe/Berlin:20261123T093000")
THREE_TIMES = [f"11-{day} 08:00–11-{day} 08:30" for day in (23, 24, 25)]


@pytest.mark.parametrize(
    "exception",
    [
        "EXDATE;TZID=Europe/Berlin:20261124T100000",
        "EXDATE;TZID=Europe/Berlin:20261124T080000",
        "EXDATE:20261124T090000Z",
        "RECURRENCE-ID:20261124T090000Z",
        "RECURRENCE-ID;TZID=Europe/Berlin:20261124T100000",
    ],
)
def test_an_exception_that_fits_nothing_takes_nothing_away(exception: str) -> None:
    """I1: it lies an hour beside, as it does after a series was moved; in UTC or the other way round it would fit."""
    series = (*NINE_UNTIL_HALF_PAST, "UID:1", "RRULE:FREQ=DAILY;COUNT=3")
    changed = event("UID:1", exception, NINE_UNTIL_HALF_PAST[0], "STATUS:CANCELLED")
    text = [event(*series, exception)] if exception.startswith("EXDATE") else [event(*series), changed]
    assert blocked(*text) == THREE_TIMES


@pytest.mark.parametrize(
    "exception", ["EXDATE:20261124T080000Z", "EXDATE;TZID=America/New_York:20261124T030000", "EXDATE:20261124T090000"]
)
def test_an_exception_may_be_told_in_any_zone(exception: str) -> None:
    """R9: what counts is the time that it means."""
    assert blocked(event(*NINE_UNTIL_HALF_PAST, "RRULE:FREQ=DAILY;COUNT=3", exception)) == THREE_TIMES[::2]


def test_what_was_moved_was_not_called_off_as_well() -> None:
    """I1: a moved time of a series, which leaves out where it was before."""
    series = event(*NINE_UNTIL_HALF_PAST, "UID:1", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20261124T080000Z")
    moved = event("UID:1", "RECURRENCE-ID:20261124T080000Z", "DTSTART:20261124T150000Z", "DURATION:PT30M")
    assert blocked(series, moved) == [THREE_TIMES[0], "11-24 15:00–11-24 15:30", THREE_TIMES[2]]


def test_a_change_belongs_to_each_that_claims_its_name() -> None:
    """R9: two things of one UID, each in a zone of its own; what was moved of them is told in UTC."""
    here = event(*NINE_UNTIL_HALF_PAST, "UID:1", "RRULE:FREQ=DAILY;COUNT=2")
    there = event("UID:1", "DTSTART;TZID=Asia/Tokyo:20261125T090000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=1")
    moved = event("UID:1", "RECURRENCE-ID:20261124T080000Z", "DTSTART:20261124T150000Z", "DURATION:PT30M")
    expected = [THREE_TIMES[0], "11-24 15:00–11-24 15:30", "11-25 00:00–11-25 01:00"]
    assert blocked(here, there, moved) == blocked(there, here, moved) == expected


@pytest.mark.parametrize(
    ("start", "until", "days"),
    [
        (";TZID=Europe/Berlin:20261123T090000", "20261125", (23, 24, 25)),
        (":20261123T090000", "20261125", (23, 24, 25)),
        (":20261123T080000Z", "20261125", (23, 24, 25)),
        (":20261123T090000", "20261125T080000Z", (23, 24, 25)),
        (";TZID=Europe/Berlin:20261123T090000", "20261125T075959Z", (23, 24)),
        (";TZID=Europe/Berlin:20261123T090000", "20261101", (23,)),
        (";VALUE=DATE:20261123", "20261124T230000Z", (23, 24, 25)),
    ],
)
def test_the_last_day_of_a_series_counts(start: str, until: str, days: tuple[int, ...]) -> None:
    """R9, I1: whether its start and its end are told as days, local times or UTC; and what starts once, starts."""
    found = blocked(event(f"DTSTART{start}", f"RRULE:FREQ=DAILY;UNTIL={until}"))
    whole = ["11-23 00:00–11-25 23:00"]
    assert found == (whole if "DATE" in start else [f"11-{day} 08:00–11-{day} 08:15" for day in days])


@pytest.mark.parametrize("zone", ["", ";TZID=Europe/Berlin", ";TZID=W. Europe Standard Time", ";TZID=Praxiszeit"])
def test_a_series_over_the_clock_change(zone: str) -> None:
    """R9, fault 45: nine stays nine, an exception is left out, an override moves, a cancelled one is free."""
    text = [
        CUSTOM,
        event(
            *("UID:1", f"DTSTART{zone}:20261019T090000", f"DTEND{zone}:20261019T093000", "RRULE:FREQ=DAILY;COUNT=10"),
            f"EXDATE{zone}:20261021T090000",
        ),
        event("UID:1", f"RECURRENCE-ID{zone}:20261020T090000", f"DTSTART{zone}:20261020T140000", "DURATION:PT1H"),
        event(
            *("UID:1", f"RECURRENCE-ID{zone}:20261022T090000", f"DTSTART{zone}:20261022T090000", "DURATION:PT1H"),
            "STATUS:CANCELLED",
        ),
    ]
    summer = [f"10-{day} 07:00–10-{day} 07:30" for day in (19, 23, 24)]
    winter = [f"10-{day} 08:00–10-{day} 08:30" for day in (25, 26, 27, 28)]
    assert blocked(*text, window=OCTOBER) == sorted([*summer, "10-20 12:00–10-20 13:00", *winter])


def test_a_series_that_is_moved_from_some_day_on() -> None:
    """R9: RANGE=THISANDFUTURE, and further dates by RDATE."""
    text = [
        event("UID:1", "DTSTART:20261123T090000Z", "DURATION:PT30M", "RRULE:FREQ=DAILY", "RDATE:20261124T200000Z"),
        event(
            "UID:1", "RECURRENCE-ID;RANGE=THISANDFUTURE:20261126T090000Z", "DTSTART:20261126T100000Z", "DURATION:PT30M"
        ),
    ]
    days = [(23, "09"), (24, "09"), (24, "20"), (25, "09"), (26, "10"), (27, "10"), (28, "10"), (29, "10")]
    assert blocked(*text) == [f"11-{day} {hour}:00–11-{day} {hour}:30" for day, hour in days]


def test_events_of_one_uid_all_count() -> None:
    """R5: an exporter that gives every event the same UID, or none, loses nothing."""
    times = [("DTSTART:20261123T080000Z", "DURATION:PT10M"), ("DTSTART:20261123T090000Z", "DURATION:PT10M")]
    expected = ["11-23 08:00–11-23 08:10", "11-23 09:00–11-23 09:10"]
    assert blocked(*(event("UID:same", *each) for each in times)) == expected
    assert blocked(*(event(*each) for each in times)) == expected
    daily = [event("UID:same", *each, "RRULE:FREQ=WEEKLY") for each in times]
    assert blocked(*daily) == expected


@pytest.mark.parametrize(
    "rule",
    [
        "COUNT=1000000000;FREQ=SECONDLY", "FREQ=MINUTELY", "FREQ=HOURLY;COUNT=3", "FREQ=DAILY;BYHOUR=1,2,3",
        "FREQ=YEARLY;BYYEARDAY=1", "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;FREQ=SECONDLY",
        "FREQ=DAILY;COUNT=1;UNTIL=20300101",
        "", "nonsense", "FREQ=", "FREQ=WEEKLY;BYDAY=XX", "RSCALE=HEBREW;FREQ=YEARLY",
        "FREQ=DAILY;INTERVAL=9999999999", "FREQ=YEARLY;BYEASTER=1", "FREQ=WEEKLY;BYDAY=" + ",".join(["MO"] * 100),
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;X=1",
    ],
)  # fmt: skip
def test_a_dangerous_rule_is_refused(rule: str) -> None:
    """I12, R13, fault 23: the first time is blocked, the reading incomplete, and nothing is expanded."""
    found = reading(event("UID:1", "DTSTART:20261123T080000Z", "DURATION:PT10M", f"RRULE:{rule}"))
    assert isinstance(found, Incomplete)
    assert found.reason.code == "file.recurrence_refused"
    assert list(found.rows.occupied) == [instant("2026-11-23 09:00"), instant("2026-11-23 09:10")]


@pytest.mark.parametrize(
    "line",
    [
        "EXDATE;TZID=Nirgendwo:20261130T080000",
        "DTEND;TZID=Nirgendwo:20261123T083000",
        "DURATION:bald",
        "RDATE;TZID=Nirgendwo:20261124T080000",
        "RDATE:",
        'RDATE;X="y:20261124T080000Z',
        'RRULE;="":FREQ=DAILY',
    ],
)
def test_a_series_that_is_not_understood_is_named(line: str) -> None:
    """R13: with a zone that nobody knows or an end that cannot be read; its first time is blocked."""
    found = reading(event("UID:1", "DTSTART:20261123T080000Z", "RRULE:FREQ=WEEKLY", line))
    assert isinstance(found, Incomplete)
    assert found.reason.facts == {"file": "x.ics", "line": 5}
    assert found.rows.occupied[0] == instant("2026-11-23 09:00")


@pytest.mark.parametrize("change", [(), ("RECURRENCE-ID;RANGE=THISANDFUTURE:10130502T180000",)])
def test_a_series_of_events_that_last_for_ages_is_refused(change: tuple[str, ...]) -> None:
    """I12, fault 23: each of a hundred thousand of them reaches into the window, as a wrong year makes them do."""
    rule, ages = "RRULE:FREQ=WEEKLY;BYDAY=MO,TH", "DTEND:20261123T190000"
    first, second = (("DURATION:PT1H",), (ages,)) if change else ((ages,), ())
    events = [event("UID:1", "DTSTART:10130502T180000", *first, rule)]
    events += [event("UID:1", *change, "DTSTART:10130502T180000", *second)] if change else []
    found = reading(*events)
    assert isinstance(found, Incomplete)
    assert found.reason.code == "file.recurrence_refused"


@pytest.mark.parametrize("rule", ["RRULE:FREQ=DAILY;COUNT=2", "RDATE:20261124T150000", ""])
@pytest.mark.parametrize("end", ["DTEND:20261123T000000", "DTEND;VALUE=DATE:20261123"])
def test_midnight_of_its_own_day_is_the_next_one(rule: str, end: str) -> None:
    """R8: of an event, a series and a changed time alike."""
    days = (23, 24) if rule else (23,)
    found = blocked(event("DTSTART:20261123T150000", end, *([rule] if rule else [])))
    assert found == [f"11-{day} 14:00–11-{day} 23:00" for day in days]
    series = event("UID:1", "DTSTART:20261123T080000", "DTEND:20261123T083000", "RRULE:FREQ=DAILY;COUNT=1")
    changed = event("UID:1", "RECURRENCE-ID:20261123T080000", "DTSTART:20261123T150000", end)
    assert blocked(series, changed) == ["11-23 14:00–11-23 23:00"]


@pytest.mark.parametrize("rule", [(), ("RRULE:FREQ=DAILY;COUNT=1",)])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("DTSTART:20270328T000000Z", "DURATION:PT2H"), "03-28 00:00–03-28 02:00"),
        (("DTSTART;TZID=America/New_York:20270327T200000", "DURATION:PT2H"), "03-28 00:00–03-28 02:00"),
        (("DTSTART:20270328T000000", "DURATION:PT8H"), "03-27 23:00–03-28 07:00"),
        (("DTSTART:20270327T120000", "DURATION:PT24H"), "03-27 11:00–03-28 11:00"),
        (("DTSTART:20270327T120000", "DURATION:P1D"), "03-27 11:00–03-28 10:00"),
        (("DTSTART;VALUE=DATE:20270328", "DURATION:P1D"), "03-27 23:00–03-28 22:00"),
        (
            ("DTSTART;TZID=Praxiszeit:20270328T021500", "DTEND;TZID=Praxiszeit:20270328T024500"),
            "03-28 00:15–03-28 01:45",
        ),
        (("DTSTART;TZID=Europe/Berlin:20270328T021500", "DURATION:PT30M"), "03-28 00:15–03-28 01:45"),
    ],
)
def test_the_hour_that_is_left_out_shortens_nothing(
    lines: tuple[str, ...], rule: tuple[str, ...], expected: str
) -> None:
    """R9, fault 45: hours are hours, days are days, and a time that is left out has two readings in every zone."""
    march = Window(instant("2027-03-22 00:00"), instant("2027-04-05 00:00"))
    assert blocked(CUSTOM, event(*lines, *rule), window=march) == [expected]


@pytest.mark.parametrize("end", ["10130502T190000", "20261004T190000", "20261005T175959"])
def test_a_series_of_events_that_end_before_they_begin(end: str) -> None:
    """R13, I12, fault 23: each blocks from its start, and is named; the library would take the end for the start, and
    look a thousand years ahead for those that reach back as far.
    """
    series = event("UID:1", "DTSTART:20261005T180000", "RRULE:FREQ=WEEKLY;BYDAY=MO,TH", f"DTEND:{end}")
    assert blocked(series) == ["11-23 17:00–11-23 17:15", "11-26 17:00–11-26 17:15"]
    found = reading(series)
    assert isinstance(found, Complete)
    assert {"file": "x.ics", "line": 5} in found.rows.places.values()


def test_many_rules_cost_no_more_than_allowed() -> None:
    """I12, fault 23: each of them harmless, all of them too many; those that nobody expands are named."""
    rule = cost("FREQ=DAILY", instant("2020-01-01 00:00"), *BERLIN.around(NOVEMBER))
    assert rule is not None
    assert rule.steps < MOST_STEPS
    fits_never = cost("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", 0, *BERLIN.around(NOVEMBER))
    assert fits_never is not None
    assert fits_never.steps > MOST_STEPS
    old = cost("FREQ=WEEKLY;UNTIL=20200301T000000Z", instant("2020-01-01 00:00"), *BERLIN.around(NOVEMBER))
    assert old is not None
    assert old.times == 1
    number = MOST_TIMES // rule.times + 50
    events = [event(f"UID:{n}", "DTSTART:20200101T080000Z", "DURATION:PT5M", "RRULE:FREQ=DAILY") for n in range(number)]
    assert isinstance(reading(*events), Incomplete)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("DTSTART:20261323T080000Z",), "row.start_unreadable_in_file"),
        (("DTEND:20261123T080000Z",), "row.start_unreadable_in_file"),
        (("DTSTART;TZID=Nirgendwo:20261123T080000",), "row.start_unreadable_in_file"),
        (("DTSTART:20261123T080000Z", "DTSTART:20261124T080000Z"), "row.start_unreadable_in_file"),
        (("DTSTART;TZID=../../etc/passwd:20261123T080000",), "row.start_unreadable_in_file"),
    ],
)
def test_an_event_without_a_readable_start(lines: tuple[str, ...], code: str) -> None:
    """R13, I2: the reading is incomplete, and names file and line."""
    found = reading(event(*lines))
    assert isinstance(found, Incomplete)
    assert (found.reason.code, found.reason.facts) == (code, {"file": "x.ics", "line": 5})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (HEAD, "file.cut_off"),
        (HEAD + "BEGIN:VEVENT\r\nDTSTART:2026", "file.cut_off"),
        (HEAD + "END:VCAL", "file.not_a_calendar"),
        (HEAD + "BEGIN:VEVENT\r\n" * 3, "file.not_a_calendar"),
        ("BEGIN:X\r\n" * 100_000, "file.not_a_calendar"),
        (HEAD + "BEGIN:X\r\n" * 100_000, "file.not_a_calendar"),
        ("<html></html>", "file.not_a_calendar"),
        ("\r\n", "file.not_a_calendar"),
        (HEAD + END + "more", "file.not_a_calendar"),
        (HEAD.replace("Kalender/A", "Adler") + END, "file.no_column"),
        (HEAD + event("RDATE:" + "\r\n 20261123T080000Z," * 5000) + END, "file.line_too_long"),
    ],
)
def test_what_is_no_whole_calendar_is_refused(text: str, code: str) -> None:
    """I2, faults 18 and 23: cut, wrongly nested, something else, or of no column."""
    with pytest.raises(ExportError) as caught:
        parse_ics(text.encode(), BERLIN, "auto", "x.ics")
    assert caught.value.fault.code == code


def test_a_column_is_named_by_the_calendar_or_the_file() -> None:
    """R10: X-WR-CALNAME first, with its escapes undone; then the file's name; without an event it exists too."""
    named = HEAD.replace("Kalender/A", "Dr. Adler\\, Praxis/B") + END
    assert [str(each) for each in parse_ics(named.encode(), BERLIN, "auto", "x.ics").content.named()] == [
        "Dr. Adler, Praxis/B"
    ]
    plain = HEAD.replace("X-WR-CALNAME:Kalender/A", "X-WR-CALNAME:Adler") + END
    assert parse_ics(plain.encode(), BERLIN, "auto", "Kalender--B.ics").content.named() == [B]


@pytest.mark.parametrize("cut", range(1, 40, 4))
def test_a_long_name_may_be_folded(cut: int) -> None:
    """R10: a line of more than 75 bytes is folded by every exporter; the name goes on in the next line."""
    title = "X-WR-CALNAME:Gemeinschaftspraxis am Markt/Behandlungszimmer im Hof"
    text = f"{title[: 25 + cut]}\r\n {title[25 + cut :]}\r\n"
    content = parse_ics(
        (HEAD.replace("X-WR-CALNAME:Kalender/A\r\n", text) + END).encode(), BERLIN, "auto", "x.ics"
    ).content
    assert [str(each) for each in content.named()] == ["Gemeinschaftspraxis am Markt/Behandlungszimmer im Hof"]


@pytest.mark.parametrize(
    "lines",
    [
        ("DURATION:PT10M", "DURATION:PT2H"),
        ("DURATION:PT2H", "DURATION:PT10M"),
        ("DURATION:PT2H", "STATUS:CANCELLED", "STATUS:CONFIRMED"),
        ("DURATION:PT2H", "TRANSP:TRANSPARENT", "TRANSP:OPAQUE"),
        ("DURATION:PT2H", "TRANSP:OPAQUE", "TRANSP:TRANSPARENT"),
    ],
)
def test_an_event_that_says_two_things_blocks_for_the_longer(lines: tuple[str, ...]) -> None:
    """R13: of two durations the longer; free or called off is only what says nothing else."""
    assert blocked(event("DTSTART:20261123T080000Z", *lines)) == ["11-23 08:00–11-23 10:00"]


def test_a_window_that_moves_on_is_expanded_again() -> None:
    """R1: whatever the window is, the past included; close by it is done already."""
    text = HEAD + event("UID:1", "DTSTART:20200101T080000Z", "DURATION:PT10M", "RRULE:FREQ=WEEKLY") + END
    content = parse_ics(text.encode(), BERLIN, "auto", "x.ics").content
    for year in (2021, 2026):
        window = Window(instant(f"{year}-03-01 00:00"), instant(f"{year}-03-08 00:00"))
        assert content.stale(BERLIN.around(window))
        content.take_up(content.expand(BERLIN.around(window)))
        assert not content.stale(BERLIN.around(Window(instant(f"{year}-03-08 00:00"), instant(f"{year}-03-20 00:00"))))
        rows = Rows(A)
        content.pour(A, rows, BERLIN.around(window))
        seen = occupancy(rows.reading(), window, BERLIN, Limits())
        assert seen.blocked.total() == 600
