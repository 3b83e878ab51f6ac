"""Thousands of columns in one process: what each adds to memory, to a full tick and to a change, and what gets through.

Every column has its own times, so that nothing which is kept for one of them serves another. The practice is a table
with the index and the trigger that tmex ships.
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Final, NamedTuple

import asyncpg
import psutil

from bench.figures import Figures, Outcome, exponent
from bench.lab import SMALLEST, Database, Lab
from bench.practices import POSTGRES_SCRIPT, READER
from bench.programs import PortalProgram, cpu, job, portal, running, settings_of
from bench.scenario import Goal, Scenario

_CONCURRENCIES: Final = (8, 32, 128)
_COMPARED: Final = 32
"""The one whose figures stand in the table."""
_TOGETHER: Final = 50
"""Columns that change in one transaction; of many more at once the trigger says no more than that something changed."""
_PRACTICE: Final = """
CREATE TABLE public.tmex_appointments AS
SELECT 'PRAX1'::text AS practice, 'TK1'::text AS calendar, 'C' || number AS col, starts_at,
       starts_at + interval '20 minutes' AS ends_at, true AS occupied
  FROM generate_series(1, {columns}) AS number, generate_series(0, {rows} - 1) AS n,
       LATERAL (SELECT timestamp '2026-11-23 06:00' + n / 24 * interval '1 day' + n % 24 * interval '25 minutes'
                       + number * interval '1 second') AS _(starts_at);
CREATE INDEX tmex_appointments_by_end ON public.tmex_appointments
  (practice, calendar, col, coalesce(greatest(starts_at, ends_at), 'infinity'), coalesce(starts_at, '-infinity'));
"""
# In the evenings, when every column is free; each time another second.
_CHANGE: Final = """
INSERT INTO public.tmex_appointments
SELECT 'PRAX1', 'TK1', 'C' || number, start, start + interval '1 second', true
  FROM generate_series($2::integer + 1, $3::integer) AS number,
       (SELECT timestamp '2026-11-24 19:00' + $1 % 60 * interval '1 day' + $1 / 60 * interval '2 seconds') AS _(start)
"""


class Practice(NamedTuple):
    """A database with so many columns, and the numbers of its changes."""

    database: Database
    numbers: "count[int]"


class Fleet:
    """A job with so many calendars that has sent all of them once, and the practice's program."""

    def __init__(
        self,
        columns: int,
        process: psutil.Process,
        target: PortalProgram,
        connection: "asyncpg.Connection[asyncpg.Record]",
        numbers: "count[int]",
    ) -> None:
        self.columns, self.process, self.target = columns, process, target
        self.size = 0
        """Bytes of the last body."""
        self._connection, self._numbers = connection, numbers

    async def change(self, first: int, last: int) -> float:
        """Change the columns after `first` up to `last`, a few in each transaction; seconds until all were uploaded."""
        number, began = next(self._numbers), time.monotonic()
        for each in range(first, last, _TOGETHER):
            await self._connection.execute(_CHANGE, number, each, min(each + _TOGETHER, last))
        arrivals = await self.target.arrivals(last - first)
        self.size = arrivals[-1].size
        return max(each.at for each in arrivals) - began

    async def tick(self) -> float:
        """Have every column read as a tick does, and the last one changed; seconds until that was uploaded."""
        transaction = self._connection.transaction()
        await transaction.start()
        await self._connection.execute("SELECT pg_notify('tmex', '')")
        await self._connection.execute(_CHANGE, next(self._numbers), self.columns - 1, self.columns)
        began = time.monotonic()
        await transaction.commit()
        return (await self.target.arrival()).at - began


class Growth(NamedTuple):
    """What a number of columns costs."""

    memory: int
    """Bytes resident."""
    tick: float
    change: Figures


async def scale(lab: Lab) -> Outcome:
    """Seconds from a change to its arrival in the largest of several practices, and how that and more grows."""
    sizes, grown = lab.effort.columns, dict[int, Growth]()
    for number in lab.steps(len(sizes)):
        place = await _practice(lab, sizes[number])
        async with _fleet(lab, place, sizes[number], "4") as fleet:
            grown[sizes[number]] = await _grown(lab, fleet)
    curves: dict[str, list[tuple[float, float]]] = {
        "resident_bytes": [(size, each.memory) for size, each in grown.items()],
        "full_tick_seconds": [(size, each.tick) for size, each in grown.items()],
        "change_cpu_seconds": [(size, each.change.cpu or 0.0) for size, each in grown.items()],
        "change_seconds": [(size, each.change.p50) for size, each in grown.items()],
    }
    large = grown[sizes[-1]]
    facts = {f"{name}_exponent": exponent(points) for name, points in curves.items()}
    more = large.memory - grown[sizes[-2]].memory
    facts["bytes_per_further_column"] = more / (sizes[-1] - sizes[-2])
    return Outcome.against(large.change, facts=facts, curves=curves)


