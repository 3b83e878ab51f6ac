"""What only the portal sees: each request, how many are under way at once, and uploads of one calendar that overlap.

A request whose client goes away just as the next one comes is not counted beside it: its end was on its way already.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from typing import Final

import msgspec

_ON_ITS_WAY: Final = 0.1
"""Seconds; how long the end of a connection may take to be noticed here."""


class Logged(msgspec.Struct, frozen=True):
    """One finished request: when it ended in seconds since the epoch, and how, as HTTP status or trouble."""

    at: float
    request: str
    calendar: str
    outcome: str


class Visit:
    """A request under way, and when its client went away, if it did."""

    def __init__(self, request: str) -> None:
        self.request = request
        self.calendar = ""
        self.outcome = ""
        self.abandoned = inf

    def beside(self, moment: float) -> bool:
        """Whether it was still wanted when another request came in at `moment`."""
        return self.abandoned > moment + _ON_ITS_WAY


class Traffic:
    """The requests of now, and a log of those that ended."""

    def __init__(self, keep: int) -> None:
        self.log: deque[Logged] = deque(maxlen=keep)
        self._under_way: set[Visit] = set()
        self._crowds: list[tuple[float, tuple[Visit, ...]]] = []
        self._pairs: list[tuple[float, Visit]] = []

    @property
    def under_way(self) -> int:
        """How many requests for window or upload are under way now."""
        return len(self._under_way)

    @property
    def most_under_way(self) -> int:
        """The most requests for window or upload that were under way at once."""
        return max((sum(visit.beside(moment) for visit in crowd) for moment, crowd in self._crowds), default=0)

    @property
    def overlaps(self) -> list[str]:
        """The calendars of which an upload began while another was under way; must stay empty (I4)."""
        return [visit.calendar for moment, visit in self._pairs if visit.beside(moment)]

    @contextmanager
    def visit(self, request: str) -> Iterator[Visit]:
        """A request, from its head to the end of its answer."""
        visit = Visit(request)
        self._under_way.add(visit)
        if len(self._under_way) > self.most_under_way:
            self._crowds.append((time.monotonic(), tuple(self._under_way)))
        try:
            yield visit
        except asyncio.CancelledError:
            visit.abandoned = time.monotonic()
            raise
        finally:
            self._under_way.discard(visit)
            self.note(request, visit.calendar, visit.outcome)

    def names(self, visit: Visit, calendar: str) -> None:
        """The request turned out to be an upload of `calendar`."""
        others = [other for other in self._under_way if calendar and other.calendar == calendar]
        self._pairs += [(time.monotonic(), other) for other in others]
        visit.calendar = calendar

    def note(self, request: str, calendar: str, outcome: str) -> None:
        """A request ended."""
        self.log.append(Logged(time.time(), request, calendar, outcome))
