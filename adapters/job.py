"""The job itself: alone on its state, obedient to its switch and to orders, and ended in order or at once.

It is told what to do through the state's folder, so that it needs no port.
"""

import asyncio
import errno
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from adapters import __version__, front
from adapters.audience import Audience
from adapters.compose import assembled
from adapters.journal import Journal
from adapters.lock import StateLock
from adapters.mailbox import Mailbox, Order
from adapters.notify import ALIVE, READY, STOPPING, Notify
from adapters.outcome import Outcome
from adapters.pulse import Pulse
from adapters.settings import Settings
from adapters.switch import Switch
from engine.faults import Fault
from engine.ports import Report
from engine.runtime import Engine
from engine.spans import IntervalSet

if TYPE_CHECKING:
    from adapters.status import PageServer

STANDBY_LOOK = 1.0
"""Seconds between two tries of a standby to become the job (I9)."""
END_WITHIN = 9.0
"""Seconds after which a process that was told to end is ended, whatever hangs."""


async def run(settings: Settings) -> int:
    """The job: until SIGTERM or SIGINT, as standby while another one works on the same state (I9)."""
    stop, journal, notify = asyncio.Event(), Journal.of(settings), Notify.of(os.environ)
    _end_on_signals(stop, notify)
    page = front.page(settings)
    with journal.libraries(), StateLock(settings.state) as lock:
        if await _alone(lock, page, stop, journal, notify):
            try:
                audience = Audience(journal)
                async with assembled(settings, audience) as engine:
                    if page is not None:
                        front.show(page, engine, settings, audience, lambda on: journal.event("job.switched", on=on))
                        journal.event("page.listening", host=page.host, port=page.port)
                    await _work(engine, settings, journal, stop, notify)
            except BaseException:
                _end_soon(70)
                raise
            finally:
                if page is not None:
                    await page.close()
    return 0


async def _work(engine: Engine, settings: Settings, journal: Journal, stop: asyncio.Event, notify: Notify) -> None:
    switch = Switch(settings.state)
    engine.gate.open, fault = switch.read()
    if fault is not None:
        journal.fault(fault)
    journal.event("job.started", version=__version__, calendars=len(settings.calendars))
    notify(READY)
    async with asyncio.TaskGroup() as tasks:
        follow = _follow(switch, engine, journal, fault)
        others = [tasks.create_task(_attend(engine, settings, follow, notify))]
        if settings.alert_webhook or settings.alert_mail or settings.heartbeat_url:
            others.append(tasks.create_task(_alarm(engine, settings, journal)))
        await engine.run(stop)
        for each in others:
            each.cancel()
    journal.event("job.stopped")


async def _attend(engine: Engine, settings: Settings, follow: Callable[[], None], notify: Notify) -> None:
    """Obey the switch and orders, and show that the loop lives: all in one, for each time to wake costs."""
    pulse = Pulse(settings.state)

    def look() -> None:
        follow()
        notify(ALIVE)
        with suppress(OSError):
            pulse.beat()

    try:
        await Mailbox(settings.state).serve(lambda order: _carry_out(engine, settings, order), look)
    finally:
        with suppress(OSError):
            pulse.stop()


def _follow(switch: Switch, engine: Engine, journal: Journal, known: Fault | None) -> Callable[[], None]:
    """A look that lets the switch of the state decide, and tells what is wrong with it, if that is not `known` (I8)."""

    def look() -> None:
        nonlocal known
        on, fault = switch.read()
        if fault is not None and fault != known:
            journal.fault(fault)
        known = fault
        if on != engine.gate.open:
            journal.event("job.switched", on=on)
            engine.switch(on=on)

    return look


async def _alarm(engine: Engine, settings: Settings, journal: Journal) -> None:
    """Tell people what they should know, for as long as that works."""
    from adapters.alarms import watch  # noqa: PLC0415 - only where somebody wants to be told

    while True:
        try:
            await watch(settings, lambda: front.condition(engine, settings), journal.fault)
        except Exception as error:  # noqa: BLE001 - whatever befalls the alarms must not end the sync
            journal.fault(Fault("alarm.undelivered", {"channel": "tmex", "kind": type(error).__name__}))
            await asyncio.sleep(60)


async def _carry_out(engine: Engine, settings: Settings, order: Order) -> bytes:
    """What a command asked of this job."""
    names = [name for name in order.names if name in engine.calendars]
    match order.verb:
        case "sync":
            return outcome_of(engine, await engine.sync(names), settings).pack()
        case "release":
            reports = [await engine.release(name, IntervalSet(order.times)) for name in names]
            return outcome_of(engine, reports, settings).pack()
        case _:
            return front.condition(engine, settings).pack()


def outcome_of(engine: Engine, reports: list[Report], settings: Settings) -> Outcome:
    """What `reports` of `engine` came to."""
    window = engine.keeper.window
    return Outcome(
        reports=reports,
        window=window,
        stale=engine.keeper.trouble if window is not None else None,
        unwritten=engine.reconciler.memory.trouble,
        shadow=settings.shadow,
        block_vanished=settings.limits.block_vanished,
    )


async def _alone(
    lock: StateLock, page: "PageServer | None", stop: asyncio.Event, journal: Journal, notify: Notify
) -> bool:
    """Wait until no other job works on the state, nor shows its page where this one is to; False when this one is to
    end before.
    """
    waiting = False
    while not (lock.take() and await _opens(page, lock, journal, told=waiting)):
        if not waiting:
            journal.event("job.standby")
            notify(READY)  # a standby is what was asked for, not a start that hangs
            waiting = True
        notify(ALIVE)
        try:
            async with asyncio.timeout(STANDBY_LOOK):
                await stop.wait()
        except TimeoutError:
            continue
        return False
    return True


async def _opens(page: "PageServer | None", lock: StateLock, journal: Journal, *, told: bool) -> bool:
    """Whether the page could be opened; if not, the state is left to whoever can."""
    try:
        if page is not None:
            await page.open()
    except OSError as error:
        lock.close()
        if page is not None and not told:
            kind = errno.errorcode.get(error.errno or 0, type(error).__name__)
            journal.fault(Fault("job.address_taken", {"host": page.host, "port": page.asked_port, "kind": kind}))
        return False
    return True


def _end_on_signals(stop: asyncio.Event, notify: Notify) -> None:
    """SIGTERM and SIGINT end the job in order, also as PID 1; and end it all the same if something hangs (I8)."""

    def end() -> None:
        if not stop.is_set():
            notify(STOPPING)
            _end_soon(0)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, end)


def _end_soon(code: int) -> None:
    """End the process with `code` a little later, whatever hangs by then (fault 49)."""
    timer = threading.Timer(END_WITHIN, os._exit, [code])
    timer.daemon = True
    timer.start()
