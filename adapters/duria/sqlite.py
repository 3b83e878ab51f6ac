"""The practice's calendar in a SQLite file: one reading is one snapshot, and no change stays unnoticed.

A failed reading is a fault with its own code, never an empty one (I2). Nothing but the fields of the contract is
selected (I7), and nothing is written (I12). SQLite keeps no checksums: of a rotten file it notices what breaks its
structure, and a flipped bit within a row is read as it stands.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date
from pathlib import Path
from typing import Final, Self

from adapters.duria.sqlite_faults import LOCKED, fault_of
from adapters.duria.sqlite_file import SqliteFile
from adapters.duria.sqlite_rows import COLUMNS, READ, collected
from adapters.duria.watch import SCAN_EVERY, wake_ups
from engine.faults import Fault
from engine.model import DAY, ColumnId, Failed, Reading
from engine.ports import Hint, SourceError
from engine.walltime import WallSpan

MISSING: Final = "source.missing"
_EPOCH: Final = date(1970, 1, 1).toordinal()


class SqliteSource:
    """A `Source` over the database file at `path`, for one practice. An async context manager."""

    def __init__(self, path: Path, practice: str) -> None:
        self._path, self._practice = path, practice
        self._file = SqliteFile(path)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._file.close()

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        """Every row of `column` that may touch `span`; see `Source`."""
        names = {"practice": self._practice, "calendar": column.calendar, "col": column.column}
        edges = {"before": _day_text(span.start // DAY - 1), "after": _day_text(span.end // DAY + 1)}
        try:
            found = await self._file.fetch(READ, names | edges)
            return collected(found, column, span).reading()
        except SourceError as error:
            return Failed(error.fault)
        except ValueError as error:
            return Failed(fault_of(error, self._path))

    async def columns(self) -> tuple[ColumnId, ...]:
        """The columns that exist (R10), sorted. Raises SourceError."""
        found = await self._file.fetch(COLUMNS, {"practice": self._practice})
        return tuple(sorted(ColumnId(calendar, column) for calendar, column in found))

    async def vanished(self, column: ColumnId) -> bool:  # noqa: ARG002 - of the port
        """A database does not lose a part of itself; see `Source`."""
        return False

    async def confirm(self, column: ColumnId) -> None:
        """There is nothing to confirm; see `Source`."""

    async def examine(self) -> list[Fault]:
        """Nothing but what a reading tells by itself, for `tmex check`."""
        return []

    def notes(self) -> tuple[Fault, ...]:
        """Nothing hinders its change events; see `Source`."""
        return ()

    async def hints(self) -> AsyncGenerator[Hint, None]:
        """One at once, then one for each change, and for each loss and return of the file; see `Source`."""
        place = _real(self._path)
        names = {place.name + suffix for suffix in ("", "-wal", "-shm", "-journal")}
        pulse = _Pulse(self._path)
        try:
            async with aclosing(wake_ups(place.parent, names.__contains__)) as wakes:
                async for _ in wakes:
                    if await pulse.changed():
                        yield Hint()
                    await pulse.rest()
        finally:
            await pulse.close()


class _Pulse:
    """Whether the file changed since it was last asked; a connection of its own, outside of any transaction."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path)
        self._last: object = None

    async def changed(self) -> bool:
        """Whether it is another file, another state of it, or another reason why it cannot be read."""
        state = await self._state()
        before, self._last = self._last, self._last if state == LOCKED else state
        return self._last != before

    async def rest(self) -> None:
        """Leave a file alone for a while that cannot be read: to try it makes events of our own."""
        if isinstance(self._last, str) and self._last != MISSING:
            await asyncio.sleep(SCAN_EVERY / 2)

    async def close(self) -> None:
        await self._file.close()

    async def _state(self) -> object:
        try:
            [version] = await self._file.fetch("PRAGMA data_version", {})
        except SourceError as error:
            return error.fault.code
        return self._file.opened, version


def _real(path: Path) -> Path:
    """Where the file lies, and those that SQLite makes beside it, when `path` is a link."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return path


def _day_text(day: int) -> str:
    """A day as it stands before its times in order; what is out of the calendar stands before or after all days."""
    ordinal = day + _EPOCH
    if ordinal < 1:
        return ""
    return date.fromordinal(ordinal).isoformat() if ordinal <= date.max.toordinal() else "~"
