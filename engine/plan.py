"""What an upload holds is what was read and what must not be freed yet; only complete readings free a time (I1).

Pure. One mechanism serves the drag, the guard, the incomplete reading and the release: since when has this time been
missing, and how long must it have been (I3)? *Since when* is read on a clock of the calendar's own, which runs only
from one complete reading to the next; *how long* is the `Patience` of the moment.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from math import inf
from typing import Final

import msgspec

from engine.faults import Fault
from engine.limits import Limits
from engine.model import DAY, Occupancy, Window
from engine.spans import EMPTY, IntervalSet

_FORGET_AFTER: Final = 400 * DAY
_FAR: Final = 2**62
_replace = msgspec.structs.replace


class Patience(Enum):
    """How long a removal has to wait (I3)."""

    NORMAL = "normal"
    GUARDED = "guarded"
    BY_HAND = "by_hand"


class Loss(msgspec.Struct, frozen=True):
    """Times that have been missing from every complete reading since `since`, in seconds of the calendar's clock."""

    since: float
    times: IntervalSet
    released: bool = False
    """Whether a person has let them go; they are lost all the same, for the guard (I3)."""


class Peak(msgspec.Struct, frozen=True):
    """At `at` on the calendar's clock, `blocked` seconds were blocked."""

    at: float
    blocked: int


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of one online calendar from one reading to the next, across restarts."""

    baseline: IntervalSet | None = None
    """All that the portal may hold; None until a first upload was on its way (I1)."""
    pending: IntervalSet = EMPTY
    """What of the baseline the portal may lack: no accepted upload that carried it is beyond doubt."""
    lingering: IntervalSet = EMPTY
    """What attempts without a clean answer held: it may land late, and blocks too much until it is settled (I6)."""
    adrift: bool = False
    """Whether a ledger was set aside, so that nothing is known of what the portal holds (I6)."""
    clock: float = 0.0
    """Seconds between successive complete readings, of each gap at most two intervals (I3)."""
    losses: tuple[Loss, ...] = ()
    """What waits to be freed, and what was freed so lately that the guard still counts it."""
    peaks: tuple[Peak, ...] = ()
    """How much was blocked lately; newer ones are smaller."""
    by_hand: bool = False
    released: IntervalSet = EMPTY
    """What `release` showed and the next complete reading may let go."""

    def confirmed(self, window: Window) -> IntervalSet:
        """What the portal is believed to hold in `window`."""
        return window.clip((self.baseline or EMPTY) - self.pending)

    def let_go(self) -> IntervalSet:
        """What a person released of what is missing."""
        return IntervalSet(pair for each in self.losses if each.released for pair in each.times)


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One decision, spelled out: `send` is the whole of the upload, the rest says how it differs from the baseline."""

    window: Window
    send: IntervalSet
    added: IntervalSet
    removed: IntervalSet
    held: IntervalSet
    patience: Patience
    ripe_in: float | None
    """Seconds until more of `held` can be freed; None when there is nothing to wait for, or it waits for a hand."""


class Upload(msgspec.Struct, frozen=True):
    """The portal is to be told."""

    change: Change


class Unchanged(msgspec.Struct, frozen=True):
    """The portal has accepted just this already, cleanly (R14)."""

    change: Change


class Hold(msgspec.Struct, frozen=True):
    """Nothing may be sent, and why."""

    change: Change
    reason: Fault


Decision = Upload | Unchanged | Hold


