"""The portal is asked for its window before anything is uploaded, and once per interval; the last answer holds (R1).

The question is also the probe of a refused key (I10). A failure never ends the use of a window that was answered
before: it is stale then, and said to be.
"""

import asyncio
from collections.abc import Callable
from math import inf
from random import Random

from engine.faults import Fault
from engine.gate import LONGEST_PAUSE, Gate
from engine.limits import Limits
from engine.model import Window
from engine.pace import backoff
from engine.ports import KeyRefusedError, Noticed, Observer, Portal, PortalError, PortalRecord, WindowAnswered

PROBE_EVERY = 900.0
"""Seconds between two probes of a refused key."""


class WindowKeeper:
    """Asks for the window, keeps the answer, and knows when to ask next."""

    def __init__(
        self, portal: Portal, gate: Gate, observer: Observer, limits: Limits, wall: Callable[[], float], chance: Random
    ) -> None:
        self.window: Window | None = None
        self.trouble: Fault | None = None
        """Why the last question had no answer; the window is stale meanwhile."""
        self.retry_at = 0.0
        """When to ask again after a failure, by the loop's clock."""
        self.asked = False
        """Whether this process has asked yet, with or without an answer, or was told to wait; before that nothing goes
        up."""
        self.asked_at: float | None = None
        """When it was last answered, in wall-clock seconds."""
        self.known_at = -inf
        """When it was last answered in this process, by the loop's clock."""
        self._failures = 0
        self._portal, self._gate, self._observer = portal, gate, observer
        self._limits, self._wall, self._chance = limits, wall, chance

    def recall(self, record: PortalRecord) -> None:
        """Take up what an earlier process knew; the window is in use again once it was asked about."""
        self.window, self.asked_at = record.window, record.asked_at
        # A clock set back since lengthens no pause.
        now, wall = _now(), max(self._wall(), record.noted_at or 0.0)
        for host, until in record.paused.items():
            self._gate.pause(host, now + min(until - wall, LONGEST_PAUSE))

    def not_after(self, wall: float) -> None:
        """It was not answered later than now, whatever the wall clock said then."""
        if self.asked_at is not None:
            self.asked_at = min(self.asked_at, wall)

    def record(self) -> PortalRecord:
        """What the next process should know."""
        ahead = self._wall() - _now()
        paused = {host: until + ahead for host, until in self._gate.paused.items() if until > _now()}
        return PortalRecord(self.window, self.asked_at, paused, self._wall())

    async def ask(self, *, asked: bool = False) -> bool:
        """Ask, unless the gate forbids it; whether the window is known afresh. `asked` by a person: even while off."""
        host = self._portal.window_host
        async with self._gate.request():
            allowed = self._gate.question_at(host, _now(), asked=asked)
            if allowed > _now():
                self._put_off(allowed)
                return False
            began = _now()
            try:
                answer = await self._portal.window()
            except PortalError as error:
                self._unanswered(error, host, began)
                return False
            finally:
                self.asked = True
        self._answered(answer)
        return True

    def heed(self, error: PortalError, host: str, began: float) -> None:
        """Draw the consequences for all calendars of a request to `host` that began at `began` and failed: a pause, a
        refused key (I10); but a refusal from before the last answer may speak of a key that has been renewed since.
        """
        if isinstance(error, KeyRefusedError) and began < self.known_at:
            return
        first = self._gate.refused is None
        self._gate.heed(error, host, _now())
        if first and self._gate.refused is not None:
            self.retry_at = _now() + PROBE_EVERY
            self._observer.tell(Noticed("key", self._gate.refused))

    def _put_off(self, allowed: float) -> None:
        """The gate forbids the question until `allowed`; nobody knows for how long while the job is off."""
        if allowed == inf:
            return
        self.retry_at, self.asked = allowed, True
        if self.window is not None and self.known_at == -inf and self.trouble is None:
            self._doubt(Fault("portal.window_stale"))

    def _doubt(self, fault: Fault) -> None:
        self.trouble = fault
        self._observer.tell(Noticed("window", fault))

    def _unanswered(self, error: PortalError, host: str, began: float) -> None:
        self._doubt(error.fault)
        self.heed(error, host, began)
        wait = PROBE_EVERY if self._gate.refused else backoff(self._failures, self._limits, self._chance)
        self.retry_at = max(_now() + wait, self._gate.question_at(host, _now(), asked=True))
        self._failures += 1

    def _answered(self, answer: Window) -> None:
        moved, self.window = answer != self.window, answer
        over = [("window", self.trouble), ("key", self._gate.refused)]
        self.trouble = None
        self._gate.welcome()
        self._failures, self.asked_at, self.known_at = 0, self._wall(), _now()
        for topic, fault in over:
            if fault is not None:
                self._observer.tell(Noticed(topic, fault, over=True))
        self._observer.tell(WindowAnswered(answer, moved))


def _now() -> float:
    return asyncio.get_running_loop().time()
