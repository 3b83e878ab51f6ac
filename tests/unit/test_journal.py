"""One event is one line with allowed fields only; the first failure and the recovery are told, the rest is counted."""

import ast
import io
import json
import logging
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.journal import _TYPES, EVENTS, LEVELS, Journal, Once
from adapters.settings import load
from adapters.texts import texts
from adapters.texts.notices import notices
from engine.faults import Fault
from engine.model import ColumnId, Instant, Window
from engine.plan import Patience
from engine.ports import Event, Noticed, Report, WindowAnswered
from engine.spans import EMPTY, IntervalSet

ROOT = Path(__file__).parents[2]
HOUR = IntervalSet([(0, 3600)])
BUSY = Fault("portal.busy", {"status": 503})
LOCKED = Fault("source.locked", {"file": "praxis.db"})
HOSTILE = 'x\n\r\u2028\u2029\x85\x0b\x0c\x1c\x1b[2J\x00\ud800\u202e"\\{}'

TEXT = st.one_of(st.text(), st.just(HOSTILE))
FAULTS = st.builds(
    Fault,
    st.one_of(st.sampled_from(sorted(texts("en"))), TEXT),
    st.dictionaries(st.sampled_from(["name", "column", "file"]), TEXT),
)
SPANS = st.sampled_from([EMPTY, HOUR])
REPORTS = st.builds(
    Report,
    name=TEXT,
    column=st.builds(ColumnId, TEXT, TEXT),
    state=st.one_of(st.sampled_from(["uploaded", "unchanged", "held", "failed", "skipped", "planned"]), TEXT),
    appointments=st.integers(),
    held=SPANS,
    vanished=SPANS,
    patience=st.sampled_from(Patience),
    doubts=st.lists(FAULTS, max_size=3).map(tuple),
    fault=st.one_of(st.none(), FAULTS),
    seconds=st.floats(),
)
WINDOWS = st.builds(
    lambda start, length: Window(Instant(start), Instant(start + length)), st.integers(), st.integers(1, 86_400 * 1000)
)
HAPPENINGS = st.one_of(
    REPORTS, st.builds(Noticed, TEXT, FAULTS, st.booleans()), st.builds(WindowAnswered, WINDOWS, st.booleans())
)


def report(state: str = "uploaded", **more: object) -> Report:
    return Report(name="Dr. Adler", column=ColumnId("TK1", "A"), state=state, **more)  # type: ignore[arg-type] # any


class Log:
    """A journal, and what it has written."""

    def __init__(self, level: str = "info", form: str | None = "json", lang: str = "en", **more: bool) -> None:
        self.stream = io.StringIO()
        self.journal = Journal(self.stream, level=level, form=form, lang=lang, wall=lambda: 1_795_428_000.5, **more)

    def tell(self, *events: Event) -> list[dict[str, object]]:
        """What these events add."""
        before = len(self.lines())
        for event in events:
            self.journal.tell(event)
        return self.lines()[before:]

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


def names(lines: list[dict[str, object]]) -> list[object]:
    return [line["event"] for line in lines]


def test_an_upload_is_told_with_its_counts_and_duration() -> None:
    """One line an upload: when, which calendar, how much, how long; the same fields every time."""
    (line,) = Log().tell(report(appointments=5, blocks=3, added=HOUR, held=HOUR, seconds=0.41234))
    assert line == {
        "ts": "2026-11-23T10:00:00.500Z",
        "level": "info",
        "event": "calendar.uploaded",
        "calendar": "Dr. Adler",
        "appointments": 5,
        "blocks": 3,
        "added": 1,
        "removed": 0,
        "held": 1,
        "seconds": 0.412,
    }


def test_silence_is_the_normal_case() -> None:
    """R14, I12: an unchanged tick writes nothing unless somebody asks for it; the same for an unchanged window."""
    window = WindowAnswered(Window(Instant(0), Instant(86_400)), moved=False)
    assert Log().tell(report("unchanged"), window) == []
    assert names(Log("debug").tell(report("unchanged"), window)) == ["calendar.unchanged", "window.answered"]


def test_a_moved_window_is_told() -> None:
    """R1: in UTC, half-open."""
    (line,) = Log().tell(WindowAnswered(Window(Instant(0), Instant(86_400)), moved=True))
    assert (line["start"], line["end"], line["moved"]) == ("1970-01-01T00:00:00Z", "1970-01-02T00:00:00Z", True)


