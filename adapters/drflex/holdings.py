"""What the stand-in holds: blocked times that an upload replaces in its window, bookings that no upload frees (R2)."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, NamedTuple

import msgspec

from engine.model import Instant, Window
from engine.spans import EMPTY, IntervalSet

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_Time = str
"""ISO 8601, seconds optional, with its offset."""


class Upload(NamedTuple):
    """One upload as it came in: `at` in seconds since the epoch, `body` the bytes themselves."""

    name: str
    window: Window
    blocked: IntervalSet
    at: float
    body: bytes


class _Span(msgspec.Struct, forbid_unknown_fields=True):
    start: _Time
    end: _Time


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    """Unknown fields are refused: whatever else was sent might be a patient's (I7)."""

    calendar: Annotated[str, msgspec.Meta(min_length=1)]
    start: _Time = msgspec.field(name="from")
    end: _Time = msgspec.field(name="to")
    appointments: list[_Span]


class _Wish(msgspec.Struct, forbid_unknown_fields=True):
    calendar: str
    start: _Time
    end: _Time


class Holdings:
    """Blocked and booked times by calendar."""

    def __init__(self) -> None:
        self.blocked: dict[str, IntervalSet] = {}
        self.booked: dict[str, IntervalSet] = {}

    def names(self) -> list[str]:
        """The calendars of which anything is known."""
        return sorted(self.blocked.keys() | self.booked.keys())

    def replace(self, upload: Upload) -> None:
        """Take `upload` in place of what was blocked for its calendar in its window (R2)."""
        outside = self.blocked.get(upload.name, EMPTY) - _set(upload.window.start, upload.window.end)
        self.blocked[upload.name] = outside | upload.blocked

    def book(self, name: str, wanted: IntervalSet) -> bool:
        """A patient books; False when any of it is blocked or booked."""
        booked = self.booked.get(name, EMPTY)
        if wanted & (booked | self.blocked.get(name, EMPTY)):
            return False
        self.booked[name] = booked | wanted
        return True


def read_upload(body: bytes, at: float) -> Upload:
    """The upload in `body`; raises ValueError for anything but the wire's form, sorted, merged and in its window."""
    said = msgspec.json.decode(body, type=_Body)
    window = Window(_instant(said.start), _instant(said.end))
    pairs = [(_instant(span.start), _instant(span.end)) for span in said.appointments]
    blocked = IntervalSet(pairs)
    if list(blocked) != pairs:
        raise ValueError("appointments are not sorted and merged")
    if window.clip(blocked) != blocked:
        raise ValueError("appointments stick out of the window")
    return Upload(said.calendar, window, blocked, at, body)


def read_wish(body: bytes) -> tuple[str, IntervalSet]:
    """The calendar and the time that a patient wants; raises ValueError."""
    said = msgspec.json.decode(body, type=_Wish)
    return said.calendar, _set(_instant(said.start), _instant(said.end))


def _set(start: int, end: int) -> IntervalSet:
    return IntervalSet([(start, end)])


def _instant(text: _Time) -> Instant:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None or time.microsecond:
        raise ValueError("times are whole seconds with their offset")
    return Instant((time - _EPOCH) // timedelta(seconds=1))
