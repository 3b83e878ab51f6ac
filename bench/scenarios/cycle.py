"""A change with tmex against a cycle of TMEX, and a day of the one against a day of the other."""

import asyncio
import json
import statistics
import sys
from contextlib import AbstractAsyncContextManager
from typing import Final

import psutil

from bench.contest import Contestant, contest
from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.practices import PostgresPractice
from bench.programs import COLUMNS, PortalProgram, job, portal, settings_of
from bench.scenario import Goal, Scenario
from tests.simulation import unsafe
from tests.simulation.day import COLUMNS as SIMULATED
from tests.simulation.day import chronicle, day
from tests.simulation.programs import Office, Trouble, cycles, tmex
from tests.simulation.virtual import run
from tests.simulation.world import HOUR


async def cycle(lab: Lab, rows: int) -> Outcome:
    """Seconds of processor: of tmex per change, of TMEX per cycle."""
    async with await PostgresPractice.of(lab, rows) as place, portal() as target:

        def tmex_of_four(_: int) -> "AbstractAsyncContextManager[psutil.Process]":
            return job(settings_of(place.address, target, lab.folder(), COLUMNS))

        told = await contest(lab, target, {"tmex": Contestant(tmex_of_four, place.commit)}, place.anew)
        seen = await _cycles(lab, target, place.address)
        packed = await _packed(lab, place)
    own, cpu = told.figures["tmex"], [each["cpu"] for each in seen]
    assert own.cpu is not None
    of_a_cycle = statistics.median(each["bytes"] for each in seen)
    facts = {
        "change_cpu_seconds": own.cpu,
        "cycle_cpu_seconds": statistics.median(cpu),
        "cycle_curl_cpu_seconds": statistics.median(each["curl"] for each in seen),
        "cpu_of_a_cycle": own.cpu / statistics.median(cpu),
        "upload_bytes": told.size,
        "packed_upload_bytes": packed,
        "cycle_bytes": of_a_cycle,
        "bytes_of_a_cycle": told.size / of_a_cycle,
        "packed_bytes_of_a_cycle": packed / of_a_cycle,
    }
    peers = {"TMEX": Figures.of([each["seconds"] for each in seen], facts["cycle_cpu_seconds"])}
    return Outcome.against(own, peers=peers, facts=facts)


async def _packed(lab: Lab, place: PostgresPractice) -> int:
    """Bytes of an upload to a portal that takes them packed."""
    async with portal("--gzip") as target, job(settings_of(place.address, target, lab.folder(), COLUMNS)):
        await target.arrivals(len(COLUMNS))
        await place.commit()
        return (await target.arrival()).size


async def _cycles(lab: Lab, target: PortalProgram, dsn: str) -> list[dict[str, float]]:
    count = max(3, lab.effort.rounds * 4)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.tmex_cycle", dsn, target.url, str(count), str(lab.folder())),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    if process.returncode:
        raise OSError("the cycle of TMEX failed; is curl installed?")
    await target.quiet(0.2)
    told: list[dict[str, float]] = [json.loads(line) for line in out.splitlines()]
    return told


async def a_day(lab: Lab) -> Outcome:
    """A day of 150 changes, in virtual time; what is measured is what it takes to live it, which says nothing."""
    seeds = range(1 if lab.effort.name != "full" else 5)
    programs: dict[str, unsafe.Program] = {
        "tmex": tmex,
        "TMEX_60": lambda office, _: cycles(office, 60.0),
        "TMEX_120": lambda office, _: cycles(office, 120.0),
    }
    days: dict[str, _Day] = {}
    for number, (name, program) in enumerate(programs.items()):
        lab.tell(number / len(programs))
        lived = [await asyncio.to_thread(_lived, program, seed) for seed in seeds]
        days[name] = {key: statistics.median(each[key] for each in lived) for key in lived[0]}
    facts = {f"{name}_{key}": value for name, each in days.items() for key, value in each.items()}
    for period in (60, 120):
        for key in ("uploads", "requests", "bytes"):
            facts[f"{key}_of_TMEX_{period}"] = days["tmex"][key] / days[f"TMEX_{period}"][key]
    return Outcome.against(Figures.of([days["tmex"]["exposed_seconds"]]), facts=facts)


_Day = dict[str, float]


def _lived(program: unsafe.Program, seed: int) -> _Day:
    """One day of four columns, from seven o'clock to the next."""
    told = day(seed)
    books = {column: chronicle(told, column) for column in SIMULATED.values()}

    async def main() -> _Day:
        office = Office(books, Trouble(), seed, at=7 * HOUR)
        working = asyncio.ensure_future(program(office, seed))
        await asyncio.wait([working], timeout=24 * HOUR)
        if working.done():
            working.result()
        working.cancel()
        await asyncio.wait([working])
        uploads = sum(len(each) - 1 for each in office.blocked.values())
        exposed = unsafe._judged(office, seed).exposure.total
        return {"uploads": uploads, "requests": office.requests, "bytes": office.size, "exposed_seconds": exposed}

    return run(main())


_WHOLE: Final = (
    "an upload carries every blocked time of its calendar in the window (R2), as each of the cycle's four does; "
    "what tmex saves is that it makes few of them, see `day`"
)
SCENARIOS: Final = (
    Scenario(
        "cycle",
        "COMMIT → body arrived with tmex, beside a whole cycle of TMEX: one question and four full uploads by curl",
        cycle,
        sizes=(300, 5000),
        of="rows in each of four columns",
        goals={
            5000: (
                Goal("cpu_of_a_cycle", 0.015, "processor time per change against a TMEX cycle's", why=_WHOLE),
                Goal("bytes_of_a_cycle", 0.03, "bytes per upload against a TMEX cycle's", why=_WHOLE),
                Goal(
                    "packed_bytes_of_a_cycle",
                    0.03,
                    "bytes per upload against a TMEX cycle's, where the portal takes gzip",
                ),
            )
        },
        quick=5000,
    ),
    Scenario(
        "day",
        "seconds that occupied times were bookable on a simulated day of 150 changes, and what it took",
        a_day,
        goals={
            0: (
                Goal("uploads_of_TMEX_120", 0.10, "uploads a day against TMEX every 120 s"),
                Goal("requests_of_TMEX_120", 0.30, "requests a day against TMEX every 120 s"),
            )
        },
    ),
)