def test_the_first_failure_and_the_recovery_are_told_and_the_rest_is_counted() -> None:
    """I12, I13: a night of failures is two lines: the sentence at its beginning, the count at its end."""
    log = Log()
    failed = report("failed", fault=BUSY)
    lines = log.tell(*[failed] * 1000, report("held"), failed, report("unchanged"), report("unchanged"))
    assert names(lines) == ["calendar.failed", "calendar.recovered"]
    assert (lines[0]["level"], lines[0]["code"]) == ("warning", "portal.busy")
    assert str(lines[0]["text"]).endswith("[portal.busy]")
    assert (lines[1]["level"], lines[1]["count"]) == ("info", 1001)
    assert names(log.tell(failed)) == ["calendar.failed"]


def test_another_fault_of_the_same_calendar_is_told_too() -> None:
    """I13: faults that take turns are told once each, and their end is told for each."""
    log = Log()
    one, two = report("failed", fault=BUSY), report("failed", fault=LOCKED)
    assert [line["code"] for line in log.tell(one, two, one, two)] == ["portal.busy", "source.locked"]
    assert [(line["code"], line["count"]) for line in log.tell(report("unchanged"))] == [
        ("portal.busy", 2),
        ("source.locked", 2),
    ]


def test_calendars_fail_and_recover_each_for_itself() -> None:
    """R10: the trouble of one is not that of the other."""
    log = Log()
    other = Report(name="Prophylaxe", column=ColumnId("TK1", "B"), state="failed", fault=BUSY)
    assert [line["calendar"] for line in log.tell(report("failed", fault=BUSY), other)] == ["Dr. Adler", "Prophylaxe"]
    assert [line["calendar"] for line in log.tell(report("unchanged"))] == ["Dr. Adler"]


def test_an_upload_of_an_incomplete_reading_is_told_with_its_fault() -> None:
    """I1, I2: what goes up although the reading is incomplete is both an upload and a trouble; it is over with the next
    complete reading.
    """
    log = Log()
    incomplete = Fault("row.start_unreadable", {"column": "TK1/A", "count": 2})
    assert names(log.tell(report(fault=incomplete))) == ["calendar.uploaded", "calendar.failed"]
    assert names(log.tell(report())) == ["calendar.uploaded", "calendar.recovered"]


def test_doubtful_rows_are_told_one_by_one_and_their_end_once() -> None:
    """R13: each row by its column and start, once; a failed reading says nothing about them."""
    log = Log()
    rows = tuple(Fault("row.end_unusable", {"column": "TK1/A", "start": start}) for start in ("08:00", "09:00"))
    lines = log.tell(report("unchanged", doubts=rows), report("unchanged", doubts=rows))
    assert ["08:00" in str(lines[0]["text"]), "09:00" in str(lines[1]["text"]), len(lines)] == [True, True, 2]
    assert names(log.tell(report("failed", fault=LOCKED))) == ["calendar.failed"]
    assert log.tell(report("held", doubts=rows[:1])) == []
    lines = log.tell(report("unchanged"))
    assert names(lines) == ["calendar.recovered", "calendar.cleared"]
    assert lines[1]["code"] == "row.end_unusable"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"held": HOUR, "patience": Patience.BY_HAND}, "calendar.by_hand"),
        ({"held": HOUR, "patience": Patience.GUARDED}, "calendar.guarded"),
        ({"vanished": HOUR}, "calendar.vanished"),
    ],
)
def test_what_waits_or_stays_bookable_is_told_once(more: dict[str, object], code: str) -> None:
    """I3, R12: removals that wait for a hand or are doubted, and free rows that vanished, with an end of each."""
    log = Log()
    (line,) = log.tell(report("unchanged", **more), report("unchanged", **more))
    assert (line["event"], line["level"], line["code"]) == ("calendar.noticed", "warning", code)
    assert "Dr. Adler" in str(line["text"])
    (line,) = log.tell(report("unchanged"))
    assert (line["event"], line["code"]) == ("calendar.cleared", code)


def test_removals_that_ripen_normally_and_blocked_vanished_rows_are_no_news() -> None:
    """R12, I3: nothing waits for anybody, nothing is bookable that should not be."""
    assert notices(report(held=HOUR)) == ()
    assert notices(report(patience=Patience.BY_HAND)) == ()
    assert notices(report(vanished=HOUR), block_vanished=True) == ()
    assert Log(block_vanished=True).tell(report("unchanged", vanished=HOUR)) == []


