"""The engine, one promise at a time, in a calm world and virtual time."""

import asyncio

import pytest

from engine.faults import Fault
from engine.model import DAY, ColumnId, Instant, Reservation, Window
from engine.plan import Patience, Standing
from engine.ports import Noticed
from engine.runtime import GRACE
from engine.spans import EMPTY, IntervalSet
from tests.simulation.calm import LIMITS, Calm, calmly, without
from tests.simulation.virtual import VirtualLoop, run
from tests.simulation.world import ALWAYS, HOUR, LUNCH, MONDAY, WINDOW, Faults, hours


@calmly
async def test_a_change_is_up_at_once() -> None:
    """I1, R11: an appointment is blocked as soon as it is hinted at, long before the next tick."""
    world = Calm()

    async def then() -> None:
        await asyncio.sleep(5)
        world.take(8)
        await asyncio.sleep(0.1)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH

    await world.running(then)


@calmly
async def test_a_start_uploads_everything_and_settles() -> None:
    """I6: every calendar goes up at once and once more after the settle time, and then there is silence (R14)."""
    world = Calm()

    async def then() -> None:
        await asyncio.sleep(3600)
        times = [at - 1000 for at, _ in world.portal.uploads]
        assert times == [pytest.approx(0.0, abs=1), pytest.approx(90.0, abs=1)]

    await world.running(then)


@calmly
async def test_without_settle_time_nothing_is_sent_twice() -> None:
    """I6: `TMEX_SETTLE=0` means no settle upload, not after a start nor after an attempt without a clean answer."""
    world = Calm(limits=without(LIMITS, settle=0.0))

    async def then() -> None:
        world.portal.faults = Faults(answer_lost=ALWAYS)
        await asyncio.sleep(20)
        world.portal.faults = Faults()
        await asyncio.sleep(3600)
        assert len(world.portal.uploads) == 2

    await world.running(then)


@calmly
async def test_the_refresh_comes_once_in_its_time() -> None:
    """R14: an unchanged calendar is uploaded once per refresh."""
    world = Calm(limits=without(LIMITS, refresh=3600.0, settle=0.0))

    async def then() -> None:
        await asyncio.sleep(4 * 3600 + 1800)
        assert len(world.portal.uploads) == 5

    await world.running(then)


@calmly
async def test_an_unknown_column_is_a_fault_of_its_calendar_alone() -> None:
    """R10: the columns found are listed, the other calendars go up, and a column seen before may be empty."""
    world = Calm({"Dr. Adler": ColumnId("TK1", "A"), "Nobody": ColumnId("TK1", "Z")})
    del world.practice.taken[ColumnId("TK1", "Z")]
    await world.engine.recall()
    adler, nobody = await world.engine.alone(world.engine.sync(["Dr. Adler", "Nobody"]))
    assert adler.state == "uploaded"
    assert nobody.fault == Fault("column.unknown", {"column": "TK1/Z", "found": "TK1/A"})
    world.practice.unnamed.add(ColumnId("TK1", "A"))
    again = await world.sync()
    assert (again.state, again.held, again.patience) == ("uploaded", LUNCH, Patience.GUARDED)
    world.source.faults = Faults(read_failed=ALWAYS)
    failed = await world.sync()
    assert failed.fault == Fault("source.locked", {"file": "x"})


@calmly
async def test_columns_that_cannot_be_listed_say_so() -> None:
    """R10, I2: when even the list of columns fails, that failure is the fault."""
    world = Calm({"Nobody": ColumnId("TK1", "Z")})
    world.practice.taken.clear()
    world.source.unlisted = True
    report = await world.sync()
    assert report.fault == Fault("source.locked", {"file": "x"})