async def throughput(lab: Lab, columns: int) -> Outcome:
    """Seconds per change when all columns change at once, by concurrency; the floor pushes ready bodies as they can."""
    rows = min(columns, max(lab.effort.columns))
    facts: dict[str, float] = {}
    taken: dict[int, list[float]] = {}
    pushed: dict[int, list[float]] = {}
    place = await _practice(lab, rows)
    concurrencies = _CONCURRENCIES if lab.effort is not SMALLEST else (_COMPARED,)
    for number in lab.steps(len(concurrencies)):
        places = concurrencies[number]
        async with _fleet(lab, place, rows, str(places)) as fleet:
            await fleet.change(0, rows)
            taken[places] = [await fleet.change(0, rows) / rows for _ in range(lab.effort.rounds)]
        facts["upload_bytes"] = fleet.size
        pushed[places] = [await _push(lab, places, fleet.size) for _ in range(lab.effort.rounds)]
    for places in concurrencies:
        own, floor = (1 / statistics.median(each[places]) for each in (taken, pushed))
        facts |= {f"changes_per_second_at_{places}": own, f"pushes_per_second_at_{places}": floor}
        facts[f"of_pushes_at_{places}"] = own / floor
    return Outcome.against(Figures.of(taken[_COMPARED]), Figures.of(pushed[_COMPARED]), facts=facts)


async def _grown(lab: Lab, fleet: Fleet) -> Growth:
    memory = int(fleet.process.memory_info().rss)
    ticks = [await fleet.tick() for _ in range(1 + lab.effort.rounds)][1:]
    await fleet.target.quiet(0.3)
    changes, before, taken = lab.effort.warm_up + lab.effort.changes, 0.0, []
    for number in range(changes):
        if number == lab.effort.warm_up:
            before = cpu(fleet.process)
        column = lab.chance.randrange(fleet.columns)
        taken.append(await fleet.change(column, column + 1))
    used = (cpu(fleet.process) - before) / lab.effort.changes
    return Growth(memory, statistics.median(ticks), Figures.of(taken[lab.effort.warm_up :], used))


async def _push(lab: Lab, places: int, size: int) -> float:
    """Seconds per body of `size` bytes, once it runs."""
    bodies = max(2 * places, 10 * lab.effort.changes)
    async with portal() as target:
        words = ("bench.floors.push", f"{target.url}/upload", str(places), str(bodies))
        async with running(*words, stdin=b"x" * size):
            arrivals = await target.arrivals(bodies)
    first, last = arrivals[bodies // 5], arrivals[-1]
    return (last.at - first.at) / (bodies - 1 - bodies // 5)


async def _practice(lab: Lab, columns: int) -> "Practice":
    database = await lab.database()
    script = _PRACTICE.format(columns=columns, rows=lab.effort.rows) + POSTGRES_SCRIPT
    await asyncio.to_thread(database.run, script + "VACUUM ANALYZE public.tmex_appointments;")
    return Practice(database, count())


@asynccontextmanager
async def _fleet(lab: Lab, place: Practice, columns: int, concurrency: str) -> AsyncIterator[Fleet]:
    fed = {f"Kalender {number}": f"C{number}" for number in range(1, columns + 1)}
    connection = await asyncpg.connect(place.database.dsn())
    try:
        async with portal() as target:
            settings = settings_of(
                place.database.dsn(READER),
                target,
                lab.folder(),
                fed,
                TMEX_CONCURRENCY=concurrency,
                TMEX_INTERVAL="24h",
                TMEX_REFRESH="24h",
                TMEX_STALE_AFTER="48h",
            )
            async with job(settings) as process:
                await target.arrivals(columns)
                await target.quiet(0.3)
                yield Fleet(columns, process, target, connection, place.numbers)
    finally:
        await connection.close()


_SHARED: Final = "what is kept of a stretch's instants and text is shared by all columns, too little for thousands"
_READS: Final = (
    "a push posts and nothing else; a change is read, decided, written to the ledger before and after it, and its body "
    "made anew, for no more than a few bodies are kept; `stages.encode` tells what a body takes of which all is new"
)
SCENARIOS: Final = (
    Scenario(
        "scale",
        "COMMIT → body arrived in the largest of several practices, and how costs grow with the number of columns",
        scale,
        goals={
            0: (
                Goal("bytes_per_further_column", 25_000, "resident bytes per further column"),
                Goal("change_cpu_seconds_exponent", 0.10, "exponent of the processor time per change", why=_SHARED),
                Goal("full_tick_seconds_exponent", 1.05, "exponent of a full tick", why=_SHARED),
            )
        },
    ),
    Scenario(
        "throughput",
        "seconds per change when every column changes at once, 32 requests at a time",
        throughput,
        sizes=(4, 100, 1000),
        of="columns that change at once",
        floor="pushes of ready bodies, 32 at a time",
        goals={
            1000: (Goal("of_pushes_at_32", 0.18, "changes per second against pushes", at_least=True, why=_READS),),
        },
        quick=100,
    ),
)
