"""The verbs that work on the practice and the portal: each takes the settings and ends with an exit code.

While a job runs on the state, `sync` is done by it (I9); nothing here uploads beside a running job.
"""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Iterable
from importlib.metadata import version

from adapters.compose import assembled
from adapters.journal import Journal
from adapters.lock import StateLock
from adapters.mailbox import LOOK_EVERY, Mailbox, Order
from adapters.outcome import Outcome
from adapters.settings import Settings
from adapters.switch import Switch
from adapters.texts import say
from engine.faults import Fault
from engine.ports import Event, Report
from engine.runtime import Engine
from engine.walltime import WallClock

ANSWER_WITHIN = 60.0
"""Seconds that a command waits for the running job."""
SWITCH_LOOK = 1.0
"""Seconds between two looks at the switch (I8)."""
STANDBY_LOOK = 1.0
"""Seconds between two tries of a standby to become the job (I9)."""
END_WITHIN = 9.0
"""Seconds after which a process that was told to end is ended, whatever hangs."""


class Quiet:
    """An observer for commands that tell their outcome themselves."""

    def tell(self, event: Event) -> None:
        """Nothing to do: the outcome is printed at the end."""


async def sync(settings: Settings, names: list[str], *, as_json: bool) -> int:
    """Bring the portal up to date once, now: by the running job if there is one, else by this process."""
    with StateLock(settings.state) as lock:
        outcome = await _sync_here(settings, names) if lock.take() else await _sync_by_job(settings, names, lock)
    if outcome is None:
        _complain([Fault("job.no_answer", {"seconds": ANSWER_WITHIN})], settings.lang)
        return 75
    return _show(outcome, settings, as_json=as_json)


async def plan(settings: Settings, *, as_json: bool) -> int:
    """Show what a sync would upload; sends nothing but the window question."""
    async with assembled(settings, Quiet(), look_only=True) as engine:
        reports = await engine.preview(list(settings.calendars))
        return _show(_outcome(engine, reports, settings), settings, as_json=as_json)


async def run(settings: Settings) -> int:
    """The job: until SIGTERM or SIGINT, as standby while another one works on the same state (I9)."""
    stop, journal = asyncio.Event(), Journal.of(settings)
    _end_on_signals(stop)
    with journal.libraries(), StateLock(settings.state) as lock:
        if await _alone(lock, stop, journal):
            try:
                async with assembled(settings, journal) as engine:
                    await _work(engine, settings, journal, stop)
            except BaseException:
                _end_soon(70)
                raise
    return 0


async def _work(engine: Engine, settings: Settings, journal: Journal, stop: asyncio.Event) -> None:
    switch = Switch(settings.state)
    engine.gate.open, fault = switch.read()
    if fault is not None:
        journal.fault(fault)
    journal.event("job.started", version=version("tmex"), calendars=len(settings.calendars))
    async with asyncio.TaskGroup() as tasks:
        others = [
            tasks.create_task(_follow(switch, engine, journal)),
            tasks.create_task(Mailbox(settings.state).serve(lambda order: _carry_out(engine, settings, order))),
        ]
        await engine.run(stop)
        for each in others:
            each.cancel()
    journal.event("job.stopped")


async def _follow(switch: Switch, engine: Engine, journal: Journal) -> None:
    """Let the switch of the state decide, within a second of its being turned (I8)."""
    while True:
        await asyncio.sleep(SWITCH_LOOK)
        on, _ = switch.read()
        if on != engine.gate.open:
            journal.event("job.switched", on=on)
            engine.switch(on=on)


async def _carry_out(engine: Engine, settings: Settings, order: Order) -> bytes:
    names = [name for name in order.names if name in engine.calendars]
    return _outcome(engine, await engine.sync(names), settings).pack()


async def _sync_here(settings: Settings, names: list[str]) -> Outcome:
    async with assembled(settings, Quiet()) as engine:
        return _outcome(engine, await engine.alone(engine.sync(names)), settings)


async def _sync_by_job(settings: Settings, names: list[str], lock: StateLock) -> Outcome | None:
    """Have it done by whoever works on the state; by this process once nobody does any more."""
    asking = asyncio.create_task(Mailbox(settings.state).send(Order("sync", names), ANSWER_WITHIN))
    while not (await asyncio.wait([asking], timeout=LOOK_EVERY))[0]:
        if lock.take():
            asking.cancel()
            await asyncio.wait([asking])
            return await _sync_here(settings, names)
    answer = asking.result()
    return None if answer is None else Outcome.unpack(answer)


def _outcome(engine: Engine, reports: list[Report], settings: Settings) -> Outcome:
    window = engine.keeper.window
    return Outcome(
        reports=reports,
        window=window,
        stale=engine.keeper.trouble if window is not None else None,
        shadow=settings.shadow,
        block_vanished=settings.limits.block_vanished,
    )


def _show(outcome: Outcome, settings: Settings, *, as_json: bool) -> int:
    clock = WallClock(settings.limits.zone)
    if outcome.stale is not None:
        _complain([Fault("portal.window_stale"), outcome.stale], settings.lang)
    if as_json:
        _complain(outcome.notices(), settings.lang)
        print(json.dumps(outcome.as_json(clock, settings.lang), ensure_ascii=False))
    else:
        print("\n".join(outcome.lines(clock, settings.lang)))
    return outcome.exit()


async def _alone(lock: StateLock, stop: asyncio.Event, journal: Journal) -> bool:
    """Wait until no other job works on the state; False when this one is to end before."""
    waiting = False
    while not lock.take():
        if not waiting:
            journal.event("job.standby")
            waiting = True
        try:
            async with asyncio.timeout(STANDBY_LOOK):
                await stop.wait()
        except TimeoutError:
            continue
        return False
    return True


def _end_on_signals(stop: asyncio.Event) -> None:
    """SIGTERM and SIGINT end the job in order, also as PID 1; and end it all the same if something hangs (I8)."""

    def end() -> None:
        if not stop.is_set():
            _end_soon(0)
        stop.set()

    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, end)


def _end_soon(code: int) -> None:
    """End the process with `code` a little later, whatever hangs by then (fault 49)."""
    timer = threading.Timer(END_WITHIN, os._exit, [code])
    timer.daemon = True
    timer.start()


def _complain(faults: Iterable[Fault], lang: str) -> None:
    for fault in faults:
        print(say(fault, lang), file=sys.stderr)