@calmly
async def test_vanished_free_rows_are_told_and_blocked_if_so_set() -> None:
    """R12: off, they are reported as still bookable; on, they are blocked until a row covers them, restart or not."""
    world = Calm()
    sunday = IntervalSet([(MONDAY + 6 * DAY, MONDAY + 6 * DAY + HOUR)])
    await world.sync()
    world.practice.no_free = True
    report = await world.sync()
    assert (report.vanished, world.portal.held["Dr. Adler"]) == (sunday, LUNCH)
    world.limits = without(LIMITS, block_vanished=True)
    report = await world.sync()
    assert world.portal.held["Dr. Adler"] == LUNCH | sunday
    world.practice.no_free = False
    report = await world.sync()
    assert (report.vanished, world.portal.held["Dr. Adler"]) == (EMPTY, LUNCH)


@calmly
async def test_a_set_aside_ledger_lets_an_empty_calendar_wait_for_a_person() -> None:
    """I6, fault 39: the job does not upload it, a sync does."""
    world = Calm()
    world.ledger.set_aside = True
    world.ledger.news = Fault("ledger.set_aside", {"file": "tmex.db.rotten"})
    world.practice.no_lunch = True

    async def then() -> None:
        await asyncio.sleep(300)
        assert world.portal.uploads == []
        assert world.listener.reports("Dr. Adler")[-1].fault == Fault("calendar.adrift")
        assert world.source.readings < 10
        await world.engine.sync(["Dr. Adler"])
        assert len(world.portal.uploads) == 1

    await world.running(then)
    assert world.listener.events[0] == Noticed("ledger", world.ledger.news)


@calmly
async def test_a_ledger_that_cannot_be_written_stops_no_addition_and_frees_nothing() -> None:
    """I6, fault 40: it goes on blocking, keeps what was removed, says so once, and recovers."""
    world = Calm()
    world.practice.taken[ColumnId("TK1", "A")] = {8, 9, 10, 11}

    async def then() -> None:
        await asyncio.sleep(200)
        world.ledger.faults = Faults(ledger_fails=ALWAYS)
        world.take(9)
        world.take(20)
        await asyncio.sleep(600)
        assert world.portal.held["Dr. Adler"] == hours(8, 9, 10, 11, 20) | LUNCH
        sent = len(world.portal.uploads)
        await asyncio.sleep(600)
        assert len(world.portal.uploads) == sent
        world.ledger.faults = Faults()
        await asyncio.sleep(130)
        assert world.portal.held["Dr. Adler"] == hours(8, 10, 11, 20) | LUNCH

    await world.running(then)
    assert any(isinstance(each, Noticed) and each.topic == "ledger" and each.over for each in world.listener.events)


@calmly
async def test_a_rejected_upload_is_tried_again_with_the_next_change_or_tick() -> None:
    """I10: a 4xx is an answer: no backoff, no storm."""
    world = Calm(limits=without(LIMITS, settle=0.0))

    async def then() -> None:
        world.portal.faults = Faults(upload_refused=ALWAYS)
        await asyncio.sleep(30)
        assert len(world.portal.uploads) == 1
        world.take(8)
        await asyncio.sleep(1)
        assert len(world.portal.uploads) == 2
        await asyncio.sleep(60)
        assert len(world.portal.uploads) == 3

    await world.running(then)


@calmly
async def test_a_reading_that_aged_in_a_freeze_never_goes_up() -> None:
    """I4, fault 44: frozen between reading and upload, the engine reads again, and gives up the turn if need be."""
    world = Calm()
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)

    async def then() -> None:
        await asyncio.sleep(200)
        world.ledger.freeze = lambda: loop.freeze(600)
        world.take(8)
        slow = Fault("job.too_slow")
        while slow not in [each.fault for each in world.listener.reports("Dr. Adler")]:
            await asyncio.sleep(0.001)
        world.ledger.freeze = lambda: None
        await asyncio.sleep(61)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH

    await world.running(then)


@calmly
async def test_a_stop_lets_the_upload_under_way_end_but_not_for_ever() -> None:
    """I8, fault 37: an upload gets a moment; then the job ends all the same."""
    for lasts, uploads in [(1.0, 1), (1000.0, 0)]:
        world = Calm()
        world.portal.slow = lasts

        async def then(world: Calm = world) -> None:
            await asyncio.sleep(0.5)

        before = asyncio.get_running_loop().time()
        await world.running(then)
        assert asyncio.get_running_loop().time() - before <= GRACE + 1
        assert len([each for each in world.ledger.entries if each.added]) == uploads


