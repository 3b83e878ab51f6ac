"""One thread does one thing after another; one that hangs on a dead disk keeps no process from ending."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
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

    async def do(self, work: Callable[[], T]) -> T:
        """What `work` comes to, done when all that came before is, unless nobody waits for it by then."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def job() -> None:
            if answer.cancelled():
                return
            try:
                found = work()
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the answer
                tell(answer.set_exception, error)
            else:
                tell(answer.set_result, found)

        def tell(how: Callable[[Any], None], what: object) -> None:
            with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
                loop.call_soon_threadsafe(lambda: None if answer.done() else how(what))

        self._jobs.put(job)
        return await answer

    def shutdown(self) -> None:
        """End after what is queued; never waits."""
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # or its answer would live on until the next one
