"""Unsafe minutes: how long times that are occupied in the practice stayed bookable online, summed over appointments.

Counted from the reading that first showed a time as occupied to the portal's acceptance of it; what was so before the
first accepted upload is not counted, for nobody knows what the portal held then.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import msgspec

from engine.model import DAY
from engine.ports import Entry
from engine.walltime import WallClock

PERIOD: Final = 30 * DAY


class Unsafe(msgspec.Struct, frozen=True):
    """Unsafe seconds of today, by the practice's clock, and of the last 30 days, today included."""

    today: float = 0.0
    month: float = 0.0

    def plus(self, today: float, month: float) -> "Unsafe":
        """With so many seconds more."""
        return Unsafe(self.today + today, self.month + month)

    def as_json(self) -> dict[str, float]:
        """In minutes."""
        return {"today": round(self.today / 60, 3), "days_30": round(self.month / 60, 3)}


def unsafe(entries: Iterable[Entry], at: float, clock: WallClock) -> dict[str, Unsafe]:
    """By calendar, of the history up to `at` in wall-clock seconds."""
    here = datetime.fromtimestamp(at, clock.zone)
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    found: dict[str, Unsafe] = {}
    for each in entries:
        if each.unsafe and each.at >= at - PERIOD:
            today = each.unsafe if each.at >= midnight else 0.0
            found[each.calendar] = found.get(each.calendar, Unsafe()).plus(today, each.unsafe)
    return found
