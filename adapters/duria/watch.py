"""Whoever waits for a folder's files is woken soon after one of them changes, and in any case once per period.

A wake-up is no more than that: kernel events come early, late, doubled, for nothing, or not at all (shares, a folder
deleted and made again), so whoever is woken has to look for himself.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from adapters.duria.inotify import Ear, Event
from adapters.duria.worker import Worker

SCAN_EVERY: Final = 2.0
"""Seconds between two looks where the kernel is silent."""
QUICK: Final = 0.005
CALM: Final = 0.01
"""Seconds between two looks at least, for whoever has only one thing to look at; and for whoever has a folder full."""

_STEP: Final = 5
"""Milliseconds between two looks of the library, where the system's events cannot be waited for."""
_STOP_LIMIT: Final = 1.0

Patience = Callable[[Event], float | None]
"""How many seconds to wait after an event, with others that follow it, before somebody is woken; None if nobody is."""


async def wake_ups(
    folder: Path, patience: Patience, period: float = SCAN_EVERY, *, pause: float = QUICK
) -> AsyncGenerator[bool, None]:
    """One at once, one after each event that is worth it, and some between; never raises for a fault of the folder,
    never ends by itself. Close it, or cancel who waits for it. Each says whether the kernel spoke.

    `pause` is how many seconds lie between two of them at least. After an event come second looks, the first after two
    such pauses, then twice as long, up to the period: a change may be complete only after its last event.
    """
    bell = asyncio.Event()
    watcher = _Watcher(folder, patience, bell)
    wait = period
    try:
        while True:
            spoken = bell.is_set()
            bell.clear()
            if not spoken:  # else it stands, as it seems
                await watcher.follow()
            yield spoken
            wait = min(2 * wait, period)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await asyncio.sleep(pause)
                    await bell.wait()
                    wait = pause
    finally:
        await watcher.close()


class _Watcher:
    """Rings the bell for events of the folder that stands at a path now: those of Linux, of which the loop is told; on
    another system those that watchfiles finds.
    """

    def __init__(self, folder: Path, patience: Patience, bell: asyncio.Event) -> None:
        self._folder, self._patience, self._bell = folder, patience, bell
        self._loop = asyncio.get_running_loop()
        self._worker = Worker(SCAN_EVERY)
        self._late: asyncio.TimerHandle | None = None
        self._stop = asyncio.Event()
        self._ear: Ear | None = None
        self._library: asyncio.Task[None] | None = None
        try:
            self._ear = Ear()
            self._loop.add_reader(self._ear.handle, lambda ear: self._hear(ear.heard()), self._ear)
        except OSError:
            self._library = self._loop.create_task(self._ask_library())

    async def follow(self) -> None:
        """Watch the folder, if it is another one than before or is not watched any more."""
        # No folder, no rights, no watches left in the kernel: the period finds what events would have told. In a
        # thread, for a folder on a dead share does not even say that it is not there.
        if self._ear is not None:
            with suppress(OSError, TimeoutError):
                await self._worker.run(self._ear.listen, self._folder)

    async def close(self) -> None:
        """Watch nothing any more, for good; no thread is left behind."""
        self._worker.close()
        if self._late is not None:
            self._late.cancel()
        ear, self._ear = self._ear, None
        if ear is not None:
            self._loop.remove_reader(ear.handle)
            ear.close()
        if self._library is not None:
            self._stop.set()
            await asyncio.wait([self._library], timeout=_STOP_LIMIT)
            self._library.cancel()

    async def _ask_library(self) -> None:
        from watchfiles import awatch  # noqa: PLC0415 - on Linux nobody needs it

        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it would log a line for every event
        while not self._stop.is_set():
            with suppress(OSError, RuntimeError):  # no folder, no rights
                watch = awatch(self._folder, stop_event=self._stop, debounce=4 * _STEP, step=_STEP, recursive=False)
                async for changes in watch:
                    self._hear(Event(Path(path).name, done=True) for _, path in changes)
            with suppress(TimeoutError):
                async with asyncio.timeout(SCAN_EVERY):
                    await self._stop.wait()

    def _hear(self, events: Iterable[Event]) -> None:
        for event in events:
            patience = self._patience(event) if event.name else 0
            if patience == 0:
                self._bell.set()
            elif patience is not None and self._late is None:
                self._late = self._loop.call_later(patience, self._ring)

    def _ring(self) -> None:
        self._late = None
        self._bell.set()
