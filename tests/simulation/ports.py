"""The engine's world, hostile and in memory: a practice, a source, a portal and a ledger that fail as a seed says.

The portal and the source watch the engine: what must never happen is asserted in the moment in which it would.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from copy import copy
from math import inf
from random import Random

import msgspec

from engine.calendar import Calendar
from engine.edges import pairs
from engine.faults import Fault, FaultError
from engine.limits import Limits
from engine.look import READING_LIFETIME, Lookout, Sight
from engine.model import DAY, ColumnId, Complete, Days, Failed, Incomplete, Instant, Reading, Reservation, Rows, Window
from engine.ports import (
    Ahead,
    CalendarRecord,
    ColumnRecord,
    Entry,
    Event,
    Hint,
    KeyRefusedError,
    LedgerError,
    PortalError,
    PortalRecord,
    Recollection,
    RejectedError,
    Report,
    SourceError,
    caught_up,
)
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallSpan
from tests.simulation.chronicle import Chronicle
from tests.simulation.virtual import VirtualLoop

HOUR = 3600
MONDAY = Instant(1_772_409_600)  # 2026-03-02 00:00 UTC; the simulated practice lives in UTC
EVER = [MONDAY + hour * HOUR for hour in (8, 9, 10, 32, 40, 42, 6 * 24 + 12)]
"""The hours that a story may block, by their starts; the last one is a reservation's."""
WINDOW = Window(MONDAY, Instant(MONDAY + 7 * DAY))


def whole(*hours: int) -> IntervalSet:
    """These hours, counted from Monday's first."""
    return IntervalSet((MONDAY + hour * HOUR, MONDAY + (hour + 1) * HOUR) for hour in hours)


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """How likely each thing goes wrong; one mix a seed. All zero is a world without faults."""

    hint_lost: float = 0.0
    hint_doubled: float = 0.0
    hint_late: float = 0.0
    read_failed: float = 0.0
    read_partial: float = 0.0
    read_slow: float = 0.0
    upload_refused: float = 0.0
    upload_error: float = 0.0
    upload_busy: float = 0.0
    answer_lost: float = 0.0
    lands_late: float = 0.0
    never_lands: float = 0.0
    key_refused: float = 0.0
    window_failed: float = 0.0
    window_busy: float = 0.0
    ledger_fails: float = 0.0
    ledger_slow: float = 0.0
    freezes: float = 0.0

    def draw(self, chance: Random, name: str) -> bool:
        """Whether the fault `name` happens now."""
        likely: float = getattr(self, name)
        return chance.random() < likely


