"""What a person asks for, sync, plan and release, in a calm world and virtual time."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from engine.faults import Fault
from engine.model import ColumnId, Window
from engine.plan import Patience
from engine.ports import CalendarRecord, KeyRefusedError
from engine.spans import EMPTY, IntervalSet
from tests.simulation.calm import LIMITS, Calm, calmly, without
from tests.simulation.world import ALWAYS, LUNCH, Faults, hours


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
