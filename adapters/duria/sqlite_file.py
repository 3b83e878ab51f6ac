"""A SQLite file is read without harm to the practice: nothing is written, no lock outlives its one statement.

What the practice's program waits for is bounded by `STATEMENT_LIMIT`, what we wait for a lock by `_TRIES`. Where
readers hold up writers, as all do without a write-ahead log, the file is then left alone for as long as we had it.
Every failure is a `SourceError` in our own words.
"""

import asyncio
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import Iterable, Mapping
from operator import methodcaller
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiosqlite

from adapters.duria.sqlite_faults import ERRORS, LOCKED, code_of, fault_of, missing_part
from engine.faults import Fault
from engine.ports import SourceError

STATEMENT_LIMIT: Final = 5.0
"""Seconds; a statement that takes longer is stopped, whatever view it is lost in."""
_LOCK_WAIT: Final = 0.1
"""Seconds to wait for the practice's lock at each try, and between two tries."""
_TRIES: Final = 5
_CLOSE_LIMIT: Final = 1.0
_LONGEST_REST: Final = 1.0
"""Seconds that the file is left alone at most."""
_STEPS: Final = 10_000
"""Instructions of SQLite between two looks whether the statement is still wanted: far less than a millisecond."""
_SETTINGS: Final = """
    PRAGMA query_only = 1;
    PRAGMA cell_size_check = 1;  -- more of what is rotten is noticed
"""

# At its debug level aiosqlite logs the texts of SQLite's errors, which may quote what a view holds (I7).
logging.getLogger("aiosqlite").setLevel(logging.WARNING)

Identity = tuple[int, int, int, int]
Row = tuple[Any, ...]


class SqliteFile:
    """One read-only connection to the file that stands at `path` now, opened when it is needed.

    It is opened anew when another file was put in its place, and when the file was written to: whoever copies an
    export over it leaves SQLite's cache none the wiser. We never open the file ourselves, for closing it would drop
    the locks that SQLite holds in this process.
    """

    def __init__(self, path: Path, *, limit: float = STATEMENT_LIMIT) -> None:
        self.path, self._limit = path, limit
        self._connection: aiosqlite.Connection | None = None
        self.opened: Identity | None = None
        """The file that the connection belongs to."""
        self._unwanted = threading.Event()
        self._in_the_way = False
        """Whether a statement of ours holds up who wants to write."""
        self._free_at = 0.0
        """Until when the file is left alone, by the loop's clock."""
        self._one_at_a_time = asyncio.Lock()
        self._closing: set[asyncio.Future[Any]] = set()

    async def fetch(self, sql: str, values: Mapping[str, str]) -> list[Row]:
        """All rows of one statement, which is one snapshot; in texts U+FFFD stands for what is no UTF-8.

        Raises SourceError.
        """
        async with self._one_at_a_time:
            if (rest := self._free_at - _now()) > 0:
                await asyncio.sleep(rest)
            for _ in range(_TRIES - 1):
                try:
                    return await self._try(sql, values)
                except SourceError as error:
                    if error.fault.code != LOCKED:
                        raise
                await asyncio.sleep(_LOCK_WAIT)
            return await self._try(sql, values)

    def _identity(self) -> Identity:
        """What tells the file from another one in its place, and from itself before it was written. Raises
        SourceError.
        """
        try:
            found = self.path.stat()
        except OSError as error:
            raise _raised(fault_of(error, self.path)) from error
        if not stat.S_ISREG(found.st_mode):  # to open a pipe may take for ever
            raise SourceError("source.not_a_database", file=self.path.name)
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    async def close(self) -> None:
        """Let go of the file; a thread that is stuck in the operating system is left behind."""
        self._let_go()
        if self._closing:
            await asyncio.wait(self._closing, timeout=_CLOSE_LIMIT)

    async def _try(self, sql: str, values: Mapping[str, str]) -> list[Row]:
        try:
            async with asyncio.timeout(self._limit):
                return await self._ask(sql, values)
        except ERRORS as error:
            fault = fault_of(error, self.path)
            if fault.code != LOCKED:
                self._let_go()
            raise _raised(fault) from error
        except (SourceError, asyncio.CancelledError):
            self._let_go()
            raise

    async def _ask(self, sql: str, values: Mapping[str, str]) -> list[Row]:
        connection, began = await self._current(), _now()
        try:
            rows: Iterable[Any] = await connection.execute_fetchall(sql, values)
            return list(rows)
        except sqlite3.OperationalError as error:
            missing = None
            if code_of(error) == sqlite3.SQLITE_ERROR:
                missing = await missing_part(connection)
            if missing is None:
                raise
            raise _raised(missing) from error
        finally:
            if self._in_the_way:
                self._free_at = _now() + min(_now() - began, _LONGEST_REST)

    async def _current(self) -> aiosqlite.Connection:
        identity = self._identity()
        if identity != self.opened:
            self._let_go()
        if self._connection is None:
            await self._keep_out_of_the_way()
            self._connection, self.opened = await self._connect(), identity
            self._connection.text_factory = methodcaller("decode", "utf-8", "replace")
            await self._connection.set_progress_handler(self._unwanted.is_set, _STEPS)
            await self._connection.executescript(_SETTINGS)
            self._in_the_way = True
            [[mode]] = await self._connection.execute_fetchall("PRAGMA journal_mode")
            self._in_the_way = mode != "wal"
        return self._connection

    def _connect(self) -> aiosqlite.Connection:
        uri = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        return aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=_LOCK_WAIT)

    def _let_go(self) -> None:
        """Close the connection without waiting for it; what it is doing ends soon."""
        connection, self._connection, self.opened = self._connection, None, None
        if connection is None:
            return
        self._unwanted.set()
        self._unwanted = threading.Event()
        if (closed := connection.stop()) is not None:
            self._closing.add(closed)
            closed.add_done_callback(self._closing.discard)

    async def _keep_out_of_the_way(self) -> None:
        """Make no file that the practice's program could not write.

        The first reader of a file in WAL mode makes two files beside it. Made by another user than the file's owner,
        they would lock the owner out.
        """
        path = self.path.resolve()
        theirs = os.geteuid() not in (0, path.stat().st_uid) and os.access(path.parent, os.W_OK)
        if theirs and not path.with_name(f"{path.name}-shm").exists() and await self._is_wal():
            raise SourceError("source.wal_read_only", file=self.path.name)

    async def _is_wal(self) -> bool:
        """Asked to lock for good, which needs a right that we lack, SQLite stops short of making files for WAL."""
        async with self._connect() as connection:
            try:
                await connection.executescript("PRAGMA locking_mode = EXCLUSIVE; SELECT count(*) FROM sqlite_master;")
            except sqlite3.OperationalError as error:
                if code_of(error) == sqlite3.SQLITE_IOERR_LOCK:
                    return True
                raise
        return False


def _now() -> float:
    return asyncio.get_running_loop().time()


def _raised(fault: Fault) -> SourceError:
    return SourceError(fault.code, **fault.facts)
