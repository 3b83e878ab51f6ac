"""Whatever happens to a SQLite file, tmex says what it is, frees nothing, and leaves the file as it was."""

import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from random import Random

import pytest

from adapters.duria.sqlite import SqliteSource
from adapters.duria.sqlite_file import SqliteFile
from engine.model import Complete, Failed, Incomplete
from engine.ports import SourceError
from tests.contract.source_contract import (
    CANARY,
    EIGHT,
    NINE,
    PRACTICE,
    SPAN,
    A,
    blocked,
    heard,
    hint_after,
    read,
)
from tests.contract.sqlite_practice import SqlitePractice
from tests.eventually import eventually
from tests.integration.sqlite_tools import AT_EIGHT, THOUSANDS, failure, module, no_threads
from tests.nobody import another_user

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user and come back")


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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may write to, with nothing above it in the way."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


class TestFailedReadings:
    """I2, fault 9: each cause has its own code, and the file's name is all that is said of where it is."""

    async def test_no_file(self, source: SqliteSource, practice: SqlitePractice) -> None:
        """I2: also where the folder is missing, and where a file stands in a folder's place."""
        practice.path.rename(practice.path.with_name("elsewhere"))
        assert await failure(source) == "source.missing duria.db"
        shutil.rmtree(practice.path.parent)
        assert await failure(source) == "source.missing duria.db"
        practice.path.parent.write_text("no folder")
        assert await failure(source) == "source.missing duria.db"

    async def test_no_rights(self, source: SqliteSource, practice: SqlitePractice) -> None:
        """I2: on the file, or on its folder."""
        practice.path.chmod(0)
        with another_user() if os.geteuid() == 0 else nullcontext():
            assert await failure(source) == "source.denied duria.db"

    @pytest.mark.parametrize("content", [b"Termine der Praxis\n" * 999, b"SQLite format 3\0" + b"\xff" * 4096])
    async def test_no_database(self, content: bytes, tmp_path: Path) -> None:
        """I2, fault 17: a text, and a header with rubbish behind it."""
        path = tmp_path / "duria.db"
        path.write_bytes(content)
        async with SqliteSource(path, PRACTICE) as source:
            assert await failure(source) == "source.not_a_database duria.db"

    async def test_no_regular_file(self, tmp_path: Path) -> None:
        """I2, fault 23: a folder and a pipe are not even opened, which could take for ever."""
        (tmp_path / "folder").mkdir()
        os.mkfifo(tmp_path / "pipe")
        for name in ("folder", "pipe"):
            async with SqliteSource(tmp_path / name, PRACTICE) as source:
                assert await failure(source) == f"source.not_a_database {name}"

    async def test_an_empty_file_has_no_relations(self, tmp_path: Path) -> None:
        """I2: for SQLite it is a database, for us no empty calendar."""
        (tmp_path / "duria.db").touch()
        async with SqliteSource(tmp_path / "duria.db", PRACTICE) as source:
            assert await failure(source) == "source.no_relation tmex_appointments"

    async def test_a_missing_relation_is_named(self, source: SqliteSource, practice: SqlitePractice) -> None:
        """I2, fault 9: not the text of SQLite."""
        await practice.rename("tmex_reservations", "weg")
        assert await failure(source) == "source.no_relation tmex_reservations"
        await practice.rename("weg", "tmex_reservations")
        assert await blocked(source) == AT_EIGHT

    async def test_a_missing_field_is_named(self, source: SqliteSource, practice: SqlitePractice) -> None:
        """I2, fault 9: with its relation."""
        with practice.connected() as connection:
            connection.execute("ALTER TABLE tmex_appointments RENAME COLUMN ends_at TO bis")
        reading = await source.read(A, SPAN)
        assert isinstance(reading, Failed)
        assert reading.reason.code == "source.no_field"
        assert reading.reason.facts == {"relation": "tmex_appointments", "field": "ends_at"}

    async def test_a_view_over_nothing_is_named(
        self, source: SqliteSource, practice: SqlitePractice, caplog: pytest.LogCaptureFixture
    ) -> None:
        """I7, fault 9: what SQLite says of it would quote the practice, in the log too."""
        caplog.set_level(0)
        with practice.connected() as connection:
            connection.execute("DROP TABLE tmex_appointments")
            connection.execute(f'CREATE VIEW tmex_appointments AS SELECT * FROM "{CANARY}"')
        assert await failure(source) == "source.broken_view tmex_appointments"
        assert CANARY not in caplog.text

    async def test_a_view_that_cannot_be_computed(self, source: SqliteSource, practice: SqlitePractice) -> None:
        """I7, I2: the class of the error, and nothing of the row."""
        with practice.connected() as connection:
            connection.execute("ALTER TABLE tmex_appointments RENAME TO termine")
            connection.execute(
                "CREATE VIEW tmex_appointments AS SELECT practice, calendar, col, starts_at,"
                " json_extract(patient, '$.ende') AS ends_at, occupied FROM termine"
            )
        reading = await source.read(A, SPAN)
        assert isinstance(reading, Failed)
        assert reading.reason.facts == {"file": "duria.db", "kind": "OperationalError"}
        assert reading.reason.code == "source.unreadable"

    async def test_a_view_without_end_is_stopped(self, practice: SqlitePractice) -> None:
        """I12: and the practice can write at once afterwards, for no lock is left."""
        with practice.connected() as connection:
            connection.execute(
                "CREATE VIEW endless AS"
                " WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
            )
        file = SqliteFile(practice.path, limit=0.2)
        with pytest.raises(SourceError) as caught:
            await file.fetch("SELECT count(*) FROM endless, tmex_appointments", {})
        await file.close()
        assert caught.value.fault.code == "source.timeout"
        with closing(sqlite3.connect(practice.path, timeout=0)) as connection, connection:
            connection.execute("BEGIN EXCLUSIVE")

    async def test_a_cancelled_reading_is_stopped(self, practice: SqlitePractice) -> None:
        """I12: it does not go on in its thread, which would keep the process alive."""
        file = SqliteFile(practice.path)
        endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        for pause in (0.0, 0.0001, 0.001, 0.1):
            task = asyncio.create_task(file.fetch(endless, {}))
            await asyncio.sleep(pause)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
        await file.close()

        await eventually(no_threads, "the threads of cancelled readings end")


