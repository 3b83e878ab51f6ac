"""The practice's own program: fills its calendar with columns of so many rows, and commits one change after another.

Twenty-four appointments a day from 06:00 to 18:00; changes are made in the evenings, when every column is free, and on
another day each time: every change adds something. The column that changes is the last one, so that it shows who goes
through a table to find its rows.
"""

import asyncio
import sqlite3
import time
from datetime import datetime, timedelta
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Final, Protocol, Self

import asyncpg

from bench.lab import Database, Lab

READER: Final = "tmex_reader"
NAMES: Final = "ABCD"
CHANGED: Final = NAMES[-1]
_FIRST: Final = datetime(2026, 11, 23, 6)
_FIRST_EVENING: Final = datetime(2026, 11, 24, 18)
_SQL: Final = files("adapters.duria") / "sql"
POSTGRES_SCRIPT: Final = (_SQL / "postgres.sql").read_text("utf-8")
_FILL: Final = """
INSERT INTO tmex_appointments
SELECT 'PRAX1', 'TK1', col, start, start + interval '20 minutes', true
  FROM generate_series(0, {rows} - 1) AS n, unnest(ARRAY['A', 'B', 'C', 'D']) AS col,
       LATERAL (SELECT timestamp '2026-11-23 06:00' + n / 24 * interval '1 day' + n % 24 * interval '30 minutes')
         AS _(start)
 ORDER BY col, start;
ANALYZE tmex_appointments;
"""
_CHANGE: Final = "INSERT INTO tmex_appointments VALUES ('PRAX1', 'TK1', $1, $2, $3, true)"
_SQLITE_CHANGE: Final = "INSERT INTO tmex_appointments VALUES ('PRAX1', 'TK1', ?, ?, ?, 1)"


class Enqueue(Protocol):
    """What a peer wants to have done in the transaction of a change."""

    async def __call__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> object: ...


def grid(rows: int) -> list[tuple[datetime, datetime]]:
    """The appointments of a column."""
    starts = (_FIRST + timedelta(days=n // 24, minutes=30 * (n % 24)) for n in range(rows))
    return [(start, start + timedelta(minutes=20)) for start in starts]


def evening(number: int) -> tuple[datetime, datetime]:
    """The `number`th change: a second of its own."""
    start = _FIRST_EVENING + timedelta(days=number % 100, seconds=2 * (number // 100))
    return start, start + timedelta(seconds=1)


class PostgresPractice:
    """In PostgreSQL, with our trigger; four columns. An async context manager."""

    def __init__(self, database: Database, rows: int) -> None:
        self.database = database
        self.address = database.dsn(READER)
        self._rows, self._numbers = rows, count()

    @classmethod
    async def of(cls, lab: Lab, rows: int, *, followed: bool = False) -> Self:
        """In a database of its own; `followed` as in `Lab.database`."""
        return cls(await lab.database(followed=followed), rows)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.database.run, POSTGRES_SCRIPT + _FILL.format(rows=self._rows))
        self.connection = await asyncpg.connect(self.database.dsn())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()

    async def commit(self, enqueue: Enqueue | None = None) -> float:
        """Make one more appointment; when its COMMIT began, by `time.monotonic()`."""
        transaction = self.connection.transaction()
        await transaction.start()
        await self.connection.execute(_CHANGE, CHANGED, *evening(next(self._numbers)))
        if enqueue is not None:
            await enqueue(self.connection)
        began = time.monotonic()
        await transaction.commit()
        return began

    async def anew(self) -> None:
        """Take back every change."""
        await self.connection.execute("DELETE FROM tmex_appointments WHERE ends_at - starts_at < interval '1 minute'")
        await self.connection.execute("VACUUM ANALYZE tmex_appointments")
        self._numbers = count()

    async def timed_commit(self) -> float:
        """Seconds that such a change takes the practice, from its statement on."""
        times = evening(next(self._numbers))
        began = time.monotonic()
        await self.connection.execute(_CHANGE, CHANGED, *times)
        return time.monotonic() - began

    async def execute(self, sql: str) -> None:
        await self.connection.execute(sql)


class SqlitePractice:
    """In a SQLite file in WAL mode; four columns. A context manager."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.path = folder / "practice.db"
        self.address = f"sqlite:///{self.path}"
        self._rows, self._numbers = rows, count()

    def __enter__(self) -> Self:
        self._db = sqlite3.connect(self.path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript((_SQL / "sqlite.sql").read_text("utf-8"))
        self._db.execute("CREATE INDEX appointments_by_column ON tmex_appointments (practice, calendar, col)")
        self._db.execute("BEGIN")
        for column in NAMES:
            self._db.executemany(_SQLITE_CHANGE, [(column, str(start), str(end)) for start, end in grid(self._rows)])
        self._db.execute("COMMIT")
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    async def commit(self) -> float:
        """See PostgresPractice."""
        start, end = evening(next(self._numbers))
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute(_SQLITE_CHANGE, (CHANGED, str(start), str(end)))
        began = time.monotonic()
        self._db.execute("COMMIT")
        return began

    async def anew(self) -> None:
        """Take back every change."""
        self._db.execute("DELETE FROM tmex_appointments WHERE starts_at LIKE '% 18:%' OR starts_at LIKE '% 19:%'")
        self._numbers = count()


class ExportPractice:
    """In a folder of CSV exports, a file for each of four columns; that of one is renamed into its place anew."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self._beside = folder / "exports", folder / "next.csv"
        self.address = f"files://{self.folder}"
        self._numbers = count()
        self.folder.mkdir()
        for name in NAMES:
            (self.folder / f"{name}.csv").write_text(_export(name, grid(rows)))
        self._text = self._first = _export(CHANGED, grid(rows))

    async def commit(self) -> float:
        """See PostgresPractice; in place of the COMMIT, when the file's rename began."""
        self._text += _line(CHANGED, *evening(next(self._numbers)))
        self._beside.write_text(self._text)
        began = time.monotonic()
        self._beside.replace(self.folder / f"{CHANGED}.csv")
        return began

    async def anew(self) -> None:
        """Take back every change."""
        self._text = self._first
        (self.folder / f"{CHANGED}.csv").write_text(self._text)
        self._numbers = count()


def _export(column: str, times: list[tuple[datetime, datetime]]) -> str:
    return "Kalender;Spalte;Datum;Von;Bis;Belegt\n" + "".join(_line(column, *each) for each in times)


def _line(column: str, start: datetime, end: datetime) -> str:
    return f"TK1;{column};{start:%d.%m.%Y};{start:%H:%M:%S};{end:%H:%M:%S};ja\n"
