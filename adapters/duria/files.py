"""The practice's calendar in a folder of exports: what counts is proven complete, and a missing file is never empty.

Every reading looks at the folder anew. A file that is being written, cut off, refused or gone keeps its last proven
content, and the columns that it feeds are read incompletely (I1, I2); so are all columns while there is a file of which
nobody knows what it feeds.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, Self

import msgspec

from adapters.duria.csv_format import Parsed, parse_csv
from adapters.duria.exports import Exports, Shelf
from adapters.duria.folder import Fingerprint, scan, take, wanted
from adapters.duria.proof import CAUTION, Export
from adapters.duria.shares import silent
from adapters.duria.trouble import ExportError, folder_fault, refused, shown
from adapters.duria.watch import CALM, SCAN_EVERY, wake_ups
from adapters.duria.worker import Worker
from engine.faults import Fault, FaultError
from engine.model import ColumnId, Failed, Incomplete, Reading, Rows
from engine.occupancy import MOST_DOUBTS
from engine.ports import Hint, SourceError
from engine.walltime import WallClock, WallSpan

SHARE_SCAN_EVERY: Final = 5.0
_PATIENCE: Final = 2.0
"""Seconds that a reading waits for a file to be proven; what has been proven must not wait for long."""
_BATCH: Final = 8 * 2**20
"""Bytes that are read at a time, so that many files do not look like a stuck disk."""
_AT_ONCE: Final = 1000
_PAUSE: Final = 0.01
_MISSED: Final = 2
"""After how many changes in a row without an event the kernel is not believed any more."""


class FileFinding(msgspec.Struct, frozen=True, kw_only=True):
    """How one export stands, for `tmex check`."""

    file: str
    format: str
    """`csv` or `ics`."""
    encoding: str
    """As it was read; empty if it never was."""
    umlauts: bool | None
    """Whether its umlauts are read beyond doubt; None when there is none, or it was never read."""
    rows: int
    columns: tuple[ColumnId, ...]
    complete: bool
    fault: Fault | None
    """Why it does not count as it stands."""
    age: float | None
    """Seconds since it was written; None for one that is gone."""


class _Result(NamedTuple):
    export: Export
    found: Fingerprint
    outcome: "tuple[Parsed, bytes] | bytes | Fault"
    """Content and digest, the digest alone, or why it does not count."""


class FilesSource:
    """A `Source` over the exports in `folder`, for one practice. An async context manager.

    `settle` is how many seconds an export must be still; `encoding` is one, or `auto`; `clock` is the practice's, and
    `wall` gives the wall-clock time in seconds, for the age of files alone.
    """

    def __init__(
        self,
        folder: Path,
        practice: str,
        *,
        clock: WallClock,
        settle: float,
        encoding: str,
        shelf: Shelf,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._practice, self._clock = folder, practice, clock
        self._settle, self._encoding, self._shelf, self._wall = settle, encoding, shelf, wall
        self._exports, self._worker = Exports(), Worker()
        self._one_at_a_time = asyncio.Lock()
        self._scanned_at = float("-inf")
        self._recalled = False
        self._kept: bytes | None = None
        self._kept_version = -1
        self._unkept: Fault | None = None
        self._trouble: Fault | None = None
        self._missed = self._news = 0
        self._silent = False

    async def __aenter__(self) -> Self:
        self._silent = silent(self._folder)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._worker.close()

    @property
    def polls(self) -> bool:
        """Whether the kernel sends no events for this folder, so that changes are found by looking alone."""
        return self._silent or self._missed >= _MISSED

    def notes(self) -> tuple[Fault, ...]:
        """That changes are found by looking alone, where the kernel sends no events."""
        return (Fault("file.no_events", {"folder": shown(self._folder.name)}),) if self.polls else ()

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        """Every row of `column` that may touch `span`; see `Source`."""
        await self._look_patiently()
        if self._trouble is None:
            await self._expand(column, span)
        return Failed(self._trouble) if self._trouble is not None else self._reading(column, span)

    async def columns(self) -> tuple[ColumnId, ...]:
        """The columns that exist (R10), sorted. Raises SourceError, also when a file may hold more of them."""
        await self._look_patiently()
        unknown = next((each.fault for each in self._exports if each.feeds is None and each.fault), None)
        fault = self._trouble or unknown
        if fault is not None:
            raise SourceError(fault.code, **fault.facts)
        return tuple(sorted(self._exports.columns()))

    async def hints(self) -> AsyncGenerator[Hint, None]:
        """One at once, then one whenever a reading may have become another one; see `Source`."""
        period = SHARE_SCAN_EVERY if self._silent else SCAN_EVERY
        told: object = None
        async with aclosing(wake_ups(self._folder, wanted, period, step=CALM)) as wakes:
            async for spoken in wakes:
                before = self._news
                await self._look()
                self._heard(spoken=spoken, changed=told is not None and before != self._news)
                while True:
                    state = self._exports.version, self._trouble
                    if state != told:
                        told = state
                        yield Hint()
                    due = self._next_due()
                    if due is None or due > _now() + period:
                        break
                    await asyncio.sleep(max(due - _now(), _PAUSE))
                    await self._look()

    async def confirm(self, column: ColumnId) -> None:
        """A person says that what vanished of `column` is gone for good. Raises FaultError if that cannot be kept."""
        await self._look()
        async with self._one_at_a_time:
            self._exports.confirm(column)
            await self._keep()
        if self._unkept is not None:
            raise FaultError(self._unkept.code, **self._unkept.facts)

    async def vanished(self, column: ColumnId) -> bool:
        """Whether a file is gone that `confirm` could let go for `column`."""
        await self._look()
        return any(each.standing is None and each.touches(column) for each in self._exports)

    async def examine(self) -> list[Fault]:
        """What is wrong with exports, and what slows their reading down, for `tmex check`. Raises SourceError."""
        return [*self.notes(), *(each.fault for each in await self.inspect() if each.fault is not None)]

    async def inspect(self) -> list[FileFinding]:
        """How every export stands, by name. Raises SourceError."""
        await self._look_patiently()
        if self._trouble is not None:
            raise SourceError(self._trouble.code, **self._trouble.facts)
        return [self._finding(each) for _, each in sorted(self._exports.files.items())]

    # ------------------------------------------------------------------------------------------------- what was read

    def _reading(self, column: ColumnId, span: WallSpan) -> Reading:
        rows, reason = Rows(column), self._unkept
        for export in self._exports:
            touched = export.touches(column)
            if export.fault is not None and touched:
                reason = reason or export.fault
                rows.exists = rows.exists or column in (export.feeds or ())
            if export.content is not None and column not in export.confirmed:
                export.content.pour(column, rows, span)
                rows.unplaced.extend(export.content.unplaced[: MOST_DOUBTS - len(rows.unplaced)])
        return rows.reading() if reason is None else Incomplete(rows, reason)

    async def _expand(self, column: ColumnId, span: WallSpan) -> None:
        """Have recurrences worked out where the span asks for it."""
        for export in self._exports:
            content = export.content
            if content is not None and column in content.columns and content.stale(span):
                await self._work(content.expand, span)

    def _finding(self, export: Export) -> FileFinding:
        parsed, standing = export.parsed, export.standing
        return FileFinding(
            file=shown(export.name),
            format=Path(export.name).suffix[1:].lower(),
            encoding="" if parsed is None else parsed.encoding,
            umlauts=None if parsed is None else parsed.umlauts,
            rows=0 if parsed is None else parsed.content.count,
            columns=() if parsed is None else tuple(sorted(parsed.content.named())),
            complete=export.fault is None,
            fault=export.fault or next(iter(() if parsed is None else parsed.content.unplaced), None),
            age=None if standing is None else self._wall() - standing.modified / 1e9,
        )

    # ---------------------------------------------------------------------------------------- looking at the folder

    async def _look_patiently(self) -> None:
        """Look, and look again while a file is about to be proven; but nobody waits for long for one that is not."""
        cold = not any(each.parsed for each in self._exports)
        until = _now() + (self._settle + 1 if cold else min(self._settle * CAUTION + _PAUSE, _PATIENCE))
        await self._look()
        while (due := self._next_due(unproven=True)) is not None and due <= until and _now() <= until:
            await asyncio.sleep(max(due - _now(), _PAUSE))
            await self._look()

    def _next_due(self, *, unproven: bool = False) -> float | None:
        if self._trouble is not None:
            return None
        each = (one.due_at(self._settle) for one in self._exports.files.values() if one.fault or not unproven)
        return min((due for due in each if due is not None), default=None)

    async def _look(self) -> None:
        """Take in how the folder stands now, at the earliest; who asked meanwhile is answered too."""
        asked = _now()
        async with self._one_at_a_time:
            if self._scanned_at > asked:
                return
            trouble = await self._look_now()
            self._exports.version += trouble != self._trouble
            self._trouble = trouble

    async def _look_now(self) -> Fault | None:
        began = _now()
        try:
            await self._recall()
            found = await self._worker.run(scan, self._folder)
            await self._take_in(found)
            await self._read_due()
            self._exports.follow_renames()
            await self._keep()
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
            self._news += self._exports.see(some, _now(), coarse=self.polls)
            await asyncio.sleep(0)
        self._news += self._exports.miss(found)

    async def _recall(self) -> None:
        if not self._recalled:
            self._kept = await self._shelf.recall()
            self._exports.recall(self._kept)
            self._recalled = True

    async def _keep(self) -> None:
        """What cannot be kept could be lost unnoticed: until it can, no reading is complete."""
        version = self._exports.version
        if version == self._kept_version:
            return
        memo = await self._worker.run(self._exports.memo)
        try:
            if memo != self._kept:
                await self._shelf.keep(memo)
        except FaultError as error:
            self._unkept = error.fault
        else:
            self._kept, self._kept_version, self._unkept = memo, version, None

    async def _read_due(self) -> None:
        for batch in self._due():
            for export, found, outcome in await self._worker.run(self._read_all, batch):
                if export.standing != found:
                    continue
                same = False
                match outcome:
                    case Fault():
                        same = export.fault == outcome
                        export.refuse(outcome, _now())
                    case bytes():
                        same = export.compare(outcome, _now())
                    case (parsed, digest):
                        export.take(parsed, digest)
                self._exports.version += not same

    def _due(self) -> Iterator[list[Export]]:
        """The files to be read now, a few at a time; those that only had to be still are proven."""
        now, size, batch = _now(), 0, list[Export]()
        for export in self._exports.files.values():
            due = export.due_at(self._settle)
            if due is None or due > now:
                continue
            if export.read_already:
                export.mature()
                self._exports.version += 1
                continue
            batch.append(export)
            size += export.standing.size if export.standing else 0
            if size >= _BATCH:
                yield batch
                size, batch = 0, []
        if batch:
            yield batch

    def _read_all(self, batch: list[Export]) -> list[_Result]:
        return [_Result(each, each.standing, self._read_one(each, each.standing)) for each in batch if each.standing]

    def _read_one(self, export: Export, found: Fingerprint) -> "tuple[Parsed, bytes] | bytes | Fault":
        name = export.name
        try:
            taken = take(self._folder, name, found)
            if export.fault is None:
                return taken.digest
            if not taken.data:
                raise refused("file.empty", name)
            return self._parsed(taken.data, name), taken.digest
        except ExportError as error:
            return error.fault
        except Exception as error:  # noqa: BLE001 - whatever a hostile file makes of a parser, it is no empty one (I2)
            return Fault("file.unreadable", {"file": shown(name), "kind": type(error).__name__})

    def _parsed(self, data: bytes, name: str) -> Parsed:
        if not name.lower().endswith(".ics"):
            return parse_csv(data, self._practice, self._encoding, name)
        try:
            from adapters.duria.ics_format import parse_ics  # noqa: PLC0415 - an extra, that not everybody has
        except ImportError:
            raise refused("file.ics_missing", name) from None
        return parse_ics(data, self._clock, self._encoding, name)

    async def _work(self, work: Callable[[WallSpan], None], span: WallSpan) -> None:
        try:
            await self._worker.run(work, span)
        except TimeoutError:
            self._trouble = Fault("source.timeout")

    def _heard(self, *, spoken: bool, changed: bool) -> None:
        """Take note of whether the kernel told of a change."""
        if changed:
            self._missed = 0 if spoken else self._missed + 1


def _now() -> float:
    return asyncio.get_running_loop().time()
