"""`python -m tests.integration.cycles FOLDER CYCLES URL KEY`: the job's own parts at work, and what they cost.

A cycle is a change in the practice's SQLite file, a reading, a decision, the ledger before and after, and an upload
over HTTP. Prints a line for each look after the warm-up: cycles, bytes of memory, handles, threads, objects.
"""

import asyncio
import gc
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

import psutil

from adapters.drflex.client import DrFlex, Site
from adapters.drflex.key import Key
from adapters.duria.sqlite import SqliteSource
from adapters.ledger import SqliteLedger
from engine.limits import Limits
from engine.model import ColumnId
from engine.ports import Event
from engine.reconcile import World
from engine.runtime import Engine
from engine.walltime import WallClock
from tests.contract.sqlite_practice import SqlitePractice

NAME: Final = "Dr. Adler"
BERLIN: Final = ZoneInfo("Europe/Berlin")
LIMITS: Final = Limits(
    interval=60.0, free_delay=0.0, upload_gap=0.0, upload_burst=10_000_000, settle=0.0, guard_min=3_600_000, zone=BERLIN
)
LOOKS: Final = 12
WARM_UP: Final = 3000
"""Cycles that fill what is filled once: the pages of two SQLite files, the pool, the allocator's arenas."""
HISTORY: Final = 5.0
"""Seconds; so short that the ledger grows no further either, for what is too old is forgotten."""


class Deaf:
    """An observer that keeps nothing."""

    def tell(self, event: Event) -> None:
        """See `Observer`."""


def main(folder: Path, cycles: int, url: str, key: str) -> None:
    """Work, and print what it costs."""
    practice = SqlitePractice(folder / "practice.db")
    with practice.writing() as rows:
        for day in range(23, 31):
            rows.insert("PRAX1", "TK1/A", f"2026-11-{day} 08:00", f"2026-11-{day} 08:20")
    asyncio.run(_work(practice, folder, cycles, url, key))


async def _work(practice: SqlitePractice, folder: Path, cycles: int, url: str, key: str) -> None:
    ledger = SqliteLedger(folder / "tmex.db", history_seconds=HISTORY, wall=time.time)
    site = Site(window_url=f"{url}/window", upload_url=f"{url}/upload", timeout=30.0)
    portal, source = DrFlex(site, Key(key), WallClock(BERLIN)), SqliteSource(practice.path, "PRAX1")
    async with ledger, portal, source:
        world = World(source, portal, ledger, Deaf(), time.time, Random(52))
        engine = Engine({NAME: ColumnId("TK1", "A")}, world, LIMITS)
        await engine.recall()
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(engine.run(stop))
            with closing(sqlite3.connect(practice.path, isolation_level=None, timeout=10)) as db:
                await _cycle(engine, db, cycles)
            stop.set()


async def _cycle(engine: Engine, db: sqlite3.Connection, cycles: int) -> None:
    warm = min(WARM_UP, cycles // 2)
    looks = {warm + (cycles - warm) * n // (LOOKS - 1) for n in range(LOOKS)}
    for n in range(1, cycles + 1):
        # Three ends in turn, so that each change blocks or frees something.
        db.execute("UPDATE tmex_appointments SET ends_at = ? WHERE starts_at = '2026-11-25 08:00'", (_end(n),))
        [report] = await engine.sync([NAME])
        assert report.state == "uploaded", report
        baseline = engine.calendars[NAME].standing.baseline
        assert baseline is not None
        assert baseline.total() == 8 * 1200 + 600 * (n % 3)
        if n in looks:
            _look(n)


def _end(n: int) -> str:
    return f"2026-11-25 08:{20 + 10 * (n % 3)}"


def _look(n: int) -> None:
    gc.collect()
    process = psutil.Process()
    memory, handles, threads = process.memory_info().rss, process.num_fds(), process.num_threads()
    sys.stdout.write(f"{n} {memory} {handles} {threads} {len(gc.get_objects())}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
