"""A ledger that is taken away, hung or watched: nothing is lost, nobody waits, and it recovers by itself."""

import asyncio
import shutil
import threading
from pathlib import Path

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger import sqlite as ledger_sqlite
from adapters.ledger.aside import SUFFIXES, beside
from adapters.ledger.file import LedgerFile
from adapters.ledger.steps import VERSION
from engine.ports import LedgerError, Recollection
from tests.contract.ledger_contract import EIGHT, A, B, changed, holding
from tests.integration.ledger_tools import (
    ANSWER,
    WRITTEN,
    after,
    contents,
    copied,
    left_by_a_kill,
    line,
    opened,
    process,
    recalled,
    refused,
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
    """A ledger whose process is gone without closing it."""
    return await left_by_a_kill(tmp_path)


class TestTakenAway:
    """Fault 39: `rm`, and an older copy put back."""

    @pytest.mark.parametrize("suffixes", [("",), ("-wal",), ("-shm",), SUFFIXES])
    async def test_while_the_job_runs(self, path: Path, suffixes: tuple[str, ...]) -> None:
        """The next call writes anew all that the job knows, killed right afterwards or not."""
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(1))
            for suffix in suffixes:
                beside(path, suffix).unlink()
            await ledger.remember(calendars={B: holding(2)})
            copy = path.with_name("killed.db")
            copied(path, copy)
        for each in (copy, path):
            past = await recalled(each)
            assert (past.set_aside, past.calendars) == (False, {A: holding(1), B: holding(2)}), each

    async def test_with_its_folder(self, path: Path) -> None:
        """A volume that was emptied; the folder is its owner's alone again."""
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(1))
            shutil.rmtree(path.parent)
            await ledger.remember(calendars={B: holding(2)})
        assert (await recalled(path)).calendars == {A: holding(1), B: holding(2)}
        assert path.parent.stat().st_mode & 0o777 == 0o700

    async def test_while_it_is_stopped(self, path: Path) -> None:
        """There is nothing to know it by: it is a new ledger, without a baseline."""
        await write(path, 1)
        path.unlink()
        assert await recalled(path) == Recollection()

    async def test_after_a_kill(self, killed: Path) -> None:
        """Its log is left: that something was lost is known, and the log is not played into another database."""
        killed.unlink()
        past = await recalled(killed)
        assert (past.set_aside, past.calendars) == (True, {})

    async def test_an_older_copy_while_it_is_stopped(self, path: Path, tmp_path: Path) -> None:
        """It is whole, and so it is believed; the first upload mends the rest."""
        await write(path, 1)
        older = Path(shutil.copy(path, tmp_path / "older.db"))
        await write(path, 2)
        shutil.copy(older, path)
        assert (await recalled(path)).calendars == after(1)

    async def test_an_older_copy_while_the_job_runs(self, path: Path, tmp_path: Path) -> None:
        """Moved into its place: the next call brings it up to date, from what the job knows."""
        await write(path, 1)
        older = Path(shutil.copy(path, tmp_path / "older.db"))
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(2))
            older.replace(path)
            await ledger.remember(calendars={B: holding(3)})
        past = await recalled(path)
        assert (past.set_aside, past.calendars) == (False, {A: holding(2), B: holding(3)})

    async def test_an_older_copy_written_over_the_open_file(self, path: Path, tmp_path: Path) -> None:
        """By `cp`, under our hands: what is there afterwards is what once was, or is set aside."""
        await write(path, 1)
        older = (tmp_path / "older.db").resolve()
        shutil.copy(path, older)
        async with opened(path) as ledger:
            await ledger.recall()
            for n in range(2, WRITTEN):
                await ledger.remember(calendars=after(n))
            shutil.copyfile(older, path)
            await tried(ledger, WRITTEN)
        await sound(path)

    async def test_a_stranger_in_its_place(self, path: Path) -> None:
        """A file that is no database is set aside, while the job runs, too."""
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(1))
            stranger = path.with_name("stranger")
            stranger.write_bytes(b"no database" * 1000)
            stranger.replace(path)
            await tried(ledger, 2)
            await ledger.remember(calendars=after(3))
        assert (await recalled(path)).calendars == after(3)
        assert len(set_asides(path)) == 1

    async def test_a_newer_version_is_left_alone(self, killed: Path) -> None:
        """Refused, again and again, with not a byte changed, its log included; `peek` says the same."""
        await recalled(killed)
        sql(killed, f"PRAGMA user_version = {VERSION + 1}")
        killed.chmod(0o640)
        before = contents(killed)
        for _ in range(2):
            assert await refused(killed) == "ledger.newer"
            with pytest.raises(LedgerError, match=r"ledger\.newer"):
                await SqliteLedger.peek(killed)
        assert contents(killed) == before
        assert killed.stat().st_mode & 0o777 == 0o640

    async def test_another_programs_database_is_left_alone(self, tmp_path: Path) -> None:
        """I12: `TMEX_STATE` leads to the practice's own by mistake: not written to, not moved, its mode as it was."""
        path = tmp_path / "duria.db"
        sql(path, "CREATE TABLE tmex_appointments (practice TEXT)")
        path.chmod(0o644)
        before = contents(path)
        assert await refused(path) == "ledger.foreign"
        async with opened(path) as ledger:
            for trial in (ledger.remember(calendars=after(1)), SqliteLedger.peek(path)):
                with pytest.raises(LedgerError, match=r"ledger\.foreign"):
                    await trial
        assert contents(path) == before
        assert path.stat().st_mode & 0o777 == 0o644