def test_a_trouble_of_the_whole_job_begins_and_ends() -> None:
    """I11, I13: told when it begins, counted, told when it is over."""
    log = Log()
    lines = log.tell(*[Noticed("window", BUSY)] * 5, Noticed("window", BUSY, over=True))
    assert names(lines) == ["job.troubled", "job.recovered"]
    assert (lines[0]["topic"], lines[0]["level"], lines[1]["count"]) == ("window", "warning", 5)


def test_once_counts_and_forgets() -> None:
    """The helper for itself: a topic's failures by code, gone after the recovery."""
    once = Once()
    assert [once.failed("a", "x"), once.failed("a", "x"), once.failed("a", "y"), once.failed("b", "x")] == [1, 2, 1, 1]
    assert once.recovered("a") == {"x": 2, "y": 1}
    assert once.recovered("a") == {}
    assert once.failed("a", "x") == 1


def test_text_is_for_eyes() -> None:
    """On a terminal: time, level, event, fields, and the sentence last, without quotes."""
    log = Log(form="text", lang="de")
    log.journal.tell(report("failed", fault=BUSY))
    assert log.stream.getvalue() == (
        '2026-11-23T10:00:00.500Z warning calendar.failed calendar="Dr. Adler" code="portal.busy" '
        "Dr.Flex ist überlastet und bittet um Pause (Antwort 503). Was online gesperrt ist, bleibt gesperrt; neue "
        "Termine sind online noch buchbar, danach geht es von selbst weiter. Bitte warten Sie ab; wiederholt es sich "
        "den ganzen Tag, rufen Sie Dr.Flex an. [portal.busy]\n"
    )


@pytest.mark.parametrize(("terminal", "first"), [(True, "2"), (False, "{")])
def test_the_stream_decides_the_form_unless_told(terminal: bool, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text on a terminal, else JSON."""
    log = Log()
    monkeypatch.setattr(log.stream, "isatty", lambda: terminal)
    Journal(log.stream).event("job.stopped")
    assert log.stream.getvalue()[0] == first


def test_the_settings_decide_the_rest() -> None:
    """Language, form, level and the handling of vanished rows come from the settings; the log goes to stderr."""
    environ = {
        "TMEX_API_KEY": "k",
        "TMEX_WINDOW_URL": "https://a.example",
        "TMEX_UPLOAD_URL": "https://a.example",
        "TMEX_CALENDAR_1": "A=T/A",
        "TMEX_SOURCE": "sqlite:///x.db",
        "TMEX_STATE": "/s/x.db",
        "TMEX_LANG": "en",
        "TMEX_LOG_FORMAT": "text",
        "TMEX_LOG_LEVEL": "warning",
        "TMEX_BLOCK_VANISHED": "on",
    }
    stream = io.StringIO()
    journal = Journal.of(load(environ), stream)
    for event in (report(), report(vanished=HOUR), report("failed", fault=BUSY)):
        journal.tell(event)
    assert stream.getvalue().count("\n") == 1
    assert "warning calendar.failed" in stream.getvalue()
    assert "The portal is overloaded" in stream.getvalue()


@pytest.mark.parametrize("form", ["text", "json"])
@given(events=st.lists(HAPPENINGS, max_size=8))
def test_nothing_makes_a_second_line_or_an_error(form: str, events: list[Event]) -> None:
    """Fault 50, I7: names, facts and codes with line ends, terminal escapes and half characters stay in their line;
    telling never fails, and each line of JSON is one object with allowed fields of the right type.
    """
    log = Log("debug", form)
    for event in events:
        log.journal.tell(event)
    written = log.stream.getvalue()
    lines = written.split("\n")[:-1]
    assert lines == written.splitlines()
    assert all(line.isprintable() for line in lines)
    for line in lines if form == "json" else []:
        fields = cast("dict[str, object]", json.loads(line))
        assert list(fields)[:3] == ["ts", "level", "event"]
        assert set(list(fields)[3:]) <= set(EVENTS[str(fields["event"])])
        assert all(type(value) is _TYPES.get(name, str) for name, value in fields.items())


def test_the_log_is_bounded_however_long_it_fails() -> None:
    """I12: ten thousand hostile failures with long facts are one short line."""
    log = Log()
    fault = Fault("column.unknown", {"column": "x" * 100_000, "found": "y" * 100_000})
    log.tell(*[report("failed", fault=fault)] * 10_000)
    assert len(log.stream.getvalue()) < 3000


def test_only_known_events_and_fields_are_written() -> None:
    """I7: an event that is not declared is not written; a field that is not, or is of another type, is left out."""
    log = Log()
    log.journal.event("job.dreamt", version="1")
    log.journal.event("job.started", version="1", calendars="four", patient="Erika Muster", on=True)
    (line,) = log.lines()
    assert {**line, "ts": ""} == {"ts": "", "level": "info", "event": "job.started", "version": "1", "on": True}


def test_every_event_that_the_code_tells_is_declared() -> None:
    """I7: names and fields of all calls in adapters/ stand in the table, so that nothing is left out in silence."""
    for path in sorted(ROOT.glob("adapters/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="note"), args=[_, ast.Constant(value=str(event))], keywords=named
                ):
                    pass
                case ast.Call(
                    func=ast.Attribute(attr="event", value=ast.Name(id="journal")),
                    args=[ast.Constant(value=str(event))],
                    keywords=named,
                ):
                    pass
                case _:
                    continue
            assert {each.arg for each in named} - {None} <= set(EVENTS[event]), f"{path.name}: {event}"


def test_every_field_has_a_type_and_every_level_a_weight() -> None:
    """The tables fit each other."""
    assert {field for fields in EVENTS.values() for field in fields} == _TYPES.keys()
    for least, level in enumerate(LEVELS):
        log = Log(level)
        for each in LEVELS:
            log.journal.note(each, "job.stopped")
        assert [line["level"] for line in log.lines()] == list(LEVELS[least:])


def test_a_fault_of_a_command_is_an_error() -> None:
    """I8, I13: a switch that cannot be read is an alarm each time that it is found."""
    log = Log()
    log.journal.fault(Fault("switch.unreadable", {"file": "tmex.db.switch", "kind": "content"}))
    (line,) = log.lines()
    assert (line["level"], line["topic"], line["code"]) == ("error", "switch", "switch.unreadable")


class Full(io.StringIO):
    """A disk without room."""

    def write(self, _: str, /) -> int:
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("break_it", [Full, lambda: _closed(io.StringIO())])
def test_a_log_that_cannot_be_written_stops_nothing(break_it: Callable[[], io.StringIO]) -> None:
    """I8, fault 40: a full disk or a closed stream under the log is no reason to stop blocking times."""
    journal = Journal(break_it(), form="json")
    journal.tell(report())
    journal.event("job.stopped")


def _closed(stream: io.StringIO) -> io.StringIO:
    stream.close()
    return stream


def test_a_stream_without_umlauts_gets_escapes() -> None:
    """A terminal of the C locale shows the line all the same."""
    raw = io.BytesIO()
    journal = Journal(io.TextIOWrapper(raw, encoding="ascii"), form="json")
    journal.tell(Report(name="Dr. Müller", column=ColumnId("TK1", "A"), state="uploaded"))
    assert b"Dr. M\\xfcller" in raw.getvalue()


def test_a_broken_pipe_stops_nothing() -> None:
    """I8: who reads the log may go away."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb", buffering=0) as raw:
        journal = Journal(io.TextIOWrapper(raw, write_through=True), form="json")
        journal.tell(report())
        journal.tell(report())


