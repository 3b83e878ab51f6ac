"""Queues that are wrong in ways that have been shipped before; the tests of the queue must find each out."""

import asyncio

from engine.workqueue import WorkQueue


class MarkClearedAfterTheWork(WorkQueue):
    """Forgets a change that comes while its key is being handled."""

    async def get(self) -> str:
        key = await super().get()
        self._marked.add(key)
        return key

    def done(self, key: str) -> None:
        self._marked.discard(key)
        super().done(key)


class TwoAtOnce(WorkQueue):
    """Hands a key to a second worker while the first still has it."""

    def add(self, key: str) -> None:
        if key not in self._marked:
            self._marked.add(key)
            self._enqueue(key)


class NoCoalescing(WorkQueue):
    """Hands a key out as often as it was added."""

    def add(self, key: str) -> None:
        self._marked.discard(key)
        super().add(key)


class NewestFirst(WorkQueue):
    """Starves the key that waits longest."""

    def _enqueue(self, key: str) -> None:
        self._waiting.appendleft(key)
        self._wake()


class LaterMeansNever(WorkQueue):
    """Loses the earlier of two times."""

    def add_at(self, key: str, when: float) -> None:
        pending = self._later.pop(key, None)
        if pending is not None:
            pending.handle.cancel()
        super().add_at(key, when)


class WakeUpLost(WorkQueue):
    """A cancelled worker takes the wake-up with it, and the others sleep on."""

    async def _arrival(self) -> None:
        getter = asyncio.get_running_loop().create_future()
        self._getters.append(getter)
        await getter


class SilentWhenBusy(WorkQueue):
    """Never hands out again what was added while it was being handled."""

    def done(self, key: str) -> None:
        self._busy.discard(key)


WRONG = [
    MarkClearedAfterTheWork,
    TwoAtOnce,
    NoCoalescing,
    NewestFirst,
    LaterMeansNever,
    WakeUpLost,
    SilentWhenBusy,
]