class TestHung:
    """A disk that does not answer is one that cannot be written, and holds nobody."""

    async def test_a_call_gives_up_and_what_comes_later_counts(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Within the limit; once the disk is back, the last word stands."""
        monkeypatch.setattr(ledger_sqlite, "GIVE_UP_AFTER", 0.1)
        async with opened(path) as ledger:
            await ledger.recall()
            held = _Held(monkeypatch)
            for n in (1, 2):
                with pytest.raises(LedgerError) as caught:
                    await ledger.remember(calendars=after(n))
                assert caught.value.fault.facts["kind"] == "timeout"
            held.over.set()
            monkeypatch.setattr(ledger_sqlite, "GIVE_UP_AFTER", 5.0)
            await ledger.remember(calendars=after(3))
        assert (await recalled(path)).calendars == after(3)

    async def test_the_process_can_still_end(self, path: Path) -> None:
        """I11, fault 49: without anybody's help."""
        async with process("hang", path) as child:
            assert await line(child) == "ledger.unwritable timeout"
            async with asyncio.timeout(ANSWER):
                assert await child.wait() == 0


class TestBounded:
    """I12: the state does not grow."""

    async def test_thousands_of_writes_in_the_same_room(self, path: Path) -> None:
        """Flat in database and log, although each call replaces records and adds to the history."""
        sizes = []
        async with opened(path) as ledger:
            await ledger.recall()
            for n in range(4000):
                old = changed(A, EIGHT - 86_300 if n % 2 else EIGHT - 90_000, n % 50)
                await ledger.remember(calendars=after(n % 50), entries=(old,) if n < 200 or n % 2 == 0 else ())
                if n in {1999, 3999}:
                    sizes.append(sum(beside(path, suffix).stat().st_size for suffix in SUFFIXES))
        assert sizes[1] <= sizes[0] * 1.02
        assert sizes[1] < 6_000_000

    async def test_a_look_while_another_process_writes(self, path: Path) -> None:
        """Every look finds one moment's state, never a mixture, and never older than what was said before it."""
        await write(path, 1)
        async with process("loop", path, 100_000) as child:
            looks = 0
            while looks < 150:
                said = int(await line(child))
                past = (await SqliteLedger.peek(path)).calendars
                assert past[A] == past[B]
                baseline = past[A].standing.baseline
                assert baseline is not None
                assert next(iter(baseline))[0] >= next(iter(holding(said).standing.baseline or ()))[0]
                looks += 1

    async def test_a_look_after_a_kill_changes_nothing(self, killed: Path) -> None:
        """The file and its log stay as they were, to the byte; the log's index is SQLite's own, and made anew."""
        before = contents(killed)
        assert (await SqliteLedger.peek(killed)).calendars == after(WRITTEN)
        assert contents(killed) | {"tmex.db-shm": b""} == before | {"tmex.db-shm": b""}


class _Held:
    """A disk on which the first write hangs until `over`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.over, real = threading.Event(), LedgerFile.write

        def write(file: LedgerFile, *told: object) -> None:
            self.over.wait()
            real(file, *told)  # type: ignore[arg-type] # handed on

        monkeypatch.setattr(LedgerFile, "write", write)
