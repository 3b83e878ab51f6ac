"""What the tests of the SQLite source share: a practice at work, processes of their own, and what a failure says."""

import asyncio
import subprocess
import sys
import threading

import pytest

from adapters.duria.sqlite import SqliteSource
from engine.model import Failed
from engine.ports import SourceError
from tests.contract.source_contract import (
    CANARY,
    SPAN,
    A,
    Slot,
)
from tests.eventually import LIMIT

AT_EIGHT, AT_NINE = ["11-23 08:00–11-23 08:20"], ["11-23 09:00–11-23 09:20"]
THOUSANDS = tuple(
    Slot(f"2026-11-{day:02} {minute // 60:02}:{minute % 60:02}", f"2026-11-{day:02} 23:59")
    for day in (24, 25)
    for minute in range(1250)
)


async def failure(source: SqliteSource) -> str:
    """The code of a reading that must have failed, and its facts; `columns` says the same."""
    reading = await source.read(A, SPAN)
    assert isinstance(reading, Failed), reading
    with pytest.raises(SourceError) as caught:
        await source.columns()
    assert caught.value.fault == reading.reason
    assert CANARY not in str(reading)
    return " ".join(map(str, (reading.reason.code, *reading.reason.facts.values())))


async def module(name: str, *words: object, prefix: tuple[str, ...] = ()) -> str:
    """What a module of this folder prints, run as a process of its own, that must end by itself."""
    command = (*prefix, sys.executable, "-m", f"tests.integration.{name}", *map(str, words))
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        async with asyncio.timeout(2 * LIMIT):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return printed.decode().strip()


async def no_threads() -> bool:
    """Whether no thread of a connection is left."""
    return not [thread for thread in threading.enumerate() if "_connection_worker" in thread.name]
