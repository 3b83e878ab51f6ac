"""The engine where two things meet: switch and key, settling and an upload under way, a slow reading and a removal."""

import asyncio

from engine.faults import Fault
from engine.look import READING_LIFETIME
from engine.model import DAY, ColumnId, Instant, Window
from engine.ports import Noticed, PortalRecord
from engine.spans import EMPTY
from tests.simulation.calm import LIMITS, Calm, calmly, without
from tests.simulation.world import ALWAYS, HOUR, LUNCH, MONDAY, SUNDAY, WINDOW, Faults, hours

ADLER = ColumnId("TK1", "A")


@calmly
async def test_a_refused_key_is_probed_again_after_the_job_was_off() -> None:
    """I8, I10, fault 26: a probe that fell due while the job was off is made up for; the job is not deaf for ever."""
    world = Calm()
    world.portal.renewed = False

    async def then() -> None:
        await asyncio.sleep(100)
        world.portal.refusing = True
        world.take(8)
        await asyncio.sleep(1)
        assert world.engine.gate.refused
        world.engine.switch(on=False)
        asked = world.portal.questions
        await asyncio.sleep(3000)
        assert world.portal.questions == asked
        world.portal.refusing = False
        world.engine.switch(on=True)
        await asyncio.sleep(10)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH

    await world.running(then)


@calmly
async def test_an_old_refusal_that_arrives_late_does_not_stop_a_renewed_key() -> None:
    """I10, fault 26: a 401 for an upload that left with the old key says nothing of the key that was accepted since."""
    world = Calm()
    world.portal.renewed = False

    async def then() -> None:
        await asyncio.sleep(200)
        world.portal.slow = 20.0
        world.take(8)
        await asyncio.sleep(19)
        world.portal.refusing = True
        world.engine.keeper.retry_at = 0.0
        await asyncio.sleep(0.5)
        await world.engine.keeper.ask()
        assert world.engine.gate.refused
        world.portal.refusing = False
        await world.engine.keeper.ask()
        world.portal.refusing = True
        await asyncio.sleep(0.9)
        world.portal.refusing, world.portal.slow = False, 0.01
        await asyncio.sleep(30)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH

    await world.running(then)


@calmly
async def test_what_is_to_settle_while_an_upload_is_under_way_settles_right_after_it() -> None:
    """I6: the settling upload is not put off until the next tick, which may be a day away."""
    world = Calm(limits=without(LIMITS, interval=86_400.0, settle=2.0))
    world.portal.slow = 5.0

    async def then() -> None:
        await asyncio.sleep(20)
        assert len(world.portal.uploads) == 2
        await asyncio.sleep(7200)
        assert len(world.portal.uploads) == 2

    await world.running(then)


@calmly
async def test_the_time_that_a_slow_reading_takes_does_not_ripen() -> None:
    """I3: from the end of the first reading that lacked it to the beginning of the last one, the whole delay passes."""
    world = Calm()
    world.practice.taken[ADLER] = set(range(8, 20))

    async def then() -> None:
        await asyncio.sleep(200)
        world.source.lasts = 9.0
        world.source.hint(ADLER)
        await asyncio.sleep(8.9)
        world.practice.taken[ADLER] -= {19}
        read_at = asyncio.get_running_loop().time()
        await asyncio.sleep(1)
        world.source.lasts = 0.002
        while 19 * HOUR + MONDAY in world.portal.held["Dr. Adler"]:
            await asyncio.sleep(0.05)
            world.source.hint(ADLER)
        assert asyncio.get_running_loop().time() - read_at >= LIMITS.free_delay

    await world.running(then)


@calmly
async def test_a_reading_that_hangs_is_a_failed_one() -> None:
    """I2, I11: it keeps no worker for ever; the next reading is tried with backoff."""
    world = Calm()

    async def then() -> None:
        world.source.lasts = 1e9
        await asyncio.sleep(READING_LIFETIME + 5)
        assert world.listener.reports("Dr. Adler")[-1].fault == Fault("job.too_slow")
        world.source.lasts = 0.002
        await asyncio.sleep(2 * READING_LIFETIME)
        assert world.portal.held["Dr. Adler"] == LUNCH

    await world.running(then)