@calmly
async def test_a_bug_in_a_task_ends_the_job() -> None:
    """I11, fault 49: an unexpected exception takes everything with it; nothing goes on half."""
    world = Calm()
    await world.engine.recall()
    world.source.broken = True
    with pytest.raises(ExceptionGroup) as caught:
        await world.engine.run(world.stop)
    assert caught.group_contains(ZeroDivisionError)


@calmly
async def test_hints_that_end_are_a_bug() -> None:
    """I5, I11: a source that stops hinting would make tmex deaf; that is never silent."""
    world = Calm()
    await world.engine.recall()
    world.source.mute = True
    with pytest.raises(ExceptionGroup) as caught:
        await world.engine.run(world.stop)
    assert caught.group_contains(RuntimeError, match="hints ended")


@calmly
async def test_while_off_nothing_is_asked_and_on_syncs_everything() -> None:
    """I8, fault 42: off means no request at all; on again means a full sync."""
    world = Calm()

    async def then() -> None:
        await asyncio.sleep(200)
        world.engine.switch(on=False)
        world.take(8)
        asked, sent = world.portal.questions, len(world.portal.uploads)
        await asyncio.sleep(1000)
        assert (world.portal.questions, len(world.portal.uploads)) == (asked, sent)
        for _ in range(2):
            world.engine.switch(on=True)
        await asyncio.sleep(1)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH
        assert world.portal.questions == asked + 1

    await world.running(then)


def test_a_world_in_which_nothing_can_happen_is_an_error() -> None:
    """The simulation never hangs: a deadlock is found out."""

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing can ever happen"):
        run(wait_for_ever())


def test_windows_and_reservations_cannot_be_built_wrong() -> None:
    """R1, R6, fault 35: an empty, reversed or absurd window and an impossible rectangle do not exist."""
    for start, end in [(0, 0), (5, 4), (0, 4 * 366 * DAY)]:
        with pytest.raises(ValueError, match="window"):
            Window(Instant(start), Instant(end))
    with pytest.raises(ValueError, match="reservation"):
        Reservation(0, 1, 5, 5)
    assert Standing().confirmed(WINDOW) == EMPTY


@calmly
async def test_two_calendars_may_share_a_column_and_a_remapped_one_keeps_its_baseline() -> None:
    """R10: a change of the column goes to both; what a remapped calendar held is freed only when it is ripe."""
    shared = ColumnId("TK1", "A")
    world = Calm({"Dr. Adler": shared, "Sprechstunde": shared})

    async def then() -> None:
        await asyncio.sleep(5)
        world.take(8)
        await asyncio.sleep(0.1)
        assert world.portal.held["Dr. Adler"] == world.portal.held["Sprechstunde"] == hours(8) | LUNCH

    await world.running(then)
    other = ColumnId("TK1", "B")
    world.columns = world.portal.columns = {"Dr. Adler": other}
    world.practice.taken[other] = {9}
    report = await world.sync()
    assert (report.added, report.removed) == (hours(9), hours(8))


@calmly
async def test_five_hundred_calendars_at_once() -> None:
    """I10, fault 47: never more requests than allowed, and none starves: all are up within one round."""
    columns = {f"Kalender {number}": ColumnId("TK", str(number)) for number in range(500)}
    world = Calm(columns, without(LIMITS, concurrency=4, settle=0.0))

    async def then() -> None:
        await asyncio.sleep(30)
        for column in columns.values():
            world.practice.taken[column].add(8)
        world.source.hint(next(iter(columns.values())))
        for column in columns.values():
            world.source.hint(column)
        await asyncio.sleep(0.02)
        assert 0 < world.engine.backlog() < 500
        await asyncio.sleep(10)
        assert world.engine.backlog() == 0
        assert all(held == hours(8) | LUNCH for held in world.portal.held.values())
        assert len(world.portal.uploads) == 1000

    await world.running(then)
