"""The practice never waits for us for longer than a reading takes, and we wait for it within bounds."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.duria.sqlite import SqliteSource
from engine.model import Complete
from tests.contract.source_contract import (
    EIGHT,
    PRACTICE,
    SPAN,
    A,
    blocked,
    heard,
    read,
)
from tests.contract.sqlite_practice import SqlitePractice
from tests.eventually import LIMIT
from tests.integration.sqlite_tools import AT_EIGHT, THOUSANDS, failure, module

TRANSACTIONS = 500


@pytest.fixture(params=["wal", "delete"])
async def practice(request: pytest.FixtureRequest, tmp_path: Path) -> SqlitePractice:
    """With one appointment at eight, in both journal modes."""
    practice = SqlitePractice(tmp_path / "folder" / "duria.db", journal=request.param)
    await practice.change(add=(EIGHT,))
    return practice


@pytest.fixture
async def source(practice: SqlitePractice) -> AsyncIterator[SqliteSource]:
    """Reads it."""
    async with SqliteSource(practice.path, PRACTICE) as source:
        yield source


class TestLocks:
    """I12, fault 14: we wait for the practice, and it does not wait for us."""

    async def test_a_lock_for_long_is_a_failed_reading(self, tmp_path: Path) -> None:
        """I2, fault 14: after a bounded number of tries; once the lock is gone the reading is there."""
        practice = SqlitePractice(tmp_path / "duria.db", journal="delete")
        await practice.change(add=(EIGHT,))
        async with SqliteSource(practice.path, PRACTICE) as source:
            with practice.writing() as connection:
                connection.execute("BEGIN EXCLUSIVE")
                async with asyncio.timeout(LIMIT):
                    assert await failure(source) == "source.locked duria.db"
            assert await blocked(source) == AT_EIGHT

    async def test_a_lock_for_a_moment_is_waited_for(self, tmp_path: Path) -> None:
        """Fault 14: the reading that follows is the one after the commit."""
        practice = SqlitePractice(tmp_path / "duria.db", journal="delete")
        async with SqliteSource(practice.path, PRACTICE) as source:
            with practice.writing() as connection:
                connection.execute("BEGIN EXCLUSIVE")
                reading = asyncio.create_task(source.read(A, SPAN))
                await asyncio.sleep(0.15)
                connection.execute("DELETE FROM tmex_appointments")
            assert isinstance(await reading, Complete)

    async def test_wal_is_read_beside_a_writer(self, tmp_path: Path) -> None:
        """Fault 14: even one that has locked everything; what it has not committed is not read."""
        practice = SqlitePractice(tmp_path / "duria.db")
        await practice.change(add=(EIGHT,))
        async with SqliteSource(practice.path, PRACTICE) as source:
            with practice.writing() as connection:
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("DELETE FROM tmex_appointments")
                assert await blocked(source) == AT_EIGHT

    async def test_no_lock_outlives_a_reading(self, source: SqliteSource, practice: SqlitePractice) -> None:
        """I12: while we have read, and listen, a writer with no patience gets every lock there is."""
        async with heard(source):
            for _ in range(20):
                await blocked(source)
                with closing(sqlite3.connect(practice.path, timeout=0, isolation_level=None)) as connection:
                    await self._exclusively(connection)
                    [(busy, *_)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                    assert not busy

    async def _exclusively(self, connection: sqlite3.Connection) -> None:
        """A look of the listener's may be under way for a moment: a second try must succeed."""
        for last in (False, False, True):
            try:
                connection.execute("BEGIN EXCLUSIVE")
                connection.execute("UPDATE tmex_appointments SET occupied = 1")
                connection.execute("COMMIT")
                return
            except sqlite3.OperationalError:
                if last:
                    raise
                await asyncio.sleep(0.02)

    async def test_a_writer_in_wal_never_fails(self, tmp_path: Path) -> None:
        """I12, fault 14: another process writes 500 times, without waiting, while we read 5,000 rows over and over."""
        assert await written(tmp_path, "wal", 0) == 0

    async def test_a_patient_writer_with_a_rollback_journal_never_fails(self, tmp_path: Path) -> None:
        """I12, fault 14: one that waits a second for a lock, a fifth of the usual."""
        assert await written(tmp_path, "delete", 1) == 0

    async def test_an_impatient_writer_with_a_rollback_journal_gets_through(self, tmp_path: Path) -> None:
        """I12, fault 14: one that does not wait at all, and tries again: on average no more than one try of a
        transaction fails, for after each reading the file is left alone for as long. Half as many again is more than
        chance explains; without that rest it would be more than twice as many.
        """
        assert await written(tmp_path, "delete", 0) < 1.5 * TRANSACTIONS


async def written(folder: Path, journal: str, patience: float) -> int:
    """How many tries of another process failed, while we read as often as we can."""
    practice = SqlitePractice(folder / "duria.db", journal=journal)
    await practice.change(add=(EIGHT, *THOUSANDS, *THOUSANDS))
    readings = 0
    async with SqliteSource(practice.path, PRACTICE) as source, heard(source):
        writer = asyncio.create_task(module("sqlite_writer", practice.path, TRANSACTIONS, patience))
        while not writer.done():
            rows = (await read(source)).rows
            assert len(rows.occupied) == 2 + 4 * len(THOUSANDS)
            readings += 1
    assert readings > 10
    return int(await writer)
