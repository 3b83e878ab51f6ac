"""Turns wall time into instants so that a doubtful wall time always gets its widest reading (R9).

A wall time is doubtful in the hour that a clock change repeats or leaves out. Of its two readings a start takes the
earlier, an end the later. The zone is passed in; the offsets of ordinary days are remembered, one lookup a row.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, NamedTuple

from engine.model import DAY, Days, Instant, Wall, Window

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time has no zone
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_FIRST, _LAST = ((each - _EPOCH) // _SECOND for each in (datetime.min, datetime.max))  # noqa: DTZ901 - wall time
_MOST_DAYS: Final = 40
MARGIN: Final = 2 * DAY
"""More than any offset from UTC and any default slot (R13): what is farther from a window cannot touch it."""


class WallSpan(NamedTuple):
    """A stretch of wall time, `[start, end)`."""

    start: Wall
    end: Wall


class WallClock:
    """The clock on the practice's wall, in one time zone."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone
        self._plain_days: dict[int, int | None] = {}

    def earliest(self, wall: Wall) -> Instant:
        """The instant at which something that starts at `wall` may start at the earliest."""
        return Instant(wall - self._offset(wall, widest=max))

    def latest(self, wall: Wall) -> Instant:
        """The instant at which something that ends at `wall` may end at the latest."""
        return Instant(wall - self._offset(wall, widest=min))

    def wall(self, instant: Instant) -> Wall:
        """What the clock shows at `instant`."""
        shown = (_EPOCH_UTC + timedelta(seconds=instant)).astimezone(self.zone)
        return Wall((shown.replace(tzinfo=None) - _EPOCH) // _SECOND)

    def around(self, window: Window) -> WallSpan:
        """Wall time outside of which nothing can touch `window`, whatever the reading of a doubtful time."""
        return WallSpan(Wall(self.wall(window.start) - MARGIN), Wall(self.wall(window.end) + MARGIN))

    def within(self, window: Window, days: Days) -> Window | None:
        """The part of `window` that lies in `days`, by their widest reading; None when there is none."""
        start = max(window.start, self.earliest(Wall(days.first * DAY)))
        end = min(window.end, self.latest(Wall((days.last + 1) * DAY)))
        return Window(start, end) if start < end else None

    def steady(self, first: int, last: int) -> int | None:
        """The one offset from UTC, in seconds, of every day from that of `first` to that of `last`, both wall times;
        None where there are several, or too many days to look at.
        """
        days = range(first // DAY, last // DAY + 1)
        offsets = {self._plain(day) for day in days[:_MOST_DAYS]}
        return offsets.pop() if len(offsets) == 1 and len(days) <= _MOST_DAYS else None

    def isoformat(self, instant: Instant) -> str:
        """`instant` as local time with its offset, `2026-11-23T08:00:00+01:00`."""
        return (_EPOCH_UTC + timedelta(seconds=instant)).astimezone(self.zone).isoformat()

    def _offset(self, wall: Wall, widest: Callable[[int, int], int]) -> int:
        plain = self._plain(wall // DAY)
        return plain if plain is not None else widest(self._fold(wall, 0), self._fold(wall, 1))

    def _plain(self, day: int) -> int | None:
        """The offset of the whole day, if it has but one."""
        if day not in self._plain_days:
            first, second = self._fold(day * DAY, 0), self._fold((day + 1) * DAY, 1)
            self._plain_days[day] = first if first == second == self._fold(day * DAY, 1) else None
        return self._plain_days[day]

    def _fold(self, wall: int, fold: int) -> int:
        """The offset from UTC in seconds that `fold` reads out of `wall`."""
        within = min(max(wall, _FIRST), _LAST)  # an end in the year 9999 means never, and the day after it is none
        local = (_EPOCH + timedelta(seconds=within)).replace(tzinfo=self.zone, fold=fold)
        offset = local.utcoffset()
        return offset // _SECOND if offset is not None else 0


def wall_span(days: Days) -> WallSpan:
    """From the first midnight of `days` to the last."""
    return WallSpan(Wall(days.first * DAY), Wall((days.last + 1) * DAY))


def wall_text(wall: Wall) -> str:
    """`wall` as people write it, `2026-11-23 08:00`."""
    return (_EPOCH + timedelta(seconds=wall)).isoformat(" ", "minutes")
