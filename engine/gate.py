"""Never more than `concurrency` requests under way, none to a host that asked for a pause, none while shut (I10).

It is shut while the job is off (I8). While the key is refused only the probe, the window question, may pass.
"""

import asyncio
from contextlib import AbstractAsyncContextManager
from math import ceil, inf
from typing import Final

from engine.faults import Fault
from engine.ports import KeyRefusedError, PortalError

LONGEST_PAUSE: Final = 3600.0
"""Seconds; no `Retry-After` is obeyed for longer."""


class Gate:
    """Who may send a request, and when; times are those of the loop's clock."""

    def __init__(self, concurrency: int) -> None:
        self.open = True
        """Whether the job is on; what a person asks for may pass all the same."""
        self.refused: Fault | None = None
        """The portal's refusal of the key, until it answers a question again."""
        self._refusal = asyncio.Event()
        self.paused: dict[str, float] = {}
        self._places = asyncio.Semaphore(concurrency)

    def pause(self, host: str, until: float) -> None:
        """Leave `host` alone until `until`; a shorter pause never ends a longer one."""
        self.paused[host] = max(until, self.paused.get(host, 0.0))

    def heed(self, error: PortalError, host: str, now: float) -> None:
        """Remember what a failed request to `host` means for all that follow."""
        if error.retry_after is not None:
            self.pause(host, now + min(error.retry_after, LONGEST_PAUSE))
        if isinstance(error, KeyRefusedError):
            self.refused = error.fault
            self._refusal.set()

    def welcome(self) -> None:
        """The key was accepted."""
        self.refused = None
        self._refusal.clear()

    async def refusal(self) -> None:
        """Wait for as long as the key is not refused."""
        await self._refusal.wait()

    def upload_at(self, host: str, now: float, *, asked: bool = False) -> float:
        """From when on an upload may go to `host`; infinite while nobody knows."""
        return inf if self.refused else self.question_at(host, now, asked=asked)

    def question_at(self, host: str, now: float, *, asked: bool = False) -> float:
        """From when on the window question may go to `host`."""
        return max(now, self.paused.get(host, 0.0)) if self.open or asked else inf

    def reason(self, host: str, now: float) -> Fault | None:
        """Why no upload may go to `host`: the key, or the pause that it asked for; None when neither is why."""
        return self.refused or self.pause_left(host, now)

    def pause_left(self, host: str, now: float) -> Fault | None:
        """The pause that `host` asked for, if it is not over."""
        left = self.paused.get(host, 0.0) - now
        return Fault("portal.paused", {"seconds": ceil(left)}) if left > 0 else None

    def request(self) -> AbstractAsyncContextManager[None]:
        """One of the places for a request under way."""
        return self._places
