"""A ledger of an earlier schema goes on with all that it knows, and a copy of it is kept; a newer one is refused."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from adapters.ledger import SqliteLedger, steps
from adapters.ledger.aside import beside
from adapters.ledger.steps import VERSION
from adapters.ledger.upgrading import copy_of
from adapters.texts import say
from engine.ports import LedgerError
from tests.contract.ledger_contract import EIGHT, A
from tests.integration.ledger_tools import after, contents, left_by_a_kill, opened, recalled, refused, set_asides, sql
from tests.site import site
from tests.states import ENTRIES, KNOWN, SHELF, kept

SCHEMAS = range(1, VERSION + 1)
NEXT = VERSION + 1
KILLED_AT = """
import asyncio, os, sys
from pathlib import Path
from adapters.ledger import steps
from tests.integration.ledger_tools import recalled
{how}
steps.STEPS, steps.VERSION = (*steps.STEPS, step), steps.VERSION + 1
asyncio.run(recalled(Path(sys.argv[1])))
"""
IN_A_STEP = """
def step(db):
    db.execute("CREATE TABLE extra (a)")
    os._exit(9)
"""
IN_THE_COPY = """
from adapters.ledger import upgrading
def step(db): pass
upgrading.copy_of = lambda *_: os._exit(9)
"""


def step(db: sqlite3.Connection) -> None:
    """As a later version might: a table more, and a column more."""
    db.execute("CREATE TABLE extra (a)")
    db.execute("ALTER TABLE entry ADD COLUMN more TEXT")


@pytest.fixture
def later(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, a tmex of the next schema."""
    monkeypatch.setattr(steps, "STEPS", (*steps.STEPS, step))
    monkeypatch.setattr(steps, "VERSION", NEXT)


@pytest.fixture
async def killed(tmp_path: Path) -> Path:
    """A ledger whose process is gone without closing it: all that it wrote stands in its log."""
    return await left_by_a_kill(tmp_path)


def schema_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def tables_of(path: Path) -> dict[str, object]:
    with closing(sqlite3.connect(path)) as db:
        names = sorted(name for (name,) in db.execute("SELECT name FROM sqlite_master"))
        return {name: db.execute(f"PRAGMA table_info({name})").fetchall() for name in names}


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_what_every_version_wrote_is_still_known(tmp_path: Path, schema: int) -> None:
    """I6: to the last interval, in both realms, by who works and by who looks; of an earlier one a copy stays."""
    path = tmp_path / "tmex.db"
    shutil.copy(kept(schema), path)
    for realm in ("live", "shadow"):
        assert await SqliteLedger.peek(path, realm) == KNOWN
        assert await SqliteLedger.peek_shelf(path, realm) == SHELF
        async with opened(path, realm) as ledger:
            assert await ledger.recall() == KNOWN
            assert await ledger.history(EIGHT) == list(ENTRIES)
            assert await ledger.shelf() == SHELF
    assert schema_of(path) == VERSION
    assert copy_of(path, schema).exists() == (schema < VERSION)


async def test_both_ways_lead_to_the_same_tables(tmp_path: Path) -> None:
    """A ledger that took every step since the first schema is made like one that is begun today."""
    first, fresh = tmp_path / "first.db", tmp_path / "fresh.db"
    shutil.copy(kept(1), first)
    for path in (first, fresh):
        await recalled(path)
    assert tables_of(first) == tables_of(fresh)


def test_the_present_schema_is_kept_too() -> None:
    """Its ledger is committed with it, so that the version after it has something to read."""
    assert kept(VERSION).exists(), "python -m tests.states"


@pytest.mark.usefixtures("later")
async def test_an_earlier_schema_is_brought_up_to_date_with_a_copy(killed: Path) -> None:
    """I6: it goes on with all that it knew; the copy is the whole of what was there, with its log, for its owner."""
    past = await recalled(killed)
    assert (past.calendars, past.news) == (after(12), None)
    assert schema_of(killed) == NEXT
    copy = copy_of(killed, VERSION)
    assert (schema_of(copy), copy.stat().st_mode & 0o777) == (VERSION, 0o600)
    assert [each.name for each in copy.parent.glob("*schema*")] == [copy.name]
    before = copy.read_bytes()
    async with opened(killed) as ledger:
        assert await ledger.recall() == past
        await ledger.remember(calendars=after(13))
    assert copy.read_bytes() == before


