"""Whatever happens to a real PostgreSQL server, or on the way to it: a fault in our own words, and no change lost."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from tempfile import TemporaryDirectory

import pytest

from adapters.duria.postgres import PostgresSource
from adapters.embedded import Server
from engine.model import Complete, Failed
from tests.contract.postgres_practice import PostgresPractice
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
)
from tests.eventually import eventually
from tests.faultproxy import FaultProxy
from tests.postgres import READER, NewDatabase, Place, backends_standing_still, majors, server

NEWEST = majors()[-1]
BOTH = pytest.mark.parametrize("major", majors())
OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'tmex'"


@pytest.fixture
def own_server() -> Iterator[Callable[..., Server]]:
    """Starts a server that may be harmed."""
    with TemporaryDirectory(prefix="pg") as folder:
        started: list[Server] = []

        def start(major: int, **settings: str) -> Server:
            started.append(server(major, folder, **settings).__enter__())
            return started[-1]

        yield start
        for each in started:
            each.stop()


@asynccontextmanager
async def proxied(place: Server) -> AsyncIterator[FaultProxy]:
    """A proxy before the server's socket."""
    async with FaultProxy(lambda: asyncio.open_unix_connection(f"{place.folder}/.s.PGSQL.5432")) as proxy:
        yield proxy


def through(proxy: FaultProxy, place: Place, **more: float) -> PostgresSource:
    """A source whose way leads through the proxy."""
    dsn = f"postgresql://{READER}@127.0.0.1:{proxy.port}/{place.name}?sslmode=disable"
    return PostgresSource(dsn, PRACTICE, interval=more.get("interval", 120.0))


async def codes(source: PostgresSource, *wanted: str) -> None:
    """Wait until just these hinder the change events."""

    async def noted() -> bool:
        return [note.code for note in source.notes()] == list(wanted)

    await eventually(noted, f"notes {wanted}")


async def failure(source: PostgresSource) -> str:
    """The code of a reading that fails."""
    reading = await source.read(A, SPAN)
    assert isinstance(reading, Failed), reading
    assert CANARY not in repr(reading)
    return reading.reason.code


async def pids(place: Place) -> list[int]:
    """The server's processes that serve us."""
    admin = await place.connect()
    try:
        return [row["pid"] for row in await admin.fetch(OURS)]
    finally:
        await admin.close()


@BOTH
async def test_a_killed_server_is_found_again(major: int, own_server: Callable[..., Server]) -> None:
    """Fault 1, I5, I11: the server is killed, a change is made as soon as it is back, and it is hinted and read."""
    place = Place(own_server(major), "postgres")
    practice = PostgresPractice(place)
    await practice.change(add=(EIGHT,))
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source, heard(source) as hints:
        for _ in range(3):
            await asyncio.to_thread(place.server.stop, signal.SIGKILL)
            await eventually(lambda: _gone(source), "its last processes have ended")
            await eventually(lambda: _starts(place.server), "the server starts again")
            known = len(hints)
            await practice.change(remove=(EIGHT,), add=(EIGHT,))
            await hint_after(hints, known)
            assert await blocked(source) == ["11-23 08:00–11-23 08:20"]


async def _starts(server: Server) -> bool:
    """Not while one of its old processes still holds its shared memory."""
    try:
        await asyncio.to_thread(server.start)
    except OSError:
        return False
    return True


async def _gone(source: PostgresSource) -> bool:
    reading = await source.read(A, SPAN)
    assert not isinstance(reading, Failed) or reading.reason.code == "source.unreachable", reading
    return isinstance(reading, Failed)


async def test_a_killed_backend_is_replaced(own_server: Callable[..., Server]) -> None:
    """Fault 1: kill -9 of the process that we listen to; the server throws everybody out and recovers."""
    place = Place(own_server(NEWEST), "postgres")
    practice = PostgresPractice(place)
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source, heard(source) as hints:
        known = len(hints)
        os.kill((await pids(place))[0], signal.SIGKILL)
        await hint_after(hints, known)

        async def back() -> bool:
            return isinstance(await source.read(A, SPAN), Complete)

        await eventually(back, "the server took us back")
        known = len(hints)
        await practice.change(add=(EIGHT,))
        await hint_after(hints, known)


async def test_a_silent_peer_is_given_up(new_database: NewDatabase) -> None:
    """Fault 2, I11: the way goes silent, which a question finds out; it is left, and nothing that changed is lost."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    async with proxied(place.server) as proxy, through(proxy, place) as source, heard(source) as hints:
        known, connections = len(hints), proxy.connections
        proxy.silent = True
        await practice.change(add=(EIGHT,))
        await hint_after(hints, known)
        assert await failure(source) == "source.timeout"
        proxy.silent = False
        await eventually(lambda: _more(proxy, connections + 1), "it connects anew")
        await hint_after(hints, known + 1)
        assert await blocked(source) == ["11-23 08:00–11-23 08:20"]


async def _more(proxy: FaultProxy, than: int) -> bool:
    return proxy.connections > than


@BOTH
async def test_a_frozen_backend_is_given_up(major: int, new_database: NewDatabase) -> None:
    """Fault 3, I11: the server's processes that serve us are stopped; we wait for no farewell, and take others."""
    place = new_database(major)
    practice = PostgresPractice(place)
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source, heard(source) as hints:
        assert isinstance(await source.read(A, SPAN), Complete)
        known = len(hints)
        async with backends_standing_still(place) as frozen:
            await practice.change(add=(EIGHT,))
            await hint_after(hints, known + 1)
            assert await blocked(source) == ["11-23 08:00–11-23 08:20"]
            assert not set(frozen) & set(await pids(place)) or len(await pids(place)) > len(frozen)


