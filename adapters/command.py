"""The verbs that work on the practice and the portal: each takes the settings and ends with an exit code.

While a job runs on the state, `sync` is done by it (I9); nothing here uploads beside a running job.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from importlib.metadata import version
from typing import TypeVar

from adapters.compose import assembled, remembered
from adapters.condition import Condition, of_job, of_ledger
from adapters.journal import Journal
from adapters.lock import StateLock
from adapters.mailbox import LOOK_EVERY, Mailbox, Order
from adapters.outcome import Outcome, show_span
from adapters.pulse import Pulse
from adapters.settings import Settings
from adapters.switch import Switch
from adapters.texts import say
from adapters.texts.phrasing import phrase
from engine.faults import Fault
from engine.ports import Event, Report
from engine.runtime import Engine
from engine.spans import IntervalSet
from engine.walltime import WallClock

T = TypeVar("T")

ANSWER_WITHIN = 60.0
"""Seconds that a command waits for the running job."""
WATCH_EVERY = 2.0
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

    async def here(engine: Engine) -> Outcome:
        return _outcome(engine, await engine.alone(engine.sync(names)), settings)

    answer = await _by_job_or(settings, Order("sync", names), here)
    if answer is None:
        return 75
    outcome = Outcome.unpack(answer) if isinstance(answer, bytes) else answer
    return _show(outcome, settings, as_json=as_json)


async def status(settings: Settings, *, as_json: bool) -> int:
    """Tell how the job and every calendar stand."""
    condition = await _condition(settings)
    if condition is None:
        return 75
    clock = WallClock(settings.limits.zone)
    if as_json:
        print(json.dumps(condition.as_json(clock, settings.lang), ensure_ascii=False))
    else:
        print("\n".join(condition.lines(clock, settings.lang)))
    return 0


async def watch(settings: Settings) -> int:
    """The same, again and again, until Ctrl-C."""
    while True:
        print("\x1b[2J\x1b[H", end="")
        await status(settings, as_json=False)
        await asyncio.sleep(WATCH_EVERY)


async def release(settings: Settings, name: str, *, yes: bool) -> int:
    """Show the removals of a calendar that wait, ask, and let just these go (I3)."""
    shown = await _by_job_or(settings, Order("status"), lambda engine: _previewed(engine, name, settings))
    if shown is None:
        return 75
    condition = Condition.unpack(shown) if isinstance(shown, bytes) else shown
    found = next(each for each in condition.calendars if each.name == name)
    times, lang = found.releasable, settings.lang
    if not times and not found.adrift:
        print(phrase("release.nothing", lang, name=name))
        return 0
    clock = WallClock(settings.limits.zone)
    print(phrase("release.show", lang, name=name), *(f"  {show_span(*each, clock)}" for each in times), sep="\n")
    if not yes and not _agrees(phrase("release.ask", lang)):
        print(phrase("release.kept", lang))
        return 0

    async def here(engine: Engine) -> Outcome:
        await engine.keeper.ask(asked=True)
        return _outcome(engine, [await engine.alone(engine.release(name, times))], settings)

    answer = await _by_job_or(settings, Order("release", [name], list(times)), here)
    if answer is None:
        return 75
    outcome = Outcome.unpack(answer) if isinstance(answer, bytes) else answer
    return _show(outcome, settings, as_json=False)


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
            tasks.create_task(_beat(Pulse(settings.state))),
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


async def _beat(pulse: Pulse) -> None:
    while True:
        with suppress(OSError):
            pulse.beat()
        await asyncio.sleep(SWITCH_LOOK)


async def _carry_out(engine: Engine, settings: Settings, order: Order) -> bytes:
    """What a command asked of this job."""
    names = [name for name in order.names if name in engine.calendars]
    match order.verb:
        case "sync":
            return _outcome(engine, await engine.sync(names), settings).pack()
        case "release":
            reports = [await engine.release(name, IntervalSet(order.times)) for name in names]
            return _outcome(engine, reports, settings).pack()
        case _:
            return of_job(engine, time.time(), settings.stale_after).pack()


async def _by_job_or(settings: Settings, order: Order, here: Callable[[Engine], Awaitable[T]]) -> "bytes | T | None":
    """Have `order` carried out by the job that works on the state, or `here` once none does; None: no answer (I9)."""
    with StateLock(settings.state) as lock:
        if not lock.take():
            asking = asyncio.create_task(Mailbox(settings.state).send(order, ANSWER_WITHIN))
            while not (await asyncio.wait([asking], timeout=LOOK_EVERY))[0] and not lock.take():
                continue
            if asking.done():
                if asking.result() is None:
                    _complain([Fault("job.no_answer", {"seconds": ANSWER_WITHIN})], settings.lang)
                return asking.result()
            asking.cancel()
            await asyncio.wait([asking])
        async with assembled(settings, Quiet()) as engine:
            return await here(engine)


async def _condition(settings: Settings) -> Condition | None:
    """How things stand: as the job says, or as the ledger remembers while none runs."""
    with StateLock(settings.state) as lock:
        if lock.take():
            on, _ = Switch(settings.state).read()
            past = await remembered(settings)
            return of_ledger(past, settings.calendars, time.time(), on=on)
    answer = await Mailbox(settings.state).send(Order("status"), ANSWER_WITHIN)
    if answer is None:
        _complain([Fault("job.no_answer", {"seconds": ANSWER_WITHIN})], settings.lang)
        return None
    return Condition.unpack(answer)


async def _previewed(engine: Engine, name: str, settings: Settings) -> Condition:
    """The condition after a look that changes nothing, while no job runs."""
    (report,) = await engine.preview([name])
    engine.calendars[name].report = report
    return of_job(engine, time.time(), settings.stale_after)


def _agrees(question: str) -> bool:
    """Whether the person at the terminal says yes; nobody there means no."""
    if not sys.stdin.isatty():
        return False
    return input(question).strip().lower() in {"j", "ja", "y", "yes"}


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
