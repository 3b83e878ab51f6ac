"""What every `Portal` must do; an adapter passes it by giving two fixtures: the portal and a hand on its far side."""

import asyncio
from typing import Protocol

import pytest

from engine.model import Instant, Window
from engine.ports import KeyRefusedError, Portal, PortalError, RejectedError
from engine.spans import EMPTY, IntervalSet

HOUR = 3600
WINDOW = Window(Instant(1_795_388_400), Instant(1_803_164_400))
"""23 November 2026 to 20 February 2027 in Berlin, both days inclusive."""


def hours(*numbers: int) -> IntervalSet:
    """Whole hours of the window, counted from its beginning."""
    return IntervalSet((WINDOW.start + n * HOUR, WINDOW.start + (n + 1) * HOUR) for n in numbers)


class FarSide(Protocol):
    """What a test sees and does at the other end. A trouble befalls the next request, of either kind, and only that."""

    def held(self, name: str) -> IntervalSet:
        """What is blocked for the calendar."""
        ...

    def ask_for(self, window: Window) -> None:
        """Ask for this window from now on; it begins with `WINDOW`."""
        ...

    def refuse_key(self) -> None:
        """Refuse the key, of the next request and of all that follow."""
        ...

    def be_busy(self, seconds: int) -> None:
        """Ask to be left alone for so long."""
        ...

    def reject(self) -> None:
        """Refuse the request itself; the key is right."""
        ...

    def break_down(self) -> None:
        """Fail without saying whether anything was done."""
        ...

    def lose_answer(self) -> None:
        """Do what was asked, and lose the answer."""
        ...

    def go_silent(self) -> None:
        """Never answer."""
        ...

    async def arrival(self) -> None:
        """Until a request is under way here."""
        ...


