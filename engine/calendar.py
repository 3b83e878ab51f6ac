"""One online calendar's state: every change of it is one method, without `await`, so it is never seen half done.

Times are those of the loop's clock, but for a record's, which outlives the process and counts in wall-clock seconds.
"""

from math import inf
from random import Random
from typing import Final

from engine import pace as pacing
from engine.exposure import Exposure, shown
from engine.limits import Limits
from engine.model import ColumnId, Days, joined
from engine.plan import Change, Standing, accepted, recalled, sending, settled, unanswered
from engine.ports import CalendarRecord, KeyRefusedError, PaceRecord, PortalError, RejectedError, Report
from engine.spans import EMPTY, IntervalSet

_FEW_DAYS: Final = 14
"""More than these are read no faster than the whole column."""
_ROUNDING: Final = 0.01
"""Seconds by which a timer is late, so that no rounding makes it too early for what it is there for."""


class Calendar:
    """What is remembered of an online calendar, and what only this process knows of it."""

    def __init__(
        self, name: str, column: ColumnId, record: CalendarRecord, limits: Limits, now: float, wall: float
    ) -> None:
        self.name, self.column, self._limits = name, column, limits
        self.standing: Standing = recalled(record.standing) if limits.settle else record.standing
        self.right_at = record.right_at
        """Wall-clock time at which the newest reading that equals an accepted upload began (I11)."""
        self.pace = _recalled(record.pace, limits, now, wall)
        self.report: Report | None = None
        """How its last turn ended."""
        self.clean = False
        """Whether the last attempt ended in acceptance; a process that starts knows nothing (I6)."""
        self.settle_at = now + limits.settle if limits.settle else inf
        """When to send once more, because an earlier upload may land late; infinite when none can."""
        self.doubted = self.standing.baseline or EMPTY
        """Where an earlier upload may land late; a process that starts does not know its predecessor's windows."""
        self.refresh_at = inf
        self.last_complete: float | None = None
        """When the last complete reading began."""
        self.due = True
        """Whether a tick passed since its column was last read."""
        self.days: Days | None = None
        """The only days in which something changed since its column was last read, as far as is known."""
        self.whole = True
        """Whether more may have changed than these days."""
        self.ahead = EMPTY
        """What went up since the ledger last had its whole record."""
        self.unwritten = False
        """Whether the ledger missed the last record of it."""
        self.refused = False
        """Whether the portal refused the key at its last attempt."""
        self.failures = 0
        """Failed readings in a row."""
        self.exposure = Exposure()
        """What the portal may lack, since when."""
        self.waiting = EMPTY
        """Removals of which the history knows that they wait."""
        self.again_at = inf
        """When it has to be looked at again, if nothing happens before."""

    def record(self, now: float, wall: float) -> CalendarRecord:
        """What the next process should know."""
        return CalendarRecord(standing=self.standing, pace=self.pace_record(now, wall), right_at=self.right_at)

    def pace_record(self, now: float, wall: float) -> PaceRecord:
        """Its pace, as the next process should know it."""
        ahead, pace = wall - now, self.pace
        return PaceRecord(pace.tokens, pace.counted + ahead, None if pace.last is None else pace.last + ahead)

    def owed(self, now: float) -> bool:
        """Whether an upload is due although nothing changed (R14)."""
        return not self.clean or now >= min(self.settle_at, self.refresh_at)

    def ready_at(self, now: float, *, asked: bool) -> float:
        """When its own pace allows the next upload (I10)."""
        return pacing.ready_at(self.pace, now, self._limits, asked=asked)

    def hinted(self, days: Days | None) -> None:
        """Something changed in these days, or nobody knows in which."""
        self.whole = self.whole or days is None
        self.days = joined(self.days or days, days)

    def changed_days(self) -> Days | None:
        """The days to be read, if no others need to be; they count as read from now on (I5)."""
        days, whole = self.days, self.whole
        self.whole, self.days = False, None
        return None if whole or days is None or days.last - days.first > _FEW_DAYS else days

    def extends(self, now: float) -> bool:
        """Whether a few days are enough: nothing else is due, and what it stands on is beyond doubt."""
        certain = self.clean and not self.unwritten and self.standing.baseline is not None
        return certain and not self.owed(now) and self.report is not None and self.report.fault is None

    def shows(self, change: Change, began: float) -> None:
        """A reading that began at `began` showed what the portal may lack."""
        self.exposure = shown(self.exposure, change.added, began)

    def not_after(self, wall: float) -> None:
        """Nothing was known to be right later than now: a wall clock that was set back silences no alarm (I11)."""
        if self.right_at is not None:
            self.right_at = min(self.right_at, wall)

    def starts(self, now: float) -> None:
        """An attempt is prepared: it counts from now on (I10)."""
        self.pace = pacing.started(self.pace, now, self._limits)

    def expects(self, change: Change) -> None:
        """The portal may soon hold what `change` sends (I6)."""
        self.standing = sending(self.standing, change)
        if self.settle_at < inf:
            self.doubted |= change.added

    def leaves(self, now: float) -> None:
        """The first byte leaves: until a clean answer nothing is known of what the portal holds (I6)."""
        self.clean, self.refused, self.failures = False, False, 0
        self.pace = pacing.left(self.pace, now)

    def succeeded(self, change: Change, began: float, now: float) -> None:
        """The upload that left at `began` was accepted."""
        self.standing = accepted(self.standing, change)
        self.pace = pacing.succeeded(self.pace, now)
        self.clean, self.exposure = True, Exposure()
        self.refresh_at = now + self._limits.refresh
        if began >= self.settle_at:
            self.standing = settled(self.standing, self.doubted, change.window)
            self.settle_at, self.doubted = inf, EMPTY
        # What fell due while this upload was under way is due right after it, not at the next tick.
        self.settle_at = max(self.settle_at, now + _ROUNDING)
        self.rests(change, now)

    def extended(self, change: Change, blocked: IntervalSet, now: float, *, again: bool) -> None:
        """An upload of what some days add was accepted. Whatever else was to come is still to come; `again` when what
        is missing in these days has to be looked at as well.
        """
        self.standing = accepted(self.standing, change)
        self.pace = pacing.succeeded(self.pace, now)
        self.clean, self.exposure = True, Exposure()
        self.waiting -= blocked
        self.refresh_at = now + self._limits.refresh
        self.again_at = min(self.again_at, now if again else self.refresh_at)

    def written(self, ahead: IntervalSet, *, kept: bool) -> None:
        """Its whole record was to be written down, with what had gone `ahead` by then; whether that succeeded."""
        self.unwritten = not kept
        if kept:
            self.ahead -= ahead

    def rests(self, change: Change, now: float) -> None:
        """Nothing more to do until something ripens, settles or is to be refreshed."""
        self.failures = 0
        self.waits(change)
        ripe_at = inf if change.ripe_in is None else now + change.ripe_in + _ROUNDING
        self.again_at = _next(now, ripe_at, self.settle_at, self.refresh_at)

    def waits(self, change: Change) -> None:
        """The history was told which removals wait."""
        self.waiting = change.held

    def failed(self, change: Change, error: PortalError, now: float, chance: Random) -> None:
        """The upload was not accepted; if it may land late, a later one has to settle the matter (I6)."""
        if error.maybe_applied and self._limits.settle:
            self.settle_at = now + self._limits.settle
            self.doubted = self.doubted | IntervalSet([(change.window.start, change.window.end)])
            self.standing = unanswered(self.standing, change)
        self.refused = isinstance(error, KeyRefusedError)
        if isinstance(error, RejectedError):
            self.pace = pacing.succeeded(self.pace, now)
            self.again_at = _next(now, self.settle_at)
        else:
            self.pace = pacing.failed(self.pace, now, self._limits, chance)
            self.again_at = self.pace.not_before

    def unread(self, now: float, chance: Random) -> None:
        """The reading failed: it is tried again after a while, unless a hint comes first (I10)."""
        self.again_at = now + pacing.backoff(self.failures, self._limits, chance)
        self.failures += 1


def _next(now: float, *times: float) -> float:
    """The earliest of `times` still to come; what is overdue waits for the next tick or hint, and never spins."""
    return min((each for each in times if each > now), default=inf)


def _recalled(record: PaceRecord | None, limits: Limits, now: float, wall: float) -> pacing.Pace:
    """The pace that `record` kept; a wall clock set back counts as no time passed."""
    if record is None:
        return pacing.full(limits, now)
    last = None if record.last is None else now - max(0.0, wall - record.last)
    return pacing.Pace(tokens=record.tokens, counted=now - max(0.0, wall - record.counted), last=last)
