"""A time as people type it becomes wall time, or one sentence that says how to type it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Final

from engine.faults import FaultError

_WEEK: Final = (
    "mo mon montag monday",
    "di tue dienstag tuesday",
    "mi wed mittwoch wednesday",
    "do thu donnerstag thursday",
    "fr fri freitag friday",
    "sa sat samstag sonnabend saturday",
    "so sun sonntag sunday",
)
_DAYS: Final = {name: number for number, names in enumerate(_WEEK) for name in names.split()}
_NEAR: Final = {"gestern": -1, "yesterday": -1, "heute": 0, "today": 0, "morgen": 1, "tomorrow": 1}
_CLOCK: Final = re.compile(r"(?:(?P<day>.*?)[ T,]+)?(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?: Uhr)?", re.IGNORECASE)
_YEARS: Final = range(1900, 9001)
"""Every zone can be computed with in these years."""
_GERMAN: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})?")


def parse_moment(text: str, now: datetime, *, past: bool = False) -> datetime:
    """The wall time that `text` names, seen from `now`: `2026-11-26 10:15`, `26.11.2026 10:15`, `26.11. 10:15`,
    `Do 10:15`, `morgen 10:15`, `10:15`. A day of the week is the next one, today included; the last one if `past`.

    Raises FaultError.
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is not None:
        for day in _days(found["day"] or "", now.date(), past=past):
            with suppress(ValueError):
                moment = datetime(day.year, day.month, day.day, int(found["hour"]), int(found["minute"]))
                if moment.year in _YEARS:
                    return moment
    raise FaultError("usage.no_moment", text=text)


def _days(text: str, today: date, *, past: bool) -> Iterator[date]:
    """The day that `text` names, if it is one."""
    word = text.lower().rstrip(".,")
    if not word or word in _NEAR:
        yield today + timedelta(_NEAR.get(word, 0))
    elif word in _DAYS:
        ahead = (_DAYS[word] - today.weekday()) % 7
        yield today + timedelta(ahead - 7 if past and ahead else ahead)
    elif german := _GERMAN.fullmatch(text):
        day, month, year = german.groups()
        yield from _written(int(day), int(month), int(year) if year else None, today)
    else:
        try:
            yield date.fromisoformat(text)
        except ValueError:
            return


def _written(day: int, month: int, year: int | None, today: date) -> Iterator[date]:
    """That day; of the years that may be meant the one that is nearest."""
    found = []
    for each in [year] if year else range(today.year - 1, today.year + 2):
        try:
            found.append(date(each, month, day))
        except ValueError:
            continue
    yield from sorted(found, key=lambda each: abs(each - today))[:1]