class Practice:
    """The truth: which hours are taken in each column, and the free row that every day begins with."""

    def __init__(self, columns: list[ColumnId]) -> None:
        self.taken: dict[ColumnId, set[int]] = {column: set() for column in columns}
        self.emptied: set[ColumnId] = set()
        """Columns that read as if their table had been truncated."""
        self.unnamed: set[ColumnId] = set()
        """Columns of which no row is left anywhere."""
        self.no_free = self.no_lunch = False
        """Whether the free row of Sunday, or its reservation, is gone."""

    def occupied(self, column: ColumnId) -> IntervalSet:
        taken = set() if column in self.emptied else self.taken.get(column, set())
        return whole(*taken)

    def blocked(self, column: ColumnId) -> IntervalSet:
        """What rows and the reservation block."""
        return self.occupied(column) | (EMPTY if self.no_lunch or column in self.emptied else LUNCH)

    def free(self, column: ColumnId) -> IntervalSet:
        return EMPTY if self.no_free or column in self.emptied else SUNDAY

    def rows(self, column: ColumnId, *, skip: float, chance: Random) -> Rows:
        """What a reading finds; each occupied row is left out with probability `skip`."""
        rows = Rows(column)
        rows.exists = column in self.taken and column not in self.unnamed
        if not rows.exists:
            return rows
        for start, end in self.occupied(column):
            if chance.random() >= skip:
                rows.occupied.extend((start, end))
        for start, end in self.free(column):
            rows.free.extend((start, end))
        if column not in self.emptied and not self.no_lunch:
            rows.reservations.append(Reservation(MONDAY // DAY + 6, MONDAY // DAY + 6, 12 * HOUR, 13 * HOUR))
        return rows


LUNCH = IntervalSet([(MONDAY + 6 * DAY + 12 * HOUR, MONDAY + 6 * DAY + 13 * HOUR)])
SUNDAY = IntervalSet([(MONDAY + 6 * DAY, MONDAY + 6 * DAY + HOUR)])


class Seen:
    """What the readings for one online calendar have shown, by the tester's own books."""

    def __init__(self) -> None:
        self.at = -inf
        """When the last reading saw what it saw."""
        self.whole = False
        """Whether that was a complete one; the rest is of the last complete one."""
        self.complete_at = -inf
        self.blocked = self.rows = self.free = EMPTY
        self.shown = EMPTY
        """What the last reading showed beyond doubt, of the days that it was of."""
        self.missing: dict[int, float] = {}
        """Since when each hour has been missing from every reading, by its start."""

    def look(self, practice: Practice, column: ColumnId) -> None:
        """A complete reading sees the practice as it is now."""
        self.at = self.complete_at = _now()
        self.whole = True
        self.blocked, self.free = practice.blocked(column), practice.free(column)
        self.shown = self.blocked
        self.rows = practice.occupied(column) | self.free
        self.missing = {start: self.missing.get(start, self.at) for start in EVER if start not in self.blocked}

    def glimpse(self, rows: Rows) -> None:
        """An incomplete reading sees some of it."""
        self.at, self.whole, self.shown = _now(), False, EMPTY
        shown = IntervalSet(zip(rows.occupied[::2], rows.occupied[1::2], strict=True))
        shown = shown | LUNCH if rows.reservations else shown
        self.missing = {start: since for start, since in self.missing.items() if start not in shown}

    def look_at(self, practice: Practice, column: ColumnId, span: WallSpan) -> None:
        """A complete reading of some days sees them as they are now; of the others it says nothing."""
        self.at, self.whole = _now(), False
        days = IntervalSet([span])
        self.shown = practice.blocked(column) & days
        self.blocked = self.blocked - days | self.shown
        self.missing = {start: since for start, since in self.missing.items() if start not in self.shown}

    def missed(self, start: int) -> float:
        """For how long readings have shown that the hour from `start` on is not blocked."""
        return self.complete_at - self.missing.get(start, self.complete_at)


class HostileSource:
    """Reads the practice, or fails to; remembers what each reading showed."""

    def __init__(self, practice: Practice, chance: Random) -> None:
        self.practice, self.chance = practice, chance
        self.faults = Faults()
        self.seen: dict[object, Seen] = defaultdict(Seen)
        """By the online calendar that a reading was for, or by column where nobody tells."""
        self.reader: str | None = None
        """For which online calendar the reading that now begins is."""
        self.some_days = False
        """Whether it is of some days only."""
        self.readings = self.glimpses = 0
        self.noted: tuple[Fault, ...] = ()
        self.gone: set[ColumnId] = set()
        """Columns that something fed which vanished; and whether a confirmation cannot be kept."""
        self.unkept = False
        self.lasts = 0.002
        """Seconds that a reading takes before it sees anything."""
        self.doubtful: Fault | None = None
        """What is wrong with a row."""
        self.unlisted = self.broken = self.mute = False
        """Whether its columns cannot be listed; whether it has a bug; whether its hints end."""
        self.chronicle = Chronicle(MONDAY)
        self._hints: asyncio.Queue[Hint] = asyncio.Queue()

    def follow(self, lookout: Lookout) -> None:
        """Be told for which online calendar `lookout` reads, and whether some days alone."""
        honest, hasty = lookout.look, lookout.glimpse

        async def look(calendar: Calendar, window: Window) -> Sight | Fault:
            self.reader, self.some_days = calendar.name, False
            return await honest(calendar, window)

        async def glimpse(calendar: Calendar, window: Window, days: Days) -> Sight | None:
            self.reader, self.some_days = calendar.name, True
            return await hasty(calendar, window, days)

        lookout.look, lookout.glimpse = look, glimpse  # type: ignore[method-assign]  # spies

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        reader = self.reader
        reading = await self._read(column, span)
        self.chronicle.read(f"{column} for {reader}" if reader else str(column), reading)
        return reading

    async def _read(self, column: ColumnId, span: WallSpan) -> Reading:
        assert span.start < span.end
        self.readings += 1
        seen, some_days = self.seen[self.reader or column], self.some_days
        if self.broken:
            raise ZeroDivisionError
        if self.faults.draw(self.chance, "read_slow"):
            await asyncio.sleep(self.chance.uniform(0.1, 9))
        else:
            await asyncio.sleep(self.lasts)
        if self.faults.draw(self.chance, "read_failed"):
            return Failed(Fault("source.locked", {"file": "x"}))
        if some_days:
            return self._read_days(column, span, seen)
        partial = column in self.gone or self.faults.draw(self.chance, "read_partial")
        rows = self.practice.rows(column, skip=0.5 if partial else 0.0, chance=self.chance)
        before = copy(seen)
        if partial:
            seen.glimpse(rows)
        else:
            seen.look(self.practice, column)
        try:
            await asyncio.sleep(0.002)
        except asyncio.CancelledError:  # given up, for it took too long: it showed nothing to anybody
            vars(seen).update(vars(before))
            raise
        return (
            Incomplete(rows, Fault("row.start_unreadable", {"column": "x", "count": 1})) if partial else Complete(rows)
        )

    def _read_days(self, column: ColumnId, span: WallSpan, seen: Seen) -> Reading:
        """What lies in them, and nothing else."""
        self.glimpses += 1
        whole, rows = self.practice.rows(column, skip=0.0, chance=self.chance), Rows(column)
        rows.doubts = [] if self.doubtful is None else [self.doubtful]
        seen.look_at(self.practice, column, span)
        rows.exists, rows.reservations = whole.exists, whole.reservations
        for start, end in pairs(whole.occupied):
            if start < span.end and end > span.start:
                rows.occupied.extend((start, end))
        if column in self.gone:
            return Incomplete(rows, Fault("row.start_unreadable", {"column": "x", "count": 1}))
        return Complete(rows)

    async def columns(self) -> tuple[ColumnId, ...]:
        if self.unlisted:
            raise SourceError("source.locked", file="x")
        return tuple(self.practice.taken)

    def hint(self, column: ColumnId, *hours: int) -> None:
        """The practice changed, at these hours if they are named: perhaps the engine learns of it."""
        if self.faults.draw(self.chance, "hint_lost"):
            return
        named = self.chance.choice([None, column])
        days = [MONDAY // DAY + hour // 24 for hour in hours]
        hint = Hint(named, Days(min(days), max(days)) if named and days else None)
        for _ in range(2 if self.faults.draw(self.chance, "hint_doubled") else 1):
            delay = self.chance.uniform(0, 30) if self.faults.draw(self.chance, "hint_late") else 0.0
            asyncio.get_running_loop().call_later(delay, self._hints.put_nowait, hint)

    def put(self, hint: Hint) -> None:
        """Let the engine have just this hint."""
        self._hints.put_nowait(hint)

    def notes(self) -> tuple[Fault, ...]:
        return self.noted

    async def vanished(self, column: ColumnId) -> bool:
        return column in self.gone

    async def confirm(self, column: ColumnId) -> None:
        if self.unkept:
            raise FaultError("ledger.unwritable", kind="ENOSPC")
        self.gone.discard(column)

    async def hints(self) -> AsyncIterator[Hint]:
        yield Hint()
        while not self.mute:
            yield await self._hints.get()


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
        assert _now() >= self.paused_until - 1e-3 or self.unpaced, "I10: a question during a pause"
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
        self._paused_at, self._paused_before = _now(), self.paused_until
        self.paused_until = max(self.paused_until, _now() + wait)
        raise PortalError(Fault("portal.busy", {"status": 429}), maybe_applied=False, retry_after=wait)

    def lose_sight(self) -> None:
        """The process that asked is gone; in the instant of an answer it could not write down what that said."""
        if _now() - self._paused_at < 1e-3:
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
        now, seen = _now(), self.source.seen[name if self.source.reader else self.columns[name]]
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


class MemoryLedger:
    """Remembers across simulated crashes; fails to write when told so. Its values are frozen, so sharing is safe."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.faults = Faults()
        self.calendars: dict[str, CalendarRecord] = {}
        self.columns: dict[ColumnId, ColumnRecord] = {}
        self.portal = PortalRecord()
        self.entries: list[Entry] = []
        self.set_aside = False
        self.news: Fault | None = None
        self.healthy = True
        self.writes = 0
        self.lasts = 0.0005
        """Seconds that a write takes."""
        self.freeze: Callable[[], None] = lambda: None
        """What happens to the process while it writes."""

    async def recall(self) -> Recollection:
        await asyncio.sleep(0)
        return Recollection(
            calendars=dict(self.calendars),
            columns=dict(self.columns),
            portal=self.portal,
            set_aside=self.set_aside,
            news=self.news,
        )

    async def remember(
        self,
        *,
        calendars: Mapping[str, CalendarRecord] | None = None,
        columns: Mapping[ColumnId, ColumnRecord] | None = None,
        portal: PortalRecord | None = None,
        ahead: Mapping[str, Ahead] | None = None,
        entries: tuple[Entry, ...] = (),
    ) -> None:
        slow = self.faults.draw(self.chance, "ledger_slow")
        await asyncio.sleep(self.chance.uniform(0.1, 4.9) if slow else self.lasts)
        if self.faults.draw(self.chance, "freezes"):
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.freeze(self.chance.choice([1.0, 20.0, 600.0]))
        self.freeze()
        self.healthy = not self.faults.draw(self.chance, "ledger_fails")
        await self.write(
            calendars=calendars or {}, columns=columns or {}, portal=portal, ahead=ahead or {}, entries=entries
        )
        self.writes += 1
        self.calendars.update(calendars or {})
        for name, each in (ahead or {}).items():
            self.calendars[name] = caught_up(self.calendars[name], each)
        self.columns.update(columns or {})
        self.portal = portal or self.portal
        self.entries.extend(entries)

    def close(self) -> None:
        """Leave nothing behind."""

    async def write(
        self,
        *,
        calendars: Mapping[str, CalendarRecord],
        columns: Mapping[ColumnId, ColumnRecord],
        portal: PortalRecord | None,
        ahead: Mapping[str, Ahead],
        entries: tuple[Entry, ...],
    ) -> None:
        """Make it safe, in whatever way; raises LedgerError unless healthy."""
        if not self.healthy:
            raise LedgerError("ledger.unwritable", kind="SQLITE_FULL")


class Listener:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.judge: Callable[[Event], None] = lambda _: None
        """What it thinks of an event at once."""

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self.judge(event)

    def reports(self, name: str) -> list[Report]:
        return [each for each in self.events if isinstance(each, Report) and each.name == name]


def _now() -> float:
    return asyncio.get_running_loop().time()
