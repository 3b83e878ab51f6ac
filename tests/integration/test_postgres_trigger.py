"""What the trigger and its script do to the practice: next to nothing, whatever the practice does."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from adapters.embedded import installations
from tests.postgres import READER, ROLLBACK, SCRIPT, NewDatabase, Place, majors, server

PAYLOAD = '{"calendar" : "K", "col" : "S"}'


@pytest.fixture(params=majors(), ids=lambda major: f"in {major}")
def place(request: pytest.FixtureRequest, new_database: NewDatabase) -> Place:
    """A database with the script applied."""
    place = new_database(request.param)
    place.run(SCRIPT)
    return place


@asynccontextmanager
async def announced(place: Place) -> AsyncIterator["asyncio.Queue[str]"]:
    """What is heard on the channel."""
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await place.connect(READER)
    await listener.add_listener("tmex", lambda *told: heard.put_nowait(str(told[-1])))
    try:
        yield heard
    finally:
        await listener.close()


async def next_of(heard: "asyncio.Queue[str]") -> str:
    async with asyncio.timeout(20):
        return await heard.get()


def megabytes(pid: int) -> int:
    """What a process has of its own."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024


async def test_a_great_transaction_costs_no_memory(place: Place) -> None:
    """I12: a reload of 100,000 rows in one transaction takes the practice's session a few megabytes, not hundreds."""
    working = await place.connect()
    pid = await working.fetchval("SELECT pg_backend_pid()")
    async with announced(place) as heard:
        async with working.transaction():
            before = megabytes(pid)
            await working.execute(
                "INSERT INTO tmex_appointments SELECT 'P', 'K', 'S' || n % 4 FROM generate_series(1, 100000) AS n"
            )
            assert megabytes(pid) - before < 50
        assert {await next_of(heard) for _ in range(4)} == {PAYLOAD.replace("S", f"S{n}") for n in range(4)}
        assert heard.empty()
    await working.close()


async def test_a_table_without_those_fields_costs_no_memory_either(place: Place) -> None:
    """I12: each row of a table beneath a view, of which the trigger knows no columns, would fail in it."""
    place.run("""CREATE TABLE termine (n int);
        CREATE TRIGGER tmex_row AFTER INSERT OR UPDATE OR DELETE ON termine
          FOR EACH ROW EXECUTE FUNCTION tmex_changed();""")
    working = await place.connect()
    pid = await working.fetchval("SELECT pg_backend_pid()")
    async with announced(place) as heard:
        async with working.transaction():
            before = megabytes(pid)
            await working.execute("INSERT INTO termine SELECT generate_series(1, 100000)")
            assert megabytes(pid) - before < 50
        assert await next_of(heard) == ""
    await working.close()


async def test_more_columns_than_anybody_has(place: Place) -> None:
    """I5, I12: of ten thousand columns in one transaction some are announced, and that everything changed."""
    async with announced(place) as heard:
        place.run("INSERT INTO tmex_appointments SELECT 'P', 'K', 'S' || n FROM generate_series(1, 10000) AS n")
        told = [await next_of(heard)]
        while told[-1]:
            told.append(await next_of(heard))
        assert len(told) < 1000


SAVEPOINTS = {
    "rolled back and done again": "SAVEPOINT a; {0}; ROLLBACK TO a; {0};",
    "rolled back after it was done": "{0}; SAVEPOINT a; {0}; ROLLBACK TO a;",
    "released": "SAVEPOINT a; {0}; RELEASE a; SAVEPOINT a; {0}; ROLLBACK TO a;",
    "another one rolled back": "SAVEPOINT a; {1}; ROLLBACK TO a; {0};",
}


@pytest.mark.parametrize("how", SAVEPOINTS)
async def test_savepoints_lose_no_announcement(how: str, place: Place) -> None:
    """I5: what a savepoint took back is announced when it is done again."""
    insert = "INSERT INTO tmex_appointments VALUES ('P', 'K', '{}')"
    async with announced(place) as heard:
        place.run("BEGIN;" + SAVEPOINTS[how].format(insert.format("S"), insert.format("T")) + "COMMIT;")
        assert await next_of(heard) == PAYLOAD


async def test_each_transaction_of_a_session_announces(place: Place) -> None:
    """I5: what one transaction said, the next one says again; also one that a procedure commits half way."""
    async with announced(place) as heard:
        place.run("""DO $$BEGIN FOR n IN 1..3 LOOP
            INSERT INTO tmex_appointments VALUES ('P', 'K', 'S'); COMMIT; END LOOP; END$$;
            DELETE FROM tmex_appointments; BEGIN; UPDATE tmex_appointments SET col = 'T'; ROLLBACK;
            INSERT INTO tmex_appointments VALUES ('P', 'K', 'S');""")
        assert [await next_of(heard) for _ in range(5)] == [PAYLOAD] * 5


