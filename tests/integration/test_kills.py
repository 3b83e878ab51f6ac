"""The job killed at random moments under a storm of changes, again and again on one state (I6, I8, I9, fault 36).

`KILLS` says how often; the seed is printed, with what was met. Nothing is ever freed that is taken, nothing is
remembered that is not so, and once the storm is over the portal equals the practice.
"""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.integration.kills import Arena, Life, Watched
from tests.integration.threefold import Reception, Threefold
from tests.postgres import NewDatabase, majors
from tests.site import COLUMNS, Site

KILLS: Final = int(os.environ.get("KILLS", "20"))
SEED: Final = int(os.environ.get("SEED", "36"))
SHARES: Final = ["sqlite", "sqlite", "sqlite", "postgresql", "files"]
"""Which store a life reads, drawn from these."""
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120 + 12 * KILLS)]


@pytest.fixture
async def arena(tmp_path: Path, new_database: NewDatabase) -> AsyncIterator[Arena]:
    """A state of which nothing is known, and a practice that has changed a little already."""
    practice, chance = Threefold(tmp_path, new_database(majors()[-1])), Random(SEED)
    reception = Reception(practice, chance)
    async with Watched(reception) as portal:
        arena = Arena(Site(tmp_path, portal, practice), portal, practice, reception, chance)
        for column in COLUMNS.values():
            arena.site.write(column, "2026-03-14 08:00", "2026-03-14 08:10", occupied=False)
        yield arena
        arena.assert_one_at_a_time()
        print(f"seed {SEED}: {arena.report()}")  # noqa: T201 - what was met, for `make test-long`


async def test_killed_again_and_again(arena: Arena) -> None:
    """I1, I4, I6, I8, faults 27, 28, 36, 37 and 44: killed, frozen and stopped while it starts, writes and uploads."""
    async with arena.storm():
        while arena.figures["killed"] < KILLS:
            async with arena.life(arena.chance.choice(SHARES)) as life:
                await one_life(arena, life)
            await arena.judge()
    await arena.converges()


async def one_life(arena: Arena, life: Life) -> None:
    """It works for a while, perhaps freezes, perhaps is cut off, and ends badly."""
    chance = arena.chance
    await arena.aim(life)
    if chance.random() < 0.1:
        life.line.cut()
        arena.figures["cut off"] += 1
    if chance.random() < 0.15:
        await arena.frozen(life)
    if chance.random() < 0.15:
        arena.figures["stopped"] += 1
        await life.end()
    else:
        arena.figures["killed"] += 1
        arena.figures[f"killed in {arena.moment(life)}"] += 1
        await life.kill()


async def test_two_on_one_state(arena: Arena) -> None:
    """I9, fault 41: started, killed and frozen at random, two or three at once: the portal only ever hears one."""
    chance, lives = arena.chance, list[Life]()
    async with arena.storm(), AsyncExitStack() as stack:
        for _ in range(KILLS):
            while len(lives) < 2 or (len(lives) < 3 and chance.random() < 0.3):
                lives.append(await stack.enter_async_context(arena.life("sqlite")))
            await arena.aim(chance.choice(lives))
            life = lives.pop(chance.randrange(len(lives)))
            if chance.random() < 0.3:
                await arena.frozen(life)
            arena.figures["killed"] += 1
            await life.kill()
            assert not arena.portal.wrong, arena.portal.wrong
        for life in lives:
            await life.kill()
    await arena.judge()
    await arena.converges()


async def test_one_that_nobody_kills_lives_on(arena: Arena) -> None:
    """I11, faults 25, 44 and 49: frozen and cut off at random, every second request in trouble: no bug ends it."""
    chance = arena.chance
    async with arena.life("sqlite") as life:
        async with arena.storm():
            arena.portal.hostile(chance.randrange(10**6), 0.5)
            for _ in range(KILLS):
                await arena.aim(life)
                if chance.random() < 0.5:
                    await arena.frozen(life)
                if chance.random() < 0.1:
                    life.line.cut()
                assert life.process.returncode is None, await life.told
        await life.end()
    await arena.judge()
    await arena.converges()
