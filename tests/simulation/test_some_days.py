"""Where a hint names days, what they add goes up without a reading of the whole column; and nothing is lost by it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from engine.faults import Fault
from engine.model import DAY, Days
from engine.ports import Hint, Report
from engine.spans import EMPTY, IntervalSet
from tests.simulation.calm import LIMITS, Calm, calmly, without
from tests.simulation.world import ALWAYS, LUNCH, MONDAY, Faults, hours

ADLER = "Dr. Adler"
TODAY = MONDAY // DAY
QUICK, WHOLE, BOTH, NEITHER = (1, 0), (0, 1), (1, 1), (0, 0)


class Hasty:
    """A calm world with one calendar, eight o'clock taken on Monday and on Tuesday."""

    def __init__(self, **limits: object) -> None:
        self.world = Calm(limits=without(LIMITS, settle=0.0, **limits))
        self.column = self.world.columns[ADLER]
        self.change(8, 32)

    def change(self, *hours: int) -> None:
        """Take these hours, or give them back, without a word."""
        self.world.practice.taken[self.column] ^= set(hours)

    async def hint(self, first: int, last: int | None = None) -> tuple[int, int]:
        """Say that something changed in these days; how many readings of some days, and of all, that came to."""
        source = self.world.source
        days, all_ = source.glimpses, source.readings
        source.put(Hint(self.column, Days(TODAY + first, TODAY + (first if last is None else last))))
        await asyncio.sleep(0.2)
        return source.glimpses - days, source.readings - all_ - (source.glimpses - days)

    @property
    def held(self) -> IntervalSet:
        """What the portal blocks, without the reservation."""
        return self.world.portal.held[ADLER] - LUNCH

    @property
    def report(self) -> Report:
        """How the last turn ended."""
        return self.world.listener.reports(ADLER)[-1]


def hastily(**limits: object) -> Callable[[Callable[[Hasty], Awaitable[None]]], Callable[[], None]]:
    """Run a test in a world that has synced once."""

    def told(test: Callable[[Hasty], Awaitable[None]]) -> Callable[[], None]:
        @calmly
        async def running() -> None:
            world = Hasty(**limits)

            async def then() -> None:
                await asyncio.sleep(1)
                assert world.held == hours(8, 32)
                await test(world)

            await world.world.running(then)

        return running

    return told


@hastily()
async def test_what_a_day_adds_goes_up_by_a_reading_of_that_day(world: Hasty) -> None:
    """I1, R2: the upload carries all the rest as well, and no other day is read."""
    world.change(9)
    assert await world.hint(0) == QUICK
    assert world.held == hours(8, 9, 32)
    report = world.report
    assert (report.state, report.blocks, report.added) == ("uploaded", 3, hours(9))
    assert world.world.ledger.entries[-1].added == hours(9)


@hastily()
async def test_what_a_day_lacks_is_looked_at_as_a_whole(world: Hasty) -> None:
    """I1, I3: a reading of some days frees nothing; the addition beside it is not held back."""
    world.change(8, 9)
    assert await world.hint(0) == BOTH
    assert world.held == hours(8, 9, 32)
    assert world.report.held == hours(8)
    await asyncio.sleep(20)
    assert world.held == hours(9, 32)


@hastily()
async def test_a_day_that_adds_nothing_is_no_reason_to_send(world: Hasty) -> None:
    """R14: the whole column is read, and found unchanged."""
    uploads = len(world.world.portal.uploads)
    assert await world.hint(0) == BOTH
    assert len(world.world.portal.uploads) == uploads


@hastily()
async def test_a_removal_that_comes_back_waits_no_more(world: Hasty) -> None:
    """I3: what ripens is ripe later than the last time that it was seen, by whatever reading."""
    world.change(8)
    await world.hint(0)
    assert world.report.held == hours(8)
    world.change(8, 9)
    assert await world.hint(0) == QUICK
    assert world.report.held == EMPTY
    await asyncio.sleep(30)
    assert world.held == hours(8, 9, 32)


@hastily()
async def test_what_else_ripens_goes_in_its_time(world: Hasty) -> None:
    """I3: an addition on another day brings nothing forward, and puts nothing off."""
    world.change(8)
    await world.hint(0)
    await asyncio.sleep(5)
    world.change(33)
    assert await world.hint(1) == QUICK
    assert world.held == hours(8, 32, 33)
    await asyncio.sleep(6)
    assert world.held == hours(32, 33)


