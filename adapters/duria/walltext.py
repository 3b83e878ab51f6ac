"""The text of a date or a time becomes a number or None; no value of any type makes it raise.

Days are counted from 1970-01-01, wall time in seconds from 1970-01-01 00:00 (`engine.model.Wall`). A fraction of a
second counts downwards for a start and upwards for an end, so that nothing shrinks. `24:00` is the end of the day.
"""

import re
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from engine.model import DAY, Wall

_EPOCH: Final = date(1970, 1, 1).toordinal()
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME: Final = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?", re.ASCII)
_SHORTEST: Final = len("YYYY-MM-DD HH:MM")
LONGEST: Final = 40
"""Characters; a longer text is no time, and is not worth its memory."""


class Clock(NamedTuple):
    """A time of day in seconds, 0 to 86,400, read as a start and as an end."""

    down: int
    up: int


def start_of(value: object) -> Wall | None:
    """The wall time of `YYYY-MM-DD HH:MM[:SS[.f]]`, with a space or a `T`, as a start."""
    return _moment(value, 0)


def end_of(value: object) -> Wall | None:
    """The same as an end."""
    return _moment(value, 1)


def day_of(value: object) -> int | None:
    """The day of `YYYY-MM-DD`."""
    return _day(value) if isinstance(value, str) and len(value) == 10 else None


def clock_of(value: object) -> Clock | None:
    """The time of day of `HH:MM[:SS[.f]]`."""
    return _clock(value) if isinstance(value, str) and len(value) <= LONGEST else None


def _moment(value: object, up: int) -> Wall | None:
    if isinstance(value, str) and _SHORTEST <= len(value) <= LONGEST and value[10] in " T":
        day, clock = _day(value[:10]), _clock(value[11:])
        if day is not None and clock is not None:
            return Wall(day * DAY + clock[up])
    return None


# A column of thousands of rows names a few hundred days and times of day: each is understood once.
@lru_cache(maxsize=4096)
def _day(text: str) -> int | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _clock(text: str) -> Clock | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.group(1, 2, 3))
    begun = bool((match[4] or "").strip("0"))
    at = hour * 3600 + minute * 60 + second
    if minute > 59 or second > 59 or at + begun > DAY:
        return None
    return Clock(at, at + begun)
