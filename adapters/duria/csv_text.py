"""What stands in a cell of a CSV export becomes a number, a yes or a no, or None; no text makes it raise."""

import re
from datetime import date
from typing import Final

from adapters.duria.walltext import Clock, clock_of, day_of

_GERMAN_DAY: Final = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_SHORT_HOUR: Final = re.compile(r"\d:\d\d", re.ASCII)
_EPOCH: Final = date(1970, 1, 1).toordinal()
_OCCUPIED: Final = {
    **dict.fromkeys(("ja", "yes", "1", "true", "wahr", "x"), True),
    **dict.fromkeys(("nein", "no", "0", "false", "falsch", ""), False),
}
_RESERVATION: Final = {
    **dict.fromkeys(("reservierung", "reservation"), True),
    **dict.fromkeys(("termin", "appointment", ""), False),
}


def day(text: str) -> int | None:
    """The day, counted from 1970-01-01, of `23.11.2026` or `2026-11-23`."""
    text = text.strip()
    german = _GERMAN_DAY.fullmatch(text)
    if german is None:
        return day_of(text)
    try:
        return date(int(german[3]), int(german[2]), int(german[1])).toordinal() - _EPOCH
    except ValueError:
        return None


def clock(text: str) -> Clock | None:
    """The time of day of `08:00`, `8:00` or `08:00:00`."""
    text = text.strip()
    return clock_of(f"0{text}" if _SHORT_HOUR.match(text) else text)


def occupied(text: str) -> bool | None:
    """Whether a cell says occupied or free."""
    return _OCCUPIED.get(text.strip().casefold())


def reservation(text: str) -> bool | None:
    """Whether a cell says reservation or appointment."""
    return _RESERVATION.get(text.strip().casefold())
