"""Who is told, and when: one alarm per episode and one all-clear, and silence where a wider trouble says it all."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.alarms.episodes import ALL, KEY, LINGERS, WINDOW, Alarm, right, step, troubles
from adapters.condition import CalendarCondition, Condition
from engine.faults import Fault
from engine.spans import IntervalSet

STALE = 600.0
GONE = Fault("portal.unreachable", {"host": "portal"})


def calendar(name: str, age: float = 0.0, **changes: object) -> CalendarCondition:
    found = CalendarCondition(name=name, column="TK1/A", state="right", right_at=10_000.0 - age)
    return msgspec.structs.replace(found, **changes)


def condition(*calendars: CalendarCondition, **changes: object) -> Condition:
    found = Condition(at=10_000.0, running=True, on=True, asked_at=9_990.0, calendars=list(calendars))
    return msgspec.structs.replace(found, **changes)


def test_a_calendar_that_is_late_is_told_of() -> None:
    """I11: with the reason that it has, if it has one."""
    late = calendar("A", 601.0, state="failed", faults=[GONE])
    assert troubles(condition(late, calendar("B")), STALE) == {"calendar A": GONE}
    assert troubles(condition(calendar("A", 601.0), calendar("B")), STALE)["calendar A"].code == "calendar.stale"
    assert troubles(condition(calendar("A", 599.0)), STALE) == {}
    assert troubles(condition(calendar("A", right_at=None), calendar("B")), STALE).keys() == {"calendar A"}


@pytest.mark.parametrize(
    ("now", "topics"),
    [
        (condition(calendar("A", 999.0), stale=Fault("portal.key_refused", {"status": 401})), {KEY}),
        (condition(calendar("A"), stale=GONE, asked_at=9_000.0), {WINDOW}),
        (condition(calendar("A"), stale=GONE, asked_at=9_990.0), set()),
        (condition(calendar("A", 999.0, faults=[GONE]), calendar("B", 999.0, faults=[GONE])), {ALL}),
        (condition(calendar("A", waiting=IntervalSet([(1, 2)]))), {"release A"}),
        (condition(calendar("A", adrift=True)), {"release A"}),
        (condition(calendar("A", 999.0), on=False), set()),
        (condition(calendar("A"), troubles=[Fault("switch.unreadable", {"file": "x"})]), {"switch"}),
        (condition(calendar("A"), troubles=[Fault("ledger.unwritable", {"kind": "SQLITE_FULL"})]), {"ledger"}),
        (condition(calendar("A"), troubles=[Fault("source.queue_filling", {"percent": 20})]), {"source"}),
        (condition(calendar("A"), troubles=[Fault("portal.paused", {"seconds": 30})]), set()),
    ],
)
def test_what_is_told_of(now: Condition, topics: set[str]) -> None:
    """I10, I11: a refused key and what waits for a hand at once; nothing of a job that a person switched off."""
    assert topics <= troubles(now, STALE).keys()
    standing, news = step({}, troubles(now, STALE), now.at)
    assert {each.topic for each in news} == topics == standing.keys()


def test_a_wider_trouble_says_it_all() -> None:
    """One alarm when the portal is gone, however many calendars there are; and one all-clear for what was told."""
    names = {f"calendar {name}": GONE for name in "ABCD"}
    standing, news = step({}, names | {ALL: GONE}, 1.0)
    assert [each.topic for each in news] == [ALL]
    standing, news = step(standing, names, 2.0)  # not all of them any more
    assert news == []
    standing, news = step(standing, {}, 3.0)
    assert [(each.topic, each.over) for each in news] == [(ALL, True)]
    assert standing == {}


def test_what_a_wider_trouble_leaves_behind_is_told_after_a_while() -> None:
    """Calendars that stay late though the window is back are no longer explained by it; a refused key never was."""
    late = {"calendar A": GONE}
    standing, _ = step({}, late | {WINDOW: GONE}, 1.0)
    standing, news = step(standing, late, 2.0)
    assert news == []
    standing, news = step(standing, late, 1.0 + LINGERS)
    assert news == []
    assert [each.topic for each in step(standing, {KEY: GONE}, 1.0 + LINGERS)[1]] == [KEY]
    standing, news = step(standing, late, 2.0 + LINGERS)
    assert [(each.topic, each.over) for each in news] == [(WINDOW, True), ("calendar A", False)]
    assert standing.keys() == late.keys()


def test_a_ledger_that_can_be_written_now_and_then_is_one_trouble() -> None:
    """I6, fault 40: on a full disk small writes succeed between large ones; the all-clear waits for the end."""
    full = {"ledger": Fault("ledger.unwritable", {"kind": "SQLITE_FULL"})}
    standing, news = step({}, full, 1.0)
    assert [each.topic for each in news] == ["ledger"]
    for second in range(2, 60):
        standing, news = step(standing, full if second % 2 else {}, float(second))
        assert news == []
    standing, news = step(standing, {}, 61.0)
    assert news == []
    standing, news = step(standing, {}, 61.0 + LINGERS)
    assert [(each.topic, each.over) for each in news] == [("ledger", True)]
    assert standing == {}


def test_a_trouble_that_comes_back_has_not_ended() -> None:
    """It lingers from its last end on."""
    late = {"calendar A": GONE}
    standing, _ = step({}, late | {WINDOW: GONE}, 0.0)
    for at, now in ((10.0, late), (20.0, late | {WINDOW: GONE}), (30.0, late), (29.0 + LINGERS, late)):
        standing, news = step(standing, now, at)
        assert news == [], at


def test_a_heartbeat_means_that_every_calendar_is_right() -> None:
    """I11: silence is the alarm that needs no channel."""
    assert right(condition(calendar("A"), calendar("B", state="ripening")), STALE)
    for bad in (calendar("B", 601.0), calendar("B", state="failed"), calendar("B", state="waiting")):
        assert not right(condition(calendar("A"), bad), STALE)
    assert not right(condition(calendar("A"), on=False), STALE)
    assert not right(condition(calendar("A"), stale=GONE), STALE)


TOPICS = st.dictionaries(st.sampled_from([KEY, WINDOW, ALL, "calendar A", "calendar B", "release A"]), st.just(GONE))


@given(st.lists(TOPICS, max_size=12))
def test_there_is_never_a_storm(story: list[dict[str, Fault]]) -> None:
    """I11: whatever happens, alarms and all-clears of a topic take turns, and in the end all that is over was said."""
    told: dict[str, Alarm] = {}
    said: list[Alarm] = []
    for at, found in enumerate([*story, {}]):
        told, news = step(told, found, float(at))
        said += news
    assert told == {}
    for topic in {each.topic for each in said}:
        turns = [each.over for each in said if each.topic == topic]
        assert turns == [False, True] * (len(turns) // 2)
