"""What a scenario works with: how much it is to measure, a place to tell how far it is, and a server to share."""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
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


class Database(NamedTuple):
    """A database of its own on the shared server."""

    server: Server
    name: str

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
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def folder(self) -> Path:
        """A new one, short enough for sockets; it goes with the lab."""
        return Path(self._stack.enter_context(TemporaryDirectory(prefix="tb")))

    async def database(self) -> Database:
        """An empty one, on the newest PostgreSQL of this machine."""
        return await asyncio.to_thread(self._database)

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
            programs = next(reversed(installations().values()))
            self._server = self._stack.enter_context(Server(programs, self.folder()))
        name = f"bench{next(self._numbers)}"
        self._server.run_script(f"CREATE DATABASE {name}")
        return Database(self._server, name)