async def test_no_backend_is_frozen_at_work(new_database: NewDatabase) -> None:
    """I12: to stop one in the midst of a statement would harm others by itself; those that are to stand still wait."""
    place = new_database(NEWEST)
    PostgresPractice(place)
    reader = await place.connect(READER)
    at_work = asyncio.create_task(reader.execute("SELECT pg_sleep(0.3)"))
    await asyncio.sleep(0.05)
    async with backends_standing_still(place):
        assert at_work.done()
    await reader.close()


async def test_a_listener_that_hears_nothing_polls(new_database: NewDatabase) -> None:
    """Fault 4: everything is answered and no notification arrives; the echo tells, it polls, and it hears again."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    async with proxied(place.server) as proxy:
        proxy.swallow = b"A"
        async with through(proxy, place, interval=1.0) as source, heard(source) as hints:
            await codes(source, "source.deaf")
            known = len(hints)
            await practice.change(add=(EIGHT,))
            await hint_after(hints, known)
            proxy.swallow = b""
            await codes(source)


async def test_a_listener_that_goes_deaf_notices(new_database: NewDatabase) -> None:
    """Fault 4, I11: what was heard at connect is proven again once per interval."""
    place = new_database(NEWEST)
    PostgresPractice(place)
    async with proxied(place.server) as proxy, through(proxy, place, interval=1.0) as source, heard(source):
        await codes(source)
        proxy.swallow = b"A"
        proxy.cut()
        await codes(source, "source.deaf")


async def test_a_burst_is_few_hints(new_database: NewDatabase) -> None:
    """Fault 5, I5: one transaction of 10,000 rows, and the reading holds them all."""
    place = new_database(NEWEST)
    PostgresPractice(place)
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source, heard(source) as hints:
        known = len(hints)
        place.run(f"""
            INSERT INTO tmex_appointments
            SELECT 'PRAX1', '{A.calendar}', '{A.column}', '2026-11-23'::timestamp + n * interval '30 seconds',
                   '2026-11-23'::timestamp + n * interval '30 seconds' + interval '20 seconds', true
              FROM generate_series(0, 9999) AS n""")
        await hint_after(hints, known)
        reading = await source.read(A, SPAN)
        assert isinstance(reading, Complete)
        assert len(reading.rows.occupied) == 20_000
        assert len(hints) - known <= 2


@pytest.mark.skipif(NEWEST < 17, reason="the queue's size cannot be set before PostgreSQL 17")
async def test_a_queue_that_fills_up(own_server: Callable[..., Server]) -> None:
    """Fault 6, I12: another session holds up the queue; it is told, and the practice's commits go on."""
    place = Place(own_server(NEWEST, max_notify_queue_pages="64"), "postgres")
    practice = PostgresPractice(place)
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source, heard(source) as hints:
        holding, working = await place.connect(), await place.connect()
        await holding.execute("LISTEN something")
        await holding.execute("BEGIN; SELECT 1")
        usage = 0.0
        while usage < 0.5:
            await working.execute(
                "SELECT pg_notify('something', repeat('x', 7000) || n) FROM generate_series(1, 4) AS n"
            )
            usage = await working.fetchval("SELECT pg_notification_queue_usage()")
        await codes(source, "source.queue_filling")
        for number in range(500):
            await working.execute(f"INSERT INTO tmex_appointments (patient) VALUES ('{number}')")
        assert await working.fetchval("SELECT pg_notification_queue_usage()") < 0.6
        await holding.close()
        await codes(source)
        known = len(hints)
        await practice.change(add=(EIGHT,))
        await hint_after(hints, known)
        await working.close()


