"""What the history tells later is what happened, and unsafe minutes are counted from the first reading on."""

import asyncio

import pytest

from engine.ports import Entry
from engine.spans import EMPTY, IntervalSet
from tests.simulation.calm import LIMITS, Calm, calmly, without
from tests.simulation.world import ALWAYS, Faults, hours


def told(world: Calm, since: int = 0) -> list[Entry]:
    """The history, without the first uploads of it."""
    return world.ledger.entries[since:]


@calmly
async def test_an_outage_counts_from_each_change_to_the_acceptance() -> None:
    """I11, fault 25: two appointments during an outage of ten minutes count for as long as each was exposed."""
    world = Calm(limits=without(LIMITS, settle=0.0))

    async def then() -> None:
        await asyncio.sleep(5)
        known = len(told(world))
        world.portal.faults = Faults(upload_error=ALWAYS)
        world.take(8)
        await asyncio.sleep(300)
        world.take(9)
        world.take(14)
        await asyncio.sleep(300)
        world.portal.faults = Faults()
        await asyncio.sleep(90)
        first, second = told(world, known)
        assert (first.added, second.added) == (hours(8), hours(9, 14))
        assert first.seconds - 300 - LIMITS.backoff_max <= second.seconds <= first.seconds - 300
        assert first.unsafe == pytest.approx(first.seconds)
        assert second.unsafe == pytest.approx(2 * second.seconds)
        assert 600 <= first.seconds <= 690
        assert first.took < 5

    await world.running(then)


@calmly
async def test_what_was_exposed_and_became_free_again_is_counted() -> None:
    """I11: nobody may have been told of it, and a patient may have booked it all the same."""
    world = Calm(limits=without(LIMITS, settle=0.0))

    async def then() -> None:
        await asyncio.sleep(5)
        known = len(told(world))
        world.portal.faults = Faults(upload_refused=ALWAYS)
        world.take(8)
        await asyncio.sleep(30)
        world.take(8)
        await asyncio.sleep(200)
        world.portal.faults = Faults()
        await asyncio.sleep(100)
        entries = told(world, known)
        assert sum(each.unsafe for each in entries) == pytest.approx(30, abs=2)
        assert not any(each.added for each in entries)

    await world.running(then)


@calmly
async def test_before_the_first_accepted_upload_nothing_is_counted() -> None:
    """I11: nobody knows what the portal held until then."""
    world = Calm()
    world.portal.faults = Faults(upload_error=ALWAYS)

    async def then() -> None:
        world.take(8)
        await asyncio.sleep(300)
        world.portal.faults = Faults()
        await asyncio.sleep(90)
        assert any(each.added for each in told(world))
        assert all(each.unsafe == 0.0 for each in told(world))

    await world.running(then)


@calmly
async def test_a_removal_is_told_when_it_begins_to_wait_and_when_it_goes() -> None:
    """I3: also when it comes back before; each of these is told once, however often the calendar is read."""
    world = Calm(limits=without(LIMITS, settle=0.0))

    async def then() -> None:
        world.take(8)
        await asyncio.sleep(100)
        known = len(told(world))
        world.take(8)
        await asyncio.sleep(5)
        world.take(8)
        await asyncio.sleep(5)
        world.take(8)
        await asyncio.sleep(30)
        steps = [(each.held, each.back, each.removed) for each in told(world, known)]
        eight = hours(8)
        assert steps == [(eight, EMPTY, EMPTY), (EMPTY, eight, EMPTY), (eight, EMPTY, EMPTY), (EMPTY, EMPTY, eight)]
        assert all(each.why == "normal" for each in told(world, known))

    await world.running(then)


@calmly
async def test_a_release_is_told_as_one() -> None:
    """I3: what a person let go is told from what ripened."""
    world = Calm()

    async def then() -> None:
        world.practice.taken[world.columns["Dr. Adler"]] |= set(range(8, 18))
        world.take(18)
        await asyncio.sleep(100)
        world.practice.taken[world.columns["Dr. Adler"]].clear()
        world.source.hint(world.columns["Dr. Adler"])
        await asyncio.sleep(5)
        waiting = world.engine.calendars["Dr. Adler"].waiting
        await world.release(waiting)
        freed = IntervalSet(pair for each in told(world) for pair in each.released)
        assert freed == waiting != EMPTY

    await world.running(then)