def observe(
    standing: Standing, seen: Occupancy, window: Window, gap: float, limits: Limits, *, lasted: float = 0.0
) -> Standing:
    """What is remembered after this reading, which took `lasted` seconds: nobody knows when in them it saw what it saw.
    `gap` is the time since the last complete one, from beginning to beginning, in seconds.
    """
    if seen.incomplete is not None:
        return glimpsed(standing, seen.blocked)
    clock = standing.clock + min(max(gap, 0.0), 2 * limits.interval)
    before = window.clip(standing.baseline or EMPTY)
    gone = before - seen.blocked
    blocked = before.total()
    by_hand = bool(before) and not seen.has_rows and (standing.by_hand or blocked >= limits.guard_min)
    anew = clock + lasted if standing.by_hand and not by_hand else None
    losses = _lost(standing.losses, gone, seen.blocked, window, clock + lasted)
    losses = tuple(_aged(each, gone, clock, anew, limits) for each in losses)
    return _replace(
        standing,
        clock=clock,
        losses=_kept(_let_go(losses, standing.released & gone)),
        peaks=_peaks(standing.peaks, Peak(clock, blocked), clock - limits.guard_confirm),
        by_hand=by_hand,
        released=EMPTY,
    )


def glimpsed(standing: Standing, blocked: IntervalSet) -> Standing:
    """What is remembered after a reading that says what is blocked, and not what is free: it ripens nothing (I1)."""
    losses = _kept(_replace(each, times=each.times - blocked) for each in standing.losses)
    return _replace(standing, losses=losses, released=standing.released - blocked)


def patience(standing: Standing, seen: Occupancy, limits: Limits) -> Patience:
    """How long the removals of this calendar have to wait at present (I3)."""
    if standing.by_hand:
        return Patience.BY_HAND
    if not seen.has_rows:
        return Patience.GUARDED
    horizon = standing.clock - limits.guard_confirm
    lost = sum(each.times.total() for each in standing.losses if each.since >= horizon)
    most = max((peak.blocked for peak in standing.peaks), default=0)
    guarded = lost >= limits.guard_min and lost * 100 > limits.guard_percent * most
    return Patience.GUARDED if guarded else Patience.NORMAL


def change(standing: Standing, seen: Occupancy, window: Window, limits: Limits, *, may_free: bool = True) -> Change:
    """What the portal should hold now, given a `standing` that has observed this reading."""
    before = window.clip(standing.baseline or EMPTY)
    gone = before - seen.blocked
    mood = patience(standing, seen, limits)
    delay = {Patience.NORMAL: limits.free_delay, Patience.GUARDED: max(limits.guard_confirm, limits.free_delay)}
    waits = [(each.times, _wait(each, standing.clock, delay.get(mood, inf))) for each in standing.losses]
    if seen.incomplete is not None or not may_free:
        waits = []
    removed = gone & IntervalSet(pair for times, wait in waits if wait <= 0 for pair in times)
    held = gone - removed
    coming = [wait for times, wait in waits if 0 < wait < inf and times & held]
    return Change(
        window=window,
        send=seen.blocked | held,
        added=seen.blocked - (before - standing.pending),
        removed=removed,
        held=held,
        patience=mood,
        ripe_in=min(coming, default=None),
    )


def extension(standing: Standing, blocked: IntervalSet, window: Window) -> Change:
    """What the portal should hold when nothing is known but that `blocked` is: more than before, and nothing less."""
    before = window.clip(standing.baseline or EMPTY)
    return Change(
        window=window,
        send=before | blocked,
        added=blocked - (before - standing.pending),
        removed=EMPTY,
        held=EMPTY,
        patience=Patience.NORMAL,
        ripe_in=None,
    )


def decide(standing: Standing, seen: Occupancy, change: Change, *, owed: bool, asked: bool) -> Decision:
    """Whether `change` goes up: `owed` when an upload is due even if nothing changed (R14), `asked` by `tmex sync`."""
    if standing.baseline is None and seen.incomplete is not None:
        return Hold(change, seen.incomplete)
    if standing.baseline is None and standing.adrift and not seen.blocked and not asked:
        return Hold(change, Fault("calendar.adrift"))
    known = standing.baseline is not None and change.window.clip(standing.baseline) == change.send and not change.added
    return Unchanged(change) if known and not owed and not asked else Upload(change)


