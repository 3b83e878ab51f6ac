"""Whatever happens to the ledger's file: it says what once was remembered, or it is set aside; never a third."""

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger.aside import SUFFIXES, beside
from adapters.ledger.opening import VERSION
from engine.ports import LedgerError, Recollection
from tests.contract.ledger_contract import EIGHT, A, B, changed, holding
from tests.integration.ledger_tools import (
    CLEAN,
    WRITTEN,
    after,
    copied,
    opened,
    process,
    recalled,
    refused,
    returned,
    set_asides,
    sound,
    sql,
    tried,
    write,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "state" / "tmex.db"


@pytest.fixture
async def killed(tmp_path: Path) -> Path:
    """A ledger whose process is gone without closing it: all that it wrote stands in the log alone."""
    live, dead = tmp_path / "live" / "tmex.db", tmp_path / "killed" / "tmex.db"
    dead.parent.mkdir()
    async with opened(live) as ledger:
        await ledger.recall()
        for n in range(1, WRITTEN + 1):
            await ledger.remember(calendars=after(n), entries=(changed(A, EIGHT + n, n),))
        copied(live, dead)
    assert beside(dead, "-wal").stat().st_size > 0
    return dead


class TestKilled:
    """Fault 36, I6: what a finished call wrote is there, whatever happens to the process."""

    @pytest.mark.parametrize("seed", range(12))
    async def test_what_a_finished_call_wrote_is_there(self, path: Path, seed: int) -> None:
        """`kill -9` in the midst of it: all finished calls, and of the one under way all or nothing."""
        before = 0
        for _ in range(2):
            async with process("loop", path, 100_000) as child:
                last = await returned(child, Random(seed).randint(1, 200))
                await asyncio.sleep(Random(seed).random() / 100)
                child.kill()
                last = max(last, await returned(child))
            past = await recalled(path)
            assert not past.set_aside
            assert past.calendars in (after(last), after(last + 1)), last
            assert last > before >= 0

    async def test_killed_while_it_begins(self, tmp_path: Path) -> None:
        """I8: a first start that is killed anywhere leaves nothing that would be called rotten."""
        for delay in range(0, 240, 30):
            path = tmp_path / f"{delay}" / "tmex.db"
            async with process("loop", path, 100_000) as child:
                await asyncio.sleep(0.15 + delay / 1000)
                child.kill()
            assert not (await recalled(path)).set_aside

    async def test_killed_between_setting_aside_and_beginning_anew(self, path: Path) -> None:
        """I6: that something was lost is still known, to every realm, and whichever file was moved last."""
        for moved in range(1, 4):
            path.parent.mkdir(exist_ok=True)
            for suffix in SUFFIXES:
                beside(path, suffix).write_bytes(b"rotten" * 1000)
            for suffix in SUFFIXES[:moved]:
                beside(path, suffix).rename(beside(path, f".rotten-20260101T000000Z{suffix}"))
            async with opened(path, "shadow") as ledger:
                assert (await ledger.recall()).set_aside, moved
            assert (await recalled(path)).set_aside, moved
            shutil.rmtree(path.parent)


class TestPowerLoss:
    """Fault 38: a tail that is gone or torn leaves a clean prefix, or the ledger is set aside."""

    async def test_a_log_cut_anywhere(self, killed: Path, path: Path) -> None:
        """At every 512 bytes; a longer one never says less than a shorter one."""
        path.parent.mkdir()
        newest = 0
        whole = beside(killed, "-wal").stat().st_size
        for length in (*range(0, whole, 512), whole):
            copied(killed, path)
            os.truncate(beside(path, "-wal"), length)
            beside(path, "-shm").unlink()
            past = await recalled(path)
            assert not past.set_aside, length
            assert CLEAN.index(past.calendars) >= newest, length
            newest = CLEAN.index(past.calendars)
        assert newest == WRITTEN

    async def test_a_log_without_a_sound_header(self, killed: Path, path: Path) -> None:
        """It holds nothing, as after a kill before its first page; and nobody waits for it, looking or starting."""
        path.parent.mkdir()
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
        path.parent.mkdir()
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
        path.parent.mkdir()
        for length in range(0, killed.stat().st_size, 512):
            copied(killed, path)
            os.truncate(path, length)
            past = await recalled(path)
            assert past.set_aside, length
            assert not past.calendars


class TestRot:
    """Fault 39: SQLite notices few flipped bits; the ledger's own checksums notice the rest."""

    @pytest.mark.parametrize("seed", range(4))
    @pytest.mark.parametrize("suffix", ["", "-wal"])
    async def test_flipped_bits(self, killed: Path, path: Path, suffix: str, seed: int) -> None:
        """Hundreds: harmless, set aside, or refused as of a newer version; and after each the ledger can be used."""
        path.parent.mkdir()
        chance, believed, aside = Random(seed), 0, 0
        if not suffix:
            await recalled(killed)
        whole = beside(killed, suffix).read_bytes()
        for _ in range(60):
            rotten, at = bytearray(whole), chance.randrange(len(whole))
            rotten[at] ^= 1 << chance.randrange(8)
            copied(killed, path)
            beside(path, suffix).write_bytes(rotten)
            if _says_newer(path):
                assert await refused(path) == "ledger.newer"
                continue
            fine = await sound(path)
            believed, aside = believed + fine, aside + (not fine)
            await _used(path)
            shutil.rmtree(path.parent)
            path.parent.mkdir()
        assert believed > 0
        assert aside > 0 or suffix

    async def test_every_bit_of_the_header(self, killed: Path, path: Path) -> None:
        """The first hundred bytes decide how all others are read."""
        await recalled(killed)
        whole = killed.read_bytes()
        for at in range(100):
            path.parent.mkdir()
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
            if _says_newer(path):
                assert await refused(path) == "ledger.newer"
            else:
                await sound(path)
            shutil.rmtree(path.parent)

    @pytest.mark.parametrize(
        "statement",
        [
            "DELETE FROM kept WHERE key = 'Dr. Adler'",
            "DELETE FROM kept",
            "DELETE FROM total",
            "INSERT INTO total SELECT * FROM total",
            "UPDATE total SET sum = NULL",
            "UPDATE total SET sum = 'x'",
            "UPDATE kept SET body = (SELECT body FROM kept WHERE key = 'Dr. Bär')",
            "UPDATE kept SET realm = 'shadow' WHERE key = 'Dr. Bär'",
            "UPDATE kept SET key = 'Dr. Cato' WHERE key = 'Dr. Bär'",
            "UPDATE kept SET kind = 'column' WHERE key = 'Dr. Bär'",
            "UPDATE kept SET body = NULL",
            "UPDATE kept SET body = 'text', sum = 7",
            "UPDATE kept SET sum = NULL",
            "UPDATE kept SET body = CAST(x'ff' AS TEXT)",
            "DROP TABLE kept",
            "DROP TABLE total",
            "PRAGMA user_version = 0",
            "PRAGMA user_version = -1",
        ],
    )
    async def test_a_row_that_another_program_touched(self, path: Path, statement: str) -> None:
        """Gone, exchanged, moved or of another type: the ledger is set aside, whole."""
        await write(path, 1, 2)
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars={B: holding(3)})
        sql(path, statement)
        past = await recalled(path)
        assert (past.set_aside, past.calendars) == (True, {})

    async def test_an_old_row_put_back(self, path: Path) -> None:
        """Its own checksum is right, but the ledger's is not."""
        await write(path, 1)
        with closing(sqlite3.connect(path)) as db:
            old = db.execute("SELECT body, sum FROM kept WHERE key = ?", (A,)).fetchone()
        await write(path, 2)
        sql(path, "UPDATE kept SET body = ?, sum = ? WHERE key = ?", (*old, A))
        assert (await recalled(path)).set_aside

    async def test_what_went_missing_is_not_blessed_by_later_writes(self, path: Path) -> None:
        """A row that goes while the job writes on is missed at the next start."""
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(1))
            sql(path, "DELETE FROM kept WHERE key = ?", (A,))
            for n in range(5):
                await ledger.remember(calendars={B: holding(n)})
        assert (await recalled(path)).set_aside

    @pytest.mark.parametrize("value", ["NULL", "'text'", "CAST(x'ff' AS TEXT)", "7", "x'c0'"])
    async def test_rotten_history_is_left_out(self, path: Path, value: str) -> None:
        """It decides nothing, and what is left of it can be read."""
        await write(path, 1, 2)
        sql(path, f"UPDATE entry SET body = {value} WHERE id = 1")
        async with opened(path) as ledger:
            assert (await ledger.recall()).calendars == after(2)
            assert await ledger.history(0) == [changed(A, EIGHT + 2, 2)]

    async def test_rotten_while_the_job_runs(self, path: Path) -> None:
        """It is said once; then all that the job knows stands in a new ledger, and nothing was forgotten."""
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(1))
            sql(path, "DROP TABLE total")
            with pytest.raises(LedgerError) as caught:
                await ledger.remember(calendars=after(2))
            assert caught.value.fault.code == "ledger.set_aside"
            await ledger.remember(calendars={B: holding(3)})
        assert (await recalled(path)).calendars == {A: holding(1), B: holding(3)}

    async def test_only_the_latest_are_kept(self, path: Path) -> None:
        """I12: three of them, with their logs."""
        for n in range(6):
            path.parent.mkdir(exist_ok=True)
            for suffix in SUFFIXES:
                beside(path, suffix).unlink(missing_ok=True)
            path.write_bytes(b"rotten" * 1000)
            beside(path, "-wal").write_bytes(b"rotten")
            moment = float(EIGHT + n)
            async with SqliteLedger(path, history_seconds=1.0, wall=lambda now=moment: now) as ledger:  # type: ignore[misc] # bound
                await ledger.recall()
        assert len([each for each in set_asides(path) if each.name.endswith("Z")]) == 3

    async def test_none_is_lost_to_the_wall_clock(self, path: Path) -> None:
        """Fault 43: whether it stands still or goes back, the newest is kept, under a name of its own."""
        path.parent.mkdir()
        for n, moment in enumerate((EIGHT, EIGHT, EIGHT - 3600, EIGHT, EIGHT)):
            path.write_bytes(b"rotten %d" % n * 1000)
            async with SqliteLedger(path, history_seconds=1.0, wall=lambda now=moment: now) as ledger:  # type: ignore[misc] # bound
                assert (await ledger.recall()).news is not None
        kept = [each.read_bytes()[:8] for each in set_asides(path)]
        assert len(kept) == 3
        assert b"rotten 4" in kept


def _says_newer(path: Path) -> bool:
    """A flipped bit of the version cannot be told from a newer version: it is refused, and nothing is changed."""
    return int.from_bytes(path.read_bytes()[60:64], "big", signed=True) > VERSION


async def _used(path: Path) -> None:
    """Whatever was found, a call or two later the ledger works again."""
    async with opened(path) as ledger:
        await ledger.recall()
        await tried(ledger, 1)
        await ledger.remember(calendars=after(2), entries=(changed(A, EIGHT, 2),))
    assert (await recalled(path)).calendars == after(2)
