"""The engine, one promise at a time, in a calm world and virtual time."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from engine.faults import Fault
from engine.limits import Limits
from engine.model import DAY, ColumnId, Instant, Reservation, Window
from engine.plan import Patience, Standing
from engine.ports import CalendarRecord, KeyRefusedError, Noticed, PaceRecord, PortalRecord, WindowAnswered
from engine.runtime import GRACE
from engine.spans import EMPTY, IntervalSet
from tests.simulation.calm import LIMITS, Calm, calmly
from tests.simulation.ports import HOUR, LUNCH, MONDAY, WINDOW, Faults
from tests.simulation.virtual import VirtualLoop, run

ALWAYS = 1.1


def hours(*which: int) -> IntervalSet:
    return IntervalSet((MONDAY + hour * HOUR, MONDAY + (hour + 1) * HOUR) for hour in which)


def without(limits: Limits, **changes: object) -> Limits:
    return msgspec.structs.replace(limits, **changes)


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
async def test_a_sync_frees_what_may_be_freed_soon_and_reports_the_sum() -> None:
    """I3: it reads again after the free delay and frees then; what was added and removed is told together."""
    world = Calm()
    world.practice.taken[ColumnId("TK1", "A")] = {8, 9, 10, 11}
    first = await world.sync()
    assert (first.added, first.blocks, first.appointments) == (hours(8, 9, 10, 11) | LUNCH, 2, 2)
    world.practice.taken[ColumnId("TK1", "A")] = {8, 9, 10, 12}
    second = await world.sync()
    assert (second.added, second.removed, second.held) == (hours(12), hours(11), EMPTY)
    assert world.portal.held["Dr. Adler"] == hours(8, 9, 10, 12) | LUNCH


@calmly
async def test_a_sync_never_waits_for_the_guard() -> None:
    """I3: a guarded removal is told as held, and the sync ends."""
    world = Calm()
    world.practice.taken[ColumnId("TK1", "A")] = {8, 9, 10, 11}
    await world.sync()
    world.practice.taken[ColumnId("TK1", "A")] = {8}
    before = asyncio.get_running_loop().time()
    report = await world.sync()
    assert (report.state, report.held, report.patience) == ("uploaded", hours(9, 10, 11), Patience.GUARDED)
    assert asyncio.get_running_loop().time() - before < 5


@calmly
async def test_a_sync_tries_each_request_twice_at_most() -> None:
    """I10: the window question and the upload; then it tells the fault."""
    world = Calm()
    await world.sync()
    world.portal.faults = Faults(upload_error=ALWAYS, window_failed=ALWAYS)
    before, asked = len(world.portal.uploads), world.portal.questions
    report = await world.sync()
    assert (report.state, report.fault) == ("failed", Fault("portal.server_error", {"status": 502}))
    assert (len(world.portal.uploads) - before, world.portal.questions - asked) == (2, 2)


@calmly
async def test_a_sync_without_a_window_tells_why() -> None:
    """R1: the portal's trouble is the fault of each calendar."""
    world = Calm()
    world.portal.faults = Faults(window_failed=ALWAYS)
    report = await world.sync()
    assert report.fault == Fault("portal.server_error", {"status": 500})
    assert world.source.readings == 0


@calmly
async def test_a_sync_ends_when_the_portal_wants_a_pause_or_refuses_the_key() -> None:
    """I10: nobody waits an hour at a prompt: held by the pace, or failed by the key."""
    world = Calm()
    world.portal.refusing = True
    refused = await world.sync()
    assert (refused.state, refused.fault) == ("failed", Fault("portal.key_refused", {"status": 401}))
    world.portal.refusing = False
    world.portal.faults = Faults(upload_busy=ALWAYS)
    busy = await world.sync()
    assert busy.state == "failed"
    assert busy.fault is not None
    assert (busy.fault.code, busy.appointments) == ("portal.busy", 1)
    world.portal.faults = Faults()
    again = await world.sync()
    assert (again.state, again.fault and again.fault.code) == ("held", "portal.paused")
    assert (again.appointments, again.blocks, again.added) == (1, 1, LUNCH)
    world.source.faults = Faults(read_failed=ALWAYS)
    unread = await world.sync()
    assert (unread.state, unread.fault and unread.fault.code) == ("failed", "source.locked")