class TestRottenFiles:
    """I2, fault 17: SQLite notices few bit flips, for it has no checksums: what it notices is a failed reading."""

    @pytest.mark.parametrize("seed", range(8))
    async def test_flipped_bits_are_a_reading_or_a_fault(self, seed: int, tmp_path: Path) -> None:
        """I2, I7, fault 17: 50 rotten files a seed, never an error that is not a fault, never a patient in it."""
        chance, path = Random(seed), tmp_path / "duria.db"
        whole = await self._whole(tmp_path)
        kinds: set[type] = set()
        for _ in range(50):
            rotten = bytearray(whole)
            for _ in range(chance.choice([1, 1, 8, 200])):
                rotten[chance.randrange(len(rotten))] ^= 1 << chance.randrange(8)
            path.write_bytes(rotten)
            kinds.add(await self._outcome(path))
        assert kinds >= {Complete, Failed}

    async def test_a_cut_off_file_is_a_fault(self, tmp_path: Path) -> None:
        """I2, fault 17: at whatever page it ends."""
        path, whole = tmp_path / "duria.db", await self._whole(tmp_path)
        for length in range(100, len(whole) - 4096, len(whole) // 60):
            path.write_bytes(whole[:length])
            assert await self._outcome(path) is Failed

    async def _whole(self, folder: Path) -> bytes:
        practice = SqlitePractice(folder / "whole.db", journal="delete")
        await practice.change(add=THOUSANDS[:400])
        return practice.path.read_bytes()

    async def _outcome(self, path: Path) -> type:
        async with SqliteSource(path, PRACTICE) as source:
            reading = await source.read(A, SPAN)
            with suppress(SourceError):
                await source.columns()
        assert isinstance(reading, Complete | Incomplete | Failed)
        if isinstance(reading, Failed):
            assert reading.reason.code in {"source.corrupt", "source.not_a_database", "source.no_relation",
                "source.no_field", "source.broken_view", "source.unreadable", "source.wal_read_only"}  # fmt: skip
            assert CANARY not in str(reading.reason)
        return type(reading)


class TestForeignGround:
    """I12, fault 16: where we may not write we read what can be read, and where we may we do not."""

    async def test_wal_on_a_read_only_mount(self, tmp_path: Path) -> None:
        """I2, fault 16: a clear fault, for SQLite would need to make files; with a rollback journal it is read."""
        mount = 'mount --bind $0 $0 && mount -o remount,ro,bind $0 && exec "$@"'
        prefix = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))
        if await asyncio.to_thread(subprocess.call, [*prefix, "true"], stderr=subprocess.DEVNULL):
            pytest.skip("this machine allows neither root's mounts nor those of a user namespace")
        for journal, expected in (("wal", "Failed source.wal_read_only"), ("delete", "Complete")):
            practice = SqlitePractice(tmp_path / journal / "duria.db", journal=journal)
            await practice.change(add=(EIGHT,))
            words = (*prefix, "sh", "-c", mount, str(practice.path.parent))
            assert await module("sqlite_reader", practice.path, prefix=words) == expected

    @root_only
    async def test_a_file_in_wal_mode_at_rest_is_left_alone(self, open_folder: Path) -> None:
        """I12: the files that our reading would make beside it, as another user, would lock the practice out."""
        practice = SqlitePractice(open_folder / "duria.db")
        await practice.change(add=(EIGHT,))
        with another_user():
            async with SqliteSource(practice.path, PRACTICE) as source:
                assert await failure(source) == "source.wal_read_only duria.db"
        assert [*open_folder.iterdir()] == [practice.path]

    @root_only
    async def test_a_file_in_wal_mode_in_use_is_read(self, open_folder: Path) -> None:
        """Fault 16: the practice's program has made the files; one with a rollback journal needs none."""
        practice = SqlitePractice(open_folder / "duria.db")
        await practice.change(add=(EIGHT,))
        plain = SqlitePractice(open_folder / "plain.db", journal="delete")
        with closing(sqlite3.connect(practice.path)) as theirs:
            theirs.execute("SELECT count(*) FROM tmex_appointments").fetchall()
            with another_user():
                async with SqliteSource(practice.path, PRACTICE) as source:
                    assert await blocked(source) == AT_EIGHT
                async with SqliteSource(plain.path, PRACTICE) as source:
                    assert isinstance(await source.read(A, SPAN), Complete)

    @root_only
    async def test_a_folder_that_is_not_ours_to_write(self, open_folder: Path) -> None:
        """I2, fault 16: SQLite cannot make its files there, and that is what we say."""
        practice = SqlitePractice(open_folder / "duria.db")
        open_folder.chmod(0o755)
        with another_user():
            async with SqliteSource(practice.path, PRACTICE) as source:
                assert await failure(source) == "source.wal_read_only duria.db"

    async def test_a_transaction_that_died_is_theirs_to_undo(self, tmp_path: Path) -> None:
        """I2, I12: half of it stands in the file, so nothing is read until the practice's program has undone it."""
        practice = SqlitePractice(tmp_path / "duria.db", journal="delete")
        await practice.change(add=THOUSANDS)
        died = (
            "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA cache_size = 2');"
            "c.execute('UPDATE tmex_appointments SET patient = zeroblob(999)'); os._exit(0)"
        )
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", died, str(practice.path)], check=True)
        async with SqliteSource(practice.path, PRACTICE) as source:
            assert await failure(source) == "source.hot_journal duria.db"
            await practice.change(add=(EIGHT,))
            assert len((await read(source)).rows.occupied) == 2 * len(THOUSANDS) + 2

    async def test_reading_leaves_no_trace(self, tmp_path: Path) -> None:
        """I12: not in the folder, not in the file, not in its times."""
        practice = SqlitePractice(tmp_path / "duria.db", journal="delete")
        await practice.change(add=(EIGHT,))
        before = ([*tmp_path.iterdir()], practice.path.read_bytes(), practice.path.stat().st_mtime_ns)
        async with SqliteSource(practice.path, PRACTICE) as source, heard(source):
            await blocked(source)
        assert ([*tmp_path.iterdir()], practice.path.read_bytes(), practice.path.stat().st_mtime_ns) == before

    async def test_names_that_mean_something_in_an_address(self, tmp_path: Path) -> None:
        """Question mark, percent, hash and umlaut are letters of a file's name."""
        practice = SqlitePractice(tmp_path / "Praxis #1?mode=rwc%20 & Söhne" / "ä?b#c%41.db")
        await practice.change(add=(EIGHT,))
        async with SqliteSource(practice.path, PRACTICE) as source, heard(source) as hints:
            assert await blocked(source) == AT_EIGHT
            known = len(hints)
            await practice.change(add=(NINE,))
            await hint_after(hints, known)