async def test_a_lock_and_a_slow_view_end_a_reading(new_database: NewDatabase) -> None:
    """Fault 7, I1, I12: a reading waits for no lock longer than a second, and for no view longer than five."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    await practice.change(add=(EIGHT,))
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source:
        admin = await place.connect()
        async with admin.transaction():
            await admin.execute("LOCK TABLE tmex_appointments IN ACCESS EXCLUSIVE MODE")
            assert await failure(source) == "source.locked"
        assert await blocked(source) == ["11-23 08:00–11-23 08:20"]
        await admin.execute("""
            ALTER TABLE tmex_appointments RENAME TO beneath;
            CREATE VIEW tmex_appointments AS SELECT beneath.* FROM beneath, pg_sleep(30);
            GRANT SELECT ON tmex_appointments TO tmex_reader""")
        assert await failure(source) == "source.timeout"
        await admin.close()


async def test_a_reading_that_dies_half_way_is_thrown_away(new_database: NewDatabase) -> None:
    """Fault 8, I1, I2: the connection is cut within the rows; it is asked once more, and else it is no reading."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    slots = [EIGHT._replace(start=f"2026-11-24 {n // 60:02}:{n % 60:02}", end=None) for n in range(1000)]
    await practice.change(add=tuple(slots))
    async with proxied(place.server) as proxy, through(proxy, place) as source:
        assert len((await _complete(source)).rows.occupied) == 2000
        proxy.cut_answers_after = 9000
        assert len((await _complete(source)).rows.occupied) == 2000
        proxy.cut_answers_after, proxy.refusing = 9000, True
        assert await failure(source) == "source.unreachable"
        proxy.refusing = False
        assert len((await _complete(source)).rows.occupied) == 2000


async def _complete(source: PostgresSource) -> Complete:
    reading = await source.read(A, SPAN)
    assert isinstance(reading, Complete), reading
    return reading


_FUNCTION = "CREATE FUNCTION f() RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT x FROM nowhere); END';"
_BENEATH = """
ALTER TABLE tmex_appointments RENAME TO beneath;
CREATE VIEW tmex_appointments AS SELECT practice, calendar, col, starts_at, ends_at,"""
BROKEN = {
    "relation": ("ALTER TABLE tmex_reservations RENAME TO weg", "source.no_relation"),
    "field": ("ALTER TABLE tmex_appointments RENAME col TO spalte", "source.no_field"),
    "type": ("ALTER TABLE tmex_reservations ALTER first_day TYPE text", "source.wrong_type"),
    "zone": (
        "DROP INDEX tmex_appointments_by_end; ALTER TABLE tmex_appointments ALTER starts_at TYPE timestamptz",
        "source.wrong_type",
    ),
    "number": (
        "ALTER TABLE tmex_appointments ALTER occupied TYPE int USING occupied::int",
        "source.wrong_type",
    ),
    "right": ("REVOKE ALL ON tmex_appointments FROM tmex_reader", "source.field_denied"),
    "one right": ("REVOKE SELECT (occupied) ON tmex_appointments FROM tmex_reader", "source.field_denied"),
    "schema": ("REVOKE USAGE ON SCHEMA public FROM tmex_reader, PUBLIC", "source.field_denied"),
    "cast": (
        f"{_BENEATH} patient::boolean AS occupied FROM beneath; GRANT SELECT ON tmex_appointments TO tmex_reader",
        "source.view_fails",
    ),
    "function": (
        f"{_FUNCTION} {_BENEATH} f() AS occupied FROM beneath; GRANT SELECT ON tmex_appointments TO tmex_reader",
        "source.broken_view",
    ),
    "login": ("ALTER ROLE tmex_reader NOLOGIN", "source.login_refused"),
}


@pytest.mark.parametrize("what", BROKEN)
@BOTH
async def test_what_is_broken_is_named(what: str, major: int, own_database: Place) -> None:
    """Fault 9, I2, I13: a relation, field, type or right that is not as it must be is a failed reading that says so."""
    practice = PostgresPractice(own_database)
    await practice.change(add=(EIGHT,))
    breaks, code = BROKEN[what]
    own_database.run(breaks)
    try:
        async with PostgresSource(own_database.dsn(READER), PRACTICE, interval=120.0) as source:
            assert await failure(source) == code
    finally:
        own_database.run("ALTER ROLE tmex_reader LOGIN")


@pytest.fixture
def own_database(major: int, emptied_database: NewDatabase) -> Place:
    """An empty database on a server of that major."""
    return emptied_database(major)


async def test_a_database_that_is_not_there(new_database: NewDatabase) -> None:
    """Fault 9, I13: neither a wrong name nor a server that is not there is an empty calendar."""
    place = new_database(NEWEST)
    async with PostgresSource(place.server.dsn("nowhere"), PRACTICE, interval=120.0) as source:
        assert await failure(source) == "source.no_database"
    async with PostgresSource("postgresql://x@/y?host=/nowhere", PRACTICE, interval=120.0) as source:
        assert await failure(source) == "source.unreachable"


async def test_an_ended_session_is_begun_anew(new_database: NewDatabase) -> None:
    """Fault 12, I5: the administrator ends our sessions; a change right behind it is hinted."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source, heard(source) as hints:
        for _ in range(5):
            known = len(hints)
            place.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tmex'")
            await practice.change(add=(NINE,))
            await hint_after(hints, known)
            assert await blocked(source) == ["11-23 09:00–11-23 09:20"]
            await practice.change(remove=(NINE,))


async def test_connections_are_few(new_database: NewDatabase) -> None:
    """I12: fifty readings at once take four connections, and none is kept waiting for ever."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    await practice.change(add=(EIGHT,))
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source:
        readings = await asyncio.gather(*(source.read(A, SPAN) for _ in range(50)))
        assert all(isinstance(each, Complete) for each in readings)
        assert len(await pids(place)) <= 4
