"""A change with tmex against a sync of vdirsyncer, the best-known program that keeps two calendars in step."""

from contextlib import AbstractAsyncContextManager
from typing import Final

import psutil

from bench.contest import Contestant, contest
from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.peers import lacking
from bench.peers.calendars import NEEDED, calendars
from bench.practices import PostgresPractice
from bench.programs import job, portal, settings_of
from bench.scenario import Goal, Scenario


async def sync(lab: Lab, items: int) -> Outcome:
    """One changed appointment among so many: until the other side has it."""
    async with await PostgresPractice.of(lab, items) as place, portal() as target:

        def tmex(_: int) -> "AbstractAsyncContextManager[psutil.Process]":
            return job(settings_of(place.address, target, lab.folder()))

        told = await contest(lab, target, {"tmex": Contestant(tmex, place.commit)}, place.anew)
    missing = [reason for name in NEEDED if (reason := lacking(name))]
    if missing:
        return Outcome.against(told.figures["tmex"], skipped={"vdirsyncer": missing[0]})
    async with calendars(lab.folder(), items) as both:
        taken = [await both.change() for _ in range(max(2, lab.effort.rounds))]
    return Outcome.against(told.figures["tmex"], peers={"vdirsyncer": Figures.of(taken)})


SCENARIOS: Final = (
    Scenario(
        "sync",
        "one changed appointment → the other side has it; vdirsyncer between a folder and a radicale of this machine",
        sync,
        sizes=(300, 5000),
        of="appointments",
        peers=("vdirsyncer",),
        goals={5000: (Goal("peers.vdirsyncer", 0.005, "p50 against a sync of vdirsyncer"),)},
        quick=5000,
        only_peers=True,
    ),
)
