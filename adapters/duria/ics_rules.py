"""A recurrence is expanded only if that is known to be little work; all else is refused before it begins.

An expansion runs in a thread that nothing can stop. So only rules by days, weeks, months and years are let through, of
a few parts each, and what they cost is added up beforehand.
"""

import re
from datetime import date
from typing import Final, NamedTuple

from engine.model import DAY

MOST_STEPS: Final = 2_000_000
"""How many days, weeks, months and years may be walked through for one export."""
MOST_TIMES: Final = 50_000
"""How many recurrences may come out of it."""
_PERIOD: Final = {"DAILY": DAY, "WEEKLY": 7 * DAY, "MONTHLY": 28 * DAY, "YEARLY": 365 * DAY}
_WEIGHT: Final = {"DAILY": 1, "WEEKLY": 2, "MONTHLY": 5, "YEARLY": 30}
_NUMBERS: Final = re.compile(r"-?\d{1,3}(,-?\d{1,3}){0,60}", re.ASCII)
_DAYS: Final = re.compile(r"[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU)(,[+-]?\d{0,2}(MO|TU|WE|TH|FR|SA|SU)){0,60}", re.ASCII)
_FORMS: Final = {
    "FREQ": re.compile("|".join(_PERIOD)),
    "INTERVAL": re.compile(r"0*[1-9]\d{0,3}", re.ASCII),
    "COUNT": re.compile(r"\d{1,12}", re.ASCII),
    "UNTIL": re.compile(r"\d{8}(T\d{6}Z?)?", re.ASCII),
    "BYDAY": _DAYS,
    "BYMONTHDAY": _NUMBERS,
    "BYMONTH": _NUMBERS,
    "BYSETPOS": _NUMBERS,
    "WKST": re.compile("MO|TU|WE|TH|FR|SA|SU"),
}
_EPOCH: Final = date(1970, 1, 1).toordinal()
_LAST: Final = 253_402_300_799
"""9999-12-31: so far the library looks for a rule that fits no day."""


class Cost(NamedTuple):
    """What a rule costs: steps to walk, and times that come out of it."""

    steps: int
    times: int


def cost(rule: str, start: int, first: int, last: int) -> Cost | None:
    """What it costs to expand `rule` from `start` for the span from `first` to `last`, in wall seconds; None for a rule
    that is never expanded.
    """
    parts = _parts(rule)
    if parts is None:
        return None
    freq = parts["FREQ"]
    step = _PERIOD[freq] * int(parts.get("INTERVAL", "1"))
    until = min(last, _until(parts, start, step))
    end = until if _always_fits(parts) else _LAST
    each = max(1, *(parts.get(key, "").count(",") + 1 for key in ("BYDAY", "BYMONTHDAY")))
    many = each * 5 * (parts.get("BYMONTH", "").count(",") + 1) if freq in ("MONTHLY", "YEARLY") else each
    steps = max(end - start, 0) // step + 1
    return Cost(steps * _WEIGHT[freq], (max(until - max(first, start), 0) // step + 1) * many)


def _until(parts: dict[str, str], start: int, step: int) -> int:
    """When the rule ends at the latest, in wall seconds."""
    if "COUNT" in parts:
        return start + (int(parts["COUNT"]) + 1) * step * 8
    text = parts.get("UNTIL", "")[:8]
    try:
        return (date.fromisoformat(text).toordinal() - _EPOCH + 2) * DAY if text else _LAST
    except ValueError:
        return _LAST


def _parts(rule: str) -> dict[str, str] | None:
    pairs = [each.partition("=")[::2] for each in rule.strip().rstrip(";").upper().split(";")]
    parts = dict(pairs)
    known = len(parts) == len(pairs) and "FREQ" in parts and not ("COUNT" in parts and "UNTIL" in parts)
    fits = known and all(key in _FORMS and _FORMS[key].fullmatch(value) for key, value in pairs)
    return parts if fits else None


def _always_fits(parts: dict[str, str]) -> bool:
    """Whether the rule surely comes to a day again and again, so that nobody looks for one until the end of time."""
    keys = parts.keys() - {"FREQ", "COUNT", "UNTIL", "WKST", "INTERVAL"}
    match parts["FREQ"]:
        case "DAILY":
            return not keys or (keys == {"BYDAY"} and "INTERVAL" not in parts)
        case "WEEKLY":
            return keys <= {"BYDAY"}
        case "MONTHLY":
            return keys <= {"BYDAY"} or (keys == {"BYMONTHDAY"} and "INTERVAL" not in parts)
        case _:
            return keys <= {"BYMONTH"}
