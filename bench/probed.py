"""The job as it is run, with a clock at each step of a change; on its end it writes down when each began and ended."""

import functools
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple, ParamSpec, TypeVar

import msgspec

from adapters import cli
from adapters.drflex.client import DrFlex
from adapters.drflex.wire import Uploads
from adapters.duria.files import FilesSource
from adapters.duria.postgres import PostgresSource
from adapters.duria.sqlite import SqliteSource
from adapters.ledger import SqliteLedger
from engine.calendar import Calendar

P = ParamSpec("P")
T = TypeVar("T")


class Step(NamedTuple):
    """What the job did from when to when, by `time.monotonic()`."""

    name: str
    began: float
    ended: float


_AWAITED: Final[tuple[tuple[str, object, str], ...]] = (
    *(("read", source, "read") for source in (PostgresSource, SqliteSource, FilesSource)),
    ("remember", SqliteLedger, "remember"),
    ("upload", DrFlex, "upload"),
)
_AT_ONCE: Final[tuple[tuple[str, object, str], ...]] = (("hear", Calendar, "hinted"), ("encode", Uploads, "encode"))


def main(path: Path) -> None:
    """Run the job until it is told to end."""
    steps: list[Step] = []
    for name, owner, method in _AWAITED:
        setattr(owner, method, _awaited(steps, name, getattr(owner, method)))
    for name, owner, method in _AT_ONCE:
        setattr(owner, method, _at_once(steps, name, getattr(owner, method)))
    sys.argv = ["tmex", "run"]
    try:
        cli.main()
    finally:
        path.write_bytes(msgspec.json.encode(steps))


def _awaited(steps: list[Step], name: str, work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    @functools.wraps(work)
    async def timed(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.monotonic()
        try:
            return await work(*args, **kwargs)
        finally:
            steps.append(Step(name, began, time.monotonic()))

    return timed


def _at_once(steps: list[Step], name: str, work: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(work)
    def timed(*args: P.args, **kwargs: P.kwargs) -> T:
        began = time.monotonic()
        try:
            return work(*args, **kwargs)
        finally:
            steps.append(Step(name, began, time.monotonic()))

    return timed


if __name__ == "__main__":
    main(Path(sys.argv[1]))
