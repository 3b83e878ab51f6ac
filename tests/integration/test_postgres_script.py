"""What `tmex sql postgres` prints: safe to run twice, on anything, and it gives away no more than tmex's fields."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from adapters.duria.postgres_link import Readers
from adapters.duria.postgres_schema import schema_faults
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.source_contract import CANARY
from tests.postgres import READER, SCRIPT, NewDatabase, Place, majors

OLD = f"""
CREATE TABLE tmex_appointments (id serial PRIMARY KEY, patient text, practice text, calendar text, col text,
                                starts_at timestamp, ends_at timestamp, occupied boolean, born date);
INSERT INTO tmex_appointments (patient, practice, starts_at) VALUES ('{CANARY}', 'PRAX1', '2026-11-23 08:00');
CREATE TABLE tmex_reservations (practice text, calendar text, col text, first_day date, last_day date, from_time time,
                                to_time time, remark text);
CREATE TABLE patients (name text);
INSERT INTO patients VALUES ('{CANARY}');
"""


@pytest.fixture(params=majors(), ids=lambda major: f"in {major}")
def place(request: pytest.FixtureRequest, emptied_database: NewDatabase) -> Place:
    """An empty database."""
    return emptied_database(request.param)


@pytest.fixture
async def reader(place: Place) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """The role's own session, in a database that was in use before."""
    place.run(OLD + SCRIPT + SCRIPT)
    connection = await place.connect(READER)
    yield connection
    await connection.close()


async def faults(place: Place, user: str = READER) -> list[str]:
    readers = Readers(place.dsn(user))
    try:
        return [each.code for each in await schema_faults(readers)]
    finally:
        readers.reset()


async def test_on_an_empty_database_it_makes_all(place: Place) -> None:
    """R10: run twice, it leaves two empty tables that nothing is missing of, and a role that is no wider than it."""
    place.run(SCRIPT + SCRIPT)
    assert await faults(place) == []


async def test_what_exists_stays_as_it_is(place: Place, reader: "asyncpg.Connection[asyncpg.Record]") -> None:
    """I7, I12: further columns and rows stay, and the role sees the fields of the contract alone."""
    assert await faults(place) == []
    assert await reader.fetchval("SELECT practice FROM tmex_appointments") == "PRAX1"
    admin = await place.connect()
    assert await admin.fetchval("SELECT patient FROM tmex_appointments") == CANARY
    await admin.close()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT patient FROM tmex_appointments",
        "SELECT * FROM tmex_appointments",
        "SELECT id FROM tmex_appointments",
        "SELECT remark FROM tmex_reservations",
        "SELECT * FROM patients",
        "SELECT count(*) FROM patients",
        "INSERT INTO tmex_appointments (practice) VALUES ('x')",
        "INSERT INTO tmex_reservations (practice) VALUES ('x')",
        "UPDATE tmex_appointments SET occupied = false",
        "DELETE FROM tmex_appointments",
        "TRUNCATE tmex_reservations",
        "CREATE TABLE public.mine (x int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE tmex_appointments DROP COLUMN occupied",
        "CREATE TRIGGER mine AFTER INSERT ON tmex_appointments FOR EACH ROW EXECUTE FUNCTION tmex_changed()",
        "DROP FUNCTION tmex_changed()",
        "SET ROLE postgres",
        "CREATE ROLE mine",
        "BEGIN; LOCK TABLE tmex_appointments IN EXCLUSIVE MODE",
        "SELECT practice FROM tmex_appointments FOR UPDATE",
        "COPY patients TO '/tmp/x'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
async def test_the_role_may_do_nothing_else(sql: str, reader: "asyncpg.Connection[asyncpg.Record]") -> None:
    """I7, I12: also with its defaults off, for the grants are the wall."""
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
        await reader.execute(sql)
    await reader.execute("ROLLBACK")
    await reader.execute("SET default_transaction_read_only = off")
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        await reader.execute(sql)
    assert CANARY not in str(refused.value)


async def test_the_role_has_its_limits(reader: "asyncpg.Connection[asyncpg.Record]") -> None:
    """I12: no statement, no wait for a lock and no idle transaction of the role lasts, whatever the client asks for."""
    names = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    shown = [await reader.fetchval(f"SHOW {name}") for name in (*names, "default_transaction_read_only")]
    assert shown == ["5s", "1s", "5s", "on"]
    limit = await reader.fetchval("SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user")
    assert (limit, await reader.fetchval("SELECT rolinherit FROM pg_roles WHERE rolname = current_user")) == (10, False)


WIDER = {
    "another table": ("GRANT SELECT ON patients TO tmex_reader", "SELECT public.patients"),
    "a column of another table": ("GRANT SELECT (name) ON patients TO tmex_reader", "SELECT public.patients"),
    "a table by everybody's right": ("GRANT SELECT ON patients TO PUBLIC", "SELECT public.patients"),
    "a further column": ("GRANT SELECT (patient) ON tmex_appointments TO tmex_reader", "SELECT (patient) public."),
    "the whole relation": ("GRANT SELECT ON tmex_reservations TO tmex_reader", "SELECT (remark) public."),
    "writing": ("GRANT UPDATE ON tmex_appointments TO tmex_reader", "INSERT, UPDATE, DELETE public.tmex_app"),
    "writing a column": ("GRANT UPDATE (occupied) ON tmex_appointments TO tmex_reader", "INSERT, UPDATE, DELETE"),
    "making tables": ("GRANT CREATE ON SCHEMA public TO PUBLIC", "CREATE SCHEMA public"),
    "making roles": ("ALTER ROLE tmex_reader CREATEROLE", "CREATEROLE"),
    "a superuser": ("ALTER ROLE tmex_reader SUPERUSER", "SUPERUSER"),
    "a member": ("GRANT pg_read_all_data TO tmex_reader", "pg_read_all_data"),
    "an owner": ("ALTER TABLE patients OWNER TO tmex_reader", "OWNER public.patients"),
}