@calmly
async def test_a_key_refused_meanwhile_is_why_nothing_went_up() -> None:
    """I10, I13: the second calendar was about to leave when the first one's answer came; both say why they stayed."""
    world = Calm({"Dr. Adler": ColumnId("TK1", "A"), "Dr. Busch": ColumnId("TK1", "B")})
    remember = world.ledger.remember

    async def slowly(*, calendars: Mapping[str, CalendarRecord] = {}, **rest: Any) -> None:  # noqa: ANN401 - passed on
        await asyncio.sleep(1 if "Dr. Busch" in calendars else 0)
        await remember(calendars=calendars, **rest)

    async def refuse(name: str, window: Window, blocked: IntervalSet) -> int | None:
        raise KeyRefusedError(Fault("portal.key_refused", {"status": 401}), maybe_applied=False)

    world.ledger.remember = slowly  # type: ignore[assignment, method-assign] # one call takes longer than another
    world.portal.upload = refuse  # type: ignore[method-assign] # the window question is answered all the same
    await world.engine.recall()
    reports = await world.engine.alone(world.engine.sync(["Dr. Adler", "Dr. Busch"]))
    assert [(each.state, each.fault and each.fault.code) for each in reports] == [("failed", "portal.key_refused")] * 2


@calmly
async def test_an_order_to_the_running_job_waits_for_the_gap_alone() -> None:
    """I10: the bucket may be empty, the gap is kept."""
    world = Calm(limits=without(LIMITS, upload_gap=7.0, upload_burst=1))
    world.portal.polite = False

    async def then() -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(0.1)
        before = loop.time()
        for count in (1, 2):
            (report,) = await world.engine.sync(["Dr. Adler"])
            assert report.state == "uploaded"
            assert loop.time() - before == pytest.approx(7.0 * count, abs=0.5), count

    await world.running(then)


@calmly
async def test_a_preview_sends_nothing_and_remembers_nothing() -> None:
    """R14: what would go up, held and failed, without an upload or a write."""
    world = Calm()
    world.practice.taken[ColumnId("TK1", "A")] = {8}
    await world.engine.recall()
    (report,) = await world.engine.preview(["Dr. Adler"])
    assert (report.state, report.added) == ("planned", hours(8) | LUNCH)
    world.source.faults = Faults(read_partial=ALWAYS)
    (report,) = await world.engine.preview(["Dr. Adler"])
    assert (report.state, report.fault is None) == ("failed", False)
    world.source.faults = Faults(read_failed=ALWAYS)
    (report,) = await world.engine.preview(["Dr. Adler"])
    assert report.fault == Fault("source.locked", {"file": "x"})
    assert (world.portal.uploads, world.ledger.writes) == ([], 0)
    world.source.faults = Faults()
    await world.sync()
    world.engine = world.new_engine()
    await world.engine.recall()
    (report,) = await world.engine.preview(["Dr. Adler"])
    assert report.state == "unchanged"


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
async def test_a_release_lets_go_what_was_shown_while_the_job_runs() -> None:
    """I3: by hand stays blocked until a person lets it go; the ledger knows before the reading that frees it."""
    world = Calm()
    adler = ColumnId("TK1", "A")
    world.practice.taken[adler] = {8, 9, 10, 11}

    async def then() -> None:
        await asyncio.sleep(200)
        world.practice.emptied.add(adler)
        world.source.hint(adler)
        await asyncio.sleep(5000)
        calendar = world.engine.calendars["Dr. Adler"]
        assert calendar.report is not None
        assert (calendar.report.patience, calendar.report.held) == (Patience.BY_HAND, hours(8, 9, 10, 11) | LUNCH)
        assert world.portal.held["Dr. Adler"] == hours(8, 9, 10, 11) | LUNCH
        world.source.faults = Faults(read_failed=ALWAYS)
        failed = await world.release(hours(8, 9))
        assert failed.state == "failed"
        assert world.ledger.calendars["Dr. Adler"].standing.released == hours(8, 9)
        world.source.faults = Faults()
        await asyncio.sleep(130)
        assert world.portal.held["Dr. Adler"] == hours(10, 11) | LUNCH

    await world.running(then)


@calmly
async def test_a_release_confirms_what_vanished() -> None:
    """I1, I3, fault 19: what fed a column and vanished frees nothing, until a person says that it is gone for good; and
    then nothing else that was missing and not shown.
    """
    world = Calm()
    adler = ColumnId("TK1", "A")
    world.practice.taken[adler] = {8, 9, 10, 11}

    async def then() -> None:
        await asyncio.sleep(200)
        world.source.gone.add(adler)
        world.practice.taken[adler] = {8}
        world.source.hint(adler)
        await asyncio.sleep(5000)
        assert world.portal.held["Dr. Adler"] == hours(8, 9, 10, 11) | LUNCH
        world.source.unkept = True
        assert (await world.release(EMPTY)).fault == Fault("ledger.unwritable", {"kind": "ENOSPC"})
        world.source.unkept = False
        assert (await world.release(EMPTY)).state == "uploaded"
        assert world.portal.held["Dr. Adler"] == hours(8, 9, 10, 11) | LUNCH  # these were missing before, and not shown
        assert (await world.release(hours(9, 10, 11))).state == "uploaded"
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH

    await world.running(then)


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
