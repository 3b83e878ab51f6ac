"""What runs for years keeps no more after a hundred thousand cycles than after the first few."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Final, NamedTuple

import pytest

CYCLES: Final = int(os.environ.get("CYCLES", "4000"))
KEY: Final = "stand-in"
FLAT: Final = 0.02
TIDY: Final = {"MALLOC_MMAP_THRESHOLD_": "131072"}
"""Large blocks go back to the system at once. Left to itself, glibc comes to put them on its heap, where Python's table
of interned strings, made anew every few thousand cycles, leaves holes: 8 MB within 70,000 cycles, and then no more.
"""
PER_CYCLE: Final = 0.1
"""Seconds that a cycle may take on a very busy machine; only a limit for a process that hangs."""


class Look(NamedTuple):
    """What the process held at one moment after its warm-up."""

    cycles: int
    memory: int
    """Bytes."""
    handles: int
    threads: int
    objects: int


@asynccontextmanager
async def portal() -> AsyncIterator[str]:
    """A stand-in in a process of its own, whose memory is not ours."""
    words = ["--port", "0", "--key", KEY, "--from", "2026-11-23", "--to", "2027-02-20"]
    command = [sys.executable, "-m", "adapters.drflex.standin", *words]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        text = await process.stdout.readuntil(b"/window")
        yield text.decode().partition("TMEX_WINDOW_URL=")[2].removesuffix("/window")
    finally:
        process.terminate()
        await process.communicate()


async def looks(folder: Path, cycles: int) -> list[Look]:
    """What the job held, look by look."""
    async with portal() as url:
        command = [sys.executable, "-m", "tests.integration.cycles", str(folder), str(cycles), url, KEY]
        process = await asyncio.create_subprocess_exec(
            *command, env=os.environ | TIDY, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(30 + PER_CYCLE * cycles):
                told, errors = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()
    assert process.returncode == 0, errors.decode()
    return [Look(*map(int, line.split())) for line in told.decode().splitlines()]


def halves(seen: list[Look], field: str) -> tuple[float, float]:
    """The medians of the earlier and of the later half of the looks."""
    values = [getattr(each, field) for each in seen]
    middle = len(values) // 2
    return float(median(values[:middle])), float(median(values[middle:]))


def grown(seen: list[Look], field: str) -> float:
    """By which part the later half is above the earlier one."""
    before, after = halves(seen, field)
    return after / before - 1


@pytest.mark.slow
@pytest.mark.timeout(60 + PER_CYCLE * CYCLES)
async def test_handles_and_memory_stay_flat(tmp_path: Path) -> None:
    """I12, fault 52: SQLite file, engine, ledger and HTTP as in the job; `make test-long` runs 100,000 cycles."""
    seen = await looks(tmp_path, CYCLES)
    assert seen[-1].cycles == CYCLES
    assert not leaks(seen), seen


def leaks(seen: list[Look]) -> set[str]:
    """What grows. One handle more is no leak over thousands of cycles: SQLite keeps that of a connection which was
    closed while another one held a lock, for the next one that is opened, and so has as many as ever met.
    """
    large = {field for field in ("memory", "objects") if abs(grown(seen, field)) > FLAT}
    more = {field: halves(seen, field) for field in ("handles", "threads")}
    return large | {field for field, (before, after) in more.items() if abs(after - before) > 1}


def test_what_grows_is_seen() -> None:
    """Fault 52: three parts in a hundred more are too many, and so are two handles."""
    steady = [Look(n, 50_000_000, 24, 6, 50_000) for n in range(12)]
    leaking = [Look(n, 50_000_000 + n * 300_000, 24 + n // 6 * 2, 6, 50_000) for n in range(12)]
    assert grown(steady, "memory") == grown(leaking, "threads") == 0
    assert leaks(steady) == set()
    assert leaks(leaking) == {"memory", "handles"}
