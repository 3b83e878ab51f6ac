"""What is known of the exports is kept before a reading may be complete, so that none is lost unnoticed (I1)."""

from adapters.duria.exports import Exports, Shelf
from adapters.duria.worker import Worker
from engine.faults import Fault, FaultError


class Keeper:
    """Keeps the memo of `exports` on a shelf, and nothing on it before it was read."""

    def __init__(self, exports: Exports, shelf: Shelf, worker: Worker) -> None:
        self._exports, self._shelf, self._worker = exports, shelf, worker
        self.recalled = False
        self.fault: Fault | None = None
        """Why what is known now could not be kept."""
        self._kept: bytes | None = None
        self._version = -1

    async def recall(self) -> None:
        """Take up what an earlier process knew, once. Raises FaultError."""
        if not self.recalled:
            self._kept = await self._shelf.recall()
            self._exports.recall(self._kept)
            self.recalled = True

    async def keep(self) -> None:
        """Keep what is new; what cannot be kept is tried again at the next call."""
        version = self._exports.version
        if version == self._version:
            return
        memo = await self._worker.run(self._exports.memo)
        try:
            if memo != self._kept:
                await self._shelf.keep(memo)
        except FaultError as error:
            self.fault = error.fault
        else:
            self._kept, self._version, self.fault = memo, version, None