async def test_a_trigger_put_before_the_change_loses_no_row(place: Place) -> None:
    """I12: a trigger that answers nothing BEFORE a change would swallow the practice's row; ours does not."""
    place.run("""CREATE TABLE termine (calendar text, col text);
        CREATE TRIGGER wrong BEFORE INSERT OR UPDATE OR DELETE ON termine FOR EACH ROW EXECUTE FUNCTION tmex_changed();
        INSERT INTO termine VALUES ('K', 'S'), ('K', 'T'); UPDATE termine SET col = 'U' WHERE col = 'S';
        DELETE FROM termine WHERE col = 'T';""")
    admin = await place.connect()
    assert [tuple(row) for row in await admin.fetch("TABLE termine")] == [("K", "U")]
    await admin.close()


@pytest.mark.parametrize("taken", ["pg_notify(text, text)", "pg_notification_queue_usage()"])
async def test_a_practice_without_any_right_writes(taken: str, place: Place) -> None:
    """I12: neither who writes nor who owns the trigger may announce anything, and each commit succeeds."""
    place.run(f"""
        DROP ROLE IF EXISTS owner_{place.name}; DROP ROLE IF EXISTS writer_{place.name};
        CREATE ROLE owner_{place.name}; CREATE ROLE writer_{place.name};
        REVOKE ALL ON FUNCTION {taken} FROM PUBLIC;
        GRANT INSERT ON tmex_appointments TO writer_{place.name}; GRANT CREATE ON SCHEMA public TO owner_{place.name};
        ALTER FUNCTION tmex_changed() OWNER TO owner_{place.name};
        SET ROLE writer_{place.name}; INSERT INTO tmex_appointments VALUES ('P', 'K', 'S');
        RESET ROLE; ALTER FUNCTION tmex_changed() OWNER TO postgres;
        DROP OWNED BY owner_{place.name}, writer_{place.name}; DROP ROLE owner_{place.name}, writer_{place.name};""")
    admin = await place.connect()
    assert await admin.fetchval("SELECT count(*) FROM tmex_appointments") == 1
    await admin.close()


class Owner:
    """A practice's server, and the owner of its database, who may make roles and nothing else."""

    def __init__(self, major: int, folder: str) -> None:
        self.words = [str(installations()[major] / "psql"), "-qX1", "-v", "ON_ERROR_STOP=1"]
        self.words += ["-h", folder, "-U", "owner", "-d", "praxis"]

    def run(self, script: str) -> tuple[int, str]:
        done = subprocess.run(self.words, input=script.encode(), capture_output=True, check=False)
        return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("major", installations())
async def test_the_owner_needs_no_superuser(major: int) -> None:
    """R10, I12: an owner who may make roles applies the script, takes it back, and both twice; nothing of ours stays.

    And where two-phase commit is possible, which the triggers make fail, the script says so.
    """
    with TemporaryDirectory(prefix="pg") as folder, server(major, folder, max_prepared_transactions="2") as place:
        place.run_script("CREATE ROLE owner LOGIN CREATEROLE; CREATE DATABASE praxis OWNER owner")
        owner = Owner(major, folder)
        code, told = owner.run(SCRIPT + SCRIPT)
        assert (code, told.count("PREPARE TRANSACTION")) == (0, 2), told
        insert = "INSERT INTO tmex_appointments VALUES ('P', 'K', 'S')"
        assert owner.run(insert) == (0, "")
        assert owner.run(ROLLBACK + ROLLBACK)[0] == 0
        admin = await Place(place, "praxis").connect()
        assert await admin.fetchval("SELECT count(*) FROM tmex_appointments") == 1
        assert await admin.fetchval("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal") == 0
        assert await admin.fetchval("SELECT count(*) FROM pg_proc WHERE proname LIKE 'tmex%'") == 0
        assert await admin.fetchval("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'tmex%'") == 0
        assert await admin.fetchval("SELECT count(*) FROM pg_class WHERE relkind = 'i' AND relname LIKE 'tmex%'") == 0
        await admin.close()


async def test_the_rollback_names_what_is_in_its_way(place: Place) -> None:
    """I12: with a trigger of ours on another table it takes nothing back by halves, and names the table."""
    place.run("""CREATE TABLE termine (n int);
        CREATE TRIGGER tmex_row AFTER INSERT ON termine FOR EACH ROW EXECUTE FUNCTION tmex_changed();""")
    admin = await place.connect()
    with pytest.raises(asyncpg.DependentObjectsStillExistError) as refused:
        await admin.execute(ROLLBACK.replace("DROP ROLE tmex_reader;", ""))
    assert "termine" in str(refused.value.detail)
    assert await admin.fetchval("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'tmex%'") == 5
    await admin.close()
