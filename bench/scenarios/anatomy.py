"""Where the time of a change goes, from the practice's COMMIT to the body's arrival: step by step, in the real job."""

import asyncio
import statistics
from functools import partial
from typing import Final, NamedTuple

import msgspec

from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.practices import ExportPractice, PostgresPractice, SqlitePractice
from bench.probed import Step
from bench.programs import PortalProgram, portal, running, settings_of
from bench.scenario import Scenario

_ROWS: Final = (300, 5000)
_CALM: Final = 0.3
_Practice = PostgresPractice | SqlitePractice | ExportPractice


class _Change(NamedTuple):
    began: float
    arrived: float


async def postgres(lab: Lab, rows: int) -> Outcome:
    """A day is read, for the notification names it."""
    async with await PostgresPractice.of(lab, rows) as place:
        return await _dissected(lab, place)


async def sqlite(lab: Lab, rows: int) -> Outcome:
    """The whole column is read."""
    with SqlitePractice(lab.folder(), rows) as place:
        return await _dissected(lab, place)


async def files(lab: Lab, rows: int) -> Outcome:
    """The whole export is read; without the time for which it must be still."""
    return await _dissected(lab, ExportPractice(lab.folder(), rows), TMEX_FILE_SETTLE="0")


async def _dissected(lab: Lab, place: _Practice, **more: str) -> Outcome:
    told = lab.folder() / "steps.json"
    async with portal() as target:
        settings = settings_of(place.address, target, lab.folder(), None, **more)
        async with running("bench.probed", str(told), env=settings):
            changes = await _changes(lab, place, target)
        steps = msgspec.json.decode(await asyncio.to_thread(told.read_bytes), type=list[Step])
    parts = [_parts(each, steps) for each in changes]
    facts = {f"{name}_seconds": statistics.median(each[name] for each in parts) for name in parts[0]}
    return Outcome.against(Figures.of([each.arrived - each.began for each in changes]), facts=facts)


async def _changes(lab: Lab, place: _Practice, target: PortalProgram) -> list[_Change]:
    """One after another, each alone, when the job has warmed up."""
    await target.arrival()
    await target.quiet(_CALM)
    changes = []
    total = lab.effort.warm_up + lab.effort.rounds * lab.effort.changes
    for _ in lab.steps(total):
        began = await place.commit()
        while (arrival := await target.arrival()).at < began:
            pass  # of an earlier change
        changes.append(_Change(began, arrival.at))
        await target.quiet(lab.chance.uniform(0.01, 0.02))
    return changes[lab.effort.warm_up :]


def _parts(change: _Change, steps: list[Step]) -> dict[str, float]:
    """Seconds of each part; the first step of its kind is the one that the upload waited for."""
    during = [each for each in steps if change.began <= each.began <= change.arrived]
    first = partial(_first, during)
    taken = {name: first(name).ended - first(name).began for name in ("read", "remember", "encode")}
    heard, sent = first("hear").began - change.began, change.arrived - first("encode").ended
    rest = change.arrived - change.began - heard - sent - sum(taken.values())
    return {
        "until_it_is_heard": heard,
        "reading": taken["read"],
        "ledger_before_the_upload": taken["remember"],
        "making_the_body": taken["encode"],
        "on_its_way": sent,
        "everything_else": rest,
    }


def _first(steps: list[Step], name: str) -> Step:
    return min((each for each in steps if each.name == name), key=lambda each: each.began)


def _scenario(source: str, tells: str) -> Scenario:
    run = {"postgres": postgres, "sqlite": sqlite, "files": files}[source]
    quick = max(_ROWS) if source == "postgres" else 0
    return Scenario(f"anatomy.{source}", tells, run, sizes=_ROWS, of="rows in the column", quick=quick)


SCENARIOS: Final = (
    _scenario("postgres", "COMMIT in PostgreSQL → body arrived, step by step"),
    _scenario("sqlite", "COMMIT in a SQLite file → body arrived, step by step"),
    _scenario("files", "rename of an export into its folder → body arrived, step by step"),
)
