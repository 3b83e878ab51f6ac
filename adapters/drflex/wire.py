"""The portal's format, version 1: what is sent says exactly what is blocked, what is read is understood or refused.

Whatever a change of Dr.Flex's interface touches is in this module. Pure: no request is made here.

    GET  window   → {"from": "2026-11-23", "to": "2027-02-20"}                   dates: both days inclusive
                  → {"from": "2026-11-22T23:00:00Z", "to": "2027-02-20T23:00:00Z"}    instants: half-open
    POST upload   ← {"calendar": …, "from": …, "to": …, "appointments": [{"start": …, "end": …}, …]}
                  → any body; {"accepted": n} is welcome
"""

import re
from array import array
from bisect import bisect_left
from codecs import BOM_UTF8
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from sys import byteorder
from typing import Final, NamedTuple

import msgspec

from engine.faults import FaultError
from engine.model import DAY, Instant, Wall, Window
from engine.spans import IntervalSet
from engine.walltime import WallClock

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY: Final = date(1970, 1, 1)
_SECOND: Final = timedelta(seconds=1)
_FIRST_DAY, _LAST_DAY = ((each - _EPOCH_DAY).days for each in (date.min, date.max))
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
    return b"".join((_head(name, window, clock), _rows(window.clip(blocked), clock), _TAIL))


class Uploads:
    """Encodes as `encode_upload` does; of a calendar whose last body is at hand, only what differs is written anew."""

    def __init__(self, clock: WallClock, *, room: int = 8_388_608) -> None:
        """`room` is how many bytes of bodies may be kept; those that were not used for longest go first."""
        self._clock, self._room = clock, room
        self._known: dict[str, _Body] = {}

    def encode(self, name: str, window: Window, blocked: IntervalSet) -> bytes:
        """See `encode_upload`."""
        times, known = window.clip(blocked), self._known.pop(name, None)
        if known is not None:
            self._room += len(known.text)
        if known is not None and known.window == window and known.is_even():
            head, text = known.head, known.with_times(times, self._clock)
        else:
            head = _head(name, window, self._clock)
            text = b"".join((head, _rows(times, self._clock), _TAIL))
        self._keep(name, _Body(window, head, times, text))
        return text

    def _keep(self, name: str, body: "_Body") -> None:
        self._known[name] = body
        self._room -= len(body.text)
        while self._room < 0:
            self._room += len(self._known.pop(next(iter(self._known))).text)


class _Body(NamedTuple):
    """A body as it was sent, of which the next one can use a part."""

    window: Window
    head: bytes
    times: IntervalSet
    text: bytes

    def is_even(self) -> bool:
        """Whether all rows are of one length, so that each one's place is known."""
        return len(self.text) == len(self.head) + max(0, len(self.times) * _WIDTH - 1) + len(_TAIL)

    def with_times(self, times: IntervalSet, clock: WallClock) -> bytes:
        """The body that has `times` in place of its own."""
        front, back = times.shared(self.times)
        text, begin, end = memoryview(self.text), len(self.head), len(self.text) - len(_TAIL)
        rows = (
            text[begin : begin + front * _WIDTH - 1] if front else b"",
            _rows(times.part(front, len(times) - back), clock),
            text[end - back * _WIDTH + 1 : end] if back else b"",
        )
        pieces = [piece for row in rows if row for piece in (b",", row)]
        return b"".join((self.head, *pieces[1:], _TAIL))


class _Day(NamedTuple):
    """The `number`th local day since 1970-01-01, `[start, end)`, and its date and offset as they are written."""

    number: int
    start: int
    end: int
    date: str
    offset: str


_TAIL: Final = b"]}"
_WIDTH: Final = len('{"start":"2026-11-23T08:00:00+01:00","end":"2026-11-23T08:20:00+01:00"},')
_NO_DAY: Final = _Day(0, 0, 0, "", "")
_DATE: Final = "*"
"""Where a day's date goes."""


def _head(name: str, window: Window, clock: WallClock) -> bytes:
    ends = {"from": clock.isoformat(window.start), "to": clock.isoformat(window.end)}
    return msgspec.json.encode({"calendar": name, **ends, "appointments": []})[: -len(_TAIL)]


def _rows(blocked: IntervalSet, clock: WallClock) -> bytes:
    """Each interval as JSON; most begin and end on one day of one offset, and what a day holds is written at once."""
    edges, here, texts, day = blocked.edges(), 0, list[str](), _NO_DAY
    while here < len(edges):
        day = _day_of(edges[here], day, clock)
        there = bisect_left(edges, day.end, here) & -2
        if there > here and edges[here] >= 0:
            form = _form(_since(edges[here:there], day.start), edges.typecode, day.offset)
            texts.append(form.replace(_DATE, day.date))
        else:
            there = here + 2
            start, end = (clock.isoformat(Instant(each)) for each in edges[here:there])
            texts.append(f'{{"start":"{start}","end":"{end}"}}')
        here = there
    return ",".join(texts).encode()


def _since(edges: "array[int]", start: int) -> bytes:
    """`edges`, none before `start` nor 1970, counted from there: taken away from all at once, as from one number."""
    ones = _ones(edges.typecode, len(edges))
    return (int.from_bytes(edges.tobytes(), byteorder) - start * ones).to_bytes(len(edges) * edges.itemsize, byteorder)


@lru_cache(maxsize=1024)
def _ones(code: str, count: int) -> int:
    return int.from_bytes((array(code, [1]) * count).tobytes(), byteorder)


@lru_cache(maxsize=1024)
def _form(packed: bytes, code: str, offset: str) -> str:
    """Intervals of a day, packed as seconds of it: on many days the same are taken, and only the date differs."""
    times = tuple(map(_time, array(code, packed)))
    row = f'{{"start":"{_DATE}T%s{offset}","end":"{_DATE}T%s{offset}"}},'
    return (row * (len(times) // 2) % times)[:-1]


@lru_cache(maxsize=2048)
def _time(second: int) -> str:
    """A second of the day as it is written: most are full minutes."""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _day_of(second: int, last: _Day, clock: WallClock) -> _Day:
    """The local day of an instant; most are not far from the `last` one, and of the same offset."""
    day = _day(clock.zone, last.number + (second - last.start) // DAY)
    return day if day.start <= second < day.end else _day(clock.zone, clock.wall(Instant(second)) // DAY)


@lru_cache(maxsize=4096)
def _day(zone: tzinfo, number: int) -> _Day:
    """`_NO_DAY` when its offset changes, or does at its end, and when no calendar has it."""
    if not _FIRST_DAY < number < _LAST_DAY:
        return _NO_DAY
    midnight = datetime.combine(_EPOCH_DAY + timedelta(days=number), time.min, zone)
    readings = [midnight + timedelta(hours=hour) for hour in range(25)]  # wall time: midnight has a zone
    if len({reading.utcoffset() for reading in readings}) > 1:
        return _NO_DAY
    start, text = (midnight - _EPOCH) // _SECOND, midnight.isoformat()
    return _Day(number, start, start + DAY, text[:10], text[19:])


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
