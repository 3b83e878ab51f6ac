"""Time that was lost: in a slow disk, a machine that sleeps, a clock that is set, an upload that lands late."""

import asyncio

import pytest

from engine.limits import Limits
from engine.model import DAY, Instant, Window
from engine.ports import LedgerError
from tests.simulation.calm import ADLER, LIMITS, Calm, calmly, without
from tests.simulation.test_clock_and_quiet import Shifted
from tests.simulation.world import HOUR, LUNCH, MONDAY, Faults, hours

COLUMN = ADLER["Dr. Adler"]


@calmly
async def test_a_disk_that_hangs_under_a_slow_source_holds_up_no_addition() -> None:
    """I1, I6: what a turn could not write it does not try to write again until its reading has aged."""
    world = Calm()
    world.source.lasts = 6.0

    async def then() -> None:
        await asyncio.sleep(300)
        world.ledger.lasts = 5.0
        world.ledger.freeze = refuse
        world.portal.forgetful = True
        world.take(9)
        await asyncio.sleep(60)
        assert world.portal.held["Dr. Adler"] == hours(9) | LUNCH

    await world.running(then)


def refuse() -> None:
    """As a disk that hangs for longer than is bearable."""
    raise LedgerError("ledger.unwritable", file="tmex.db", kind="timeout")


@calmly
async def test_a_reading_from_before_a_sleep_never_goes_up() -> None:
    """I4, fault 44: a machine that sleeps stops the loop's clock as well; the wall clock tells."""
    world = Shifted()
    world.practice.taken[COLUMN] |= {8, 9, 10, 32}

    def sleep() -> None:
        world.ledger.freeze = lambda: None
        world.ahead = 8.0 * HOUR
        world.practice.taken[COLUMN] |= {8}  # given to somebody else meanwhile

    async def then() -> None:
        await asyncio.sleep(300)
        world.take(8)
        await asyncio.sleep(LIMITS.free_delay - 1)
        world.ledger.freeze = sleep
        while not world.ahead:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        assert hours(8) - world.portal.held["Dr. Adler"] == hours()

    await world.running(then)


@pytest.mark.parametrize("ahead", [2.0 * HOUR, 365.0 * DAY])
@calmly
async def test_what_was_right_in_time_to_come_was_right_until_now(ahead: float) -> None:
    """I11, fault 43: a clock that ran ahead and is set right again silences no alarm."""
    world = Shifted()
    world.ahead = ahead

    async def then() -> None:
        await asyncio.sleep(600)
        world.ahead = 0.0
        world.source.faults = Faults(read_failed=1.1)
        world.portal.faults = Faults(window_failed=1.1)
        await asyncio.sleep(600)
        calendar = world.engine.calendars["Dr. Adler"]
        for known in (calendar.right_at, world.engine.keeper.asked_at):
            assert known is not None
            assert 500 < world.wall() - known < 700

    await world.running(then)


@calmly
async def test_what_is_added_while_a_start_settles_may_be_overtaken() -> None:
    """I6: the predecessor's upload lands over it, the window moves away before the settle upload, and comes back."""
    limits: Limits = without(LIMITS, settle=90.0, refresh=6 * HOUR)
    world = Calm(limits=limits)
    world.practice.taken[COLUMN] |= {32}
    here, there = (Window(Instant(MONDAY + day * DAY), Instant(MONDAY + (day + 7) * DAY)) for day in (0, 1))
    await world.sync()
    old = world.portal.held["Dr. Adler"]
    asyncio.get_running_loop().call_later(40, world.portal._land, "Dr. Adler", here, old)
    world.engine = world.new_engine()

    async def then() -> None:
        await asyncio.sleep(10)
        world.take(8)
        await asyncio.sleep(25)
        assert hours(8) - world.portal.held["Dr. Adler"] == hours()
        world.portal.asked_window = there
        await asyncio.sleep(160)
        world.portal.asked_window = here
        await asyncio.sleep(120)
        assert hours(8) - world.portal.held["Dr. Adler"] == hours()

    await world.running(then)


@calmly
async def test_a_column_of_another_practice_was_not_seen_in_this_one() -> None:
    """R10: a practice that is misspelt is a fault, and frees nothing; spelt right again, all is as it was."""
    world = Calm(limits=without(LIMITS, practice="PRAX1"))
    world.practice.taken[COLUMN] = {8}
    assert (await world.sync()).state == "uploaded"
    world.practice.unnamed.add(COLUMN)
    world.limits = without(LIMITS, practice="PRAX11")
    report = await world.sync()
    assert report.fault is not None
    assert (report.state, report.fault.code) == ("failed", "column.unknown")
    assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH
    world.practice.unnamed.clear()
    world.limits = without(LIMITS, practice="PRAX1")
    assert (await world.sync()).fault is None
