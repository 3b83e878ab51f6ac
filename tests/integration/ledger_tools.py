"""What the tests of the ledger's faults share: small ledgers, what they may say, and processes at work."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger.aside import SUFFIXES, beside
from engine.ports import CalendarRecord, LedgerError, Recollection
from tests.contract.ledger_contract import EIGHT, A, B, changed, holding

WRITTEN: Final = 12
"""How many calls the small ledgers of these tests saw."""
ANSWER: Final = 10.0
"""Seconds that a process may take to say something."""


def opened(path: Path, realm: str = "live") -> SqliteLedger:
    return SqliteLedger(path, realm=realm, history_seconds=86_400.0, wall=lambda: float(EIGHT))


def after(n: int) -> dict[str, CalendarRecord]:
    """What is known after the n-th call, of calls that each write both calendars."""
    return {A: holding(n), B: holding(n)} if n else {}


CLEAN: Final[list[Mapping[str, CalendarRecord]]] = [after(n) for n in range(WRITTEN + 1)]
"""Every state that these ledgers ever had."""


async def recalled(path: Path) -> Recollection:
    async with opened(path) as ledger:
        return await ledger.recall()


async def refused(path: Path) -> str:
    """The code with which a ledger refuses to start."""
    async with opened(path) as ledger:
        with pytest.raises(LedgerError) as caught:
            await ledger.recall()
    return caught.value.fault.code


async def write(path: Path, *numbers: int) -> None:
    async with opened(path) as ledger:
        await ledger.recall()
        for n in numbers:
            await ledger.remember(calendars=after(n), entries=(changed(A, EIGHT + n, n),))


def copied(source: Path, target: Path) -> None:
    """The files as they lie there now, in place of those of `target`."""
    for suffix in SUFFIXES:
        beside(target, suffix).unlink(missing_ok=True)
        if beside(source, suffix).exists():
            shutil.copy(beside(source, suffix), beside(target, suffix))


async def left_by_a_kill(folder: Path) -> Path:
    """A ledger whose process is gone without closing it: all that it wrote stands in the log alone."""
    live, dead = folder / "live" / "tmex.db", folder / "killed" / "tmex.db"
    dead.parent.mkdir()
    async with opened(live) as ledger:
        await ledger.recall()
        for n in range(1, WRITTEN + 1):
            await ledger.remember(calendars=after(n), entries=(changed(A, EIGHT + n, n),))
        copied(live, dead)
    assert beside(dead, "-wal").stat().st_size > 0
    return dead


def contents(path: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in path.parent.iterdir()}


def set_asides(path: Path) -> list[Path]:
    return sorted(each for each in path.parent.iterdir() if ".rotten-" in each.name)


async def sound(path: Path) -> bool:
    """Whether the ledger was believed; if it was, it must say what once was true, if not, nothing at all."""
    past = await recalled(path)
    if past.set_aside:
        assert not past.calendars, "half believed"
        assert past.news is not None
        assert set_asides(path)
        for each in set_asides(path):
            each.unlink()
    else:
        assert past.calendars in CLEAN, f"never remembered: {past.calendars}"
    return not past.set_aside


@asynccontextmanager
async def process(*words: object, prefix: tuple[str, ...] = ()) -> AsyncIterator[asyncio.subprocess.Process]:
    """`ledger_writer` at work, with a pipe in and out; gone afterwards."""
    command = (*prefix, sys.executable, "-m", "tests.integration.ledger_writer", *map(str, words))
    child = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def line(child: asyncio.subprocess.Process) -> str:
    assert child.stdout is not None
    async with asyncio.timeout(ANSWER):
        return (await child.stdout.readline()).decode().strip()


def sql(path: Path, statement: str, values: tuple[object, ...] = ()) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute(statement, values)
        db.commit()


async def answer(ledger: SqliteLedger, **calendars: CalendarRecord) -> str:
    """What `remember` says: the code and the kind of its error, or `written`."""
    try:
        await ledger.remember(calendars=calendars, entries=(changed(A, EIGHT, 1),))
    except LedgerError as error:
        return f"{error.fault.code}:{error.fault.facts.get('kind', '')}"
    return "written"


async def tried(ledger: SqliteLedger, n: int) -> None:
    """A call that may meet the trouble."""
    try:
        await ledger.remember(calendars=after(n), entries=(changed(A, EIGHT + n, n),))
    except LedgerError as error:
        if error.fault.code not in {"ledger.set_aside", "ledger.unwritable"}:
            raise
