"""Several programs do the same on the same changes, in shuffled rounds of one run: what a machine does to one of them
it does to all.
"""

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Final, NamedTuple

import psutil

from bench.figures import Figures
from bench.lab import Lab
from bench.programs import PortalProgram, cpu, peak_memory

_CALM: Final = 0.3
"""Seconds without an upload after which a program that started counts as settled."""

Change = Callable[[], Awaitable[float]]
"""Changes something; when its COMMIT began, by `time.monotonic()`."""
Start = Callable[[int], "AbstractAsyncContextManager[psutil.Process]"]
"""Starts a program that uploads once when it is ready, and once after each change; told the size of tmex's body."""


class Contestant(NamedTuple):
    """A program, and how its changes are made."""

    start: Start
    change: Change
    polls: float = 0.0
    """Every so many seconds, where that is longer than our pauses: changes then come at any moment between two polls,
    and not always just after one."""


class Contest(NamedTuple):
    """What each program came to, and the size of tmex's last body in bytes."""

    figures: Mapping[str, Figures]
    size: int


class _Round(NamedTuple):
    seconds: list[float]
    cpu: float
    memory: int
    size: int


async def contest(
    lab: Lab, target: PortalProgram, contestants: Mapping[str, Contestant], anew: Callable[[], Awaitable[None]]
) -> Contest:
    """Let each make its rounds, every one of them in a practice made `anew`; the first program is tmex."""
    rounds: dict[str, list[_Round]] = defaultdict(list)
    names, size = list(contestants), 0
    order = [name for number in range(lab.effort.rounds) for name in (names if not number else lab.shuffled(names))]
    for number in lab.steps(len(order)):
        name = order[number]
        contestant = contestants[name]
        await anew()
        async with contestant.start(size) as process:
            rounds[name].append(await _round(lab, target, process, contestant))
        size = rounds[names[0]][-1].size
    return Contest({name: _figures(told) for name, told in rounds.items()}, size)


async def _round(lab: Lab, target: PortalProgram, process: psutil.Process, who: Contestant) -> _Round:
    await target.arrival()
    await target.quiet(_CALM)
    for _ in range(lab.effort.warm_up):
        await _one(lab, target, who)
    before, taken, size = cpu(process), [], 0
    for _ in range(lab.effort.changes):
        seconds, size = await _one(lab, target, who)
        taken.append(seconds)
    return _Round(taken, (cpu(process) - before) / lab.effort.changes, peak_memory(process), size)


async def _one(lab: Lab, target: PortalProgram, who: Contestant) -> tuple[float, int]:
    """Seconds from a change to its body's arrival, and the body's size."""
    began = await who.change()
    while (arrival := await target.arrival()).at < began:
        pass  # of an earlier change
    await asyncio.sleep(lab.chance.uniform(0.01, 0.02 + who.polls))
    return arrival.at - began, arrival.size


def _figures(rounds: list[_Round]) -> Figures:
    return Figures.of(
        [seconds for each in rounds for seconds in each.seconds],
        statistics.median(each.cpu for each in rounds),
        max(each.memory for each in rounds),
    )
