"""The folder is taken in one look at a time, each of which ends soon: what it did not get to is due at the next one.

A look scans, reads what has been still for long enough, and keeps what it learned. Whoever asks while one is under way
is answered by one that began after he asked.
"""

import asyncio
from collections.abc import Iterator
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple

from adapters.duria.export_reader import ExportReader, Order, Outcome
from adapters.duria.exports import Exports
from adapters.duria.folder import Fingerprint, scan
from adapters.duria.keeper import Keeper
from adapters.duria.proof import CAUTION, Export
from adapters.duria.trouble import folder_fault, shown
from adapters.duria.worker import Worker
from engine.faults import Fault, FaultError
from engine.model import ColumnId

PAUSE: Final = 0.01
"""Seconds between two looks, at least."""
_PATIENCE: Final = 2.0
"""Seconds that a reading waits for a file to be proven; what has been proven must not wait for long."""
_LONGEST: Final = 8.0
"""Seconds that it waits when nothing was ever proven; the engine gives a reading up after ten."""
_BACKLOG: Final = 5.0
"""Seconds that it waits while there are files that no look got to."""
_READING: Final = 2.0
"""Seconds after which a look begins to read no further files."""
_BATCH: Final = 8 * 2**20
"""Bytes that are read at a time, so that many files do not look like a stuck disk."""
_AT_ONCE: Final = 500
"""Files that are read, or taken in, without a pause."""


class _Due(NamedTuple):
    export: Export
    found: Fingerprint


class Survey:
    """How the exports of `folder` stand; `settle` is how many seconds one must be still."""

    def __init__(
        self, folder: Path, settle: float, exports: Exports, reader: ExportReader, keeper: Keeper, worker: Worker
    ) -> None:
        self._folder, self._settle = folder, settle
        self._exports, self._reader, self._keeper, self._worker = exports, reader, keeper, worker
        self._one_at_a_time = asyncio.Lock()
        self._scanned_at = float("-inf")
        self.trouble: Fault | None = None
        """Why nothing at all can be read."""
        self.news = 0
        """Counts the scans that found anything new."""
        self.coarse = False
        """Whether the times of files cannot be trusted here."""

    async def look(self) -> None:
        """Take in how the folder stands now, at the earliest; who asked meanwhile is answered too."""
        asked = now()
        async with self._one_at_a_time:
            if self._scanned_at > asked:
                return
            trouble = await self._look()
            self._exports.version += trouble != self.trouble
            self.trouble = trouble

    async def look_patiently(self) -> None:
        """Look, and look again while a file is about to be proven; but nobody waits for long for one that is not."""
        began = now()
        cold = not any(each.parsed for each in self._exports)
        patience = min(self._settle + 1, _LONGEST) if cold else min(self._settle * CAUTION + PAUSE, _PATIENCE)
        await self.look()
        while (due := self.next_due(unproven=True)) is not None:
            until = began + (max(_BACKLOG, patience) if due <= now() else patience)
            if due > until or now() > until:
                return
            await asyncio.sleep(max(due - now(), PAUSE))
            await self.look()

    async def confirm(self, column: ColumnId) -> None:
        """A person says that what vanished of `column` is gone for good. Raises FaultError if that cannot be kept."""
        await self.look()
        async with self._one_at_a_time:
            fault = self.trouble
            if self._keeper.recalled:
                self._exports.confirm(column)
                await self._keeper.keep()
                fault = self._keeper.fault
        if fault is not None:
            raise FaultError(fault.code, **fault.facts)

    def next_due(self, *, unproven: bool = False) -> float | None:
        """When a file is to be looked at again, by the loop's clock; None when none is."""
        if self.trouble is not None:
            return None
        each = (one.due_at(self._settle) for one in self._exports.files.values() if one.fault or not unproven)
        return min((due for due in each if due is not None), default=None)

    async def _look(self) -> Fault | None:
        began = now()
        try:
            await self._keeper.recall()
            found = await self._worker.run(scan, self._folder)
            await self._take_in(found)
            await self._read_due()
            self._exports.follow_renames()
            await self._keeper.keep()
        except FaultError as error:
            return error.fault
        except OSError as error:
            return folder_fault(error, self._folder)
        self._scanned_at = began
        nothing = not found and not any(True for _ in self._exports) and not self._exports.emptied
        return Fault("file.none", {"folder": shown(self._folder.name)}) if nothing else None

    async def _take_in(self, found: dict[str, Fingerprint]) -> None:
        """Some at a time, so that thousands of files hold nothing up."""
        names = iter(found.items())
        while some := list(islice(names, _AT_ONCE)):
            self.news += self._exports.see(some, now(), coarse=self.coarse)
            await asyncio.sleep(0)
        missing = iter(self._exports.missing(found))
        while gone := list(islice(missing, _AT_ONCE)):
            self.news += self._exports.miss(gone)
            await asyncio.sleep(0)

    async def _read_due(self) -> None:
        until = now() + _READING
        for batch in self._due():
            orders = [Order(each.name, found, whole=each.fault is not None) for each, found in batch]
            outcomes = await self._worker.run(self._reader.read, orders)
            for (export, _), outcome in zip(batch, outcomes, strict=True):
                self._exports.version += _settled(export, outcome)
            self._reader.forget()
            if now() > until:
                return

    def _due(self) -> Iterator[list[_Due]]:
        """The files to be read now, a few at a time; those that only had to be still are proven."""
        size, batch = 0, list[_Due]()
        for export in self._waiting():
            if export.read_already:
                export.mature()
                self._exports.version += 1
            elif export.standing is not None:
                batch.append(_Due(export, export.standing))
                size += export.standing.size
            if size >= _BATCH or len(batch) >= _AT_ONCE:
                yield batch
                size, batch = 0, []
        if batch:
            yield batch

    def _waiting(self) -> list[Export]:
        """What is due, first what has been so for longest: files that change all the time keep no other waiting."""
        each = [(export.due_at(self._settle), export) for export in self._exports.files.values()]
        due = [(at, export) for at, export in each if at is not None and at <= now()]
        return [export for _, export in sorted(due, key=itemgetter(0))]


def _settled(export: Export, outcome: Outcome) -> bool:
    """Take in what the reading of a file came to; whether that is anything new."""
    match outcome:
        case Fault():
            same = export.fault == outcome
            export.refuse(outcome, now())
            return not same
        case bytes():
            return not export.compare(outcome, now())
        case (parsed, digest):
            export.take(parsed, digest, now())
            return True


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()