@calmly
async def test_an_upload_that_never_left_takes_nothing_of_the_pace() -> None:
    """I6, I10: while the ledger cannot be written and a removal waits for it, an addition need not wait for a gap."""
    world = Calm(limits=without(LIMITS, upload_gap=600.0, upload_burst=1))
    world.practice.taken[ADLER] = {8, 9, 10, 11}

    async def then() -> None:
        await asyncio.sleep(1500)
        world.ledger.faults = Faults(ledger_fails=ALWAYS)
        world.take(9)
        await asyncio.sleep(700)
        world.take(20)
        await asyncio.sleep(1)
        assert world.portal.held["Dr. Adler"] == hours(8, 9, 10, 11, 20) | LUNCH

    await world.running(then)


@calmly
async def test_what_could_not_be_written_is_written_later() -> None:
    """I3, I6, R12: what the ledger missed while it could not be written goes with the next write."""
    world = Calm()
    world.practice.taken[ADLER] = {8, 9, 10, 11}

    async def then() -> None:
        await asyncio.sleep(200)
        world.take(9)
        await asyncio.sleep(5)
        world.ledger.faults = Faults(ledger_fails=ALWAYS)
        world.practice.no_free = True
        world.take(9)
        await asyncio.sleep(5)
        world.ledger.faults = Faults()
        await asyncio.sleep(130)
        assert world.ledger.calendars["Dr. Adler"].standing.losses == ()

    await world.running(then)


@calmly
async def test_a_release_while_the_ledger_fails_is_not_forgotten() -> None:
    """I3, I6: the turn under way does not undo what a person said meanwhile."""
    world = Calm()
    world.practice.taken[ADLER] = {8, 9, 10, 11}

    async def then() -> None:
        await asyncio.sleep(200)
        world.practice.emptied.add(ADLER)
        world.source.hint(ADLER)
        await asyncio.sleep(100)
        world.ledger.lasts = 3.0
        world.ledger.faults = Faults(ledger_fails=ALWAYS)
        order = asyncio.create_task(world.engine.sync(["Dr. Adler"]))
        await asyncio.sleep(1)
        released = asyncio.create_task(world.release(hours(8, 9, 10, 11) | LUNCH))
        await asyncio.gather(order, released)
        world.ledger.lasts, world.ledger.faults = 0.0005, Faults()
        await asyncio.sleep(130)
        assert world.portal.held["Dr. Adler"] == EMPTY

    await world.running(then)


@calmly
async def test_a_sync_frees_all_that_ripens_and_however_long_that_takes() -> None:
    """I3: it reads again after the whole delay, in a process of its own too, where no tick reads in between."""
    world = Calm(limits=without(LIMITS, free_delay=600.0))
    world.practice.taken[ADLER] = {8, 9, 10, 11}
    await world.sync()
    world.practice.taken[ADLER] = {8, 9, 10}
    report = await world.sync()
    assert (report.state, report.removed, report.held) == ("uploaded", hours(11), EMPTY)


@calmly
async def test_an_order_that_was_given_up_is_not_carried_out() -> None:
    """I8: whoever stopped waiting for the gap has nothing sent later, while the job is off."""
    world = Calm(limits=without(LIMITS, upload_gap=300.0))

    async def then() -> None:
        await asyncio.sleep(10)
        world.engine.switch(on=False)
        order = asyncio.create_task(world.engine.sync(["Dr. Adler"]))
        await asyncio.sleep(60)
        order.cancel()
        await asyncio.sleep(1000)
        assert len(world.portal.uploads) == 1

    await world.running(then)


