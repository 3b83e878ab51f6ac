"""An event loop whose clock jumps to the next timer: hours pass in milliseconds, and the same way each time."""

import asyncio
import heapq
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never waits. Nothing in it may wait for the real world."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 1000.0
        self._clock_resolution = 1e-6
        self._ready: deque[asyncio.Handle]
        self._scheduled: list[asyncio.TimerHandle]
        self._timer_cancelled_count: int

    def time(self) -> float:
        return self._virtual

    def _run_once(self) -> None:
        if not self._ready:
            self._jump()
        super()._run_once()  # type: ignore[misc]  # the loop's inner life has no stubs

    def _jump(self) -> None:
        timers: list[asyncio.TimerHandle] = self._scheduled
        while timers and timers[0].cancelled():
            heapq.heappop(timers)._scheduled = False  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1
        if not timers:
            raise RuntimeError("nothing can ever happen any more: every task waits for another one")
        self._virtual = max(self._virtual, timers[0].when())

    def freeze(self, seconds: float) -> None:
        """Let `seconds` pass in which this process does nothing at all."""
        self._virtual += seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
