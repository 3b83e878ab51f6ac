"""The practice's calendar in a folder of exports: what counts is proven complete, and a missing file is never empty.

Every reading looks at the folder anew. A file that is being written, cut off, refused or gone keeps its last proven
content, and the columns that it feeds are read incompletely (I1, I2); so are all columns while there is a file of which
nobody knows what it feeds.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Final, Self

from adapters.duria.content import Content
from adapters.duria.export_reader import ExportReader
from adapters.duria.exports import Exports, Shelf
from adapters.duria.finding import FileFinding, finding
from adapters.duria.folder import wanted
from adapters.duria.keeper import Keeper
from adapters.duria.shares import silent
from adapters.duria.survey import PAUSE, Survey, now
from adapters.duria.trouble import shown
from adapters.duria.watch import SCAN_EVERY, wake_ups
from adapters.duria.worker import Worker
from engine.faults import Fault
from engine.model import ColumnId, Failed, Incomplete, Reading, Rows
from engine.occupancy import MOST_DOUBTS
from engine.ports import Hint, SourceError
from engine.walltime import WallClock, WallSpan

SHARE_SCAN_EVERY: Final = 5.0
_MISSED: Final = 2
"""After how many changes in a row without an event the kernel is not believed any more."""


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
        self._folder, self._wall = folder, wall
        self._exports, self._worker = Exports(), Worker()
        self._keeper = Keeper(self._exports, shelf, self._worker)
        reader = ExportReader(folder, practice, clock, encoding)
        self._survey = Survey(folder, settle, self._exports, reader, self._keeper, self._worker)
        self._expanding = asyncio.Lock()
        self._missed = 0
        self._silent = False

    async def __aenter__(self) -> Self:
        self._silent = self._survey.coarse = silent(self._folder)
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
        await self._survey.look_patiently()
        if self._stale(column, span) is None:
            return self._reading(column, span)
        async with self._expanding:  # who asks for another span meanwhile would take away what this one needs
            try:
                while (content := self._stale(column, span)) is not None:
                    content.take_up(await self._worker.run(content.expand, span))
            except TimeoutError:
                return Failed(Fault("source.timeout"))
            return self._reading(column, span)

    async def columns(self) -> tuple[ColumnId, ...]:
        """The columns that exist (R10), sorted. Raises SourceError, also when a file may hold more of them."""
        await self._survey.look_patiently()
        unknown = next((each.fault for each in self._exports if each.feeds is None and each.fault), None)
        fault = self._survey.trouble or unknown
        if fault is not None:
            raise SourceError(fault.code, **fault.facts)
        return tuple(sorted(self._exports.columns()))

    async def hints(self) -> AsyncGenerator[Hint, None]:
        """One at once, then one whenever a reading may have become another one; see `Source`."""
        period = SHARE_SCAN_EVERY if self._silent else SCAN_EVERY
        survey, told = self._survey, None
        async with aclosing(wake_ups(self._folder, wanted, period)) as wakes:
            async for spoken in wakes:
                before = survey.news
                await survey.look()
                self._heard(spoken=spoken, changed=told is not None and before != survey.news)
                while True:
                    state = self._exports.version, survey.trouble
                    if state != told:
                        told = state
                        yield Hint()
                    due = survey.next_due()
                    if due is None or due > now() + period:
                        break
                    await asyncio.sleep(max(due - now(), PAUSE))
                    await survey.look()

    async def vanished(self, column: ColumnId) -> bool:
        """Whether a file is gone, or a field of one, that `confirm` could let go for `column`."""
        await self._survey.look()
        return bool(self._exports.vanished(column))

    async def confirm(self, column: ColumnId) -> None:
        """A person says that what vanished of `column` is gone for good. Raises FaultError if that cannot be kept."""
        await self._survey.confirm(column)

    async def examine(self) -> list[Fault]:
        """What is wrong with exports, and what slows their reading down, for `tmex check`. Raises SourceError."""
        return [*self.notes(), *(each.fault for each in await self.inspect() if each.fault is not None)]

    async def inspect(self) -> list[FileFinding]:
        """How every export stands, by name. Raises SourceError."""
        await self._survey.look_patiently()
        trouble = self._survey.trouble
        if trouble is not None:
            raise SourceError(trouble.code, **trouble.facts)
        return [finding(each, self._wall()) for _, each in sorted(self._exports.files.items())]

    def _reading(self, column: ColumnId, span: WallSpan) -> Reading:
        if self._survey.trouble is not None:
            return Failed(self._survey.trouble)
        rows, reason = Rows(column), self._keeper.fault
        for export in self._exports:
            if export.fault is not None and export.touches(column):
                reason = reason or export.fault
                rows.exists = rows.exists or column in (export.feeds or ())
            if export.content is not None and column not in export.confirmed:
                export.content.pour(column, rows, span)
                if export.content.unplaced:
                    rows.unplaced.extend(export.content.unplaced[: MOST_DOUBTS - len(rows.unplaced)])
        return rows.reading() if reason is None else Incomplete(rows, reason)

    def _stale(self, column: ColumnId, span: WallSpan) -> Content | None:
        """An export whose recurrences have to be worked out before it can be poured, if there is one."""
        if self._survey.trouble is not None:
            return None
        contents = (each.content for each in self._exports)
        return next((each for each in contents if each and column in each.columns and each.stale(span)), None)

    def _heard(self, *, spoken: bool, changed: bool) -> None:
        """Take note of whether the kernel told of a change."""
        if changed:
            self._missed = 0 if spoken else self._missed + 1
            self._survey.coarse = self.polls
