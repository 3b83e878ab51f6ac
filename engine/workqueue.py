"""Fair, coalescing, exclusive and lossless: the four guarantees of the queue of calendars to look at.

- *fair*: keys are handed out in the order in which they were first added.
- *coalescing*: a key added many times before it is handed out is handed out once.
- *exclusive*: a key is never with two workers at once.
- *lossless*: a key added while it is being handled is handed out again afterwards; its last change is always handled.

Times are those of the running loop's clock.
"""

import asyncio
from collections import deque
from typing import NamedTuple


class Later(NamedTuple):
    """When a key comes back, and what brings it; a loop's handles do not all tell their time."""

    when: float
    handle: asyncio.Handle


class WorkQueue:
    """Keys that wait, keys that are being handled, and keys that come back later. For one event loop."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque()
        self._marked: set[str] = set()
        self._busy: set[str] = set()
        self._later: dict[str, Later] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def add(self, key: str) -> None:
        """Mark `key`: it is handed out as soon as a worker is free and nobody else has it."""
        if key in self._marked:
            return
        self._marked.add(key)
        if key not in self._busy:
            self._enqueue(key)

    def add_at(self, key: str, when: float) -> None:
        """Add `key` at `when`, by the loop's clock. A second call can only bring it forward."""
        pending = self._later.get(key)
        if pending is not None:
            if pending.when <= when:
                return
            pending.handle.cancel()
        self._later[key] = Later(when, asyncio.get_running_loop().call_at(when, self._due, key))

    async def get(self) -> str:
        """The next key, its mark cleared: from here on a change marks it anew. Call `done` when it is handled."""
        while not self._waiting:
            await self._arrival()
        key = self._waiting.popleft()
        self._marked.discard(key)
        self._busy.add(key)
        return key

    def done(self, key: str) -> None:
        """The worker that got `key` has handled it."""
        self._busy.discard(key)
        if key in self._marked:
            self._enqueue(key)

    def close(self) -> None:
        """Hand out nothing more."""
        for pending in self._later.values():
            pending.handle.cancel()
        self._later.clear()
        self._waiting.clear()
        self._closed = True

    def __len__(self) -> int:
        """How many keys wait to be handed out now, those in work and marked again included."""
        return len(self._marked)

    def _due(self, key: str) -> None:
        self._later.pop(key, None)
        self.add(key)

    def _enqueue(self, key: str) -> None:
        if self._closed:
            return
        self._waiting.append(key)
        self._wake()

    def _wake(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    async def _arrival(self) -> None:
        """Wait for a key; a wake-up that a cancelled worker can no longer use goes to the next one."""
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        try:
            await getter
        except asyncio.CancelledError:
            getter.cancel()
            if self._waiting:
                self._wake()
            raise
