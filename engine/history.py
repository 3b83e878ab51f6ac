"""What happened to a calendar, in entries that can tell later why a time was blocked or free, and since when.

Pure. Times and the calendar's name are all that an entry holds (I7).
"""

from collections.abc import Iterator

from engine.calendar import Calendar
from engine.exposure import Open
from engine.look import Sight
from engine.plan import Change
from engine.ports import Entry
from engine.spans import EMPTY


def accepted(
    calendar: Calendar, sight: Sight, change: Change, *, at: float, began: float, now: float
) -> tuple[Entry, ...]:
    """Of an upload that left at `began` and was accepted `now`, by the loop's clock, which is `at` by the wall clock:
    one entry for each reading that first showed something of what it adds, then one for what is freed or waits.
    """
    return (*_added(calendar, sight, at, began, now), *_withdrawn(calendar, sight, change, at, freed=True))


def rested(calendar: Calendar, sight: Sight, change: Change) -> tuple[Entry, ...]:
    """Of a reading after which nothing is sent: what began to wait, and what no longer does."""
    return tuple(_withdrawn(calendar, sight, change, sight.wall, freed=False))


def _added(calendar: Calendar, sight: Sight, at: float, began: float, now: float) -> Iterator[Entry]:
    exposure, counts = calendar.exposure, calendar.right_at is not None
    past = exposure.past
    for each in exposure.open or ([Open(sight.began, EMPTY)] if past else []):
        vanished = each.times & sight.vanished
        yield Entry(
            at=at,
            calendar=calendar.name,
            added=each.times,
            reserved=each.times - sight.seen.taken - vanished,
            vanished=vanished,
            seconds=now - each.since,
            took=now - began,
            # Before the first upload was accepted nobody knows what the portal held.
            unsafe=past + each.seconds(now) if counts else 0.0,
        )
        past = 0.0


def _withdrawn(calendar: Calendar, sight: Sight, change: Change, at: float, *, freed: bool) -> Iterator[Entry]:
    removed = change.removed if freed else EMPTY
    held, back = change.held - calendar.waiting, calendar.waiting & sight.seen.blocked
    if removed or held or back:
        yield Entry(
            at=at,
            calendar=calendar.name,
            removed=removed,
            released=removed & calendar.standing.let_go(),
            held=held,
            back=back,
            why=sight.seen.incomplete.code if sight.seen.incomplete else change.patience.value,
        )
