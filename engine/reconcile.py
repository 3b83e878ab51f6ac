"""One calendar, once: read, then plan, then remember, then upload, then remember; in this order, whatever fails.

A failed or aged reading never goes up, what an upload adds is in the ledger before its first byte leaves (I6), and a
ledger that cannot be written stops no addition and frees nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from math import inf
from random import Random
from typing import Final, NamedTuple, assert_never

import msgspec

from engine import history, plan
from engine.calendar import Calendar
from engine.faults import Fault
from engine.gate import Gate
from engine.limits import Limits
from engine.look import READING_LIFETIME, Lookout, Sight
from engine.memory import Memory
from engine.model import Days
from engine.plan import Change, Decision, Hold, Patience, Unchanged, Upload
from engine.ports import (
    Ahead,
    ColumnRecord,
    Entry,
    Ledger,
    Observer,
    Portal,
    PortalError,
    RejectedError,
    Report,
    Source,
)
from engine.window import WindowKeeper

_Accepted = Callable[[Calendar, Sight, Change, float], Awaitable[Report]]
"""What an accepted upload, which left then, comes to."""
_MOST_READINGS: Final = 3
"""How often a turn reads anew because its reading had aged; then the next turn goes on."""


class World(NamedTuple):
    """What is passed in from outside: the four ports, the wall clock in seconds since the epoch, and chance."""

    source: Source
    portal: Portal
    ledger: Ledger
    observer: Observer
    wall: Callable[[], float]
    chance: Random


class Reconciler:
    """Makes the portal equal to the practice, one calendar at a time; the caller sees to it that no two turns of a
    calendar overlap (I4).
    """

    def __init__(self, world: World, gate: Gate, keeper: WindowKeeper, limits: Limits) -> None:
        self.memory = Memory(world.ledger, world.observer)
        self.lookout = Lookout(world.source, limits, world.wall)
        self.upload_host = world.portal.upload_host
        self._world, self._gate, self._keeper, self._limits = world, gate, keeper, limits

    def ready_at(self, calendar: Calendar, now: float, *, asked: bool) -> float:
        """From when on an upload of this calendar may go; infinite while nobody knows, as before the window (R1)."""
        if not asked and (self._keeper.window is None or not self._keeper.asked):
            return inf
        allowed = self._gate.upload_at(self._world.portal.upload_host, now, asked=asked)
        return max(allowed, calendar.ready_at(now, asked=asked))

    async def keep(
        self, calendar: Calendar, column: ColumnRecord | None = None, entries: tuple[Entry, ...] = ()
    ) -> bool:
        """Write down how `calendar` stands, and what is new of its column; a later turn makes up for a failure."""
        record, ahead = calendar.record(_now(), self._world.wall()), calendar.ahead
        columns = {} if column is None else {calendar.column: column}
        kept = await self.memory.keep(calendars={calendar.name: record}, columns=columns, entries=entries)
        calendar.written(ahead, kept=kept)
        return kept

    async def turn(self, calendar: Calendar, *, asked: bool = False) -> Report:
        """Read, decide and perform; `asked` when a person wants the upload even if nothing changed. Where only some
        days changed, what they add goes up without a reading of all the others.
        """
        days = calendar.changed_days()
        if days is not None and not asked and not self._limits.block_vanished and calendar.extends(_now()):
            report = await self._extend(calendar, days)
            if report is not None:
                return report
        for number in range(_MOST_READINGS):
            sight = await self._look(calendar)
            if isinstance(sight, Fault):
                return self._blind(calendar, sight)
            # A disk that could not be written is not waited for once more, or each reading ages as the last one did.
            writes = number == 0 or self.memory.trouble is None
            report = await self._perform(calendar, sight, asked=asked, writes=writes)
            if report is not None:
                return report
        return self._blind(calendar, Fault("job.too_slow"))

    async def glance(self, calendar: Calendar) -> Report:
        """Read although nothing may go up yet: what is right stays known as right, and removals ripen (I3, I11). `held`
        where something would go up.
        """
        sight = await self._look(calendar)
        if isinstance(sight, Fault):
            return self._blind(calendar, sight)
        decision = self._decide(calendar, sight, owed=calendar.owed(_now()), asked=False)
        calendar.shows(decision.change, sight.began)
        if isinstance(decision, Unchanged):
            return await self._rest(calendar, sight, decision.change, "unchanged")
        entries = history.rested(calendar, sight, decision.change)
        calendar.waits(decision.change)
        await self._keep_news(calendar, sight, entries)
        return _report(calendar, "held", sight, decision.change)

    async def preview(self, calendar: Calendar) -> Report:
        """What a turn would do now; writes nothing and sends nothing."""
        sight = await self._look(calendar)
        if isinstance(sight, Fault):
            return self._blind(calendar, sight)
        decision = self._decide(calendar, sight, owed=False, asked=False)
        match decision:
            case Upload(change):
                return _report(calendar, "planned", sight, change)
            case Unchanged(change):
                return _report(calendar, "unchanged", sight, change)
            case Hold(change, reason):
                return _report(calendar, "failed", sight, change, fault=reason)
            case _:
                assert_never(decision)

    async def _extend(self, calendar: Calendar, days: Days) -> Report | None:
        """Send what `days` add, and have the whole column read where they lack something. None when they add nothing,
        or there is more to be done than that.
        """
        window, pace = self._keeper.window, calendar.pace
        sight = None if window is None else await self.lookout.glimpse(calendar, window, days)
        if window is None or sight is None:
            return None
        change = plan.extension(calendar.standing, sight.seen.blocked, window)
        if not change.added:
            return None
        calendar.shows(change, sight.began)
        if not await self._announce_ahead(calendar, change):
            calendar.pace = pace
            return None
        return await self._upload(calendar, sight, change, self._extended, asked=False)

    async def _announce_ahead(self, calendar: Calendar, change: Change) -> bool:
        """As `_announce`; what is written is as long as what is added, however long the column is."""
        calendar.starts(_now())
        calendar.expects(change)
        calendar.ahead |= change.added
        ahead = Ahead(calendar.ahead, calendar.pace_record(_now(), self._world.wall()))
        return await self.memory.keep(ahead={calendar.name: ahead})

    async def _extended(self, calendar: Calendar, sight: Sight, change: Change, began: float) -> Report:
        now, before = _now(), calendar.report
        entries = history.accepted(calendar, sight, change, at=self._world.wall(), began=began, now=now)
        missing = sight.window.clip(change.send) - sight.seen.blocked
        calendar.extended(change, sight.seen.blocked, now, again=bool(missing))
        await self.memory.keep(entries=entries)
        report = _report(calendar, "uploaded", sight, change)
        assert before is not None  # what it stands on was told of
        held = before.held - sight.seen.blocked
        return msgspec.structs.replace(
            report,
            appointments=before.appointments,
            held=held,
            patience=before.patience,
            ripe_in=before.ripe_in,
            vanished=before.vanished,
            doubts=before.doubts,
        )

    async def _look(self, calendar: Calendar) -> Sight | Fault:
        window = self._keeper.window
        if window is None:
            return self._keeper.trouble or Fault("portal.no_window")
        return await self.lookout.look(calendar, window)

    def _decide(self, calendar: Calendar, sight: Sight, *, owed: bool, asked: bool, may_free: bool = True) -> Decision:
        change = plan.change(calendar.standing, sight.seen, sight.window, self._limits, may_free=may_free)
        return plan.decide(calendar.standing, sight.seen, change, owed=owed, asked=asked)

    async def _perform(self, calendar: Calendar, sight: Sight, *, asked: bool, writes: bool) -> Report | None:
        """Do what the plan says; None when the reading aged before its upload could leave."""
        owed, pace = calendar.owed(_now()), calendar.pace
        decision = self._decide(calendar, sight, owed=owed, asked=asked)
        calendar.shows(decision.change, sight.began)
        if isinstance(decision, Upload) and not await self._announce(calendar, sight, decision.change, writes=writes):
            decision = self._decide(calendar, sight, owed=owed, asked=asked, may_free=False)
            if not isinstance(decision, Upload):
                calendar.pace = pace
        match decision:
            case Upload(change):
                return await self._upload(calendar, sight, change, self._accepted, asked=asked)
            case Unchanged(change):
                return await self._rest(calendar, sight, change, "unchanged")
            case Hold(change, reason):
                return await self._rest(calendar, sight, change, "failed" if sight.seen.incomplete else "held", reason)
            case _:
                assert_never(decision)

    async def _announce(self, calendar: Calendar, sight: Sight, change: Change, *, writes: bool) -> bool:
        """Write down what the upload adds, before it leaves (I6); whether that succeeded."""
        calendar.starts(_now())
        calendar.expects(change)
        return writes and await self._keep(calendar, sight)

    async def _rest(
        self, calendar: Calendar, sight: Sight, change: Change, state: str, reason: Fault | None = None
    ) -> Report:
        entries = history.rested(calendar, sight, change)
        calendar.rests(change, _now())
        self._mark_right(calendar, sight, change)
        await self._keep_news(calendar, sight, entries)
        return _report(calendar, state, sight, change, fault=reason)

    async def _upload(
        self, calendar: Calendar, sight: Sight, change: Change, accepted: _Accepted, *, asked: bool
    ) -> Report | None:
        portal, began = self._world.portal, _now()
        allowed = self._gate.upload_at(portal.upload_host, began, asked=asked)
        if allowed > began:
            calendar.again_at, reason = allowed, self._gate.reason(portal.upload_host, began)
            return _report(calendar, "failed" if self._gate.refused else "held", sight, change, fault=reason)
        # The loop's clock stands still while a machine sleeps, and the wall clock may be set: either tells.
        if max(began - sight.began, self._world.wall() - sight.wall) > READING_LIFETIME:
            return None
        calendar.leaves(began)
        try:
            await portal.upload(calendar.name, change.window, change.send)
        except PortalError as error:
            return await self._failed(calendar, sight, change, error, began)
        return await accepted(calendar, sight, change, began)

    async def _accepted(self, calendar: Calendar, sight: Sight, change: Change, began: float) -> Report:
        now = _now()
        entries = history.accepted(calendar, sight, change, at=self._world.wall(), began=began, now=now)
        calendar.succeeded(change, began, now)
        self._mark_right(calendar, sight, change)
        await self._keep(calendar, sight, entries)
        return _report(calendar, "uploaded", sight, change)

    async def _failed(
        self, calendar: Calendar, sight: Sight, change: Change, error: PortalError, began: float
    ) -> Report:
        calendar.failed(change, error, _now(), self._world.chance)
        self._keeper.heed(error, self._world.portal.upload_host, began)
        if error.retry_after is not None:
            await self.memory.keep(portal=self._keeper.record())
        retry = not isinstance(error, RejectedError) and self._gate.refused is None
        return _report(calendar, "failed", sight, change, fault=error.fault, retry=retry)

    def _mark_right(self, calendar: Calendar, sight: Sight, change: Change) -> None:
        """The calendar is known to be right since this reading began (I11)."""
        waits = change.patience is Patience.BY_HAND and change.held
        if calendar.clean and sight.seen.incomplete is None and self._keeper.trouble is None and not waits:
            calendar.right_at = sight.wall

    async def _keep_news(self, calendar: Calendar, sight: Sight, entries: tuple[Entry, ...]) -> None:
        if entries or sight.ripening or sight.column is not None or calendar.unwritten:
            await self._keep(calendar, sight, entries)

    async def _keep(self, calendar: Calendar, sight: Sight, entries: tuple[Entry, ...] = ()) -> bool:
        columns = self.lookout.columns if sight.column is not None or calendar.unwritten else {}
        return await self.keep(calendar, columns.get(calendar.column), entries)

    def _blind(self, calendar: Calendar, fault: Fault) -> Report:
        calendar.unread(_now(), self._world.chance)
        return Report(name=calendar.name, column=calendar.column, state="failed", fault=fault, retry=True)


def _report(
    calendar: Calendar, state: str, sight: Sight, change: Change, *, fault: Fault | None = None, retry: bool = False
) -> Report:
    return Report(
        name=calendar.name,
        column=calendar.column,
        state=state,
        appointments=sight.seen.appointments,
        blocks=len(change.send),
        added=change.added,
        removed=change.removed,
        held=change.held,
        patience=change.patience,
        ripe_in=change.ripe_in,
        vanished=sight.vanished,
        doubts=sight.seen.doubts,
        fault=fault or sight.seen.incomplete,
        retry=retry,
        seconds=_now() - sight.began,
        right_at=calendar.right_at,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