class PortalContract:
    """Inherit, and override both fixtures; the portal's timeout should be a fraction of a second."""

    @pytest.fixture
    def far_side(self) -> FarSide:
        """The other end of `portal`."""
        raise NotImplementedError

    @pytest.fixture
    def portal(self, far_side: FarSide) -> Portal:
        """The portal under test."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------- when all is well

    async def test_the_window_is_what_the_portal_asks_for(self, portal: Portal, far_side: FarSide) -> None:
        """R1, fault 35: each question is answered anew, and a window that moved is the new one."""
        moved = Window(Instant(WINDOW.start + 24 * HOUR), Instant(WINDOW.end + 24 * HOUR))
        assert await portal.window() == WINDOW
        far_side.ask_for(moved)
        assert await portal.window() == moved

    async def test_an_upload_is_a_snapshot(self, portal: Portal, far_side: FarSide) -> None:
        """R2: it blocks and frees, and twice the same is once."""
        for blocked in (hours(8, 9, 11), hours(9, 30), hours(9, 30), EMPTY):
            await portal.upload("Dr. Adler", WINDOW, blocked)
            assert far_side.held("Dr. Adler") == blocked

    async def test_an_upload_replaces_within_its_window_only(self, portal: Portal, far_side: FarSide) -> None:
        """R2, R7: what lies outside of an upload's window stays as it was."""
        await portal.upload("Dr. Adler", WINDOW, hours(8, 50))
        later = Window(Instant(WINDOW.start + 24 * HOUR), WINDOW.end)
        await portal.upload("Dr. Adler", later, hours(60))
        assert far_side.held("Dr. Adler") == hours(8, 60)

    async def test_calendars_do_not_touch_each_other(self, portal: Portal, far_side: FarSide) -> None:
        """R2: an upload concerns the calendar of its name alone, whatever is in the name."""
        names = ["Dr. Ädler", 'Zahn & "Prophylaxe"', "Dr. Adler\\2", "日本"]
        await asyncio.gather(*(portal.upload(name, WINDOW, hours(n)) for n, name in enumerate(names)))
        assert [far_side.held(name) for name in names] == [hours(n) for n in range(len(names))]

    async def test_how_many_were_accepted(self, portal: Portal, far_side: FarSide) -> None:
        """R2: the count, or None from a portal that does not tell."""
        assert await portal.upload("Dr. Adler", WINDOW, hours(8, 10, 12)) in {3, None}

    def test_hosts_are_named(self, portal: Portal, far_side: FarSide) -> None:
        """I10: a pause is for a host, so every request has one."""
        assert portal.window_host
        assert portal.upload_host

    async def test_a_key_that_was_sent_is_not_renewed(self, portal: Portal, far_side: FarSide) -> None:
        """I10: a refused key is tried again at once only if it is another one."""
        await portal.window()
        assert not portal.key_renewed()

    # ------------------------------------------------------------------------------------------ when it fails

    async def test_a_refused_key_is_told_apart(self, portal: Portal, far_side: FarSide) -> None:
        """I10, fault 26: question and upload both say so, and nothing was applied."""
        far_side.refuse_key()
        with pytest.raises(KeyRefusedError) as question:
            await portal.window()
        with pytest.raises(KeyRefusedError) as upload:
            await portal.upload("Dr. Adler", WINDOW, hours(8))
        for caught in (question, upload):
            assert caught.value.fault.code == "portal.key_refused"
            assert not caught.value.maybe_applied
        assert far_side.held("Dr. Adler") == EMPTY

    async def test_a_pause_is_asked_for_in_seconds(self, portal: Portal, far_side: FarSide) -> None:
        """I10, fault 24: the engine learns how long to leave the host alone."""
        far_side.be_busy(7)
        with pytest.raises(PortalError) as caught:
            await portal.upload("Dr. Adler", WINDOW, hours(8))
        assert caught.value.fault.code == "portal.busy"
        assert caught.value.retry_after == 7
        assert not isinstance(caught.value, KeyRefusedError | RejectedError)

    async def test_a_rejected_upload_is_told_apart(self, portal: Portal, far_side: FarSide) -> None:
        """I10: it was not applied, and it says nothing about the next one."""
        far_side.reject()
        with pytest.raises(RejectedError) as caught:
            await portal.upload("Dr. Adler", WINDOW, hours(8))
        assert caught.value.fault.code == "portal.rejected"
        assert not caught.value.maybe_applied
        await portal.upload("Dr. Berg", WINDOW, hours(8))
        assert far_side.held("Dr. Adler") == EMPTY

    async def test_a_breakdown_leaves_the_outcome_open(self, portal: Portal, far_side: FarSide) -> None:
        """I6, fault 25: a 5xx may have been applied; the next request has a chance of its own."""
        far_side.break_down()
        with pytest.raises(PortalError) as caught:
            await portal.upload("Dr. Adler", WINDOW, hours(8))
        assert caught.value.maybe_applied
        assert not isinstance(caught.value, KeyRefusedError | RejectedError)
        await portal.upload("Dr. Adler", WINDOW, hours(9))
        assert far_side.held("Dr. Adler") == hours(9)

    async def test_a_lost_answer_leaves_the_outcome_open(self, portal: Portal, far_side: FarSide) -> None:
        """I6, fault 27: the portal applied it, and the one who asked does not know."""
        far_side.lose_answer()
        with pytest.raises(PortalError) as caught:
            await portal.upload("Dr. Adler", WINDOW, hours(8))
        assert caught.value.maybe_applied
        assert far_side.held("Dr. Adler") == hours(8)

    async def test_silence_is_ended_by_the_timeout(self, portal: Portal, far_side: FarSide) -> None:
        """I6, I10, fault 31: an answer that never comes ends in a fault, and the next request works."""
        far_side.go_silent()
        async with asyncio.timeout(20):
            with pytest.raises(PortalError) as caught:
                await portal.upload("Dr. Adler", WINDOW, hours(8))
        assert caught.value.fault.code == "portal.timeout"
        assert caught.value.maybe_applied
        assert await portal.window() == WINDOW

    async def test_a_question_that_fails_is_a_fault(self, portal: Portal, far_side: FarSide) -> None:
        """R1: no answer, no window, and never an empty one; nothing of a question can be applied."""
        for trouble in (far_side.break_down, far_side.lose_answer, far_side.reject):
            trouble()
            with pytest.raises(PortalError) as caught:
                await portal.window()
            assert not caught.value.maybe_applied
        assert await portal.window() == WINDOW

    async def test_a_cancelled_upload_leaves_the_portal_usable(self, portal: Portal, far_side: FarSide) -> None:
        """I8: whoever stops in the middle of a request hangs nothing, and a cancellation is not swallowed."""
        far_side.go_silent()
        upload = asyncio.create_task(portal.upload("Dr. Adler", WINDOW, hours(8)))
        await far_side.arrival()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert await portal.window() == WINDOW