def sending(standing: Standing, change: Change) -> Standing:
    """What is remembered before the first byte leaves: the portal may soon hold what is added, and may lack what is
    removed, until it has accepted an upload of this window (I6).
    """
    doubtful = standing.pending | change.added | change.removed
    return _replace(standing, baseline=(standing.baseline or EMPTY) | change.added, pending=doubtful)


def accepted(standing: Standing, change: Change) -> Standing:
    """What is remembered once the portal has accepted: the upload replaced what was there, in its window alone (R2)."""
    outside = _remembered(standing.baseline or EMPTY, change.window)
    pending = _remembered(standing.pending, change.window)
    return _replace(standing, baseline=outside | change.send, pending=pending, adrift=False)


def _remembered(times: IntervalSet, window: Window) -> IntervalSet:
    """What lies outside of `window`, but for what is long over."""
    return times.clip(window.start - _FORGET_AFTER, window.start) | times.clip(window.end, _FAR)


def unanswered(standing: Standing, change: Change) -> Standing:
    """What is remembered of an attempt that may land late (I6)."""
    return _replace(standing, lingering=standing.lingering | change.send)


def recalled(standing: Standing) -> Standing:
    """What a new process starts from: all that its predecessor may have sent may land late (I6)."""
    return _replace(standing, lingering=standing.lingering | (standing.baseline or EMPTY))


def settled(standing: Standing, doubted: IntervalSet, window: Window) -> Standing:
    """What is remembered once an upload of `window` came after all that might land late in `doubted`: beyond the window
    the portal may lack what the baseline has, and hold what it has not; both go right when the window gets there (I6).
    """
    replaced = IntervalSet([(window.start, window.end)])
    baseline = standing.baseline or EMPTY
    lacking, linger = (baseline & doubted) - replaced, standing.lingering - replaced
    pending = standing.pending | lacking | linger
    return _replace(standing, baseline=baseline | linger, pending=pending, lingering=EMPTY)


def release(standing: Standing, times: IntervalSet) -> Standing:
    """What is remembered once a person has let `times` go: the next complete reading that lacks them frees them. An
    empty calendar that waits since a ledger was set aside is let go too (I6).
    """
    return _replace(standing, released=times, adrift=False)


def _kept(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    return tuple(each for each in losses if each.times)


def _lost(
    losses: tuple[Loss, ...], gone: IntervalSet, present: IntervalSet, window: Window, since: float
) -> tuple[Loss, ...]:
    """`losses` without what came back or left the window, and with what is newly gone."""
    kept = tuple(_replace(each, times=window.clip(each.times) - present) for each in losses)
    known = IntervalSet(pair for each in kept for pair in each.times)
    return (*kept, Loss(since, gone - known))


def _aged(loss: Loss, gone: IntervalSet, clock: float, anew: float | None, limits: Limits) -> Loss:
    """`loss` ripening anew from `anew` on, or without what was freed too long ago for the guard to count it."""
    if anew is not None and not loss.released:
        return Loss(anew, loss.times)
    return _replace(loss, times=loss.times & gone) if clock - loss.since > limits.guard_confirm else loss


def _let_go(losses: tuple[Loss, ...], freed: IntervalSet) -> Iterator[Loss]:
    """`losses`, with what of them is `freed` by a person told apart."""
    for each in losses:
        yield _replace(each, times=each.times - freed)
        yield Loss(each.since, each.times & freed, released=True)


def _peaks(peaks: tuple[Peak, ...], newest: Peak, horizon: float) -> tuple[Peak, ...]:
    """The peaks since `horizon` that are higher than all that came after them."""
    return (*(each for each in peaks if each.at >= horizon and each.blocked > newest.blocked), newest)


def _wait(loss: Loss, clock: float, delay: float) -> float:
    """Seconds until `loss` is ripe; zero or less when it is."""
    return -inf if loss.released else delay - max(0.0, clock - loss.since)