async def test_the_way_back(killed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I13: the earlier version refuses it in one sentence that names the copy, and with the copy it works again."""
    with monkeypatch.context() as patched:
        patched.setattr(steps, "STEPS", (*steps.STEPS, step))
        patched.setattr(steps, "VERSION", NEXT)
        await recalled(killed)
    before = contents(killed)
    with pytest.raises(LedgerError) as caught:
        await recalled(killed)
    assert caught.value.fault.code == "ledger.newer"
    for lang in ("de", "en"):
        told = say(caught.value.fault, lang)
        assert "\n" not in told
        assert f"tmex.db.schema-{VERSION}" in told
    assert contents(killed) == before
    copy_of(killed, VERSION).replace(killed)
    for suffix in ("-wal", "-shm"):
        beside(killed, suffix).unlink(missing_ok=True)
    assert (await recalled(killed)).calendars == after(12)


async def test_the_command_refuses_a_newer_state(tmp_path: Path) -> None:
    """I8, I13: one sentence, its own exit code, and nothing goes up."""
    async with site(tmp_path) as place:
        assert (await place.tmex("sync")).code == 0
        sql(place.state, f"PRAGMA user_version = {NEXT}")
        before = len(place.portal.uploads)
        for verb in ("sync", "run"):
            ended = await place.tmex(verb)
            assert ended.code == 73
            assert len(ended.err.splitlines()) == 1
            assert "[ledger.newer]" in ended.err
        assert len(place.portal.uploads) == before


@pytest.mark.usefixtures("later")
async def test_who_only_looks_changes_nothing(killed: Path) -> None:
    """`tmex status` beside a job of the version before: it reads, and leaves no trace."""
    beside(killed, "-shm").unlink(missing_ok=True)
    before = contents(killed)
    assert (await SqliteLedger.peek(killed)).calendars == after(12)
    assert len(await SqliteLedger.peek_history(killed, EIGHT)) == 12
    assert {name: data for name, data in contents(killed).items() if not name.endswith("-shm")} == {
        name: data for name, data in before.items() if not name.endswith("-shm")
    }


@pytest.mark.parametrize("how", [IN_A_STEP, IN_THE_COPY])
async def test_killed_while_it_is_brought_up_to_date(killed: Path, how: str, request: pytest.FixtureRequest) -> None:
    """I6, fault 36: whenever that happens, it is whole, as it was before, and the next start does it all."""
    words = [sys.executable, "-c", KILLED_AT.format(how=how), str(killed)]
    assert subprocess.run(words, check=False).returncode == 9
    assert schema_of(killed) == VERSION
    request.getfixturevalue("later")
    assert (await recalled(killed)).calendars == after(12)
    assert schema_of(killed) == NEXT
    assert not beside(killed, ".schema.new").exists()


@pytest.mark.usefixtures("later")
async def test_without_a_copy_nothing_is_changed(killed: Path) -> None:
    """I6: where the copy cannot be written, the state cannot be used, and stays what it is."""
    (copy_of(killed, VERSION) / "in the way").mkdir(parents=True)
    assert await refused(killed) == "ledger.unwritable"
    assert schema_of(killed) == VERSION
    assert not beside(killed, ".schema.new").exists()
    shutil.rmtree(copy_of(killed, VERSION))
    assert (await recalled(killed)).calendars == after(12)


@pytest.mark.usefixtures("later")
async def test_what_a_step_cannot_use_is_set_aside(killed: Path) -> None:
    """I6: never half believed, and the copy is there, too."""
    sql(killed, "CREATE TABLE extra (a)")
    past = await recalled(killed)
    assert (past.set_aside, past.calendars) == (True, {})
    assert len(set_asides(killed)) >= 1
    assert copy_of(killed, VERSION).exists()


@pytest.mark.usefixtures("later")
async def test_an_earlier_one_that_is_put_back_while_the_job_works(killed: Path) -> None:
    """Fault 39: it is not gone on with; all that the job knows is written anew."""
    async with opened(killed) as ledger:
        await ledger.recall()
        copy_of(killed, VERSION).replace(killed)
        with pytest.raises(LedgerError, match=r"ledger\.set_aside"):
            await ledger.remember(calendars=after(13))
        await ledger.remember(calendars=after(14))
    assert (await recalled(killed)).calendars[A] == after(14)[A]
    assert schema_of(killed) == NEXT
