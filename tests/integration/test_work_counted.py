"""How much work a change is, counted and never timed: readings, rows, requests, transactions of the ledger, bytes.

A number here changes when somebody changes how tmex works; then it is for a person to say whether that is meant.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters.audience import Audience
from adapters.compose import assembled
from adapters.drflex.standin import StandIn
from adapters.duria import postgres_link, sqlite_file
from adapters.duria.postgres import _READ as POSTGRES_READING
from adapters.duria.postgres_link import Row
from adapters.duria.sqlite_rows import READ as SQLITE_READING
from adapters.ledger.file import LedgerFile
from adapters.ledger.rows import Place
from adapters.settings import load
from engine.ports import Entry
from engine.runtime import Engine
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.sqlite_practice import SqlitePractice
from tests.eventually import eventually
from tests.postgres import NewDatabase, majors
from tests.sqlrows import SqlTransaction

Records = Mapping[Place, Any]

CHANGES = 4
SHORT, LONG = 30, 600
FIRST = datetime(2026, 3, 2, 8)
EVENING = datetime(2026, 3, 3, 19)
PER_INTERVAL = len('{"start":"2026-03-02T08:00:00+01:00","end":"2026-03-02T08:20:00+01:00"},')


class Practice(Protocol):
    """The practice's own program."""

    @property
    def address(self) -> str: ...

    def writing(self) -> AbstractContextManager[SqlTransaction]: ...


