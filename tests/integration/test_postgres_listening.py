"""A listener that cannot hear knows it within seconds and polls, and it never pesters the server."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
import trustme

from adapters.duria.postgres import PostgresSource
from adapters.embedded import Server
from engine.model import Complete, Failed
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.source_contract import EIGHT, NINE, PRACTICE, SPAN, A, blocked, heard, hint_after
from tests.eventually import eventually
from tests.integration.pgbouncer import pgbouncer
from tests.integration.test_postgres_faults import codes, failure, proxied, through
from tests.integration.test_postgres_ways import needs_pgbouncer
from tests.postgres import READER, SCRIPT, NewDatabase, Place, majors, server

NEWEST = majors()[-1]


@pytest.fixture
def place(new_database: NewDatabase) -> Place:
    """An empty database."""
    return new_database(NEWEST)


SILENCED = {
    "dropped": "DROP TRIGGER tmex_row ON tmex_appointments",
    "disabled": "ALTER TABLE tmex_appointments DISABLE TRIGGER tmex_truncate",
    "swapped": """BEGIN; CREATE TABLE fresh (LIKE tmex_appointments); GRANT SELECT ON fresh TO tmex_reader;
        DROP TABLE tmex_appointments; ALTER TABLE fresh RENAME TO tmex_appointments; COMMIT""",
    "another child": "CREATE TABLE child () INHERITS (tmex_appointments)",
}


@pytest.mark.parametrize("how", SILENCED)
async def test_a_trigger_that_goes_is_missed(how: str, place: Place) -> None:
    """I11, fault 9: within seconds it polls, and says why; it hears again as soon as the trigger is back."""
    practice = PostgresPractice(place)
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source, heard(source) as hints:
        assert source.notes() == ()
        place.run(SILENCED[how])
        await codes(source, "source.no_trigger")
        known = len(hints)
        await practice.change(add=(EIGHT,))
        await hint_after(hints, known)
        place.run("DROP TABLE IF EXISTS child;" + SCRIPT)
        await codes(source)


VIEWS = {
    "of a table": "CREATE VIEW tmex_appointments AS TABLE termine",
    "of a view": "CREATE VIEW middle AS TABLE termine; CREATE VIEW tmex_appointments AS TABLE middle",
    "materialized": "CREATE MATERIALIZED VIEW tmex_appointments AS TABLE termine",
    "of none": "CREATE VIEW tmex_appointments AS SELECT * FROM rows_of_somewhere()",
}


@pytest.mark.parametrize("what", VIEWS)
async def test_a_trigger_on_the_other_relation_does_not_count(what: str, place: Place) -> None:
    """I11, I13: a view whose tables announce nothing is deaf, though the other relation has a trigger."""
    place.run(
        SCRIPT + "ALTER TABLE tmex_appointments RENAME TO termine; DROP TRIGGER tmex_row ON termine;"
        "REVOKE ALL ON termine FROM tmex_reader;"
    )
    place.run(
        """CREATE FUNCTION rows_of_somewhere() RETURNS SETOF termine LANGUAGE plpgsql AS
        'BEGIN RETURN QUERY TABLE termine; END';"""
        + VIEWS[what]
    )
    place.run("GRANT SELECT ON tmex_appointments TO tmex_reader")
    async with PostgresSource(place.dsn(READER), PRACTICE, interval=120.0) as source, heard(source):
        assert [note.code for note in source.notes()] == ["source.no_trigger"]
        assert [each.code for each in await source.examine()] == ["source.no_trigger"]


async def test_readings_that_hang_do_not_hold_up_the_echo(place: Place) -> None:
    """I11: forty readings wait behind a view that sleeps; the listener proves at once that it hears."""
    practice = PostgresPractice(place)
    place.run("""ALTER TABLE tmex_reservations RENAME TO beneath;
        CREATE VIEW tmex_reservations AS SELECT beneath.* FROM beneath, pg_sleep(2);
        GRANT SELECT ON tmex_reservations TO tmex_reader""")
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        readings = [asyncio.create_task(source.read(A, SPAN)) for _ in range(40)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(6):
            async with heard(source):
                assert source.notes() == ()
        for each in readings:
            each.cancel()
        await asyncio.wait(readings)


@pytest.mark.parametrize("taken", ["pg_notify(text, text)", "pg_notification_queue_usage()"])
async def test_rights_that_are_taken_away_are_no_storm(taken: str, place: Place) -> None:
    """I10, I11: hardened servers: whatever may not be asked, changes are noticed, and connections are few."""
    practice = PostgresPractice(place)
    place.run(f"REVOKE ALL ON FUNCTION {taken} FROM PUBLIC")
    async with proxied(place.server) as proxy, through(proxy, place) as source, heard(source) as hints:
        known, before = len(hints), proxy.connections
        await practice.change(add=(EIGHT,))
        await hint_after(hints, known)
        await asyncio.sleep(1.5)
        assert proxy.connections - before <= 3
        assert len(hints) - known <= 3


async def test_a_wrong_password_is_not_tried_again_and_again(place: Place) -> None:
    """I10, I12: a refused login fills nobody's log: one try per poll."""
    place.run(SCRIPT)
    async with proxied(place.server) as proxy:
        dsn = f"postgresql://nobody_{place.name}@127.0.0.1:{proxy.port}/{place.name}?sslmode=disable"
        async with PostgresSource(dsn, PRACTICE, interval=120.0) as source, heard(source):
            await asyncio.sleep(2.2)
            assert proxy.connections == 1


