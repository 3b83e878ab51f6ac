"""The window, the key and the pauses that a portal asks for, in a calm world and virtual time."""

import asyncio

import pytest

from engine.faults import Fault
from engine.model import DAY, ColumnId, Instant, Window
from engine.ports import CalendarRecord, KeyRefusedError, Noticed, PaceRecord, PortalRecord, WindowAnswered
from engine.spans import IntervalSet
from engine.window import PROBE_EVERY
from tests.simulation.calm import LIMITS, Calm, calmly, without
from tests.simulation.world import ALWAYS, LUNCH, MONDAY, WINDOW, Faults, hours


@calmly
async def test_nothing_goes_up_before_the_window_was_answered() -> None:
    """R1: no window, no upload; the question is repeated with backoff, and then all goes up."""
    world = Calm()
    world.portal.faults = Faults(window_failed=ALWAYS)

    async def then() -> None:
        await asyncio.sleep(50)
        assert world.portal.uploads == []
        assert world.source.readings == 0
        world.portal.faults = Faults()
        await asyncio.sleep(70)
        assert world.portal.uploads

    await world.running(then)


@calmly
async def test_the_last_window_stays_in_use_and_is_known_as_stale() -> None:
    """R1, I11: across a restart too; while it is stale nothing is newly known to be right."""
    world = Calm()
    await world.sync()
    world.portal.faults = Faults(window_failed=ALWAYS)
    world.engine = world.new_engine()

    async def then() -> None:
        world.take(9)
        await asyncio.sleep(30)
        assert world.portal.held["Dr. Adler"] == hours(9) | LUNCH
        assert world.engine.keeper.trouble is not None
        right_at = world.engine.calendars["Dr. Adler"].right_at
        await asyncio.sleep(200)
        assert world.engine.calendars["Dr. Adler"].right_at == right_at
        world.portal.faults = Faults()
        await asyncio.sleep(70)
        assert (world.engine.calendars["Dr. Adler"].right_at or 0) > world.wall() - 70

    await world.running(then)
    assert any(isinstance(each, Noticed) and each.topic == "window" and each.over for each in world.listener.events)


@pytest.mark.parametrize("concurrency", [1, 4])
@calmly
async def test_a_key_that_is_refused_for_one_calendar_stops_no_other_for_good(concurrency: int) -> None:
    """I10, I1: whatever a portal means by it, the others go up once the window question is answered again."""
    columns = {f"Dr. {number}": ColumnId("TK1", str(number)) for number in range(12)}
    world = Calm(columns, limits=without(LIMITS, concurrency=concurrency))
    honest, world.portal.renewed = world.portal.upload, False
    for column in columns.values():
        world.practice.taken[column] |= {8}

    async def upload(name: str, window: Window, blocked: IntervalSet) -> None:
        if name == "Dr. 0":
            await asyncio.sleep(0.01)
            raise KeyRefusedError(Fault("portal.key_refused", {"status": 403}), maybe_applied=False)
        await honest(name, window, blocked)

    world.portal.upload = upload  # type: ignore[method-assign]  # a portal of its own mind

    async def then() -> None:
        await asyncio.sleep(4 * PROBE_EVERY)
        assert [name for name in columns if hours(8) - world.portal.held[name]] == ["Dr. 0"]

    await world.running(then)


@calmly
async def test_a_moved_window_alone_is_no_upload_but_new_days_are() -> None:
    """R1, R2, R14: the next upload uses the window as it is now."""
    world = Calm(limits=without(LIMITS, settle=0.0))
    world.practice.taken[ColumnId("TK1", "A")] = {8, 7 * 24 + 9}

    async def then() -> None:
        await asyncio.sleep(30)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH
        world.portal.asked_window = Window(Instant(MONDAY + DAY), WINDOW.end)
        await asyncio.sleep(60)
        assert len(world.portal.uploads) == 1
        world.portal.asked_window = Window(Instant(MONDAY + DAY), Instant(WINDOW.end + DAY))
        await asyncio.sleep(60)
        assert world.portal.held["Dr. Adler"] == hours(8, 7 * 24 + 9) | LUNCH

    await world.running(then)
    assert [each.moved for each in world.listener.events if isinstance(each, WindowAnswered)].count(True) == 3


@calmly
async def test_a_refused_key_stops_all_uploads_until_it_is_renewed() -> None:
    """I10, fault 26: no upload, a probe every quarter of an hour, and at once when the key is another one."""
    world = Calm()

    async def then() -> None:
        await asyncio.sleep(200)
        world.portal.refusing = True
        world.take(8)
        await asyncio.sleep(100)
        uploads = len(world.portal.uploads)
        world.take(9)
        await asyncio.sleep(3000)
        assert len(world.portal.uploads) == uploads
        assert world.engine.gate.refused == Fault("portal.key_refused", {"status": 401})
        world.portal.refusing = False
        await asyncio.sleep(10)
        assert world.portal.held["Dr. Adler"] == hours(8, 9) | LUNCH

    await world.running(then)
    keys = [each.over for each in world.listener.events if isinstance(each, Noticed) and each.topic == "key"]
    assert keys == [False, True]


@calmly
async def test_a_pause_that_the_portal_asks_for_outlives_a_restart() -> None:
    """I10, fault 24: `Retry-After` is kept in the ledger, and never obeyed for more than an hour."""
    world = Calm()
    world.ledger.portal = PortalRecord(WINDOW, MONDAY, {"portal": MONDAY + 1000 + 7200.0})

    async def then() -> None:
        await asyncio.sleep(3500)
        assert world.portal.uploads == []
        await asyncio.sleep(200)
        assert world.portal.uploads

    await world.running(then)


@calmly
async def test_the_pace_outlives_a_restart_even_when_the_clock_was_set_back() -> None:
    """I10, fault 43: an empty bucket stays empty, and a clock that goes back refills nothing and blocks nothing."""
    world = Calm()
    later = PaceRecord(0.0, MONDAY + 500_000, MONDAY + 500_000)
    world.ledger.calendars["Dr. Adler"] = CalendarRecord(pace=later)

    async def then() -> None:
        await asyncio.sleep(59)
        assert world.portal.uploads == []
        await asyncio.sleep(2)
        assert len(world.portal.uploads) == 1

    await world.running(then)
