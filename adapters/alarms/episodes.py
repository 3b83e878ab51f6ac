"""One alarm per episode and one all-clear, never a storm; what a wider trouble explains is not told beside it.

Pure: what is wrong now and what was told before come in, what is to be told goes out.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from adapters.condition import CalendarCondition, Condition
from engine.faults import Fault

KEY, WINDOW, ALL = "key", "window", "all"
_WIDE: Final = (KEY, WINDOW, ALL)
"""Topics that explain whatever else may be wrong, widest first."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell: that `topic` is in trouble since `since` in wall-clock seconds, or, with `over`, no more."""

    topic: str
    fault: Fault
    calendar: str = ""
    """Which calendar it is about; empty for the whole job."""
    since: float
    over: bool = False


def troubles(condition: Condition, stale_after: float) -> dict[str, Fault]:
    """What somebody should be told of, by topic: what lasts longer than `stale_after` seconds, and at once what only a
    person can mend. A job that a person switched off is in no trouble.
    """
    if not condition.on:
        return {}
    if condition.stale is not None and condition.stale.code == "portal.key_refused":
        return {KEY: condition.stale}
    late = {each.name: _reason(each) for each in condition.calendars if _late(each, condition.at, stale_after)}
    found = {f"calendar {name}": fault for name, fault in late.items()}
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
    return condition.on and all(fresh) and all(sound) and condition.stale is None


def step(told: Mapping[str, Alarm], now: Mapping[str, Fault], at: float) -> tuple[dict[str, Alarm], list[Alarm]]:
    """What stands as told from now on, and what is to be told for that."""
    wide = next((topic for topic in _WIDE if topic in now), None)
    standing, news = dict(told), list[Alarm]()
    for topic, fault in now.items():
        if topic not in standing and wide in (None, topic):
            name = str(fault.facts.get("name", "")) or topic.partition(" ")[2]
            standing[topic] = Alarm(topic=topic, fault=fault, calendar=name, since=at)
            news.append(standing[topic])
    for topic, alarm in told.items():
        if topic not in now and wide is None:
            del standing[topic]
            news.append(msgspec.structs.replace(alarm, over=True))
    return standing, news


def _late(each: CalendarCondition, at: float, stale_after: float) -> bool:
    return each.right_at is None or at - each.right_at > stale_after


def _reason(each: CalendarCondition) -> Fault:
    return next(iter(each.faults), Fault("calendar.stale", {"name": each.name}))
