"""Real PostgreSQL for tests: the oldest and the newest major that is installed, a database of its own for each test."""

import asyncio
import itertools
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple

import asyncpg
import pytest

from adapters.embedded import Server, installations
from tests.eventually import LIMIT

SCRIPT: Final = (files("adapters.duria") / "sql" / "postgres.sql").read_text("utf-8")
ROLLBACK: Final = (files("adapters.duria") / "sql" / "postgres_rollback.sql").read_text("utf-8")
READER: Final = "tmex_reader"
_numbers = itertools.count()
_SERVING: Final = "SELECT pid FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()"
_WAITING: Final = """
SELECT coalesce(bool_and(state = 'idle' AND wait_event IS NOT DISTINCT FROM 'ClientRead'), true)
  FROM pg_stat_activity WHERE pid = ANY ($1)
"""
_EMPTY: Final = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid();
DROP SCHEMA public CASCADE;
CREATE SCHEMA public AUTHORIZATION pg_database_owner;
GRANT USAGE ON SCHEMA public TO PUBLIC;
"""


@contextmanager
def standing_still(pids: Iterable[int]) -> Iterator[None]:
    """Processes that stand still meanwhile; one that has ended by itself, as a connection's may, is passed over."""
    still = [pid for pid in pids if _sent(pid, signal.SIGSTOP)]
    assert still, "somebody is there to be stopped"
    try:
        yield
    finally:
        for pid in still:
            _sent(pid, signal.SIGCONT)


@asynccontextmanager
async def backends_standing_still(place: "Place") -> AsyncIterator[list[int]]:
    """The server's processes that serve us stand still meanwhile, each waiting for a statement.

    In the midst of one it may hold a page for some microseconds: stopped just there, whoever it serves, it stops every
    other that wants to write to the page.
    """
    admin = await place.connect()
    try:
        with ExitStack() as stopped:
            async with asyncio.timeout(LIMIT):
                while True:
                    pids = [pid for (pid,) in await admin.fetch(_SERVING, READER)]
                    stopped.enter_context(standing_still(pids))
                    if await _waiting(admin, pids):
                        break
                    stopped.close()
                    await asyncio.sleep(0.005)
            yield pids
    finally:
        await admin.close()


async def _waiting(admin: "asyncpg.Connection[asyncpg.Record]", pids: list[int]) -> bool:
    """Whether each of these, if it is still there, waits for a statement; one that is stopped at work may hold up this
    very question.
    """
    with suppress(TimeoutError):
        return bool(await admin.fetchval(_WAITING, pids, timeout=1))
    return False


def _sent(pid: int, what: signal.Signals) -> bool:
    """Whether the process was still there to get it."""
    with suppress(ProcessLookupError):
        os.kill(pid, what)
        return True
    return False


@cache
def majors() -> tuple[int, ...]:
    """The oldest and the newest."""
    found = list(installations())
    return (found[0], found[-1])


def server(major: int, folder: str | Path, **settings: str) -> Server:
    """A server that is not started yet."""
    return Server(installations()[major], Path(folder), settings=settings)


class Place(NamedTuple):
    """A database, and the server that it lies on."""

    server: Server
    name: str

    def dsn(self, user: str = "postgres") -> str:
        return self.server.dsn(self.name, user)

    def run(self, script: str) -> None:
        """As the administrator."""
        self.server.run_script(script, self.name)

    async def connect(self, user: str = "postgres") -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(self.dsn(user))


NewDatabase = Callable[[int], Place]


@pytest.fixture(scope="session")
def shared_servers() -> Iterator[Callable[[int], Server]]:
    """The servers that this process shares among its tests, started when they are first needed."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="pg"))

        @cache
        def running(major: int) -> Server:
            return stack.enter_context(server(major, f"{folder}/{major}", max_connections="60"))

        yield running


@pytest.fixture(scope="session")
def used_databases(shared_servers: Callable[[int], Server]) -> NewDatabase:
    """A database of each major's server that all tests of this process share."""

    @cache
    def made(major: int) -> Place:
        place = Place(shared_servers(major), f"u{os.getpid()}")
        place.server.run_script(f"CREATE DATABASE {place.name}")
        return place

    return made


@pytest.fixture
def emptied_database(used_databases: NewDatabase) -> NewDatabase:
    """Empties schema public of the shared database: many times as fast as a new one, for tests that stay in there."""

    def emptied(major: int) -> Place:
        place = used_databases(major)
        place.run(_EMPTY)
        return place

    return emptied


@pytest.fixture
def new_database(shared_servers: Callable[[int], Server]) -> Iterator[NewDatabase]:
    """Makes an empty database on a server of a major; for tests that do the server no harm."""
    with ExitStack() as stack:

        def make(major: int) -> Place:
            place, name = shared_servers(major), f"t{os.getpid()}_{next(_numbers)}"
            # Half as long as by way of the log, the default from 15 on.
            place.run_script(f"CREATE DATABASE {name}" + " STRATEGY FILE_COPY" * (major >= 15))
            stack.callback(place.run_script, f"DROP DATABASE {name} WITH (FORCE)")
            return Place(place, name)

        yield make
