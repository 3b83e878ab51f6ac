"""From a COMMIT in PostgreSQL to the body's arrival at the portal; and what our trigger costs the practice."""

import asyncio
import os
import random
import signal
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg
import psutil

from adapters.embedded import Server, installations
from bench.numbers import Result, Series
from bench.programs import PortalProgram, cpu, job_of, portal, running

READER: Final = "tmex_reader"
_WARM_UP: Final = 20
_FILL: Final = """
INSERT INTO tmex_appointments
SELECT 'PRAX1', 'TK1', col, start, start + interval '20 minutes', true
  FROM generate_series(0, {rows} - 1) AS n, unnest(ARRAY['A', 'B', 'C', 'D']) AS col,
       LATERAL (SELECT timestamp '2026-11-23 06:00' + n / 24 * interval '1 day' + n % 24 * interval '30 minutes')
         AS _(start);
ANALYZE;
"""
_CHANGE: Final = """
INSERT INTO tmex_appointments VALUES ('PRAX1', 'TK1', 'A', $1::timestamp, $1::timestamp + interval '1 second', true)
"""
# In the evenings, when the column is free, and another day each time: every change adds something.
_FIRST: Final = """
SELECT timestamp '2026-11-24 18:00' + $1::int % 100 * interval '1 day' + $1::int / 100 * interval '2 seconds'
"""


class Practice:
    """A server with a column of so many rows, and the practice's program that changes it."""

    def __init__(self, server: Server, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.server, self._connection = server, connection
        self._changes = 0

    async def commit(self) -> float:
        """Make one more appointment; when its COMMIT began, by `time.monotonic()`."""
        self._changes += 1
        start = await self._connection.fetchval(_FIRST, self._changes)
        transaction = self._connection.transaction()
        await transaction.start()
        await self._connection.execute(_CHANGE, start)
        began = time.monotonic()
        await transaction.commit()
        return began

    async def timed_commit(self) -> float:
        """Seconds that such a change takes the practice, from its first statement on."""
        self._changes += 1
        start = await self._connection.fetchval(_FIRST, self._changes)
        began = time.monotonic()
        await self._connection.execute(_CHANGE, start)
        return time.monotonic() - began

    async def trigger(self, *, on: bool) -> None:
        """Let our trigger fire, or not."""
        await self._connection.execute(
            f"ALTER TABLE tmex_appointments {'ENABLE ALWAYS' if on else 'DISABLE'} TRIGGER tmex_row"
        )


@asynccontextmanager
async def practice(rows: int) -> AsyncIterator[Practice]:
    """On the newest PostgreSQL of this machine."""
    programs = next(reversed(installations().values()))
    with TemporaryDirectory(prefix="tb") as folder, Server(programs, Path(folder)) as server:
        server.run_script((files("adapters.duria") / "sql" / "postgres.sql").read_text("utf-8"))
        server.run_script(_FILL.format(rows=rows))
        connection = await asyncpg.connect(server.dsn())
        try:
            yield Practice(server, connection)
        finally:
            await connection.close()


async def latency(rows: int, rounds: int, changes: int) -> Result:
    """COMMIT → arrived, for a column of `rows` rows: tmex with its ledger, and the bare floor, in shuffled rounds."""
    taken: dict[str, list[float]] = {"tmex": [], "floor": []}
    used: dict[str, list[float]] = {"tmex": [], "floor": []}
    size = 0
    with TemporaryDirectory(prefix="tb") as state:
        async with practice(rows) as place, portal() as target:
            for _ in range(rounds):
                for kind in ("tmex", "floor") if not size else random.sample(["tmex", "floor"], 2):
                    start = _tmex(place, target, state) if kind == "tmex" else _floor(place, target, size)
                    async with start as process:
                        seconds, per_change, size = await _round(place, target, process, changes)
                        taken[kind] += seconds
                        used[kind].append(per_change)
    own, floor = (Series.of(taken[kind], statistics.median(used[kind])) for kind in ("tmex", "floor"))
    return Result(f"latency.postgres.{rows}", own, floor, facts={"bytes of an upload": size})


def _tmex(place: Practice, target: PortalProgram, state: str) -> "AbstractAsyncContextManager[psutil.Process]":
    return job_of(place.server.dsn(user=READER), target, state)


def _floor(place: Practice, target: PortalProgram, size: int) -> "AbstractAsyncContextManager[psutil.Process]":
    return running("bench.floor", place.server.dsn(user=READER), f"{target.url}/upload", stdin=b"x" * size)


async def _round(
    place: Practice, target: PortalProgram, process: psutil.Process, changes: int
) -> tuple[list[float], float, int]:
    """Seconds of each change, processor seconds per change, and the last body's size."""
    await target.arrival()
    await target.quiet(0.5)
    taken, size, before = [], 0, 0.0
    for number in range(_WARM_UP + changes):
        if number == _WARM_UP:
            before = cpu(process)
        began = await place.commit()
        arrival = await target.arrival()
        if number >= _WARM_UP:
            taken.append(arrival.at - began)
        size = arrival.size
        await asyncio.sleep(random.uniform(0.01, 0.02))
    return taken, (cpu(process) - before) / changes, size


async def harm(rounds: int, changes: int) -> Result:
    """What a commit of the practice takes with our trigger, against without it; and the longest while our listener's
    process stands still.
    """
    taken: dict[bool, list[float]] = {True: [], False: []}
    with TemporaryDirectory(prefix="tb") as state:
        async with practice(300) as place, portal() as target:
            for _ in range(rounds):
                for on in random.sample([True, False], 2):
                    await place.trigger(on=on)
                    taken[on] += [await place.timed_commit() for _ in range(20 * changes)]
            await place.trigger(on=True)
            async with _tmex(place, target, state) as process:
                await target.arrival()
                process.send_signal(signal.SIGSTOP)
                try:
                    frozen = [await place.timed_commit() for _ in range(20 * rounds * changes)]
                finally:
                    os.kill(process.pid, signal.SIGCONT)
    cost = statistics.median(taken[True]) - statistics.median(taken[False])
    facts = {
        "trigger's cost per commit, microseconds": cost * 1e6,
        "longest of as many commits while tmex stands still, milliseconds": max(frozen) * 1e3,
        "longest without the trigger, milliseconds": max(taken[False]) * 1e3,
    }
    return Result("harm.postgres", Series.of(taken[True]), Series.of(taken[False]), facts=facts)
