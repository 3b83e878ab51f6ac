"""When may this calendar's next upload go? Never within the gap, on average once a minute, later after failures (I10).

Pure: every time is passed in, in seconds of one clock that never goes back; chance is a `random.Random` passed in.
"""

from random import Random
from typing import Final

import msgspec

from engine.limits import Limits

_REFILL: Final = 1 / 60
_FIRST_BACKOFF: Final = 1.0
_replace = msgspec.structs.replace


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar's right to upload: a bucket of tokens, the end of its last upload, and its failures in a row."""

    tokens: float
    counted: float
    """When `tokens` was counted."""
    last: float | None = None
    failures: int = 0
    not_before: float = 0.0


def full(limits: Limits, now: float) -> Pace:
    """The pace of a calendar that has not uploaded yet."""
    return Pace(tokens=limits.upload_burst, counted=now)


def tokens(pace: Pace, now: float, limits: Limits) -> float:
    """How many uploads the bucket holds: one comes back every minute, up to `upload_burst`."""
    return min(limits.upload_burst, pace.tokens + max(0.0, now - pace.counted) * _REFILL)


def ready_at(pace: Pace, now: float, limits: Limits, *, asked: bool = False) -> float:
    """The earliest time for the next upload; one that a person asked for waits for the gap alone."""
    gap_over = now if pace.last is None else pace.last + limits.upload_gap
    if asked:
        return max(now, gap_over)
    missing = 1 - tokens(pace, now, limits)
    refilled = now + max(0.0, missing) / _REFILL
    return max(now, gap_over, refilled, pace.not_before)


def started(pace: Pace, now: float, limits: Limits) -> Pace:
    """An upload starts: it takes a token, and the gap counts from here should its end never be seen."""
    return _replace(pace, tokens=max(0.0, tokens(pace, now, limits) - 1), counted=now, last=now)


def left(pace: Pace, now: float) -> Pace:
    """The upload leaves: however long it took to prepare, it is now that it counts."""
    return _replace(pace, counted=now, last=now)


def succeeded(pace: Pace, now: float) -> Pace:
    """The upload was answered in a way that needs no retry."""
    return _replace(pace, last=now, failures=0, not_before=0.0)


def failed(pace: Pace, now: float, limits: Limits, chance: Random) -> Pace:
    """The upload has to be tried again."""
    not_before = now + backoff(pace.failures, limits, chance)
    return _replace(pace, last=now, failures=pace.failures + 1, not_before=not_before)


def backoff(failures: int, limits: Limits, chance: Random) -> float:
    """Seconds to wait after `failures` earlier ones: up to 1, 2, 4 … `backoff_max`, with full jitter."""
    return chance.uniform(0.0, min(limits.backoff_max, _FIRST_BACKOFF * 2.0 ** min(failures, 30)))
