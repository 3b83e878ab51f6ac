"""The engine's memory in a SQLite file beside the job: what a call wrote is safe from a killed process when it returns.

A file that rotted is set aside and a new one begun, so that nothing is half believed; a disk that is full or away is an
answer, and the next call tries again.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from adapters.ledger.file import LedgerFile, NewerError, RottenError
from adapters.ledger.rows import MARK, Place, column_key, column_of
from engine.faults import Fault
from engine.model import ColumnId
from engine.ports import CalendarRecord, ColumnRecord, Entry, LedgerError, PortalRecord, Recollection

T = TypeVar("T")

GIVE_UP_AFTER: Final = 5.0
"""Seconds; a disk that hangs longer counts as one that cannot be written."""
KEEP_ASIDE: Final = 3
"""How many rotten ledgers are kept."""


class SqliteLedger:
    """A `Ledger` at `path`; `realm` keeps the shadow's baseline apart. An async context manager."""

    def __init__(self, path: Path, *, realm: str = "live", history_seconds: float, wall: Callable[[], float]) -> None:
        """`wall` gives seconds since the epoch; entries older than `history_seconds` are forgotten."""
        self._path, self._realm, self._history, self._wall = path, realm, history_seconds, wall
        self._file: LedgerFile | None = None
        self._known: dict[Place, object] = {}
        self._thread = ThreadPoolExecutor(1, "ledger")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(TimeoutError):
            await self._on_thread(self._close)
        self._thread.shutdown(wait=False)

    async def recall(self) -> Recollection:
        """Everything; raises LedgerError where the state cannot be used at all."""
        return await self._asked(self._recall)

    async def remember(
        self,
        *,
        calendars: Mapping[str, CalendarRecord] = {},
        columns: Mapping[ColumnId, ColumnRecord] = {},
        portal: PortalRecord | None = None,
        entries: tuple[Entry, ...] = (),
    ) -> None:
        """Write all of it in one transaction, or nothing; raises LedgerError."""
        records: dict[Place, object] = {self._place("calendar", name): each for name, each in calendars.items()}
        records |= {self._place("column", column_key(column)): each for column, each in columns.items()}
        if portal is not None:
            records[self._place("portal", "")] = portal
        await self._asked(lambda: self._remember(records, entries))

    async def history(self, since: float) -> list[Entry]:
        """The entries since that wall-clock time, oldest first; raises LedgerError."""
        return await self._asked(lambda: self._opened().history(self._realm, since))

    @staticmethod
    async def peek(path: Path, realm: str = "live") -> Recollection:
        """What a ledger holds, without touching it; nothing where there is none. Raises LedgerError."""
        return await asyncio.to_thread(_peek, path, realm)

    async def _asked(self, work: Callable[[], T]) -> T:
        try:
            return await self._on_thread(work)
        except TimeoutError:
            raise LedgerError("ledger.unwritable", kind="timeout") from None
        except (sqlite3.Error, OSError, NewerError, RottenError) as error:
            raise _translated(error, self._path) from None

    async def _on_thread(self, work: Callable[[], T]) -> T:
        async with asyncio.timeout(GIVE_UP_AFTER):
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _recall(self) -> Recollection:
        try:
            found = self._opened().read(self._realm)
            recalled = _recollection(found)
        except (RottenError, ValueError):
            news = self._set_aside()
            mark = self._place(MARK, "")
            found, recalled = {mark: True}, Recollection(set_aside=True, news=news)
            self._opened().write(self._realm, found, (), 0.0)
        self._known = dict(found)
        return recalled

    def _remember(self, records: dict[Place, object], entries: tuple[Entry, ...]) -> None:
        """Into the file that is there now: one that was taken away under us is written anew, with all that we know."""
        self._known.update(records)
        if self._file is not None and not self._file.is_current():
            self._close()
        whole = self._file is None
        try:
            self._opened().write(self._realm, self._known if whole else records, entries, self._wall() - self._history)
        except BaseException:
            self._close()
            raise

    def _opened(self) -> LedgerFile:
        if self._file is None:
            self._file = LedgerFile(self._path)
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _set_aside(self) -> Fault:
        self._close()
        stamp = datetime.fromtimestamp(self._wall(), UTC).strftime("%Y%m%dT%H%M%S%f")
        aside = self._path.with_name(f"{self._path.name}.rotten-{stamp}")
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + suffix).rename(aside.with_name(aside.name + suffix))
        sets = sorted(each for each in self._path.parent.glob(f"{self._path.name}.rotten-*") if each.name[-1].isdigit())
        for old in sets[:-KEEP_ASIDE]:
            for suffix in ("-wal", "-shm", ""):
                old.with_name(old.name + suffix).unlink(missing_ok=True)
        return Fault("ledger.set_aside", {"file": aside.name})

    def _place(self, kind: str, key: str) -> Place:
        return Place(self._realm, kind, key)


def _recollection(found: Mapping[Place, Any]) -> Recollection:
    portal = [each for place, each in found.items() if place.kind == "portal"]
    return Recollection(
        calendars={place.key: each for place, each in found.items() if place.kind == "calendar"},
        columns={column_of(place.key): each for place, each in found.items() if place.kind == "column"},
        portal=portal[0] if portal else PortalRecord(),
        set_aside=any(place.kind == MARK for place in found),
    )


def _peek(path: Path, realm: str) -> Recollection:
    if not path.exists():
        return Recollection()
    try:
        file = LedgerFile(path, read_only=True)
        try:
            return _recollection(file.read(realm))
        finally:
            file.close()
    except (sqlite3.Error, OSError, NewerError, RottenError, ValueError) as error:
        raise _translated(error, path) from None


def _translated(error: Exception, path: Path) -> LedgerError:
    """The error in our own words: no library's text, for it may name what it should not."""
    if isinstance(error, NewerError):
        return LedgerError("ledger.newer", file=path.name)
    if isinstance(error, RottenError | ValueError):
        return LedgerError("ledger.rotten", file=path.name)
    kind = getattr(error, "sqlite_errorname", None) or type(error).__name__
    code = "ledger.locked" if kind.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else "ledger.unwritable"
    return LedgerError(code, kind=kind, file=path.name)
