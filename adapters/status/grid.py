"""A week of a calendar, as a picture and as a table: blocked, on its way, ripening, held or outside the window."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, NamedTuple

from engine.model import DAY, Instant, Wall, Window
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock

FIRST_HOUR, LAST_HOUR = 7, 20
DAY_WIDTH, HOUR_HEIGHT, LEFT, TOP = 64, 16, 34, 20
WIDTH: Final = LEFT + 7 * DAY_WIDTH
HEIGHT: Final = TOP + (LAST_HOUR - FIRST_HOUR) * HOUR_HEIGHT + 8
_EPOCH: Final = date(1970, 1, 1)


class Layers(NamedTuple):
    """The times of a calendar by what is to be said of them; what is in none is free."""

    blocked: IntervalSet
    sending: IntervalSet
    ripening: IntervalSet
    waiting: IntervalSet


class Cell(NamedTuple):
    """A rectangle of the picture, and what it says; `kind` is a layer's name or `outside`."""

    kind: str
    x: int
    y: float
    height: float
    day: date
    start: str
    end: str


class Line(NamedTuple):
    """An entry of the table behind the picture."""

    kind: str
    day: date
    start: str
    end: str


def monday_of(day: date) -> date:
    """The first day of its week."""
    return day - timedelta(day.weekday())


def lines(layers: Layers, window: Window | None, monday: date, clock: WallClock) -> list[Line]:
    """Every stretch of each day of the week, in order."""
    return sorted((line for line in _lines(layers, window, monday, clock)), key=lambda line: (line.day, line.start))


def cells(found: list[Line], monday: date) -> Iterator[Cell]:
    """What of them is seen between the first and the last hour of the picture."""
    for line in found:
        start, end = (max(FIRST_HOUR, min(LAST_HOUR, _hours(each))) for each in (line.start, line.end))
        if start < end:
            x, y = LEFT + (line.day - monday).days * DAY_WIDTH, TOP + (start - FIRST_HOUR) * HOUR_HEIGHT
            yield Cell(line.kind, x, round(y, 2), round((end - start) * HOUR_HEIGHT, 2), line.day, line.start, line.end)


def _lines(layers: Layers, window: Window | None, monday: date, clock: WallClock) -> Iterator[Line]:
    first = (monday - _EPOCH).days
    for number in range(first, first + 7):
        midnight, next_ = (clock.earliest(Wall(each * DAY)) for each in (number, number + 1))
        day = IntervalSet([(midnight, next_)])
        inside = EMPTY if window is None else window.clip(day)
        kinds = {"outside": day - inside, "sending": layers.sending, "waiting": layers.waiting}
        kinds |= {"ripening": layers.ripening, "blocked": layers.blocked}
        shown = EMPTY
        for kind, times in kinds.items():
            seen = (times & day) - shown
            shown |= seen
            for start, end in seen:
                yield Line(kind, _EPOCH + timedelta(number), _clock(start, clock), _clock(end, clock, ends=True))


def _clock(at: int, clock: WallClock, *, ends: bool = False) -> str:
    second = clock.wall(Instant(at)) % DAY
    return "24:00" if ends and second == 0 else f"{second // 3600:02}:{second // 60 % 60:02}"


def _hours(text: str) -> float:
    return int(text[:2]) + int(text[3:]) / 60