def test_libraries_are_heard_but_not_quoted() -> None:
    """I7: what a library logs or warns of may hold a row or a key: who spoke gets through, and of which exception."""
    log = Log()
    canary = "Erika Muster, key-4711"
    with warnings.catch_warnings(), log.journal.libraries():
        warnings.simplefilter("always")
        try:
            raise ValueError(canary)
        except ValueError:
            logging.getLogger("aiohttp.server").exception("cannot handle %s", canary)
        logging.getLogger("asyncio").warning("slow: %s", canary)
        logging.getLogger("asyncio").info("chatter")
        warnings.warn(canary, ResourceWarning, stacklevel=1)
    assert [(line["level"], line["logger"], line["kind"], line["count"]) for line in log.lines()] == [
        ("error", "aiohttp.server", "ValueError", 1),
        ("warning", "asyncio", "", 1),
        ("warning", "py.warnings", "", 1),
    ]
    assert "Muster" not in log.stream.getvalue()


def test_libraries_cannot_fill_the_disk() -> None:
    """I12, fault 51: a stranger who provokes an error a thousand times leaves four lines."""
    log = Log()
    with log.journal.libraries():
        for _ in range(1000):
            logging.getLogger("aiohttp.server").error("bad request")
    assert [line["count"] for line in log.lines()] == [1, 10, 100, 1000]


def test_libraries_are_left_as_they_were() -> None:
    """What was set up for the time of the job is gone after it, also when the job failed."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers), warnings.showwarning)

    def fail() -> None:
        with Log().journal.libraries():
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert (root.level, root.handlers, warnings.showwarning) == before