@hastily()
async def test_days_outside_the_window_are_no_days(world: Hasty) -> None:
    """R7: nor are more days than it is worth."""
    assert await world.hint(400) == WHOLE
    world.change(9)
    assert await world.hint(0, 30) == WHOLE
    assert world.held == hours(8, 9, 32)


@hastily()
async def test_several_hints_are_one_reading(world: Hasty) -> None:
    """I5: of all the days between."""
    world.change(9, 33)
    world.world.source.put(Hint(world.column, Days(TODAY, TODAY)))
    assert await world.hint(1) == QUICK
    assert world.held == hours(8, 9, 32, 33)


@hastily()
async def test_a_hint_at_everything_outweighs_days(world: Hasty) -> None:
    """I5: in whatever order they come."""
    for hints in ((Hint(world.column), Hint(world.column, Days(TODAY, TODAY))), (Hint(world.column), Hint())):
        for each in hints:
            world.world.source.put(each)
        source, days = world.world.source, world.world.source.glimpses
        await asyncio.sleep(0.2)
        assert source.glimpses == days


@hastily(block_vanished=True)
async def test_where_vanished_rows_count_everything_is_read(world: Hasty) -> None:
    """R12: what some days do not show may be blocked for another reason."""
    world.change(9)
    assert await world.hint(0) == WHOLE


@hastily()
async def test_after_a_failure_everything_is_read(world: Hasty) -> None:
    """I6: what an upload without an answer left open is settled by a reading of all."""
    world.world.portal.faults = Faults(upload_error=ALWAYS)
    world.change(9)
    assert (await world.hint(0))[0] == 1
    world.world.portal.faults = Faults()
    await asyncio.sleep(90)
    assert world.held == hours(8, 9, 32)
    world.change(33)
    assert await world.hint(1) == QUICK


@hastily()
async def test_a_reading_that_fails_or_is_incomplete_is_not_enough(world: Hasty) -> None:
    """I2: then the whole column is tried."""
    world.world.source.gone.add(world.column)
    world.change(9)
    assert await world.hint(0) == BOTH
    assert world.report.fault is not None
    assert await world.hint(0) == WHOLE


@hastily()
async def test_an_addition_is_in_the_ledger_before_it_leaves_and_after_a_crash(world: Hasty) -> None:
    """I6: the next process knows what went ahead of the calendar's record."""
    world.change(9)
    assert await world.hint(0) == QUICK
    past = await world.world.ledger.recall()
    standing = past.calendars[ADLER].standing
    assert standing.baseline is not None
    assert not hours(9) - standing.baseline
    assert not hours(9) - standing.pending


@hastily()
async def test_a_ledger_that_cannot_be_written_stops_no_addition(world: Hasty) -> None:
    """I6: and its fault is told."""
    world.world.ledger.faults = Faults(ledger_fails=ALWAYS)
    world.change(9)
    assert await world.hint(0) == BOTH
    assert world.held == hours(8, 9, 32)
    assert any(getattr(each, "topic", "") == "ledger" for each in world.world.listener.events)


@hastily()
async def test_a_doubtful_row_is_looked_at_as_a_whole(world: Hasty) -> None:
    """R13: with all that a doubt brings along."""
    world.world.source.doubtful = Fault("row.end_unusable", {"column": "x", "start": "y"})
    world.change(9)
    assert await world.hint(0) == BOTH
    assert world.held == hours(8, 9, 32)


@hastily(upload_gap=30.0)
async def test_in_the_gap_days_wait_and_then_everything_is_read(world: Hasty) -> None:
    """I10: no upload within the gap; no day is forgotten by it."""
    world.change(9)
    await asyncio.sleep(60)
    await world.hint(0)
    world.change(33)
    assert await world.hint(1) == NEITHER
    await asyncio.sleep(40)
    assert world.held == hours(8, 9, 32, 33)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 1)])
def test_one_day_or_two(first: int, last: int) -> None:
    """The stretch between is read, and what lies in it is blocked."""

    @hastily()
    async def told(world: Hasty) -> None:
        world.change(23, 24)
        assert await world.hint(first, last) == QUICK
        assert world.held == hours(8, 32) | hours(23, *([24] if last else []))

    told()
