"""Whoever waits for a folder's files is woken soon after one of them changes, and in any case once per period.

A wake-up is no more than that: kernel events come late, doubled, for nothing, or not at all (shares, a folder deleted
and made again), so whoever is woken has to look for himself.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from watchfiles import Change, awatch

from adapters.duria.worker import Worker

SCAN_EVERY: Final = 2.0
"""Seconds between two looks where the kernel is silent."""
_STEP: Final = 5
"""Milliseconds between two looks of the library whether the kernel spoke; `idle.sqlite` measures what they cost."""
_LOOK_AGAIN: Final = 0.05
"""Seconds to the second look after an event; then twice as long, up to the period. A file's last event comes before
its change is complete if the disk is slow in between."""

_STOP_LIMIT: Final = 1.0

logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it would log a line for every event

Wanted = Callable[[str], bool]
"""Whether a file of this name is worth a wake-up."""


async def wake_ups(folder: Path, wanted: Wanted, period: float = SCAN_EVERY) -> AsyncGenerator[bool, None]:
    """One at once, one after each event of a wanted file of `folder`, and some between; never raises for a fault of
    the folder, never ends by itself. Close it, or cancel who waits for it. Each says whether the kernel spoke.
    """
    bell = asyncio.Event()
    watcher = _Watcher(folder, wanted, bell)
    pause = period
    try:
        while True:
            spoken = bell.is_set()
            bell.clear()
            if not spoken:  # whoever speaks stands there; the next look will tell whether that is still so
                await watcher.follow()
            yield spoken
            pause = min(2 * pause, period)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await bell.wait()
                    pause = _LOOK_AGAIN / 2
    finally:
        await watcher.close()


class _Watcher:
    """Rings the bell for events of the folder that stands at a path now."""

    def __init__(self, folder: Path, wanted: Wanted, bell: asyncio.Event) -> None:
        self._folder, self._wanted, self._bell = folder, wanted, bell
        self._standing: tuple[int, int] | None = None
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._worker = Worker(SCAN_EVERY)

    async def follow(self) -> None:
        """Watch the folder, if it is another one than before or is not watched any more."""
        standing = await self._identity()
        if standing == self._standing and self._task is not None and not self._task.done():
            return
        await self.stop()
        self._standing = standing
        if standing is not None:
            self._task = asyncio.create_task(self._watch())
            await asyncio.sleep(0)  # its first step sets up the kernel's watch, before anybody looks

    async def stop(self) -> None:
        """Watch nothing any more; the thread that waited for events is gone when this returns."""
        task, self._task = self._task, None
        if task is not None:
            self._stop.set()
            await asyncio.wait([task], timeout=_STOP_LIMIT)
            task.cancel()
        self._stop = asyncio.Event()

    async def close(self) -> None:
        """Watch nothing any more, for good."""
        await self.stop()
        self._worker.close()

    async def _identity(self) -> tuple[int, int] | None:
        """In a thread, for a folder on a dead share does not even say that it is not there."""
        with suppress(TimeoutError):
            return await self._worker.run(_identity, self._folder)
        return None

    async def _watch(self) -> None:
        # No folder, no rights, no watches left in the kernel: the period finds what events would have told.
        with suppress(OSError, RuntimeError):
            async for _ in awatch(
                self._folder,
                watch_filter=self._is_wanted,
                stop_event=self._stop,
                debounce=4 * _STEP,  # of the default a change would take seconds while more follow
                step=_STEP,
                recursive=False,
            ):
                self._bell.set()

    def _is_wanted(self, _change: Change, path: str) -> bool:
        return self._wanted(Path(path).name)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
