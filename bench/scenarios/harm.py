"""What our trigger costs the practice, and what happens to its commits while our listener stands still."""

import os
import signal
import statistics
from typing import Final

from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.practices import PostgresPractice
from bench.programs import job, portal, settings_of
from bench.scenario import Scenario

_COMMITS: Final = 20
"""For each change of the effort: a commit takes little."""


async def harm(lab: Lab) -> Outcome:
    """A commit of the practice with our trigger; the floor is the same without it."""
    taken: dict[bool, list[float]] = {True: [], False: []}
    async with await PostgresPractice.of(lab, 300) as place, portal() as target:
        for _ in lab.steps(lab.effort.rounds):
            for on in lab.shuffled([True, False]):
                await _trigger(place, on=on)
                taken[on] += await _commits(place, _COMMITS * lab.effort.changes)
        await _trigger(place, on=True)
        async with job(settings_of(place.address, target, lab.folder())) as process:
            await target.arrival()
            process.send_signal(signal.SIGSTOP)
            try:
                frozen = await _commits(place, _COMMITS * lab.effort.rounds * lab.effort.changes)
            finally:
                os.kill(process.pid, signal.SIGCONT)
    facts = {
        "trigger_seconds": statistics.median(taken[True]) - statistics.median(taken[False]),
        "longest_while_tmex_stands_still_seconds": max(frozen),
        "longest_without_the_trigger_seconds": max(taken[False]),
    }
    return Outcome.against(Figures.of(taken[True]), Figures.of(taken[False]), facts=facts)


async def _trigger(place: PostgresPractice, *, on: bool) -> None:
    how = "ENABLE ALWAYS" if on else "DISABLE"
    await place.execute(f"ALTER TABLE tmex_appointments {how} TRIGGER tmex_row")


async def _commits(place: PostgresPractice, count: int) -> list[float]:
    return [await place.timed_commit() for _ in range(count)]


SCENARIOS: Final = (
    Scenario("harm.postgres", "a commit of the practice", harm, floor="the same commit without our trigger"),
)
