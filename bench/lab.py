"""What a scenario works with: how much it is to measure, a place to tell how far it is, and a server to share."""

import asyncio
import itertools
import random
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NamedTuple, Self, TypeVar

from adapters.embedded import Server, installations

T = TypeVar("T")


class Effort(NamedTuple):
    """How much is measured."""

    name: str
    rounds: int
    changes: int
    """Of each program in each round."""
    warm_up: int
    """Changes before those that count."""
    seconds: float
    """For how long something is watched in each round."""
    columns: tuple[int, ...]
    """Sizes of the practice where growth is measured."""
    rows: int
    """Of each of these columns."""


FULL: Final = Effort("full", 5, 100, 20, 6.0, (4, 100, 1000, 4000), 2000)
QUICK: Final = Effort("quick", 1, 25, 8, 1.5, (4, 60), 500)
SMALLEST: Final = Effort("smallest", 1, 3, 1, 0.2, (2, 4), 50)

_FOLLOWED: Final = {"wal_level": "logical", "listen_addresses": "127.0.0.1"}


class Database(NamedTuple):
    """A database of its own on the shared server."""

    server: Server
    name: str
    port: int = 0
    """Where it is reached without its socket; 0 for nowhere."""

    def tcp(self) -> str:
        """The administrator's address for programs that know no Unix sockets."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{self.name}"

    def dsn(self, user: str = "postgres") -> str:
        return self.server.dsn(self.name, user)

    def run(self, script: str) -> None:
        """As the administrator."""
        self.server.run_script(script, self.name)


class Lab:
    """One for a whole run; a context manager. `tell` is told how far the scenario under way is, from 0 to 1."""

    def __init__(self, effort: Effort, *, peers: bool = False, tell: Callable[[float], None] = lambda _: None) -> None:
        self.effort, self.peers, self.tell = effort, peers, tell
        self.chance = random.Random()
        self._stack = ExitStack()
        self._server: Server | None = None
        self._followed: tuple[Server, int] | None = None
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def folder(self) -> Path:
        """A new one, short enough for sockets; it goes with the lab."""
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="tb")))

    async def database(self, *, followed: bool = False) -> Database:
        """An empty one, on the newest PostgreSQL of this machine. `followed` has it on a server of its own, which
        writes its log so that a program can follow it row by row, and is reached over loopback, too.
        """
        return await asyncio.to_thread(self._followable if followed else self._database)

    def shuffled(self, names: Sequence[T]) -> list[T]:
        """In another order each time, so that no program always runs after the same one."""
        return self.chance.sample(names, len(names))

    def steps(self, count: int) -> Iterator[int]:
        """Count so many steps, and tell how far that is."""
        for number in range(count):
            self.tell(number / count)
            yield number

    def _database(self) -> Database:
        if self._server is None:
            self._server = self._started({})
        return Database(self._server, self._named(self._server))

    def _followable(self) -> Database:
        if self._followed is None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = int(free.getsockname()[1])
            self._followed = self._started(_FOLLOWED | {"port": str(port)}), port
        server, port = self._followed
        return Database(server, self._named(server), port)

    def _started(self, settings: Mapping[str, str]) -> Server:
        programs = next(reversed(installations().values()))
        return self._stack.enter_context(Server(programs, self.folder(), settings=settings))

    def _named(self, server: Server) -> str:
        """A new database's name."""
        name = f"bench{next(self._numbers)}"
        server.run_script(f"CREATE DATABASE {name}")
        return name
