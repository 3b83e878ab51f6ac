"""Owns the tasks: hints and ticks mark calendars, workers take them one by one, and a stop tears none of them.

A task that fails takes all the others with it, for a job that does half its work is worse than one that has ended.
"""

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping
from contextlib import suppress
from math import inf
from typing import Final, TypeVar

from engine import plan
from engine.calendar import Calendar
from engine.errands import Errands, Order, answer, kept_back
from engine.faults import Fault, FaultError
from engine.gate import Gate
from engine.limits import Limits
from engine.model import ColumnId
from engine.plan import Standing
from engine.ports import CalendarRecord, Noticed, Report
from engine.reconcile import Reconciler, World
from engine.spans import EMPTY, IntervalSet
from engine.window import WindowKeeper
from engine.workqueue import WorkQueue

T = TypeVar("T")

GRACE: Final = 5.0
"""Seconds that the turns under way are given to end when the job is to stop."""
_KEY_LOOK: Final = 5.0
"""Seconds between two looks at the key while the portal refuses it."""
_PATIENCE: Final = 2.0
"""Seconds that a tick waits for the answer to the window question before the kept window has to do."""


class Engine:
    """The job: keeps the portal equal to the practice. For one event loop; `recall` comes first."""

    def __init__(self, columns: Mapping[str, ColumnId], world: World, limits: Limits) -> None:
        """`columns` maps each online calendar's name to the column that feeds it (R10)."""
        self._fed: dict[ColumnId | None, list[str]] = {None: list(columns)}
        """Which calendars a hint is about."""
        for name, column in columns.items():
            self._fed.setdefault(column, []).append(name)
        self.calendars: dict[str, Calendar] = {}
        self.gate = Gate(limits.concurrency)
        self.keeper = WindowKeeper(world.portal, self.gate, world.observer, limits, world.wall, world.chance)
        self.reconciler = Reconciler(world, self.gate, self.keeper, limits)
        self._queue = WorkQueue()
        self._errands = Errands(self.keeper, self.gate, self._queue, world, limits)
        self._columns, self._world, self._limits = columns, world, limits
        self._following = False
        """Whether calendars come back by themselves; a single `sync` ends with its answer."""
        self._noted: dict[str, Fault] = {}
        """What was told of the source's change events, by code."""
        self._woken = asyncio.Event()
        self._marked_at = 0.0
        """When all calendars were marked last, by the loop's clock."""
        self._turns = 0
        self._idle = asyncio.Event()

    async def recall(self) -> None:
        """Take up what an earlier process remembered. Raises LedgerError."""
        past = await self._world.ledger.recall()
        if past.news is not None:
            self._world.observer.tell(Noticed("ledger", past.news))
        self.keeper.recall(past.portal)
        self.reconciler.lookout.recall(past.columns)
        now, wall = _now(), self._world.wall()
        unknown = CalendarRecord(standing=Standing(adrift=past.set_aside))
        for name, column in self._columns.items():
            record = past.calendars.get(name, unknown)
            self.calendars[name] = Calendar(name, column, record, self._limits, now, wall)

    async def run(self, stop: asyncio.Event) -> None:
        """The job itself, until `stop` is set; then no new turn begins, and those under way get a moment to end."""
        self._following, self._marked_at = True, _now()
        async with asyncio.TaskGroup() as tasks:
            chores = (self._tick(), self._insist(), self._listen(), self._watch_key())
            others = [tasks.create_task(each) for each in chores]
            workers = self._start_workers(tasks)
            await stop.wait()
            _cancel(others)
            await self._finish(workers)

    async def alone(self, errand: Awaitable[T]) -> T:
        """Carry out one errand, `sync` or `release`, in a process in which no job runs."""
        async with asyncio.TaskGroup() as tasks:
            workers = self._start_workers(tasks)
            outcome = await errand
            await self._finish(workers)
        return outcome

    async def sync(self, names: Collection[str]) -> list[Report]:
        """Bring the portal up to date once, now, by the workers (I3, I10)."""
        reports = await self._errands.sync([self.calendars[name] for name in names])
        await self.reconciler.memory.keep(portal=self.keeper.record())
        return reports

    async def release(self, name: str, times: IntervalSet) -> Report:
        """Let the removals `times` of a calendar go, and have the turn that reads whether they still lack (I3). Where
        something vanished that fed it, that is gone for good now, and with it what it alone held, and no other loss.
        """
        calendar = self.calendars[name]
        if await self._world.source.vanished(calendar.column):
            try:
                times = times | await self._gone_for_good(calendar)
            except FaultError as error:
                return Report(name=name, column=calendar.column, state="failed", fault=error.fault)
        calendar.standing = plan.release(calendar.standing, times)
        await self.reconciler.keep(calendar)
        return await self._errands.turn(calendar)

    async def _gone_for_good(self, calendar: Calendar) -> IntervalSet:
        """What the column lacks because what vanished is confirmed; nothing where nobody knows what it lacked before.

        Raises FaultError.
        """
        before = await self._errands.turn(calendar)
        await self._world.source.confirm(calendar.column)
        after = await self._errands.turn(calendar)
        return after.held - before.held if before.blocks else EMPTY

    async def preview(self, names: Iterable[str]) -> list[Report]:
        """What a sync would do; sends nothing but the window question."""
        await self._errands.ask_window()
        return [await self.reconciler.preview(self.calendars[name]) for name in names]

    def switch(self, *, on: bool) -> None:
        """Let no new request begin while off; on again, sync everything at once (I8)."""
        if on != self.gate.open:
            self.gate.open = on
            self._woken.set()

    def source_notes(self) -> tuple[Fault, ...]:
        """What hinders the source's change events at present."""
        return tuple(self._noted.values())

    def backlog(self) -> int:
        """How many calendars wait to be looked at."""
        return len(self._queue)

    async def _tick(self) -> None:
        """Every interval: the window, then every calendar; a question without an answer is asked again between."""
        next_tick = _now()
        while True:
            fresh = await self._ask()
            if fresh or _now() >= next_tick:
                self._tell_notes()
                self._mark_all()
                next_tick = _now() + self._limits.interval
            repeat = inf if fresh or not self.gate.open else self.keeper.retry_at
            woken = await self._doze(min(next_tick, repeat))
            next_tick = _now() if woken else next_tick

    async def _insist(self) -> None:
        """Mark every calendar in time, also while the window question is under way and finds no end (I5)."""
        while True:
            await asyncio.sleep(self._marked_at + self._limits.interval + _PATIENCE - _now())
            if _now() >= self._marked_at + self._limits.interval + _PATIENCE:
                self._mark_all()

    async def _doze(self, until: float) -> bool:
        """Sleep until `until`, or until woken; whether woken."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await self._woken.wait()
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    async def _ask(self) -> bool:
        """Ask for the window, unless the key is refused and its next probe is not due (I10)."""
        if self.gate.refused and self.keeper.retry_at > _now() and not self._world.portal.key_renewed():
            return False
        fresh = await self.keeper.ask()
        await self.reconciler.memory.keep(portal=self.keeper.record())
        return fresh

    async def _watch_key(self) -> None:
        """A key that was renewed while it is refused is tried at once (I10)."""
        while True:
            await self.gate.refusal()
            await asyncio.sleep(_KEY_LOOK)
            if self.gate.refused and self._world.portal.key_renewed():
                self._woken.set()

    async def _listen(self) -> None:
        async for hint in self._world.source.hints():
            for name in self._fed.get(hint.column, ()):
                self.calendars[name].hinted(hint.days)
                self._queue.add(name)
            self._tell_notes()
        raise RuntimeError("the source's hints ended")

    def _tell_notes(self) -> None:
        """Say once when something begins to hinder the source's change events, and once when it is over."""
        before, self._noted = self._noted, {note.code: note for note in self._world.source.notes()}
        for code in before.keys() - self._noted.keys():
            self._world.observer.tell(Noticed("source", before[code], over=True))
        for code in self._noted.keys() - before.keys():
            self._world.observer.tell(Noticed("source", self._noted[code]))

    def _mark_all(self) -> None:
        self._marked_at, wall = _now(), self._world.wall()
        self.keeper.not_after(wall)
        # A calendar for which the key is refused, while it is welcome for others, must not stop them each time anew.
        for calendar in sorted(self.calendars.values(), key=lambda each: each.refused):
            calendar.not_after(wall)
            calendar.due = True
            calendar.hinted(None)
            self._queue.add(calendar.name)

    def _start_workers(self, tasks: asyncio.TaskGroup) -> "list[asyncio.Task[None]]":
        count = min(self._limits.concurrency, len(self.calendars))
        return [tasks.create_task(self._work()) for _ in range(count)]

    async def _work(self) -> None:
        while True:
            name = await self._queue.get()
            try:
                async with self.gate.request():
                    await self._handle(self.calendars[name])
            finally:
                self._queue.done(name)

    async def _handle(self, calendar: Calendar) -> None:
        """One turn, unless its upload may not go yet: then the calendar comes back when it may."""
        orders = self._errands.take(calendar)
        ready_at = self.reconciler.ready_at(calendar, _now(), asked=bool(orders))
        if ready_at > _now():
            await self._put_off(calendar, orders, ready_at)
        else:
            report = await self._turn(self.reconciler.turn(calendar, asked=bool(orders)))
            self._tell(calendar, report)
            answer(orders, report)
        if calendar.again_at < inf and (self._following or self._errands.wanted(calendar)):
            self._queue.add_at(calendar.name, calendar.again_at)

    async def _put_off(self, calendar: Calendar, orders: list[Order], ready_at: float) -> None:
        """Look although nothing may go up before `ready_at`; whoever cannot wait so long hears what was seen, and why
        it stays.
        """
        reason = self._errands.put_off(calendar, orders)
        calendar.hinted(None)
        if reason is not None or (calendar.due and ready_at < inf):
            report = await self._turn(self.reconciler.glance(calendar))
            if report.state != "held":
                self._tell(calendar, report)
            if reason is not None:
                answer(orders, kept_back(report, reason))
        calendar.again_at = ready_at

    def _tell(self, calendar: Calendar, report: Report) -> None:
        calendar.report = report
        self._world.observer.tell(report)

    async def _turn(self, turn: Awaitable[T]) -> T:
        self._turns += 1
        self._idle.clear()
        try:
            return await turn
        finally:
            self._turns -= 1
            if not self._turns:
                self._idle.set()

    async def _finish(self, workers: "list[asyncio.Task[None]]") -> None:
        """Let no new turn begin, give those under way a moment, and end the workers."""
        self._queue.close()
        if self._turns:
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await self._idle.wait()
        _cancel(workers)


def _cancel(tasks: "Iterable[asyncio.Task[None]]") -> None:
    for task in tasks:
        task.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
