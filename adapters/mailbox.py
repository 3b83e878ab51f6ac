"""Orders of a command reach the running job through the state's folder, and its answers come back the same way.

An order is a file that appears whole or not at all; the job takes each once. A named pipe beside them is the bell that
wakes the job, for an order or for whatever else it should look at; it says nothing, and where there can be none the job
looks more often. No port, no ledger needed.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from adapters.belonging import make_folder, opened, pipe

LOOK_EVERY: Final = 0.25
"""Seconds between two looks of a command at whether the job still lives, and of the job at orders without a bell."""
_ANSWER_EVERY: Final = 0.02
"""Seconds between two looks of a command at its answer."""
_WITH_BELL: Final = 2.0
"""Seconds between two looks of the job although nobody rang: not all ring, and the folder may have been made anew."""
_FORGET_AFTER: Final = 300.0
_BELL: Final = "bell"


class Order(msgspec.Struct, frozen=True):
    """What a command asks of the job: `verb` is `sync`, `status` or `release`, `names` the online calendars, `times`
    what is to be released.
    """

    verb: str
    names: list[str] = []
    times: list[tuple[int, int]] = []


class Mailbox:
    """The folder of orders beside the state."""

    def __init__(self, state: Path) -> None:
        self._folder = state.with_name(state.name + ".orders")

    async def send(self, order: Order, limit: float) -> bytes | None:
        """Hand `order` to the job and wait `limit` seconds for its answer; None when there is none."""
        name = uuid4().hex
        answer = self._folder / f"{name}.answer"
        self._put(self._folder / f"{name}.order", msgspec.json.encode(order))
        self.ring()
        try:
            async with asyncio.timeout(limit):
                while not answer.exists():  # noqa: ASYNC110 - another process makes it
                    await asyncio.sleep(_ANSWER_EVERY)
            return answer.read_bytes()
        except TimeoutError:
            return None
        finally:
            for each in (answer, answer.with_suffix(".order")):
                each.unlink(missing_ok=True)

    def ring(self) -> None:
        """Have the job look now. With nobody to hear it, or nothing to ring with, it looks a little later."""
        with suppress(OSError):
            bell = os.open(self._folder / _BELL, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.write(bell, b"!")
            finally:
                os.close(bell)

    async def serve(self, handle: Callable[[Order], Awaitable[bytes]], look: Callable[[], None]) -> None:
        """Carry out each order that comes, several at a time, and answer it; ends only when cancelled.

        `look` is called at the beginning, at every ring, and every two seconds.
        """
        async with self._bell() as rung, asyncio.TaskGroup() as tasks:
            while True:
                look()
                for path, order in self._take():
                    tasks.create_task(self._carry_out(path, order, handle))
                await rung()

    async def _carry_out(self, path: Path, order: Order, handle: Callable[[Order], Awaitable[bytes]]) -> None:
        answer = await handle(order)
        with suppress(OSError):
            self._put(path.with_suffix(".answer"), answer)

    def _take(self) -> list[tuple[Path, Order]]:
        """The orders that wait; what nobody fetched for minutes is thrown away."""
        taken: list[tuple[Path, Order]] = []
        with suppress(OSError):
            for path in (each for each in list(self._folder.iterdir()) if each.name != _BELL):
                with suppress(OSError, msgspec.MsgspecError):
                    old = time.time() - path.stat().st_mtime > _FORGET_AFTER
                    if path.suffix == ".order" and not old:
                        taken.append((path, msgspec.json.decode(path.read_bytes(), type=Order)))
                    if path.suffix == ".order" or old:
                        path.unlink()
        return taken

    @asynccontextmanager
    async def _bell(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """What to wait for between two looks: somebody rings, or some time passes."""
        loop, rings = asyncio.get_running_loop(), asyncio.Event()
        try:
            make_folder(self._folder)
            bell = pipe(self._folder / _BELL)
        except OSError:  # not every share can keep a pipe
            yield lambda: asyncio.sleep(LOOK_EVERY)
            return

        def ring() -> None:
            with suppress(OSError):
                os.read(bell, 4096)
            rings.set()

        async def rung() -> None:
            # At even seconds, as whatever else comes every two seconds, so that all are one wake-up.
            late = loop.call_later(_WITH_BELL - loop.time() % _WITH_BELL, rings.set)
            await rings.wait()
            late.cancel()
            rings.clear()

        loop.add_reader(bell, ring)
        try:
            yield rung
        finally:
            loop.remove_reader(bell)
            os.close(bell)

    def _put(self, path: Path, content: bytes) -> None:
        make_folder(self._folder)
        aside = path.with_suffix(".new")
        with os.fdopen(opened(aside, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(content)
        aside.replace(path)
