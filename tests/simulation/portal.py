"""The portal of a story: it fails as a seed says, and asserts what must never happen when it would happen."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from math import inf
from random import Random

from engine.faults import Fault
from engine.limits import Limits
from engine.look import READING_LIFETIME
from engine.model import ColumnId, Window
from engine.ports import (
    KeyRefusedError,
    PortalError,
    RejectedError,
)
from engine.spans import EMPTY, IntervalSet
from tests.simulation.memory import MemoryLedger
from tests.simulation.source import HostileSource, Seen
from tests.simulation.world import EVER, HOUR, SUNDAY, WINDOW, Faults, clock


class HostilePortal:
    """Keeps what was uploaded; loses answers, applies late, refuses. Asserts what an engine must never send."""

    window_host = upload_host = "portal"

    def __init__(self, columns: Mapping[str, ColumnId], source: HostileSource, limits: Limits, chance: Random) -> None:
        self.columns, self.source, self.limits, self.chance = columns, source, limits, chance
        self.faults = Faults()
        self.asked_window = WINDOW
        self.held: dict[str, IntervalSet] = dict.fromkeys(columns, EMPTY)
        self.ledger: MemoryLedger | None = None
        self.uploads: list[tuple[float, str]] = []
        self.requests = self.questions = 0
        self.slow = 0.01
        """Seconds that an upload takes."""
        self.ponders = 0.01
        """Seconds that the window question takes."""
        self.refusing = False
        self.renewed = True
        """Whether a key that is accepted again is another one, or the same as before."""
        self.paused_until = 0.0
        self._paused_at, self._paused_before = -inf, 0.0
        self.forgetful = False
        """Whether a crash may lose the baseline, because the ledger could not be written."""
        self.unpaced = False
        """Whether a crash may shorten the pace: it is kept from before a write that failed, took long or froze; or the
        wall clock, in which it is kept, was set."""
        self.polite = True
        """Whether the bucket can be checked: what people order does not wait for it."""
        self.closed = False
        """Whether the job is off, and no person has ordered anything."""
        self.released: dict[str, IntervalSet] = defaultdict(IntervalSet)
        self.free_seen: set[ColumnId] = set()
        """Columns whose free row an engine has seen and written down."""
        self.stray: dict[str, IntervalSet] = defaultdict(IntervalSet)
        """What was freed long ago and came back with an upload that landed late: nobody has to wait for it again."""
        self.chronicle = source.chronicle
        self._under_way: set[str] = set()
        self._sent: dict[str, list[float]] = defaultdict(list)

    async def window(self) -> Window:
        self.questions += 1
        assert not self.closed, "I8: a question while off"
        assert clock() >= self.paused_until - 1e-3 or self.unpaced, "I10: a question during a pause"
        async with _counted(self):
            await asyncio.sleep(self.ponders)
            if self.refusing:
                raise KeyRefusedError(Fault("portal.key_refused", {"status": 401}), maybe_applied=False)
            if self.faults.draw(self.chance, "window_failed"):
                raise PortalError(Fault("portal.server_error", {"status": 500}), maybe_applied=True)
            if self.faults.draw(self.chance, "window_busy"):
                self._busy()
            return self.asked_window

    async def upload(self, name: str, window: Window, blocked: IntervalSet) -> int | None:
        self._tell_upload(name, window, blocked)
        self._assert_allowed(name, window, blocked)
        self._under_way.add(name)
        try:
            async with _counted(self):
                return await self._take(name, window, blocked)
        except PortalError as error:
            self.chronicle.say("portal", f"{name}: no success, {error.fault.code}")
            raise
        except asyncio.CancelledError:
            if self.limits.settle and self.chance.random() < 0.5:
                delay = self.chance.uniform(0.0, 0.9 * self.limits.settle)
                asyncio.get_running_loop().call_later(delay, self._land, name, window, blocked)
            raise
        finally:
            self._under_way.discard(name)

    def key_renewed(self) -> bool:
        return self.renewed and not self.refusing

    def _tell_upload(self, name: str, window: Window, blocked: IntervalSet) -> None:
        times, held = self.chronicle.times, window.clip(self.held[name])
        self.chronicle.say("sends", f"{name}, {self.chronicle.window(window)}: {times(blocked)}")
        if held != blocked:
            self.chronicle.say("", f"    would block {times(blocked - held)}, free {times(held - blocked)}")

    async def _take(self, name: str, window: Window, blocked: IntervalSet) -> int | None:
        await asyncio.sleep(self.slow)
        self._refuse()
        if self.faults.draw(self.chance, "never_lands"):
            await self._time_out()
        if self.faults.draw(self.chance, "lands_late"):
            delay = self.chance.uniform(1, max(1.0, self.limits.settle - 31))
            asyncio.get_running_loop().call_later(30 + delay, self._land, name, window, blocked)
            await self._time_out()
        self._apply(name, window, blocked)
        if self.faults.draw(self.chance, "answer_lost"):
            self.chronicle.say("portal", f"{name}: taken, and the answer gets lost")
            await self._time_out()
        self.chronicle.say("portal", f"{name}: taken")
        return len(blocked)

    def _refuse(self) -> None:
        if self.refusing:
            raise KeyRefusedError(Fault("portal.key_refused", {"status": 401}), maybe_applied=False)
        if self.faults.draw(self.chance, "upload_refused"):
            raise RejectedError(Fault("portal.rejected", {"status": 422}), maybe_applied=False)
        if self.faults.draw(self.chance, "upload_error"):
            raise PortalError(Fault("portal.server_error", {"status": 502}), maybe_applied=True)
        if self.faults.draw(self.chance, "upload_busy"):
            self._busy()

    def _busy(self) -> None:
        wait = self.chance.choice([5.0, 40.0, 100.0])
        self._paused_at, self._paused_before = clock(), self.paused_until
        self.paused_until = max(self.paused_until, clock() + wait)
        raise PortalError(Fault("portal.busy", {"status": 429}), maybe_applied=False, retry_after=wait)

    def lose_sight(self) -> None:
        """The process that asked is gone; in the instant of an answer it could not write down what that said."""
        if clock() - self._paused_at < 1e-3:
            self.paused_until = self._paused_before

    async def _time_out(self) -> None:
        await asyncio.sleep(30)
        raise PortalError(Fault("portal.timeout", {"seconds": 30}), maybe_applied=True)

    def _land(self, name: str, window: Window, blocked: IntervalSet) -> None:
        """What nobody waits for any more arrives all the same."""
        self.chronicle.say("portal", f"{name}: what was sent earlier lands: {self.chronicle.times(blocked)}")
        record = self.ledger.calendars.get(name) if self.ledger else None
        known = (record.standing.baseline if record else None) or EMPTY
        self.stray[name] = self.stray[name] | blocked - self.held[name] - known
        self._apply(name, window, blocked)

    def _apply(self, name: str, window: Window, blocked: IntervalSet) -> None:
        outside = self.held[name] - IntervalSet([(window.start, window.end)])
        self.held[name] = outside | blocked
        self.stray[name] = self.stray[name] & self.held[name]

    def _assert_allowed(self, name: str, window: Window, blocked: IntervalSet) -> None:
        now, seen = clock(), self.source.seen[name if self.source.reader else self.columns[name]]
        assert not self.closed, "I8: an upload while off"
        assert name not in self._under_way, "I4: two uploads of one calendar under way"
        assert now >= self.paused_until - 1e-3 or self.unpaced, "I10: an upload during a pause"
        assert window.clip(blocked) == blocked, "R7: an upload sticks out of its window"
        assert now - seen.at <= READING_LIFETIME + 1, "I4: an aged reading goes up"
        freed = window.clip(self.held[name]) - blocked
        assert not freed & seen.blocked or self.forgetful, "I1: an upload frees what was read as occupied"
        assert self.forgetful or not window.clip(seen.blocked) - blocked or not seen.whole, "I1: not all is blocked"
        assert self.forgetful or not window.clip(seen.shown) - blocked, "I1: what was read is not blocked"
        if not self.forgetful:
            self._assert_patient(name, window, freed, seen)
            self._assert_closed(name, window, blocked, seen)
        self._assert_polite(name, now)
        if self.ledger is not None and self.ledger.healthy:
            kept = self.ledger.calendars[name].standing.baseline or EMPTY
            assert not blocked - kept, "I6: an upload adds what the ledger does not know"
            known = kept | self.ledger.calendars[name].standing.lingering
            assert not self.held[name] - known or self.forgetful, "I1: the portal holds what the baseline lacks"
        self.uploads.append((now, name))

    def _assert_patient(self, name: str, window: Window, freed: IntervalSet, seen: Seen) -> None:
        """What the tester himself knows of how long each removal has to wait (I3)."""
        limits, freed = self.limits, freed - self.released[name] - SUNDAY
        starts = [start for start in EVER if start in freed]
        confirm = max(limits.guard_confirm, limits.free_delay) - 1e-3
        for start in starts:
            assert seen.missed(start) >= limits.free_delay - 1e-3, "I3: freed before it was ripe"
        young = [start for start in starts if seen.missed(start) < confirm] if limits.guard_confirm else []
        much = HOUR * len(young) >= max(limits.guard_min, 1)
        assert not much or 100 * len(young) <= limits.guard_percent * len(EVER), "I3: the guard slept"
        known = window.clip(self.held[name]) - self.stray[name]
        if not window.clip(seen.rows) and freed & known:
            assert not young, "I3: no row at all is guarded"
            assert known.total() < max(limits.guard_min, 1), "I3: freed without a hand"

    def _assert_closed(self, name: str, window: Window, blocked: IntervalSet, seen: Seen) -> None:
        """R12: a free row that was seen and is gone is blocked."""
        column = self.columns[name]
        gone = window.clip(SUNDAY) - seen.rows
        lacks = self.limits.block_vanished and column in self.free_seen and seen.whole and gone - blocked
        assert not lacks, "R12: a vanished free row can be booked"
        if seen.whole and window.clip(seen.free):
            self.free_seen.add(column)

    def _assert_polite(self, name: str, now: float) -> None:
        sent = self._sent[name]
        near = bool(sent) and now - sent[-1] < self.limits.upload_gap - 1e-6
        assert not near or self.unpaced, "I10: two uploads within the gap"
        sent.append(now)
        for count, begun in enumerate(reversed(sent), start=1):
            allowed = self.limits.upload_burst + (now - begun) / 60 + 1e-3
            assert count <= allowed or not self.polite, "I10: more than the burst and one a minute"


class _counted:  # noqa: N801 - reads as a word
    """Asserts that no more requests than allowed are under way."""

    def __init__(self, portal: HostilePortal) -> None:
        self.portal = portal

    async def __aenter__(self) -> None:
        self.portal.requests += 1
        assert self.portal.requests <= self.portal.limits.concurrency, "I10: too many requests under way"

    async def __aexit__(self, *_: object) -> None:
        self.portal.requests -= 1