@calmly
async def test_a_sync_frees_what_went_last_too() -> None:
    """I3: what ripened already when the sync began does not make it leave early."""
    world = Calm()
    world.practice.taken[ADLER] = set(range(8, 20))

    async def then() -> None:
        await asyncio.sleep(200)
        world.take(19)
        await asyncio.sleep(6)
        world.practice.taken[ADLER] -= {18}
        (report,) = await world.engine.sync(["Dr. Adler"])
        assert (report.removed, report.held) == (hours(18, 19), EMPTY)

    await world.running(then)


@calmly
async def test_a_pause_of_the_window_s_host_alone_does_not_stop_uploads_after_a_restart() -> None:
    """R1, I10: the last window stays in use, and is known as stale."""
    world = Calm()
    world.portal.window_host = "elsewhere"
    world.ledger.portal = PortalRecord(WINDOW, MONDAY, {"elsewhere": MONDAY + 1000 + 3000.0})

    async def then() -> None:
        await asyncio.sleep(30)
        assert world.portal.held["Dr. Adler"] == LUNCH
        assert world.portal.questions == 0
        assert world.engine.calendars["Dr. Adler"].right_at is None
        await asyncio.sleep(3100)
        assert world.engine.calendars["Dr. Adler"].right_at is not None

    await world.running(then)


@calmly
async def test_a_clock_set_back_lengthens_no_pause() -> None:
    """I10, fault 43: what was left of a pause when it was written is the most that is left of it."""
    world = Calm()
    later = MONDAY + 500_000
    world.ledger.portal = PortalRecord(WINDOW, None, {"portal": later + 60.0}, later)

    async def then() -> None:
        await asyncio.sleep(59)
        assert world.portal.uploads == []
        await asyncio.sleep(30)
        assert world.portal.uploads

    await world.running(then)


@calmly
async def test_a_vanished_free_row_stays_blocked_when_the_window_shrinks_and_grows_again() -> None:
    """R12: what was seen in the window is remembered while the window is elsewhere."""
    world = Calm(limits=without(LIMITS, block_vanished=True))
    await world.sync()
    world.practice.no_free = True
    await world.sync()
    assert world.portal.held["Dr. Adler"] == LUNCH | SUNDAY
    world.portal.asked_window = Window(MONDAY, Instant(MONDAY + DAY))
    await world.sync()
    world.portal.asked_window = WINDOW
    report = await world.sync()
    assert (report.held, report.vanished) == (EMPTY, SUNDAY)
    assert world.portal.held["Dr. Adler"] == LUNCH | SUNDAY


@calmly
async def test_a_free_row_that_an_incomplete_reading_saw_has_been_seen() -> None:
    """R12, I2: an incomplete reading proves that a row is there, and never that one has vanished."""
    world = Calm(limits=without(LIMITS, block_vanished=True))
    world.practice.no_free = True
    await world.sync()
    world.practice.no_free = False
    world.source.faults = Faults(read_partial=ALWAYS)
    await world.sync()
    world.source.faults = Faults()
    world.practice.no_free = True
    await world.sync()
    assert world.portal.held["Dr. Adler"] == LUNCH | SUNDAY


@calmly
async def test_the_reading_of_a_tick_is_not_put_off_by_a_window_question_that_hangs() -> None:
    """I5, R1: a lost event costs one interval, however long the portal thinks about its window."""
    world = Calm()
    adler = world.practice.taken[ADLER]

    async def then() -> None:
        await asyncio.sleep(130)
        world.portal.ponders = 300.0
        await asyncio.sleep(60)
        adler.add(8)
        await asyncio.sleep(LIMITS.interval + 3)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH

    await world.running(then)


