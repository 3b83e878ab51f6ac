"""The product's own ledger in the simulated world: its SQL, on real files, in virtual time.

Each simulated process works on what a `kill -9` of the one before left of the files. What the real ledger recalls must
be what the ledger in memory knows, to the last record: each is the other's oracle.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar
from unittest.mock import patch

from adapters.ledger import SqliteLedger
from adapters.ledger.aside import SUFFIXES, beside
from adapters.ledger.thread import DaemonThread
from engine.model import ColumnId
from engine.ports import Ahead, CalendarRecord, ColumnRecord, Entry, LedgerError, PortalRecord, Recollection
from tests.simulation.memory import MemoryLedger
from tests.simulation.world import MONDAY

T = TypeVar("T")
HISTORY: Final = 30 * 86_400.0


class Disk:
    """Lets statements fail: the `fails_at`-th from now on, or every COMMIT while it is `broken`."""

    def __init__(self) -> None:
        self.fails_at = 0
        """Zero is never."""
        self.lasting = False
        """Whether all that come after it fail, too."""
        self.broken = False
        self.statements = 0
        self.failed: list[str] = []
        """The statements that failed."""

    def breaks(self, after: int) -> None:
        """Fail `after` so many statements more, and at the latest where all would be kept."""
        self.fails_at, self.broken = self.statements + 1 + after, True

    def heals(self) -> None:
        """Fail no more, also what was still to come."""
        self.fails_at, self.broken = 0, False

    def meet(self, statement: str) -> None:
        """Count a statement; raises sqlite3.OperationalError as a disk in trouble does."""
        if statement == "ROLLBACK":
            return
        self.statements += 1
        due = self.statements >= self.fails_at if self.lasting else self.statements == self.fails_at
        if (self.fails_at and due) or (self.broken and statement == "COMMIT"):
            self.failed.append(statement)
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode, error.sqlite_errorname = sqlite3.SQLITE_IOERR, "SQLITE_IOERR"
            raise error


class InlineThread(DaemonThread):
    """Does everything at once, where it is asked for, for virtual time waits for no thread."""

    def __init__(self) -> None:
        pass

    def post(self, job: Callable[[], None]) -> None:
        job()

    async def do(self, work: Callable[[], T]) -> T:
        return work()

    def tell(self, loop: asyncio.AbstractEventLoop, what: Callable[[], None]) -> None:
        what()


class InlineLedger(SqliteLedger):
    """As in the job, but nothing is left to a thread."""

    def __init__(self, path: Path, wall: Callable[[], float]) -> None:
        super().__init__(path, history_seconds=HISTORY, wall=wall)
        self._thread.shutdown()
        self._thread = InlineThread()

    def drop(self) -> None:
        """The process is gone."""
        self._close()


class SqlLedger(MemoryLedger):
    """A ledger of stories that also keeps everything as the product does; a context manager."""

    def __init__(self, chance: Random) -> None:
        super().__init__(chance)
        self.disk = Disk()
        self._folder = TemporaryDirectory(prefix="story")
        self._processes = 0
        self._ledger: InlineLedger | None = None

    def close(self) -> None:
        """Leave no file behind."""
        if self._ledger is not None:
            self._ledger.drop()
        self._folder.cleanup()

    async def recall(self) -> Recollection:
        await asyncio.sleep(0)
        self._ledger = self._next_process()
        with self._on_disk():
            past = await self._ledger.recall()
        known = await super().recall()
        assert past == known, f"I6: recalled {past}, and known was {known}"
        return past

    async def write(
        self,
        *,
        calendars: Mapping[str, CalendarRecord],
        columns: Mapping[ColumnId, ColumnRecord],
        portal: PortalRecord | None,
        ahead: Mapping[str, Ahead],
        entries: tuple[Entry, ...],
    ) -> None:
        assert self._ledger is not None
        if not self.healthy:
            self.disk.breaks(self.writes % 7)
        with self._on_disk():
            try:
                await self._ledger.remember(
                    calendars=calendars, columns=columns, portal=portal, ahead=ahead, entries=entries
                )
            except LedgerError:
                self.healthy = False
                raise
            finally:
                if self.disk.broken:
                    self.disk.heals()
        assert self.healthy, "I6: a write that failed was taken for one that did not"

    def _next_process(self) -> InlineLedger:
        """The files as a killed process leaves them, and a new process on them."""
        before = self._path()
        self._processes += 1
        path = self._path()
        path.parent.mkdir()
        for suffix in SUFFIXES[:2]:
            with suppress(FileNotFoundError):
                shutil.copy(beside(before, suffix), beside(path, suffix))
        if self._ledger is not None:
            self._ledger.drop()
        loop = asyncio.get_running_loop()
        return InlineLedger(path, lambda: MONDAY + loop.time())

    def _path(self) -> Path:
        return Path(self._folder.name) / str(self._processes) / "tmex.db"

    @contextmanager
    def _on_disk(self) -> Iterator[None]:
        """Have every statement meet the disk."""
        disk = self.disk

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:  # noqa: ANN401 - passed on
                disk.meet(sql)
                return super().execute(sql, *values)

            def executemany(self, sql: str, *values: Any) -> sqlite3.Cursor:  # noqa: ANN401 - passed on
                disk.meet(sql)
                return super().executemany(sql, *values)

            def executescript(self, sql: str) -> sqlite3.Cursor:
                disk.meet(sql)
                return super().executescript(sql)

        honest = sqlite3.connect

        def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:  # noqa: ANN401 - passed on
            return honest(*args, **kwargs, factory=Connection)

        with patch.object(sqlite3, "connect", connect):
            yield
