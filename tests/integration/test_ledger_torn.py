"""After a power loss the ledger says what was true at some moment before it, or nothing; and what follows is right."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger.aside import beside
from engine.ports import Recollection
from tests.contract.ledger_contract import EIGHT, A, changed
from tests.integration.ledger_tools import CLEAN, WRITTEN, after, copied, left_by_a_kill, opened, recalled, sound, write

SECTOR = 512
PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the power fails."""
    path = tmp_path / "state" / "tmex.db"
    path.parent.mkdir()
    return path


@pytest.fixture
async def killed(tmp_path: Path) -> Path:
    """A ledger whose process is gone without closing it."""
    return await left_by_a_kill(tmp_path)


@pytest.fixture
async def halfway(tmp_path: Path) -> Path:
    """A ledger whose first half of calls stands in the database, and the second half in the log alone."""
    live, dead = tmp_path / "live" / "tmex.db", tmp_path / "dead" / "tmex.db"
    dead.parent.mkdir()
    await write(live, *range(1, WRITTEN // 2 + 1))
    async with opened(live) as ledger:
        await ledger.recall()
        for n in range(WRITTEN // 2 + 1, WRITTEN + 1):
            await ledger.remember(calendars=after(n), entries=(changed(A, EIGHT + n, n),))
        copied(live, dead)
    assert beside(dead, "-wal").stat().st_size > 0
    assert dead.stat().st_size > PAGE
    return dead


@pytest.fixture
def played_back(halfway: Path, tmp_path: Path) -> bytes:
    """The database once its log stands in it."""
    done = tmp_path / "done" / "tmex.db"
    done.parent.mkdir()
    copied(halfway, done)
    with closing(sqlite3.connect(done)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return done.read_bytes()


async def believed(path: Path) -> int | None:
    """Which call is the last one known; None when the ledger was set aside. Anything between them fails."""
    return CLEAN.index((await recalled(path)).calendars) if await sound(path) else None


class TestTorn:
    """I6, fault 38: cut or torn at every sector, database and log together."""

    async def test_the_log_ends_early(self, halfway: Path, path: Path) -> None:
        """What the database has is never lost with the log, and each sector more says as much or more."""
        whole, newest = beside(halfway, "-wal").stat().st_size, WRITTEN // 2
        for length in (*range(0, whole, SECTOR), whole):
            copied(halfway, path)
            beside(path, "-shm").unlink(missing_ok=True)
            os.truncate(beside(path, "-wal"), length)
            known = await believed(path)
            assert known is not None, length
            assert known >= newest, length
            newest = known
        assert newest == WRITTEN

    async def test_the_database_ends_early(self, halfway: Path, path: Path) -> None:
        """With its log, which holds newer pages: all of it, or set aside."""
        for length in range(0, halfway.stat().st_size, SECTOR):
            copied(halfway, path)
            beside(path, "-shm").unlink(missing_ok=True)
            os.truncate(path, length)
            assert await believed(path) in {None, WRITTEN}, length

    async def test_a_checkpoint_half_done(self, halfway: Path, path: Path, played_back: bytes) -> None:
        """Any pages of it are in the database, the log is whole: nothing is missing."""
        old, chance = halfway.read_bytes().ljust(len(played_back), b"\0"), Random(38)
        pages = range(0, len(played_back), PAGE)
        for _ in range(100):
            mixed = b"".join((played_back if chance.random() < 0.5 else old)[at : at + PAGE] for at in pages)
            copied(halfway, path)
            beside(path, "-shm").unlink(missing_ok=True)
            path.write_bytes(mixed)
            assert await believed(path) == WRITTEN

    async def test_a_checkpoint_half_done_and_its_log_lost(self, halfway: Path, path: Path, played_back: bytes) -> None:
        """What no honest disk does: new and old sectors mixed, and no log that would mend them."""
        old, chance, set_aside = halfway.read_bytes().ljust(len(played_back), b"\0"), Random(39), 0
        sectors = range(0, len(played_back), SECTOR)
        for _ in range(200):
            share = chance.random()
            mixed = b"".join((played_back if chance.random() < share else old)[at : at + SECTOR] for at in sectors)
            copied(halfway, path)
            for suffix in ("-wal", "-shm"):
                beside(path, suffix).unlink(missing_ok=True)
            path.write_bytes(mixed)
            set_aside += await believed(path) is None
        assert 0 < set_aside < 200

    async def test_log_and_database_of_different_times(self, halfway: Path, path: Path, played_back: bytes) -> None:
        """The database is the newest and its log lost its tail, at every sector: as new as its log, or set aside."""
        whole = beside(halfway, "-wal").stat().st_size
        for length in (*range(0, whole, SECTOR), whole):
            copied(halfway, path)
            beside(path, "-shm").unlink(missing_ok=True)
            path.write_bytes(played_back)
            os.truncate(beside(path, "-wal"), length)
            await sound(path)


class TestAfterAKill:
    """Fault 38: all that was ever written stands in the log alone, or in the database alone."""

    async def test_a_log_without_a_sound_header(self, killed: Path, path: Path) -> None:
        """It holds nothing, as after a kill before its first page; and nobody waits for it, looking or starting."""
        whole = beside(killed, "-wal").read_bytes()
        broken = [
            bytes((whole[0] ^ 1, *whole[1:])),
            bytes((*whole[:10], whole[10] ^ 1, *whole[11:])),
            bytes(len(whole)),
        ]
        for log in (*broken, *(whole[:length] for length in (1, 31, 32, 33, 56))):
            for index in (True, False):
                copied(killed, path)
                beside(path, "-wal").write_bytes(log)
                if not index:
                    beside(path, "-shm").unlink()
                assert await SqliteLedger.peek(path) == Recollection()
                assert await recalled(path) == Recollection()

    @pytest.mark.parametrize("suffix", ["", "-wal"])
    async def test_a_torn_page(self, killed: Path, path: Path, suffix: str) -> None:
        """Its first sectors are new, the rest is as before, zeros, or another page's."""
        if not suffix:
            await recalled(killed)  # plays the log back
        whole = beside(killed, suffix).read_bytes()
        believed = 0
        for at in range(512, len(whole), 2048):
            for torn in (bytes(512), whole[:512], whole[at - 512 : at]):
                copied(killed, path)
                beside(path, suffix).write_bytes(whole[:at] + torn[: len(whole) - at] + whole[at + 512 :])
                believed += await sound(path)
        assert believed > 0

    async def test_a_database_cut_anywhere(self, killed: Path, path: Path) -> None:
        """Down to nothing: an empty file is not a new ledger, for what it held is lost."""
        await recalled(killed)
        for length in range(0, killed.stat().st_size, 512):
            copied(killed, path)
            os.truncate(path, length)
            past = await recalled(path)
            assert past.set_aside, length
            assert not past.calendars
