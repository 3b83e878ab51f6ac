"""One alarm per episode and one all-clear, never a storm; what a wider trouble explains is not told beside it.

Pure: what is wrong now and what was told before come in, what is to be told goes out.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from adapters.condition import CalendarCondition, Condition
from engine.faults import Fault

KEY, WINDOW, ALL = "key", "window", "all"
AT_ONCE: Final = (KEY, "switch", "ledger", "source")
"""Topics that a job which has just begun knows all about."""
_WIDE: Final = (KEY, WINDOW, ALL)
"""Topics that explain whatever else may be wrong, widest first."""
LINGERS: Final = 120.0
"""Seconds after which they explain nothing any more."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell: that `topic` is in trouble since `since` in wall-clock seconds, or, with `over`, no more."""

    topic: str
    fault: Fault
    calendar: str = ""
    """Which calendar it is about; empty for the whole job."""
    since: float
    ends: float | None = None
    """Since when its trouble is over, while something is left of it."""
    over: bool = False


def troubles(condition: Condition, stale_after: float) -> dict[str, Fault]:
    """What somebody should be told of, by topic: what lasts longer than `stale_after` seconds, and at once what only a
    person can mend. A job that a person switched off is in no trouble.
    """
    if not condition.on:
        return {}
    if condition.stale is not None and condition.stale.code == "portal.key_refused":
        return {KEY: condition.stale}
    found = {each.code.partition(".")[0]: each for each in condition.alarming()}
    late = {each.name: _reason(each) for each in condition.calendars if _stuck(each, condition.at, stale_after)}
    found |= {f"calendar {name}": fault for name, fault in late.items()}
    for each in condition.calendars:
        if each.waiting or each.adrift:
            found[f"release {each.name}"] = Fault("calendar.by_hand", {"name": each.name})
    asked = condition.asked_at
    if condition.stale is not None and (asked is None or condition.at - asked > stale_after):
        found[WINDOW] = condition.stale
    elif len(late) == len(condition.calendars) > 1 and len({fault.code for fault in late.values()}) == 1:
        found[ALL] = next(iter(late.values()))
    return found


def right(condition: Condition, stale_after: float) -> bool:
    """Whether every calendar is right, so that a heartbeat may go out."""
    fresh = (not _late(each, condition.at, stale_after) for each in condition.calendars)
    sound = (each.state in {"right", "ripening", "guarded", "degraded"} for each in condition.calendars)
    return condition.on and all(fresh) and all(sound) and condition.stale is None and not condition.alarming()


def step(told: Mapping[str, Alarm], now: Mapping[str, Fault], at: float) -> tuple[dict[str, Alarm], list[Alarm]]:
    """What stands as told from now on, and what is to be told for that."""
    standing = {topic: _dated(alarm, None if topic in now else at) for topic, alarm in told.items()}
    hush, news = _hush(standing, now, at), list[Alarm]()
    for topic in [topic for topic in standing if hush is None and _ended(standing[topic], at)]:
        news.append(msgspec.structs.replace(standing.pop(topic), ends=None, over=True))
    for topic, fault in now.items():
        if topic not in standing and hush in (None, topic):
            name = str(fault.facts.get("name", "")) or topic.partition(" ")[2]
            standing[topic] = Alarm(topic=topic, fault=fault, calendar=name, since=at)
            news.append(standing[topic])
    return standing, news


def _dated(alarm: Alarm, ends: float | None) -> Alarm:
    """`alarm` with when its trouble ended; the first look that lacked it decides."""
    kept = alarm.ends if ends is not None and alarm.ends is not None else ends
    return alarm if kept == alarm.ends else msgspec.structs.replace(alarm, ends=kept)


def _ended(alarm: Alarm, at: float) -> bool:
    """Whether an all-clear is due; a ledger on a full disk can be written now and then, which ends nothing."""
    return alarm.ends is not None and (alarm.topic != "ledger" or at - alarm.ends >= LINGERS)


def _hush(standing: Mapping[str, Alarm], now: Mapping[str, Fault], at: float) -> str | None:
    """The topic that explains whatever else is wrong, if there is one: what a portal that was gone left behind needs a
    moment to go right.
    """
    after = (topic for topic in _WIDE if topic in standing and topic not in now)
    passing = [topic for topic in after if now and at - (standing[topic].ends or at) < LINGERS]
    return next((topic for topic in (KEY, *passing, *_WIDE) if topic in now or topic in passing), None)


def _stuck(each: CalendarCondition, at: float, stale_after: float) -> bool:
    """Whether it is late for another reason than that it waits for a person, which is told by itself."""
    waits = bool(each.waiting) or each.adrift
    return _late(each, at, stale_after) and (not waits or each.state == "failed")


def _late(each: CalendarCondition, at: float, stale_after: float) -> bool:
    return each.right_at is None or at - each.right_at > stale_after


def _reason(each: CalendarCondition) -> Fault:
    return next(iter(each.faults), Fault("calendar.stale", {"name": each.name}))
