"""No more uploads than needed: neither by a wall clock that is set, nor by a time that is taken and given back."""

import asyncio
from itertools import product

import pytest

from engine.model import DAY
from tests.simulation.calm import ADLER, LIMITS, Calm, calmly, without
from tests.simulation.world import HOUR, LUNCH, MONDAY, hours

BOTH = (8, 9)
"""The two times of a tiny universe; its states are which of them are taken."""
COLUMN = ADLER["Dr. Adler"]


class Shifted(Calm):
    """A world whose wall clock is set while the job runs."""

    ahead = 0.0

    def wall(self) -> float:
        return MONDAY + asyncio.get_running_loop().time() + self.ahead


@pytest.mark.parametrize("ahead", [-365 * DAY, -HOUR, HOUR, 365 * DAY])
@calmly
async def test_a_wall_clock_that_is_set_causes_no_storm(ahead: float) -> None:
    """I5, I10, fault 43: no upload because of it, the window asked once per interval as before, the next change up at
    once, and after an hour everything stands as if nobody had touched the clock.
    """
    world = Shifted(limits=without(LIMITS, refresh=48 * HOUR))

    async def then() -> None:
        await asyncio.sleep(600)
        uploads, questions = len(world.portal.uploads), world.portal.questions
        world.ahead = ahead
        await asyncio.sleep(600)
        assert len(world.portal.uploads) == uploads
        assert world.portal.questions - questions == 600 / LIMITS.interval
        world.take(8)
        await asyncio.sleep(1)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH
        world.ahead = 0.0
        await asyncio.sleep(3600)
        assert len(world.portal.uploads) == uploads + 1

    await world.running(then)


@pytest.mark.parametrize("pause", [0.0, 0.003, 0.02, 1.0, 9.0, 11.0, 70.0])
@pytest.mark.parametrize("edits", list(product(BOTH, repeat=4)), ids=lambda each: "-".join(map(str, each)))
def test_back_and_forth(edits: tuple[int, ...], pause: float) -> None:
    """R14, fault 48: all ways of four edits in two times, as fast as nothing and slower than a tick: at most one upload
    for each edit and one for what ripened after it, and the end is right. Back before it ripens costs nothing.
    """

    async def told() -> None:
        world = Calm(limits=without(LIMITS, guard_min=10 * HOUR, settle=0.0))
        await world.running(lambda: _edited(world, edits, pause))

    calmly(told)()


async def _edited(world: Calm, edits: tuple[int, ...], pause: float) -> None:
    await asyncio.sleep(200)
    before = len(world.portal.uploads)
    for hour in edits:
        world.take(hour)
        await asyncio.sleep(pause)
    await asyncio.sleep(200)
    taken = world.practice.taken[COLUMN]
    assert world.portal.held["Dr. Adler"] == hours(*taken) | LUNCH
    needed = _needed(edits, pause)
    assert len(world.portal.uploads) - before <= needed
    uploads = len(world.portal.uploads)
    await asyncio.sleep(3600)
    assert len(world.portal.uploads) == uploads


def _needed(edits: tuple[int, ...], pause: float) -> int:
    """How many uploads these edits are worth: one for each time that had to be blocked anew, one for each freed."""
    taken, missing, worth = set[int](), dict[int, float](), 0
    for at, hour in enumerate(edits):
        now = at * pause
        ripe = [each for each, since in missing.items() if now - since > LIMITS.free_delay]
        worth += len(ripe)
        missing = {each: since for each, since in missing.items() if each not in ripe}
        worth += hour not in taken and hour not in missing
        missing = missing | {hour: now} if hour in taken else {k: v for k, v in missing.items() if k != hour}
        taken ^= {hour}
    return worth + len(missing)


@calmly
async def test_a_time_that_flickers_within_its_delay_is_uploaded_once() -> None:
    """R11, R14, fault 48: taken and given back a thousand times within one second each: one upload while it lasts, and
    one when it is over.
    """
    world = Calm(limits=without(LIMITS, guard_min=10 * HOUR, settle=0.0))

    async def then() -> None:
        await asyncio.sleep(200)
        before = len(world.portal.uploads)
        for _ in range(1000):
            world.take(8)
            await asyncio.sleep(0.5)
        assert len(world.portal.uploads) == before + 1
        await asyncio.sleep(60)
        assert len(world.portal.uploads) == before + 2
        assert world.portal.held["Dr. Adler"] == LUNCH

    await world.running(then)
