"""What a person asks for is done now, by the same workers, each request tried at most twice.

A sync asks for the window, has every calendar's turn, and stays a moment longer where something may soon be freed; it
waits neither for the guard nor for settling (I3, I6).
"""

import asyncio
from collections.abc import Iterable

import msgspec

from engine.calendar import Calendar
from engine.faults import Fault
from engine.gate import Gate
from engine.limits import Limits
from engine.pace import backoff
from engine.plan import Patience
from engine.ports import Report
from engine.reconcile import World
from engine.spans import IntervalSet
from engine.window import WindowKeeper
from engine.workqueue import WorkQueue

Order = asyncio.Future[Report]


class Errands:
    """Orders of people, waiting for the worker that carries them out."""

    def __init__(self, keeper: WindowKeeper, gate: Gate, queue: WorkQueue, world: World, limits: Limits) -> None:
        self._keeper, self._gate, self._queue = keeper, gate, queue
        self._world, self._limits = world, limits
        self._orders: dict[str, list[Order]] = {}

    async def ask_window(self) -> None:
        """Ask for the window, twice at most."""
        if not await self._keeper.ask(asked=True) and not self._gate.refused:
            await self._breathe()
            await self._keeper.ask(asked=True)

    async def sync(self, calendars: Iterable[Calendar]) -> list[Report]:
        """Have each of `calendars` uploaded once, now, and wait for the outcome."""
        await self.ask_window()
        return list(await asyncio.gather(*map(self._sync_one, calendars)))

    def wanted(self, calendar: Calendar) -> bool:
        """Whether somebody waits for a turn of `calendar`."""
        return any(not each.done() for each in self._orders.get(calendar.name, ()))

    def take(self, calendar: Calendar) -> list[Order]:
        """The orders that the turn which now begins will answer."""
        return [each for each in self._orders.pop(calendar.name, []) if not each.done()]

    def put_off(self, calendar: Calendar, orders: list[Order]) -> Fault | None:
        """The upload may not go yet: orders wait for the gap, but not for a pause or a key (I10). Why they cannot wait,
        if they cannot.
        """
        now = asyncio.get_running_loop().time()
        reason = self._gate.reason(self._world.portal.upload_host, now) if orders else None
        if orders and reason is None:
            self._orders.setdefault(calendar.name, []).extend(orders)
        return reason

    async def _sync_one(self, calendar: Calendar) -> Report:
        window = self._keeper.window
        before = calendar.standing.confirmed(window) if window else None
        report = await self.turn(calendar)
        if report.retry:
            await self._breathe()
            again = await self.turn(calendar)
            # One that may not go yet, for the portal asked for a pause, tells less than the failure before it.
            report = report if again.state == "held" else again
        if report.state == "uploaded" and report.ripe_in is not None and report.patience is Patience.NORMAL:
            await self._ripen(calendar, self._limits.free_delay)
            report = await self.turn(calendar)
        if window is None or before is None or report.state != "uploaded":
            return report
        return _in_sum(report, before, calendar.standing.confirmed(window))

    async def turn(self, calendar: Calendar) -> Report:
        """Have a worker give `calendar` a turn, and wait for its outcome."""
        order: Order = asyncio.get_running_loop().create_future()
        self._orders.setdefault(calendar.name, []).append(order)
        self._queue.add(calendar.name)
        return await order

    async def _ripen(self, calendar: Calendar, seconds: float) -> None:
        """Let `seconds` pass, with a reading now and then, for of a long gap between two not all would count (I3)."""
        while seconds > self._limits.interval:
            seconds -= self._limits.interval
            await asyncio.sleep(self._limits.interval)
            self._queue.add(calendar.name)
        await asyncio.sleep(seconds)

    async def _breathe(self) -> None:
        await asyncio.sleep(backoff(0, self._limits, self._world.chance))


def answer(orders: Iterable[Order], report: Report) -> None:
    """Tell those who asked, if they still wait."""
    for order in orders:
        if not order.done():
            order.set_result(report)


def kept_back(report: Report, reason: Fault) -> Report:
    """`report` of a look after which nothing could be sent, for `reason`; what the look itself met says more."""
    paused = reason.code == "portal.paused"
    if paused and report.state == "failed":
        return report
    return msgspec.structs.replace(report, state="held" if paused else "failed", fault=reason, retry=False)


def _in_sum(report: Report, before: IntervalSet, after: IntervalSet) -> Report:
    """`report` of the last of several turns, with what they changed together."""
    return msgspec.structs.replace(report, added=after - before, removed=before - after)
