"""Many changes at once: how many uploads they become, and how long after the last of them the portal is right."""

import asyncio
import time
from itertools import groupby
from typing import Final

import asyncpg

from adapters.drflex.standin import StandIn
from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.practices import NAMES, PostgresPractice, evening
from bench.programs import COLUMNS, PortalProgram, cpu, job, peak_memory, settings_of
from bench.scenario import Scenario
from engine.spans import IntervalSet

_ROWS: Final = 2000
_LIMIT: Final = 60.0
_HELD: Final = """
SELECT col, starts_at AT TIME ZONE 'Europe/Berlin', ends_at AT TIME ZONE 'Europe/Berlin' FROM tmex_appointments
"""


async def burst(lab: Lab, count: int) -> Outcome:
    """Last COMMIT → the portal equals the practice; each change a transaction of its own, over four columns."""
    rows = min(_ROWS, lab.effort.rows)
    taken, used, uploads, memory = [], [], [], 0
    for _ in lab.steps(lab.effort.rounds):
        async with await PostgresPractice.of(lab, rows) as place, StandIn("bench", window=WINDOW) as standin:
            settings = settings_of(place.address, PortalProgram(standin.url), lab.folder(), COLUMNS)
            async with job(settings) as process:
                await _equal(standin, await _wanted(place.connection))
                before, sent = cpu(process), standin.applied
                await asyncio.to_thread(place.database.run, _script(count))
                ended = time.monotonic()
                await _equal(standin, await _wanted(place.connection))
                taken.append(time.monotonic() - ended)
                await asyncio.sleep(0.3)
                used.append(cpu(process) - before)
                uploads.append(standin.applied - sent)
                memory = max(memory, peak_memory(process))
    used.sort(), uploads.sort()
    seconds, sent = used[len(used) // 2], uploads[len(uploads) // 2]
    facts = {"uploads": sent, "changes_per_upload": count / max(1, sent), "cpu_seconds": seconds}
    return Outcome.against(Figures.of(taken, seconds / count, memory), facts=facts)


WINDOW: Final = ("2026-11-23", "2027-08-01")


def _script(count: int) -> str:
    """A statement for each change; psql commits after each."""
    told = (
        "INSERT INTO tmex_appointments VALUES ('PRAX1', 'TK1', '{}', '{}', '{}', true);".format(
            NAMES[number % len(NAMES)], *evening(number)
        )
        for number in range(count)
    )
    return "\n".join(told)


async def _wanted(connection: "asyncpg.Connection[asyncpg.Record]") -> dict[str, IntervalSet]:
    """What the portal should hold, by calendar."""
    found = sorted(
        (col, int(start.timestamp()), int(end.timestamp())) for col, start, end in await connection.fetch(_HELD)
    )
    held = {
        col: IntervalSet((start, end) for _, start, end in group) for col, group in groupby(found, lambda row: row[0])
    }
    return {name: held[column] for name, column in COLUMNS.items()}


async def _equal(standin: StandIn, wanted: dict[str, IntervalSet]) -> None:
    async with asyncio.timeout(_LIMIT):
        while any(standin.held(name) != each for name, each in wanted.items()):
            await asyncio.sleep(0.002)


SCENARIOS: Final = (
    Scenario(
        "burst",
        "last COMMIT → the portal equals the practice, of changes in four columns made as fast as psql makes them",
        burst,
        sizes=(200, 2000, 20_000),
        of="changes at once",
        quick=2000,
    ),
)