@calmly
async def test_what_is_right_stays_known_as_right_within_a_long_gap() -> None:
    """I5, I11: the tick reads everything, also what may not be uploaded yet; unchanged ticks renew what is right."""
    world = Calm(limits=without(LIMITS, upload_gap=600.0, settle=0.0))

    async def then() -> None:
        await asyncio.sleep(300)
        assert (world.engine.calendars["Dr. Adler"].right_at or 0) > world.wall() - 70
        world.take(8)
        await asyncio.sleep(100)
        assert world.portal.held["Dr. Adler"] == LUNCH
        assert world.source.readings < 10
        world.source.faults = Faults(read_failed=ALWAYS)
        await asyncio.sleep(70)
        assert world.listener.reports("Dr. Adler")[-1].fault == Fault("source.locked", {"file": "x"})
        world.source.faults = Faults()
        await asyncio.sleep(131)
        assert world.portal.held["Dr. Adler"] == hours(8) | LUNCH

    await world.running(then)


@calmly
async def test_an_upload_counts_from_when_it_leaves() -> None:
    """I10: a slow disk before one upload does not bring the next one nearer."""
    world = Calm(limits=without(LIMITS, upload_burst=1, settle=0.0))

    async def then() -> None:
        await asyncio.sleep(200)
        world.ledger.lasts = 4.0
        world.take(8)
        await asyncio.sleep(10)
        world.ledger.lasts = 0.0005
        world.take(9)
        await asyncio.sleep(100)
        first, second = (at for at, _ in world.portal.uploads[-2:])
        assert second - first >= 60

    await world.running(then)


@calmly
async def test_what_hinders_the_hints_is_told_once_and_once_when_it_is_over() -> None:
    """I11: polling for want of change events decides nothing, and is no secret."""
    world = Calm()
    note = Fault("source.pooler")

    async def then() -> None:
        await asyncio.sleep(10)
        world.source.noted = (note,)
        await asyncio.sleep(200)
        assert world.engine.source_notes() == (note,)
        world.source.noted = ()
        await asyncio.sleep(200)
        assert world.engine.source_notes() == ()

    await world.running(then)
    told = [each for each in world.listener.events if isinstance(each, Noticed) and each.topic == "source"]
    assert told == [Noticed("source", note), Noticed("source", note, over=True)]


@calmly
async def test_what_an_unanswered_upload_freed_is_sent_again_when_it_is_taken_again() -> None:
    """I5, I6, fault 27: without a settle upload too, though the window was elsewhere when the next one was accepted."""
    world = Calm(limits=without(LIMITS, settle=0.0, guard_min=10 * HOUR))
    world.practice.taken[ADLER] = {8, 9}

    async def then() -> None:
        await asyncio.sleep(30)
        world.portal.faults = Faults(answer_lost=ALWAYS)
        world.take(8)
        await asyncio.sleep(25)
        assert world.portal.held["Dr. Adler"] == hours(9) | LUNCH
        world.portal.faults = Faults()
        world.portal.asked_window = Window(Instant(MONDAY + 20 * DAY), Instant(MONDAY + 27 * DAY))
        await asyncio.sleep(120)
        world.portal.asked_window = WINDOW
        world.take(8)
        await asyncio.sleep(120)
        assert world.portal.held["Dr. Adler"] == hours(8, 9) | LUNCH

    await world.running(then)


@calmly
async def test_what_may_have_landed_late_is_sent_when_it_is_taken_again() -> None:
    """I6, fault 28: it never landed, and the settle upload went to another window: nobody knows what is there."""
    world = Calm(limits=without(LIMITS, guard_min=10 * HOUR))
    world.practice.no_lunch = True  # what is doubted there would be sent, and this with it

    async def then() -> None:
        await asyncio.sleep(205)
        world.portal.faults = Faults(never_lands=ALWAYS)
        world.take(8)
        await asyncio.sleep(5)
        world.portal.faults = Faults()
        world.take(8)
        await asyncio.sleep(40)
        assert world.portal.held["Dr. Adler"] == EMPTY
        world.portal.asked_window = Window(Instant(MONDAY + 20 * DAY), Instant(MONDAY + 27 * DAY))
        await asyncio.sleep(150)
        world.portal.asked_window = WINDOW
        world.take(8)
        await asyncio.sleep(100)
        assert world.portal.held["Dr. Adler"] == hours(8)

    await world.running(then)
