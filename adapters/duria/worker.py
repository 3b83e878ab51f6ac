"""Work that may be stuck in the operating system runs in one thread that nobody has to wait for."""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

LIMIT: Final = 30.0
"""Seconds; a folder on a dead share answers never."""


class Worker:
    """One daemon thread; a process ends without it, even if a dead share holds it for ever."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._turn = asyncio.Lock()
        self._stuck: asyncio.Future[Any] | None = None

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns or raises, when its turn comes; TimeoutError when the thread is stuck."""
        async with self._turn:
            if self._stuck is not None and not self._stuck.done():
                raise TimeoutError
            loop = asyncio.get_running_loop()
            done: asyncio.Future[T] = loop.create_future()
            done.add_done_callback(_looked_at)
            self._start()
            self._jobs.put(lambda: _do(loop, done, lambda: work(*args, **kwargs)))
            try:
                async with asyncio.timeout(self._limit):
                    return await asyncio.shield(done)
            except TimeoutError:
                self._stuck = done
                raise
            except asyncio.CancelledError:
                done.cancel()  # nobody waits for it: if it has not begun, it need not
                raise

    def close(self) -> None:
        """Let the thread end after what it is doing."""
        self._jobs.put(None)
        self._thread = None

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="exports")
            self._thread.start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()


def _do(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[T]", work: Callable[[], T]) -> None:
    if done.cancelled():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it is handed over to who waits
        _hand_over(loop, done, lambda error=error: done.set_exception(error))  # type: ignore[misc]  # bound now: `error` is deleted
    else:
        _hand_over(loop, done, lambda: done.set_result(result))


def _hand_over(loop: asyncio.AbstractEventLoop, done: "asyncio.Future[Any]", give: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(lambda: None if done.done() else give())
    except RuntimeError:  # the loop has ended
        return


def _looked_at(done: "asyncio.Future[Any]") -> None:
    """Take note of an error that nobody waits for any more."""
    if not done.cancelled():
        done.exception()