@pytest.mark.parametrize("what", WIDER)
async def test_a_role_that_is_too_wide_is_noticed(what: str, new_database: NewDatabase) -> None:
    """I7, I13: whatever the role was given besides is named, with what takes it away; and that does take it away."""
    grant, named = WIDER[what]
    place = new_database(majors()[-1])
    place.run(OLD + SCRIPT + grant)
    readers = Readers(place.dsn(READER))
    try:
        (fault,) = await schema_faults(readers)
        assert fault.code == "source.role_wide"
        assert str(fault.facts["rights"]).startswith(named)
        cures = str(fault.facts["cures"]).replace("another_role", "postgres").replace("tmex sql postgres", SCRIPT)
        place.run(cures)
        assert await schema_faults(readers) == []
    finally:
        readers.reset()
        place.run("ALTER ROLE tmex_reader NOSUPERUSER NOCREATEROLE; REVOKE pg_read_all_data FROM tmex_reader")


async def test_another_role_is_told_from_ours(place: Place) -> None:
    """I13: whoever logs in as the administrator is told to use the role that the script makes."""
    place.run(SCRIPT)
    assert await faults(place, "postgres") == ["source.role_other"]


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TRIGGER tmex_row ON tmex_appointments",
        "DROP TRIGGER tmex_truncate ON tmex_reservations",
        "ALTER TABLE tmex_reservations DISABLE TRIGGER tmex_row",
        """ALTER TABLE tmex_appointments RENAME TO beneath; CREATE VIEW tmex_appointments AS TABLE beneath;
        DROP TRIGGER tmex_row ON beneath; DROP TRIGGER tmex_truncate ON beneath; REVOKE ALL ON beneath FROM tmex_reader;
        DROP TRIGGER tmex_row ON tmex_reservations; DROP TRIGGER tmex_truncate ON tmex_reservations;
        GRANT SELECT ON tmex_appointments TO tmex_reader""",
    ],
)
async def test_a_missing_trigger_is_noticed(sql: str, place: Place) -> None:
    """I11, I13: a relation whose changes nobody announces."""
    place.run(SCRIPT + sql)
    assert await faults(place) == ["source.no_trigger"]


async def test_views_are_left_to_the_tables_beneath(place: Place) -> None:
    """R10: with views in place of the tables the script gives the rights, and a trigger on some table will do."""
    PostgresPractice(place, views=True)
    place.run(SCRIPT)
    assert await faults(place) == []


async def test_rows_that_replication_brings_are_announced(place: Place) -> None:
    """I5: a session that plays a replica fires no common triggers, but ours."""
    place.run(SCRIPT)
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await place.connect(READER)
    await listener.add_listener("tmex", lambda *told: heard.put_nowait(str(told[-1])))
    place.run("SET session_replication_role = replica; INSERT INTO tmex_appointments VALUES ('P', 'K', 'S')")
    async with asyncio.timeout(20):
        assert await heard.get() == '{"calendar" : "K", "col" : "S"}'
    await listener.close()


CHANGES = [
    ("INSERT INTO tmex_appointments VALUES ('P', 'K', 'S')", ['{"calendar" : "K", "col" : "S"}']),
    ("UPDATE tmex_appointments SET occupied = true", ['{"calendar" : "K", "col" : "S"}']),
    (
        "UPDATE tmex_appointments SET col = 'T'",
        ['{"calendar" : "K", "col" : "S"}', '{"calendar" : "K", "col" : "T"}'],
    ),
    ("DELETE FROM tmex_appointments", ['{"calendar" : "K", "col" : "T"}']),
    (
        "INSERT INTO tmex_appointments VALUES ('P', 'K', 'T', '2026-11-23 23:00', '2026-11-24 01:00')",
        ['{"calendar" : "K", "col" : "T", "days" : ["2026-11-23","2026-11-24"]}'],
    ),
    (
        "UPDATE tmex_appointments SET starts_at = '2026-12-01 08:00', ends_at = '2026-12-01 09:00'",
        [
            '{"calendar" : "K", "col" : "T", "days" : ["2026-11-23","2026-11-24"]}',
            '{"calendar" : "K", "col" : "T", "days" : ["2026-12-01","2026-12-01"]}',
        ],
    ),
    ("DELETE FROM tmex_appointments", ['{"calendar" : "K", "col" : "T", "days" : ["2026-12-01","2026-12-01"]}']),
    (
        "INSERT INTO tmex_reservations VALUES ('P', 'K', 'T', '2026-11-23', '2026-11-25')",
        ['{"calendar" : "K", "col" : "T", "days" : ["2026-11-23","2026-11-25"]}'],
    ),
    ("INSERT INTO tmex_reservations VALUES ('P', 'K', NULL)", ['{"calendar" : "K", "col" : null}']),
    ("TRUNCATE tmex_appointments", [""]),
    (f"INSERT INTO tmex_appointments VALUES ('P', 'K', repeat('{CANARY}', 1000))", [""]),
]


async def test_what_is_announced(place: Place) -> None:
    """I7, I12: column and days before and after, nothing else of the row; too long a name fails no statement."""
    place.run(OLD + SCRIPT)
    place.run("DROP TABLE tmex_appointments, tmex_reservations; " + SCRIPT)
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await place.connect(READER)
    await listener.add_listener("tmex", lambda *told: heard.put_nowait(str(told[-1])))
    for sql, payloads in CHANGES:
        place.run(sql)
        async with asyncio.timeout(20):
            assert [await heard.get() for _ in payloads] == payloads
    await listener.close()
