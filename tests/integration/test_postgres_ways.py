"""The way to the server may lead through a pooler, to a replica, or from a host that vanishes."""

import asyncio
import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from adapters.duria.postgres import PostgresSource
from adapters.embedded import Server, installations
from engine.model import Complete
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.source_contract import EIGHT, NINE, PRACTICE, SPAN, A, blocked, heard, hint_after
from tests.eventually import eventually
from tests.integration.pgbouncer import pgbouncer, programme
from tests.postgres import READER, NewDatabase, Place, majors, server

NEWEST = majors()[-1]
needs_pgbouncer = pytest.mark.skipif(
    programme() is None and "CI" not in os.environ, reason="pgbouncer is not installed"
)
needs_namespaces = pytest.mark.skipif(
    shutil.which("ip") is None and "CI" not in os.environ, reason="needs a network namespace of its own"
)


async def notes(source: PostgresSource, *wanted: str) -> None:
    async def noted() -> bool:
        return [note.code for note in source.notes()] == list(wanted)

    await eventually(noted, f"notes {wanted}")


@needs_pgbouncer
@pytest.mark.parametrize("pool", [1, 5])
async def test_a_pooler_that_swallows_notifications(pool: int, new_database: NewDatabase) -> None:
    """Fault 4, I11: in transaction mode LISTEN succeeds and nothing arrives: known at connect, said, and polled."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    with TemporaryDirectory(prefix="pb") as folder:
        async with pgbouncer(place.server, Path(folder) / "b", "transaction", pool=pool) as socket:
            dsn = f"postgresql://{READER}@/{place.name}?host={socket}"
            async with PostgresSource(dsn, PRACTICE, interval=120.0) as source, heard(source) as hints:
                assert [note.code for note in source.notes()] == ["source.pooler"]
                known = len(hints)
                await practice.change(add=(EIGHT,))
                await hint_after(hints, known)
                assert await blocked(source) == ["11-23 08:00–11-23 08:20"]
                readings = await asyncio.gather(*(source.read(A, SPAN) for _ in range(20)))
                assert all(isinstance(each, Complete) for each in readings)
                # Nothing of ours stays in a session that others get.
                other = await asyncpg.connect(dsn, statement_cache_size=0)
                async with other.transaction():
                    assert await other.fetchval("SHOW default_transaction_isolation") == "read committed"
                await other.close()


@needs_pgbouncer
async def test_a_pooler_in_session_mode_is_no_hindrance(new_database: NewDatabase) -> None:
    """Fault 4: a session of our own, though a pooler handed it out: what is announced is heard."""
    place = new_database(NEWEST)
    practice = PostgresPractice(place)
    with TemporaryDirectory(prefix="pb") as folder:
        async with pgbouncer(place.server, Path(folder) / "b", "session") as socket:
            dsn = f"postgresql://{READER}@/{place.name}?host={socket}"
            async with PostgresSource(dsn, PRACTICE, interval=120.0) as source, heard(source) as hints:
                assert source.notes() == ()
                known = len(hints)
                await practice.change(add=(EIGHT,))
                await hint_after(hints, known)
                assert await blocked(source) == ["11-23 08:00–11-23 08:20"]


async def test_a_replica_is_read_and_polled() -> None:
    """Fault 9, I11: a replica is read, polled, and said to be one; once it is the primary, its changes are heard."""
    with TemporaryDirectory(prefix="pg") as folder, server(NEWEST, f"{folder}/1") as primary:
        practice = PostgresPractice(Place(primary, "postgres"))
        await asyncio.to_thread(copy, primary, Path(folder) / "2")
        with server(NEWEST, f"{folder}/2") as replica:
            dsn = replica.dsn(user=READER)
            async with PostgresSource(dsn, PRACTICE, interval=120.0) as source, heard(source) as hints:
                assert [note.code for note in source.notes()] == ["source.replica"]
                await practice.change(add=(EIGHT,))
                await hint_after(hints, len(hints))
                await eventually(functools.partial(_holds, source, "11-23 08:00–11-23 08:20"), "the replica has it")
                replica.run_script("SELECT pg_promote()")
                await notes(source)
                known = len(hints)
                await PostgresPractice(Place(replica, "postgres")).change(add=(NINE,))
                await hint_after(hints, known)


def copy(primary: Server, folder: Path) -> None:
    """Make what becomes a replica when it is started."""
    words = [str(installations()[NEWEST] / "pg_basebackup"), "-h", str(primary.folder), "-U", "postgres"]
    words += ["-D", f"{folder}/data", "-R", "-X", "stream", "-c", "fast"]
    if os.geteuid() == 0:
        words = ["unshare", "--user", "--map-user=1000", "--map-group=1000", *words]
    folder.mkdir()
    subprocess.run(words, check=True, capture_output=True)


async def _holds(source: PostgresSource, wanted: str) -> bool:
    return wanted in await blocked(source)


@needs_namespaces
@pytest.mark.slow
async def test_a_host_that_vanishes_is_let_go_by_the_server() -> None:
    """Fault 13, I9, I12: the server ends our sessions within half a minute after our host went without a word."""
    words = ["unshare", "-n", sys.executable, "-m", "tests.integration.vanishing"]
    if os.geteuid() != 0:
        words.insert(1, "-r")
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(58):
        out, _ = await process.communicate()
    assert out.decode().split() == ["connected", "gone"]