async def test_a_host_that_is_silent_is_passed_over(place: Place) -> None:
    """Fault 2: of several hosts the first one swallows everything; the next one is asked."""
    practice = PostgresPractice(place)
    await practice.change(add=(EIGHT,))
    async with proxied(place.server) as dead, proxied(place.server) as alive:
        dead.silent = True
        hosts = f"127.0.0.1:{dead.port},127.0.0.1:{alive.port}"
        dsn = f"postgresql://{READER}@{hosts}/{place.name}?sslmode=disable"
        async with PostgresSource(dsn, PRACTICE, interval=120.0) as source:
            assert await blocked(source) == ["11-23 08:00–11-23 08:20"]


@needs_pgbouncer
async def test_a_pooler_that_refuses_is_named(place: Place) -> None:
    """Fault 4, I13: it does not know our user: that is said, not that the server is away."""
    PostgresPractice(place)
    with TemporaryDirectory(prefix="pb") as folder:
        async with pgbouncer(place.server, Path(folder) / "b", "transaction") as there:
            dsn = f"postgresql://somebody@/{place.name}?host={there}"
            async with PostgresSource(dsn, PRACTICE, interval=120.0) as source:
                assert await failure(source) == "source.pooler_refuses"


async def test_failures_leave_nothing_behind(place: Place) -> None:
    """I12, fault 52: readings cancelled, cut, timed out and refused by the hundred leave no task, handle or session."""
    PostgresPractice(place)
    async with proxied(place.server) as proxy, through(proxy, place) as source, heard(source):
        assert isinstance(await source.read(A, SPAN), Complete)
        handles, tasks = psutil.Process().num_fds(), len(asyncio.all_tasks())
        for number in range(300):
            readings = [asyncio.create_task(source.read(A, SPAN)) for _ in range(4)]
            await asyncio.sleep(number % 7 / 2000)
            if number % 3:
                for each in readings:
                    each.cancel()
            else:
                proxy.cut()
            await asyncio.wait(readings)
        assert isinstance(await source.read(A, SPAN), Complete | Failed)

        async def calm() -> bool:
            return psutil.Process().num_fds() <= handles + 12 and len(asyncio.all_tasks()) <= tasks + 12

        await eventually(calm, "all of it is gone")
        await eventually(lambda: _reads(source), "it reads")


async def _reads(source: PostgresSource) -> bool:
    return isinstance(await source.read(A, SPAN), Complete)


async def test_the_last_connections_are_taken(place: Place) -> None:
    """I12, I13: the role's connections are used up: it is said so, and readings go on as soon as one is free."""
    practice = PostgresPractice(place)
    await practice.change(add=(NINE,))
    others = [await place.connect(READER) for _ in range(10)]
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source, heard(source):
        assert await failure(source) == "source.too_many_connections"
        for each in others:
            await each.close()
        await eventually(lambda: _reads(source), "it reads")
        await codes(source)


SECRET = "Kanarienvogel-Passwort"
HERE = f"127.66.{os.getpid() >> 8 & 255}.{os.getpid() & 255}"
"""An address of this machine that no other test's server listens on."""


@asynccontextmanager
async def encrypted(folder: str, certificate: trustme.LeafCert) -> AsyncIterator[Server]:
    """A server that is reached by TLS and a password alone. (The package's own is built without TLS.)"""
    certificate.private_key_pem.write_to_path(f"{folder}/key")
    certificate.cert_chain_pems[0].write_to_path(f"{folder}/cert")
    Path(f"{folder}/key").chmod(0o600)
    settings = {"ssl": "on", "ssl_key_file": f"{folder}/key", "ssl_cert_file": f"{folder}/cert"}
    with server(majors()[0], folder, listen_addresses=HERE, **settings) as running:
        running.run_script(SCRIPT + f"ALTER ROLE {READER} PASSWORD '{SECRET}'")
        (running.folder / "data/pg_hba.conf").write_text("local all all trust\nhostssl all all all scram-sha-256\n")
        running.run_script("SELECT pg_reload_conf()")
        yield running


@pytest.mark.allow_hosts([HERE])
@pytest.mark.parametrize(
    ("name", "ours", "code"),
    [(HERE, True, None), ("elsewhere.example", True, "source.tls"), (HERE, False, "source.tls")],
    ids=["right", "another name", "another authority"],
)
async def test_who_the_server_is_must_be_proven(
    name: str, ours: bool, code: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault 34, I7: verify-full takes the right certificate alone, and no password gets into a fault or the log."""
    caplog.set_level(0)
    authority = trustme.CA()
    (authority if ours else trustme.CA()).cert_pem.write_to_path(tmp_path / "ca")
    with TemporaryDirectory(prefix="pg") as folder:
        async with encrypted(folder, authority.issue_cert(name)) as running:
            dsn = f"postgresql://{READER}:{SECRET}@{HERE}/postgres?sslmode=verify-full&sslrootcert={tmp_path}/ca"
            if code is None:
                async with PostgresSource(dsn, PRACTICE, interval=120.0) as source, heard(source):
                    assert source.notes() == ()
                    assert isinstance(await source.read(A, SPAN), Complete)
                running.run_script(f"ALTER ROLE {READER} VALID UNTIL '2020-01-01'")
            async with PostgresSource(dsn, PRACTICE, interval=120.0) as source, heard(source):
                reading = await source.read(A, SPAN)
                assert isinstance(reading, Failed)
                assert reading.reason.code == (code or "source.login_refused")
                assert SECRET not in f"{reading} {source.notes()} {caplog.text}"
