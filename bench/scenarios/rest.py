"""What the job costs while nothing happens."""

import asyncio
import time
from pathlib import Path
from typing import Final

import psutil

from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.practices import ExportPractice, PostgresPractice, SqlitePractice
from bench.programs import PortalProgram, cpu, job, peak_memory, portal, settings_of
from bench.scenario import Goal, Scenario

_SETTLES: Final = 1.5
"""Seconds after which nothing of the start goes on."""


async def postgres(lab: Lab) -> Outcome:
    """With a column of 300 rows."""
    async with await PostgresPractice.of(lab, 300) as place, portal() as target:
        return await _rest(lab, target, place.address)


async def sqlite(lab: Lab) -> Outcome:
    """With a column of 300 rows."""
    with SqlitePractice(lab.folder(), 300) as place:
        async with portal() as target:
            return await _rest(lab, target, place.address)


async def files(lab: Lab, count: int) -> Outcome:
    """With a folder of so many exports."""
    place = ExportPractice(lab.folder(), 50)
    _more(place.folder, count)
    async with portal() as target:
        return await _rest(lab, target, place.address)


def _more(folder: Path, count: int) -> None:
    text = (folder / "A.csv").read_text()
    for number in range(len(list(folder.iterdir())), count):
        (folder / f"{number}.csv").write_text(text.replace(";A;", f";A{number};"))


async def _rest(lab: Lab, target: PortalProgram, address: str) -> Outcome:
    async with job(settings_of(address, target, lab.folder())) as process:
        await target.arrival()
        await asyncio.sleep(min(_SETTLES, 5 * lab.effort.seconds))
        shares = [await _share(process, lab.effort.seconds) for _ in lab.steps(lab.effort.rounds)]
        own = Figures.of(shares, memory=peak_memory(process))
    return Outcome.against(own, facts={"percent_of_a_core": own.p50 * 100})


async def _share(process: psutil.Process, seconds: float) -> float:
    """Of a core."""
    began, before = time.monotonic(), cpu(process)
    await asyncio.sleep(seconds)
    return (cpu(process) - before) / (time.monotonic() - began)


_ASKED: Final = (
    "the listener asks every two seconds whether its connection still lives, for it would go deaf in silence (I11)"
)
_LOOKS: Final = "the folder is looked at every two seconds, for the kernel's events may be lost (I5)"


def _goal(percent: float, why: str) -> tuple[Goal, ...]:
    return (Goal("percent_of_a_core", percent, "percent of a core while nothing happens", why=why),)


SCENARIOS: Final = (
    Scenario(
        "idle.postgres", "share of a core while nothing happens", postgres, unit="share", goals={0: _goal(0.05, _ASKED)}
    ),
    Scenario(
        "idle.sqlite", "share of a core while nothing happens", sqlite, unit="share", goals={0: _goal(0.5, _LOOKS)}
    ),
    Scenario(
        "idle.files",
        "share of a core while nothing happens",
        files,
        sizes=(100,),
        of="exports in the folder",
        unit="share",
        goals={100: _goal(0.5, _LOOKS)},
        quick=100,
    ),
)
