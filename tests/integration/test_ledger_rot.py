"""What another program, or a rotten disk, did to the ledger's rows: it is set aside, whole, and that is said once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger.aside import SUFFIXES, beside
from engine.ports import LedgerError
from tests.contract.ledger_contract import EIGHT, A, B, changed, holding
from tests.integration.ledger_tools import after, opened, recalled, set_asides, sql, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "state" / "tmex.db"


class TestRot:
    """Fault 39: the ledger's own checksums notice what SQLite does not; `test_ledger_flips` has the single bits."""

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

    async def test_a_header_that_forbids_writing(self, path: Path) -> None:
        """SQLite reads such a file and never writes it: not a disk in trouble, for it would never pass."""
        await write(path, 1)
        whole = path.read_bytes()
        path.write_bytes(whole[:18] + b"\3" + whole[19:])
        async with opened(path) as ledger:
            assert (await ledger.recall()).set_aside
            await ledger.remember(calendars=after(2))
        assert (await recalled(path)).calendars == after(2)

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
