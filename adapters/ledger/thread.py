"""One thread does one thing after another; one that hangs on a dead disk keeps no process from ending."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThread:
    """As an executor of one thread, which Python would wait for at the end; this one it does not."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def post(self, job: Callable[[], None]) -> None:
        """Do it, which must not fail, when all that came before is done."""
        self._jobs.put(job)

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` comes to, done when all that came before is, unless nobody waits for it by then."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(how: Callable[[Any], None], what: object) -> None:
            if not answer.done():
                how(what)

        def job() -> None:
            if answer.cancelled():
                return
            try:
                found = work()
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the answer
                self.tell(loop, partial(settle, answer.set_exception, error))
            else:
                self.tell(loop, partial(settle, answer.set_result, found))

        self.post(job)
        return await answer

    def tell(self, loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
        """Have `loop` do it, from the thread; one that has ended, and with it whoever waited, is told nothing."""
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(what)

    def shutdown(self) -> None:
        """End after what is queued; never waits."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or its answer would live on until the next one
