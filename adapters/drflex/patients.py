"""What a patient does at the stand-in: sees free times and books one; and of what the practice knows nothing yet."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import islice
from typing import Final

import msgspec

from adapters.drflex.office import Office
from adapters.drflex.wire import decode_window
from engine.faults import FaultError
from engine.model import DAY, Instant, Wall
from engine.spans import IntervalSet
from engine.walltime import WallClock

SLOT: Final = 15 * 60
"""Seconds of an appointment."""
_EPOCH: Final = date(1970, 1, 1)
_OPENS, _CLOSES = 8 * 3600, 17 * 3600
_LAST_WEEKDAY: Final = 4


def free_slots(office: Office, clock: WallClock, name: str, now: float, most: int) -> list[Instant]:
    """The beginnings of the next times that can be booked, on weekdays from 8 to 17, within the portal's window."""
    try:
        window = decode_window(msgspec.json.encode(office.asks), clock)
    except FaultError:
        return []
    taken = office.held(name) | office.booked(name)
    slots = (each for each in _slots(clock, max(window.start, Instant(int(now)))) if each + SLOT <= window.end)
    return list(islice((each for each in slots if not taken & IntervalSet([(each, each + SLOT)])), most))


def not_entered(office: Office, name: str) -> IntervalSet:
    """What was booked, and is not blocked yet: as far as the portal can tell, the practice has not entered it."""
    return office.booked(name) - office.held(name)


def shown(clock: WallClock, start: int, end: int) -> str:
    """A time of one day, as people write it."""
    begins, ends = (datetime(1970, 1, 1) + timedelta(seconds=clock.wall(Instant(each))) for each in (start, end))
    return f"{begins:%d.%m. %H:%M}–{ends:%H:%M}"


def _slots(clock: WallClock, start: Instant) -> Iterator[Instant]:
    """From `start` on, for a year."""
    first = clock.wall(start) // DAY
    for day in range(first, first + 366):
        if (_EPOCH + timedelta(day)).weekday() <= _LAST_WEEKDAY:
            times = (clock.earliest(Wall(day * DAY + second)) for second in range(_OPENS, _CLOSES, SLOT))
            yield from (each for each in times if each >= start)
