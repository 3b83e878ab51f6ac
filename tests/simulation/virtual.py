"""An event loop whose clock jumps to the next timer: hours pass in milliseconds, and the same way each time."""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

AT_ONCE = 0.0005
"""Seconds; uvloop counts in whole milliseconds."""
BEGINNING = 1000.0
"""What the loop's clock shows at first."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never waits. Nothing in it may wait for the real world."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = BEGINNING
        self._clock_resolution = 1e-6
        self._ready: deque[asyncio.Handle]
        self._scheduled: list[asyncio.TimerHandle]
        self._timer_cancelled_count: int
        self.failures: list[BaseException] = []
        """What broke in a callback, where nobody awaits it."""
        self.set_exception_handler(lambda _, context: self._failed(context))

    def time(self) -> float:
        return self._virtual

    def call_at(  # type: ignore[override]  # as in uvloop, which the job runs on
        self, when: float, callback: Callable[..., object], *args: object, context: Context | None = None
    ) -> asyncio.Handle:
        """As there, what is due within half a millisecond is given a handle that does not know its time."""
        if when - self._virtual >= AT_ONCE:
            return super().call_at(when, callback, *args, context=context)
        handle = asyncio.Handle(callback, args, self, context)
        super().call_at(when, lambda: None if handle.cancelled() else handle._run(), context=context)
        return handle

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

    def _failed(self, context: dict[str, Any]) -> None:
        self.failures.append(context.get("exception") or RuntimeError(context["message"]))

    def freeze(self, seconds: float) -> None:
        """Let `seconds` pass in which this process does nothing at all."""
        self._virtual += seconds


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in virtual time; what breaks in a callback breaks it too."""
    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        outcome = runner.run(main)
    if loop.failures:
        raise loop.failures[0]
    return outcome
