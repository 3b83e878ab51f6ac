"""Why a time is blocked or free, told from the history alone."""

from zoneinfo import ZoneInfo

import msgspec
import pytest

from adapters.explain import Explanation, explain, explain_past
from engine.model import Instant, Window
from engine.plan import Standing
from engine.ports import Entry
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock

NAME, TIME = "Dr. Adler", Instant(1_000_000)
HERE, ELSEWHERE = IntervalSet([(TIME - 600, TIME + 600)]), IntervalSet([(TIME + 600, TIME + 1200)])
WINDOW = Window(Instant(0), Instant(2_000_000))
ADDED = Entry(at=100.5, calendar=NAME, added=HERE | IntervalSet([(0, 60)]), seconds=0.5, took=0.25)
HELD = Entry(at=200.0, calendar=NAME, held=HERE, why="normal")
BACK = Entry(at=205.0, calendar=NAME, back=HERE, why="normal")
FREED = Entry(at=210.0, calendar=NAME, removed=HERE, why="normal")


def now(*entries: Entry, baseline: IntervalSet | None = HERE, pending: IntervalSet = EMPTY) -> Explanation:
    """How it stands, after this history."""
    return explain(NAME, TIME, Standing(baseline=baseline, pending=pending), WINDOW, entries)


def test_an_occupied_time() -> None:
    """It says when it was read, sent and accepted."""
    found = now(ADDED)
    assert (found.state, found.why) == ("blocked", "occupied")
    (step,) = found.steps
    assert (step.at, step.read, step.sent, step.word) == (100.5, 100.0, 100.25, "occupied")


@pytest.mark.parametrize("reason", ["reserved", "vanished"])
def test_other_reasons_to_block(reason: str) -> None:
    """R6, R12: a reservation, and a free row that vanished, are told apart from an appointment."""
    entry = msgspec.structs.replace(Entry(at=100.0, calendar=NAME, added=HERE), **{reason: HERE})
    assert (now(entry).state, now(entry).why) == ("blocked", reason)


@pytest.mark.parametrize("why", ["normal", "guarded", "by_hand", "file.changing"])
def test_a_removal_that_waits(why: str) -> None:
    """I3: and for what."""
    found = now(ADDED, Entry(at=200.0, calendar=NAME, held=HERE, why=why))
    assert (found.state, found.why) == ("waiting", why)


def test_a_time_that_is_free() -> None:
    """It became free, by itself or by a hand, or never was anything else."""
    assert (now(ADDED, HELD, FREED, baseline=EMPTY).why) == "freed"
    released = Entry(at=210.0, calendar=NAME, removed=HERE, released=HERE)
    assert (now(ADDED, HELD, released, baseline=EMPTY).why) == "released"
    assert (now(baseline=EMPTY).state, now(baseline=EMPTY).why) == ("free", "never")


def test_what_is_on_its_way() -> None:
    """I6: the ledger knows that the portal may lack it."""
    assert now(pending=HERE).state == "sending"
    assert now(ADDED, HELD, FREED, pending=HERE).state == "sending"


def test_what_came_back() -> None:
    """It is occupied again, and the steps are told newest first."""
    found = now(ADDED, HELD, BACK)
    assert (found.state, found.why) == ("blocked", "occupied")
    assert [step.word for step in found.steps] == ["back", "held", "occupied"]


def test_the_history_may_be_shorter_than_the_state() -> None:
    """What the ledger says now is right; what the history lacks is not made up."""
    assert (now().state, now().why) == ("blocked", "earlier")
    assert (now(ADDED, HELD, FREED).state, now(ADDED, HELD, FREED).why) == ("blocked", "earlier")
    assert (now(ADDED, baseline=EMPTY).state, now(ADDED, baseline=EMPTY).why) == ("free", "never")


def test_outside_the_window_and_before_the_first_upload() -> None:
    """R1: the portal does not ask for that time, or nothing ever went up."""
    assert explain(NAME, Instant(3_000_000), Standing(baseline=HERE), WINDOW, []).state == "outside"
    assert explain(NAME, TIME, Standing(), WINDOW, []).state == "unknown"
    assert explain(NAME, TIME, Standing(baseline=HERE), None, []).state == "unknown"


def test_other_calendars_and_other_times_do_not_matter() -> None:
    """Only what touched this very time counts."""
    other = Entry(at=300.0, calendar="Labor", removed=HERE)
    beside = Entry(at=301.0, calendar=NAME, removed=ELSEWHERE)
    assert [step.word for step in now(ADDED, other, beside).steps] == ["occupied"]


@pytest.mark.parametrize(
    ("moment", "state", "why"),
    [
        (99.0, "free", "never"),
        (100.5, "blocked", "occupied"),
        (202.0, "waiting", "normal"),
        (206.0, "blocked", "occupied"),
        (500.0, "free", "freed"),
    ],
)
def test_how_it_was(moment: float, state: str, why: str) -> None:
    """At any moment of the past."""
    found = explain_past(NAME, TIME, moment, [ADDED, HELD, BACK, FREED])
    assert (found.state, found.why) == (state, why)


def test_how_it_was_before_the_history_begins() -> None:
    """What was freed later was blocked before; of what nothing is told, nothing is known."""
    assert explain_past(NAME, TIME, 1.0, [FREED]).why == "earlier"
    assert explain_past(NAME, TIME, 1.0, []).state == "unknown"


@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_answer_has_its_words(lang: str) -> None:
    """I13: in both languages, also where a fault is the reason."""
    clock = WallClock(ZoneInfo("Europe/Berlin"))
    held = Entry(at=200.0, calendar=NAME, held=HERE, why="file.changing")
    for found in (now(ADDED), now(ADDED, held), now(pending=HERE), now(baseline=EMPTY), now(ADDED, HELD, BACK)):
        first, *steps = found.lines(clock, lang)
        assert NAME in first
        assert len(steps) == len(found.steps)
        assert len(found.as_json(clock)["steps"]) == len(steps)
