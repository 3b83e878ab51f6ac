"""Engines that are wrong in ways that have been shipped before: the simulation must find each of them out."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from random import Random
from typing import Any, cast
from unittest.mock import patch

import msgspec

from engine import plan, reconcile, runtime
from engine.calendar import Calendar
from engine.gate import Gate
from engine.limits import Limits
from engine.look import Lookout, Sight
from engine.model import ColumnId, Complete, Failed, Reading, Rows, Window
from engine.occupancy import occupancy
from engine.plan import Change, Patience, Standing
from engine.ports import CalendarRecord, PortalError
from engine.reconcile import Reconciler
from engine.spans import EMPTY, IntervalSet
from engine.workqueue import WorkQueue
from tests.simulation.source import HostileSource
from tests.unit.queues import MarkClearedAfterTheWork, TwoAtOnce

Mutant = Callable[[], AbstractContextManager[Any]]


def removals_never_ripen_but_go_at_once() -> AbstractContextManager[Any]:
    """A removal goes out with the reading that first lacks it."""
    return patch.object(plan, "_wait", lambda *_: -1.0)


def removals_are_never_freed() -> AbstractContextManager[Any]:
    """What is gone stays blocked for ever."""
    return patch.object(plan, "_wait", lambda *_: 1.0)


@contextmanager
def a_failed_reading_is_an_empty_one() -> Iterator[None]:
    """A source that cannot be read counts as one without appointments."""
    honest = HostileSource.read

    async def read(self: HostileSource, column: ColumnId, span: Any) -> Reading:  # noqa: ANN401 - passed on
        reading = await honest(self, column, span)
        if isinstance(reading, Failed):
            rows = Rows(column)
            rows.exists = True
            return Complete(rows)
        return reading

    with patch.object(HostileSource, "read", read):
        yield


def an_incomplete_reading_is_a_complete_one() -> AbstractContextManager[Any]:
    """Half of the rows free the other half."""

    def lenient(*args: Any) -> Any:  # noqa: ANN401 - passed on
        return msgspec.structs.replace(occupancy(*args), incomplete=None)

    return patch("engine.look.occupancy", lenient)


def nothing_is_written_before_an_upload() -> AbstractContextManager[Any]:
    """What an upload adds reaches the ledger after it left."""

    async def announce(self: Reconciler, calendar: Calendar, sight: Sight, change: Change) -> bool:
        calendar.starts(reconcile._now())
        calendar.expects(change)
        return True

    return patch.object(Reconciler, "_announce", announce)


def nothing_is_written_ahead() -> AbstractContextManager[Any]:
    """What some days add reaches the ledger after it left."""

    async def announce(self: Reconciler, calendar: Calendar, change: Change) -> bool:
        calendar.starts(reconcile._now())
        calendar.expects(change)
        return True

    return patch.object(Reconciler, "_announce_ahead", announce)


def some_days_stand_for_all() -> AbstractContextManager[Any]:
    """A reading of some days replaces what the portal holds on the others."""
    honest = plan.extension

    def hasty(standing: Standing, blocked: IntervalSet, window: Window) -> Change:
        return msgspec.structs.replace(honest(standing, blocked, window), send=blocked)

    return patch.object(plan, "extension", hasty)


def acknowledged_before_the_answer() -> AbstractContextManager[Any]:
    """An upload that failed is remembered as accepted."""

    def failed(self: Calendar, change: Change, error: PortalError, now: float, chance: Random) -> None:
        self.succeeded(change, now, now)

    return patch.object(Calendar, "failed", failed)


def a_late_landing_is_never_mended() -> AbstractContextManager[Any]:
    """Nothing is sent again after an upload that may land late."""
    honest = Calendar.__init__

    def hasty(
        self: Calendar, name: str, column: ColumnId, record: CalendarRecord, limits: Limits, now: float, wall: float
    ) -> None:
        honest(self, name, column, record, msgspec.structs.replace(limits, settle=0.0), now, wall)

    return patch.object(Calendar, "__init__", hasty)


def two_workers_take_one_calendar() -> AbstractContextManager[Any]:
    """The queue hands a calendar out while another worker has it."""
    return patch.object(runtime, "WorkQueue", TwoAtOnce)


def the_mark_is_cleared_after_the_reading() -> AbstractContextManager[Any]:
    """A change during the reading is lost until the next tick."""
    return patch.object(runtime, "WorkQueue", MarkClearedAfterTheWork)


def a_handle_is_asked_for_its_time() -> AbstractContextManager[Any]:
    """Of what comes back later, the loop is asked when; for what is due at once uvloop does not know (fault 49)."""
    honest = WorkQueue.add_at

    def add_at(self: WorkQueue, key: str, when: float) -> None:
        pending = self._later.get(key)
        if pending is not None and cast("asyncio.TimerHandle", pending.handle).when() <= when:
            return
        honest(self, key, when)

    return patch.object(WorkQueue, "add_at", add_at)


def a_retry_after_is_ignored() -> AbstractContextManager[Any]:
    """The portal asks to be left alone, and is not."""
    return patch.object(Gate, "pause", lambda *_: None)


@contextmanager
def a_retry_sends_the_old_reading() -> Iterator[None]:
    """What failed is sent again instead of what is true by then."""
    honest, last = Lookout.look, dict[str, Any]()

    async def stale(self: Lookout, calendar: Calendar, window: Window) -> Any:  # noqa: ANN401 - passed on
        if not calendar.pace.failures or calendar.name not in last:
            last[calendar.name] = await honest(self, calendar, window)
        return last[calendar.name]

    with patch.object(Lookout, "look", stale):
        yield


def an_aged_reading_goes_up() -> AbstractContextManager[Any]:
    """A process that was frozen goes on with what it had read before."""
    return patch.object(reconcile, "READING_LIFETIME", 1e9)


def an_upload_forgets_what_must_not_be_freed() -> AbstractContextManager[Any]:
    """An upload holds what was read, without the removals that ripen."""
    honest = plan.change

    def forgetful(*args: Any, **kwargs: Any) -> Change:  # noqa: ANN401 - passed on
        made = honest(*args, **kwargs)
        return msgspec.structs.replace(made, send=made.send - made.held)

    return patch.object(plan, "change", forgetful)


def the_pace_is_forgotten_at_a_restart() -> AbstractContextManager[Any]:
    """Each restart begins with a full bucket of uploads."""
    from engine import calendar, pace  # noqa: PLC0415 - only here

    return patch.object(calendar, "_recalled", lambda record, limits, now, wall: pace.full(limits, now))


def the_baseline_is_what_was_accepted_last() -> AbstractContextManager[Any]:
    """What the portal may still hold besides is forgotten."""

    def sending(standing: Standing, change: Change) -> Standing:
        return msgspec.structs.replace(standing, baseline=change.send)

    from engine import calendar  # noqa: PLC0415 - only here

    return patch.object(calendar, "sending", sending)


@contextmanager
def _patience(mistaken: Patience, taken_for: Patience) -> Iterator[None]:
    honest = plan.patience

    def lenient(*args: Any) -> Patience:  # noqa: ANN401 - passed on
        mood = honest(*args)
        return taken_for if mood is mistaken else mood

    with patch.object(plan, "patience", lenient):
        yield


def the_guard_sleeps() -> AbstractContextManager[Any]:
    """A great loss is freed as fast as a small one."""
    return _patience(Patience.GUARDED, Patience.NORMAL)


def nobody_is_asked_for_a_hand() -> AbstractContextManager[Any]:
    """An empty calendar is freed once the guard has waited."""
    return _patience(Patience.BY_HAND, Patience.GUARDED)


def questions_are_asked_while_off() -> AbstractContextManager[Any]:
    """Switched off, it still asks for the window."""
    return patch.object(Gate, "question_at", lambda self, host, now, **_: max(now, self.paused.get(host, 0.0)))


def what_lingers_is_never_lacking() -> AbstractContextManager[Any]:
    """What may have landed late is believed to be blocked when it is taken again."""
    honest = plan.settled

    def settled(standing: Standing, doubted: IntervalSet, window: Window) -> Standing:
        lacking = (standing.baseline or EMPTY) & doubted - IntervalSet([(window.start, window.end)])
        return msgspec.structs.replace(honest(standing, doubted, window), pending=standing.pending | lacking)

    return patch("engine.calendar.settled", settled)


def what_an_unanswered_upload_freed_is_believed_to_be_blocked() -> AbstractContextManager[Any]:
    """What an upload without an answer freed is not sent when it is taken again."""
    honest = plan.sending

    def sending(standing: Standing, change: Change) -> Standing:
        return msgspec.structs.replace(honest(standing, change), pending=standing.pending | change.added)

    return patch("engine.calendar.sending", sending)


MUTANTS: list[Mutant] = [
    the_guard_sleeps,
    nobody_is_asked_for_a_hand,
    questions_are_asked_while_off,
    removals_never_ripen_but_go_at_once,
    removals_are_never_freed,
    a_failed_reading_is_an_empty_one,
    an_incomplete_reading_is_a_complete_one,
    nothing_is_written_before_an_upload,
    nothing_is_written_ahead,
    some_days_stand_for_all,
    acknowledged_before_the_answer,
    a_late_landing_is_never_mended,
    two_workers_take_one_calendar,
    the_mark_is_cleared_after_the_reading,
    a_handle_is_asked_for_its_time,
    a_retry_after_is_ignored,
    a_retry_sends_the_old_reading,
    an_aged_reading_goes_up,
    an_upload_forgets_what_must_not_be_freed,
    the_pace_is_forgotten_at_a_restart,
    the_baseline_is_what_was_accepted_last,
]
RARE: list[Mutant] = [
    what_lingers_is_never_lacking,
    what_an_unanswered_upload_freed_is_believed_to_be_blocked,
]
"""Bugs that this engine once had, too rare for a search: each has a corner of its own that finds it out."""