class Counted:
    """What was done since the last look."""

    def __init__(self) -> None:
        self.readings = self.rows = self.transactions = self.kept_bytes = 0

    def reset(self) -> None:
        """Begin to count."""
        self.__init__()  # type: ignore[misc]  # its own


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Counts what the adapters do; they do it all the same."""
    counts = Counted()
    read_link, read_file = postgres_link.Link.rows, sqlite_file.SqliteFile.fetch
    keep, enter = LedgerFile._keep, LedgerFile._enter
    write = LedgerFile.write

    async def link_rows(self: postgres_link.Link, sql: str, *values: object) -> Sequence[Row]:
        found = await read_link(self, sql, *values)
        if sql == POSTGRES_READING:
            counts.readings += 1
            counts.rows += len(found[0][0] or b"") // 16
        return found

    async def fetch(self: sqlite_file.SqliteFile, sql: str, values: Mapping[str, str]) -> list[sqlite_file.Row]:
        found = await read_file(self, sql, values)
        if sql == SQLITE_READING:
            counts.readings += 1
            counts.rows += found[0][1]
        return found

    def written(self: LedgerFile, records: Records, history: Iterable[tuple[str, Entry]], horizon: float) -> None:
        counts.transactions += 1
        write(self, records, history, horizon)

    def kept(self: LedgerFile, rows: list[tuple[str, str, str, bytes, bytes]]) -> None:
        counts.kept_bytes += sum(len(row[3]) for row in rows)
        keep(self, rows)

    def entered(self: LedgerFile, rows: list[tuple[str, float, bytes, bytes]], horizon: float) -> None:
        counts.kept_bytes += sum(len(row[2]) for row in rows)
        enter(self, rows, horizon)

    monkeypatch.setattr(postgres_link.Link, "rows", link_rows)
    monkeypatch.setattr(sqlite_file.SqliteFile, "fetch", fetch)
    monkeypatch.setattr(LedgerFile, "write", written)
    monkeypatch.setattr(LedgerFile, "_keep", kept)
    monkeypatch.setattr(LedgerFile, "_enter", entered)
    return counts


class Job:
    """The real engine with its real adapters, in this process."""

    def __init__(self, engine: Engine, portal: StandIn, practice: Practice, counted: Counted) -> None:
        self.portal, self.practice, self.counted = portal, practice, counted
        self._engine, self._before = engine, 0

    async def change(self, do: Callable[[SqlTransaction], None]) -> None:
        """One transaction, until it is uploaded and nothing is left to do."""
        before = self.portal.applied
        with self.practice.writing() as transaction:
            do(transaction)
        await self.rests(before + 1)

    async def rests(self, uploads: int) -> None:
        """Wait until so many uploads were made, and nothing is left to do."""

        async def rested() -> bool:
            return self.portal.applied >= uploads and not self._engine._turns and not self._engine.backlog()

        await eventually(rested, "the change is uploaded")

    @property
    def requests(self) -> int:
        """All that the portal was asked since it began to count."""
        return self.portal.seen("window") + self.portal.seen("upload") - self._before

    def stands(self) -> None:
        """From here on it counts."""
        self.counted.reset()
        self._before += self.requests


@asynccontextmanager
async def running(folder: Path, practice: Practice, rows: int, counted: Counted) -> AsyncIterator[Job]:
    """A column of so many rows that was uploaded, and of which two changes were."""
    with practice.writing() as transaction:
        for number in range(rows):
            transaction.insert("PRAX1", "TK1/A", *times(number), occupied=True)
    async with StandIn("key", window=("2026-03-01", "2026-12-31")) as portal:
        settings = load(
            {
                "TMEX_API_KEY": portal.key,
                "TMEX_WINDOW_URL": portal.window_url,
                "TMEX_UPLOAD_URL": portal.upload_url,
                "TMEX_SOURCE": practice.address,
                "TMEX_STATE": str(folder / "state" / "tmex.db"),
                "TMEX_CALENDAR_1": "Dr. Adler=TK1/A",
                "TMEX_UPLOAD_GAP": "0",
                "TMEX_SETTLE": "0",
                "TMEX_FREE_DELAY": "0",
            }
        )
        stop = asyncio.Event()
        async with assembled(settings, Audience()) as engine:
            work = asyncio.create_task(engine.run(stop))
            job = Job(engine, portal, practice, counted)
            await job.rests(1)
            for number in range(2):  # what the start still had to do is done by then
                await job.change(adding(number))
            job.stands()
            yield job
            stop.set()
            await work


def adding(number: int) -> Callable[[SqlTransaction], None]:
    """An appointment in the evening, another one each time."""
    start = EVENING + timedelta(days=number)

    def add(practice: SqlTransaction) -> None:
        practice.insert("PRAX1", "TK1/A", f"{start:%Y-%m-%d %H:%M}", f"{start + timedelta(minutes=20):%Y-%m-%d %H:%M}")

    return add


def removing(number: int) -> Callable[[SqlTransaction], None]:
    """That appointment, again."""
    return lambda practice: practice.erase("TK1/A", f"{EVENING + timedelta(days=number):%Y-%m-%d %H:%M}")


def times(number: int) -> tuple[str, str]:
    """Twenty minutes of every half an hour from eight on, ten a day."""
    start = FIRST + timedelta(days=number // 10, minutes=30 * (number % 10))
    return f"{start:%Y-%m-%d %H:%M}", f"{start + timedelta(minutes=20):%Y-%m-%d %H:%M}"


@pytest.fixture(params=["postgres", "sqlite"])
def practice(request: pytest.FixtureRequest, tmp_path: Path, new_database: NewDatabase) -> Practice:
    """Empty."""
    if request.param == "postgres":
        return PostgresPractice(new_database(majors()[-1]))
    return SqlitePractice(tmp_path / "practice.db")


@pytest.fixture
def postgres(new_database: NewDatabase) -> PostgresPractice:
    """Empty."""
    return PostgresPractice(new_database(majors()[-1]))


async def test_an_added_appointment(practice: Practice, tmp_path: Path, counted: Counted) -> None:
    """One request, two transactions of the ledger, before the upload and after it (I6), and one reading; a file's
    events may come doubled, and then it is read once more.
    """
    async with running(tmp_path, practice, SHORT, counted) as job:
        for number in range(2, 2 + CHANGES):
            await job.change(adding(number))
            assert (job.requests, counted.transactions) == (1, 2)
            assert counted.readings == 1 or isinstance(practice, SqlitePractice)
            job.stands()


async def test_a_removed_appointment(practice: Practice, tmp_path: Path, counted: Counted) -> None:
    """One request, a reading of the whole column (I3), and as long as something was lost lately each reading of it is
    remembered. Where the source tells the days, a reading of these comes first, and leaves no trace.
    """
    async with running(tmp_path, practice, SHORT, counted) as job:
        for number in range(2):
            await job.change(removing(number))
            if isinstance(practice, PostgresPractice):
                assert (counted.readings, job.requests, counted.transactions) == (2, 1, 2)
            else:
                assert (job.requests, counted.transactions) == (1, 1 + counted.readings)
            job.stands()


async def test_a_body_is_as_long_as_its_intervals(practice: Practice, tmp_path: Path, counted: Counted) -> None:
    """Nothing is in it but what is blocked: so many bytes for each interval, and a head (R2)."""
    async with running(tmp_path, practice, SHORT, counted) as job:
        await job.change(adding(2))
        upload = job.portal.uploads[-1]
        head = b'{"calendar":"Dr. Adler","from":"2026-03-01T00:00:00+01:00","to":"2027-01-01T00:00:00+01:00",'
        assert upload.body.startswith(head)
        assert len(upload.body) == len(head) + len('"appointments":[]}') - 1 + PER_INTERVAL * (SHORT + 3)


async def test_a_change_of_a_long_column_is_as_little_work(
    postgres: PostgresPractice, tmp_path: Path, counted: Counted
) -> None:
    """Where the source tells the days, what is read and what the ledger keeps before an upload is as much as changed,
    however long the column is.
    """
    async with running(tmp_path, postgres, LONG, counted) as job:
        seen = []
        for number in range(20, 20 + CHANGES):
            await job.change(adding(number))
            seen.append((counted.readings, counted.rows, counted.transactions, counted.kept_bytes))
            job.stands()
    # Ten of the day, ten of the one before, which may reach into it, and what was added to each; each change goes ahead
    # of the record with those before it.
    rows, before = [21, *[22] * (CHANGES - 1)], seen[0][3]
    assert [each[:3] for each in seen] == [(1, number, 2) for number in rows]
    assert [each[3] for each in seen] == [before + 16 * number for number in range(CHANGES)]
    assert before < 250


async def test_many_changes_at_once(practice: Practice, tmp_path: Path, counted: Counted) -> None:
    """A transaction of two hundred appointments is one request, too."""

    def add(transaction: SqlTransaction) -> None:
        for number in range(2, 202):
            adding(number)(transaction)

    async with running(tmp_path, practice, SHORT, counted) as job:
        await job.change(add)
        assert (job.requests, counted.transactions) == (1, 2)


async def test_an_announcement_of_nothing(postgres: PostgresPractice, tmp_path: Path, counted: Counted) -> None:
    """A tick in which nothing changed reads each column once; it asks the portal nothing and writes nothing (R14)."""
    async with running(tmp_path, postgres, SHORT, counted) as job:
        await postgres.execute("NOTIFY tmex")

        async def read() -> bool:
            return counted.readings == 1

        await eventually(read, "the column is read")
        await job.rests(0)
    assert (counted.readings, counted.rows, counted.transactions, job.requests) == (1, SHORT + 2, 0, 0)
