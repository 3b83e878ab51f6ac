"""The portal's format, version 1: what is sent says exactly what is blocked, what is read is understood or refused.

Whatever a change of Dr.Flex's interface touches is in this module. Pure: no request is made here.

    GET  window   → {"from": "2026-11-23", "to": "2027-02-20"}                   dates: both days inclusive
                  → {"from": "2026-11-22T23:00:00Z", "to": "2027-02-20T23:00:00Z"}    instants: half-open
    POST upload   ← {"calendar": …, "from": …, "to": …, "appointments": [{"start": …, "end": …}, …]}
                  → any body; {"accepted": n} is welcome
"""

import re
from codecs import BOM_UTF8
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final, NamedTuple

import msgspec

from engine.faults import FaultError
from engine.model import DAY, Instant, Wall, Window
from engine.spans import IntervalSet
from engine.walltime import WallClock

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1)
_SECOND: Final = timedelta(seconds=1)
_STRETCH: Final = 7 * DAY
_YEARS: Final = range(1900, 9001)
"""Every zone can be computed with in these years, and nobody asks for appointments beyond them."""

_MOMENT: Final = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:T(?P<minute>[0-9]{2}:[0-9]{2})(?:(?P<second>:[0-9]{2})(?P<fraction>\.[0-9]{1,12})?)?"
    r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


# ------------------------------------------------------------------------------------------------------ upload


def encode_upload(name: str, window: Window, blocked: IntervalSet, clock: WallClock) -> bytes:
    """The body that replaces what the portal holds for `name` in `window` (R2); times are local, with their offset.

    `blocked` is cut at the window's edges (R7), sorted and merged as it comes.
    """
    ends = {"from": clock.isoformat(window.start), "to": clock.isoformat(window.end)}
    head = msgspec.json.encode({"calendar": name, **ends, "appointments": []})[:-2]
    rows = [_rows(each, clock) for each in window.clip(blocked).stretches(_STRETCH)] or [b""]
    # A body is long: what is joined once is copied once.
    rows[0] = head + rows[0]
    rows[-1] += b"]}"
    return b",".join(rows)


class _Day(NamedTuple):
    """A local day of one offset, `[start, end)`, and the text around the two times of an interval that lies in it."""

    start: int
    end: int
    opening: str
    middle: str
    closing: str


_NO_DAY: Final = _Day(0, 0, "", "", "")


@lru_cache(maxsize=1024)
def _rows(blocked: IntervalSet, clock: WallClock) -> bytes:
    """Each interval as JSON; most begin and end on one day of one offset, so that a day's text is made once. A stretch
    in which nothing changed is not written twice.
    """
    day_start = day_end = 0
    opening = middle = closing = ""
    texts = []
    for start, end in blocked:
        if not day_start <= start < day_end:
            day_start, day_end, opening, middle, closing = _day(clock.zone, clock.wall(Instant(start)) // DAY)
        if day_start <= start and end < day_end:
            texts.append(f"{opening}{_time(start - day_start)}{middle}{_time(end - day_start)}{closing}")
        else:
            texts.append(f'{{"start":"{clock.isoformat(Instant(start))}","end":"{clock.isoformat(Instant(end))}"}}')
    return ",".join(texts).encode()


@lru_cache(maxsize=4096)
def _day(zone: tzinfo, number: int) -> _Day:
    """The `number`th local day since 1970-01-01; `_NO_DAY` when its offset changes, or does at its end."""
    midnight = datetime.combine(_EPOCH_DAY + timedelta(days=number), time.min, zone)
    readings = [midnight + timedelta(hours=hour) for hour in range(25)]  # wall time: midnight has a zone
    if len({reading.utcoffset() for reading in readings}) > 1:
        return _NO_DAY
    start, text = (midnight - _EPOCH) // _SECOND, midnight.isoformat()
    day, offset = text[:10], text[19:]
    return _Day(start, start + DAY, f'{{"start":"{day}T', f'{offset}","end":"{day}T', f'{offset}"}}')


@lru_cache(maxsize=4096)
def _time(second: int) -> str:
    """A second of the day as `08:00:00`."""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


# ------------------------------------------------------------------------------------------------------ answers


class _Asked(msgspec.Struct):
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


class _Accepted(msgspec.Struct):
    accepted: int | None = None


def decode_window(body: bytes, clock: WallClock) -> Window:
    """The window that the portal asks for; dates become local midnights by their widest reading (R9).

    Raises FaultError: `portal.not_understood` with what was not understood as `detail` (`json`, `shape`, `time`,
    `offset`), or `portal.window_absurd` for a window that is empty, longer than three years, or beyond the years 1900
    to 9000 (R1).
    """
    asked = _asked(body)
    first, last = _moment(asked.start), _moment(asked.end)
    absurd = FaultError("portal.window_absurd", **{"from": asked.start, "to": asked.end})
    if first.day.year not in _YEARS or last.day.year not in _YEARS:
        raise absurd
    start, end = _start(first, clock), _end(last, clock)
    if not start < end <= _three_years_after(start, clock):
        raise absurd
    return Window(start, end)


def _three_years_after(start: Instant, clock: WallClock) -> Instant:
    """By the calendar of the practice; to 29 February belongs 1 March."""
    then = datetime(1970, 1, 1) + timedelta(seconds=clock.wall(start))
    month, day = (3, 1) if (then.month, then.day) == (2, 29) else (then.month, then.day)
    later = then.replace(year=then.year + 3, month=month, day=day)
    return clock.latest(Wall((later - datetime(1970, 1, 1)) // _SECOND))


def _asked(body: bytes) -> _Asked:
    try:
        return msgspec.json.decode(body.removeprefix(BOM_UTF8), type=_Asked)
    except msgspec.ValidationError:
        detail = "shape"
    except (ValueError, RecursionError):
        detail = "json"
    raise FaultError("portal.not_understood", detail=detail)


class _Moment(NamedTuple):
    """A point in time as the portal wrote it: a whole day, or an instant, floored, and whether it was a bit later."""

    day: date
    instant: datetime | None
    later: bool


def _moment(text: str) -> _Moment:
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise FaultError("portal.not_understood", detail="time")
    if match["minute"] and not match["offset"]:
        raise FaultError("portal.not_understood", detail="offset")
    written = match["minute"] and f"{match['date']}T{match['minute']}{match['second'] or ''}{match['offset']}"
    try:
        day = date.fromisoformat(match["date"])
        instant = datetime.fromisoformat(written) if written else None
    except ValueError:
        raise FaultError("portal.not_understood", detail="time") from None
    return _Moment(day, instant, later=bool((match["fraction"] or "").strip(".0")))


def _start(first: _Moment, clock: WallClock) -> Instant:
    if first.instant is None:
        return clock.earliest(_midnight(first.day))
    return Instant((first.instant - _EPOCH) // _SECOND)


def _end(last: _Moment, clock: WallClock) -> Instant:
    if last.instant is None:
        return clock.latest(_midnight(last.day + timedelta(days=1)))
    return Instant((last.instant - _EPOCH) // _SECOND + last.later)


def _midnight(day: date) -> Wall:
    return Wall((day - _EPOCH_DAY).days * DAY)


def decode_accepted(body: bytes) -> int | None:
    """How many intervals the portal says that it accepted; None when it does not say."""
    try:
        accepted = msgspec.json.decode(body.removeprefix(BOM_UTF8), type=_Accepted).accepted
    except (ValueError, RecursionError):
        return None
    return accepted if accepted is not None and 0 <= accepted < 2**31 else None
