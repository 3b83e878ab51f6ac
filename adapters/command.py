"""The verbs that work on the practice and the portal: each takes the settings and ends with an exit code.

While a job runs on the state, `sync` is done by it (I9); nothing here uploads beside a running job.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO, TypeVar

import msgspec

from adapters.compose import assembled, remembered, remembered_history
from adapters.condition import CalendarCondition, Condition, of_job, of_ledger
from adapters.explain import explain, explain_past
from adapters.job import outcome_of
from adapters.lock import StateLock
from adapters.mailbox import LOOK_EVERY, Mailbox, Order
from adapters.minutes import PERIOD
from adapters.moment import parse_moment
from adapters.outcome import Outcome, show_span
from adapters.settings import Settings
from adapters.streams import complain, tell
from adapters.switch import Switch
from adapters.texts import say
from adapters.texts.phrasing import phrase
from engine.faults import Fault
from engine.model import Instant, Wall
from engine.ports import CalendarRecord, Entry, Event, LedgerError, Noticed, Report
from engine.runtime import Engine
from engine.walltime import WallClock

T = TypeVar("T")

ANSWER_WITHIN = 60.0
"""Seconds that a command waits for the running job."""
_NO_ANSWER = Fault("job.no_answer", {"seconds": ANSWER_WITHIN})
PIPE_WITHIN = 2.0
"""Seconds in which an answer must lie in a pipe that stands for a person."""
WATCH_EVERY = 2.0
"""Seconds between two looks of `status --watch`."""


class Complainer:
    """An observer for commands that tell their outcome themselves: says only what is wrong with the state."""

    def __init__(self, lang: str) -> None:
        self._lang = lang

    def tell(self, event: Event) -> None:
        """The outcome is printed at the end; what befalls the ledger is no calendar's."""
        if isinstance(event, Noticed) and event.topic == "ledger" and not event.over:
            _complain([event.fault], self._lang)


async def sync(settings: Settings, names: list[str], *, as_json: bool) -> int:
    """Bring the portal up to date once, now: by the running job if there is one, else by this process."""

    async def here(engine: Engine) -> Outcome:
        return outcome_of(engine, await engine.alone(engine.sync(names)), settings)

    answer = await _by_job_or(settings, Order("sync", names), Outcome.unpack, _alone(settings, here))
    if answer is None:
        silent = Outcome(reports=[_failed(name, settings, _NO_ANSWER) for name in names])
        return _show(silent, settings, as_json=True) if as_json else silent.exit()
    done = {each.name: each for each in answer.reports}
    reports = [done.get(name) or _failed(name, settings, Fault("job.other_settings", {"name": name})) for name in names]
    return _show(msgspec.structs.replace(answer, reports=reports), settings, as_json=as_json)


async def status(settings: Settings, *, as_json: bool) -> int:
    """Tell how the job and every calendar stand."""
    known = await _condition(settings)
    if known is None:
        return 75
    clock = WallClock(settings.limits.zone)
    condition = known.counted(await _history(settings, known.at - PERIOD), clock)
    if as_json:
        tell(json.dumps(condition.as_json(clock, settings.lang), ensure_ascii=False))
    else:
        tell("\n".join(condition.lines(clock, settings.lang)))
    return 0


async def watch(settings: Settings) -> int:
    """The same, again and again, until Ctrl-C."""
    while tell("\x1b[2J\x1b[H", end=""):
        await status(settings, as_json=False)
        await asyncio.sleep(WATCH_EVERY)
    return 0


async def release(settings: Settings, name: str, *, yes: bool) -> int:
    """Show the removals of a calendar that wait, ask, and let just these go (I3)."""
    shown = await _by_job_or(
        settings,
        Order("status"),
        Condition.unpack,
        _alone(settings, lambda engine: _previewed(engine, name, settings)),
    )
    if shown is None:
        return 75
    found = next((each for each in shown.calendars if each.name == name), None)
    if found is None:
        _complain([Fault("job.other_settings", {"name": name})], settings.lang)
        return 75
    times, lang = found.releasable, settings.lang
    if not _tell_waiting(found, settings):
        return 0
    if not yes and not await _agrees(phrase("release.ask", lang)):
        tell(phrase("release.kept", lang))
        return 0

    async def here(engine: Engine) -> Outcome:
        await engine.keeper.ask(asked=True)
        return outcome_of(engine, [await engine.alone(engine.release(name, times))], settings)

    answer = await _by_job_or(settings, Order("release", [name], list(times)), Outcome.unpack, _alone(settings, here))
    if answer is None:
        return 75
    return _show(answer, settings, as_json=False)


def _tell_waiting(found: CalendarCondition, settings: Settings) -> bool:
    """Tell what waits for a person, and whether anything does."""
    times, lang, clock = found.releasable, settings.lang, WallClock(settings.limits.zone)
    words = {"gone": found.gone(), "show": bool(times), "adrift": found.adrift and not times}
    waiting = [word for word, fits in words.items() if fits]
    for word in waiting or ["nothing"]:
        tell(phrase(f"release.{word}", lang, name=found.name))
    for each in times:
        tell(f"  {show_span(*each, clock)}")
    return bool(waiting)


async def tell_why(settings: Settings, name: str, time: str, at: str | None, *, as_json: bool) -> int:
    """Tell why a time is blocked or free online, or was so at another moment. Raises FaultError."""
    clock = WallClock(settings.limits.zone)
    now = datetime.now(settings.limits.zone)
    second = _instant(parse_moment(time, now.replace(tzinfo=None)), clock)
    entries = await remembered_history(settings, 0.0)
    if at is None:
        past = await remembered(settings)
        standing = past.calendars.get(name, CalendarRecord()).standing
        found = explain(name, second, standing, past.portal.window, entries)
    else:
        moment = _instant(parse_moment(at, now.replace(tzinfo=None), past=True), clock)
        found = explain_past(name, second, moment, entries)
    told = (
        json.dumps(found.as_json(clock), ensure_ascii=False)
        if as_json
        else "\n".join(found.lines(clock, settings.lang))
    )
    tell(told)
    return 0


async def plan(settings: Settings, *, as_json: bool) -> int:
    """Show what a sync would upload; sends nothing but the window question."""
    async with assembled(settings, Complainer(settings.lang), look_only=True) as engine:
        reports = await engine.preview(list(settings.calendars))
        planned = msgspec.structs.replace(outcome_of(engine, reports, settings), shadow=False)
        return _show(planned, settings, as_json=as_json)


async def _by_job_or(
    settings: Settings, order: Order, unpack: Callable[[bytes], T], here: Callable[[], Awaitable[T]]
) -> T | None:
    """Have `order` carried out by the job that works on the state, or `here` once none does; None: no answer (I9)."""
    with StateLock(settings.state) as lock:
        if not lock.take():
            asking = asyncio.create_task(Mailbox(settings.state).send(order, ANSWER_WITHIN))
            while not (await asyncio.wait([asking], timeout=LOOK_EVERY))[0] and not lock.take():
                continue
            if asking.done():
                return _unpacked(asking.result(), unpack, settings)
            asking.cancel()
            await asyncio.wait([asking])
        return await here()


def _alone(settings: Settings, work: Callable[[Engine], Awaitable[T]]) -> Callable[[], Awaitable[T]]:
    """`work`, to be done by an engine of this process."""

    async def here() -> T:
        async with assembled(settings, Complainer(settings.lang)) as engine:
            return await work(engine)

    return here


def _unpacked(answer: bytes | None, unpack: Callable[[bytes], T], settings: Settings) -> T | None:
    if answer is None:
        _complain([_NO_ANSWER], settings.lang)
        return None
    return unpack(answer)


async def _condition(settings: Settings) -> Condition | None:
    """How things stand: as the job says, or as the ledger remembers while none runs."""

    async def here() -> Condition:
        on, trouble = Switch(settings.state).read()
        found = of_ledger(await remembered(settings), settings.calendars, time.time(), on=on, switch=trouble)
        return msgspec.structs.replace(found, shadow=settings.shadow)

    return await _by_job_or(settings, Order("status"), Condition.unpack, here)


async def _history(settings: Settings, since: float) -> list[Entry]:
    """What happened since then; nothing where it cannot be read, which is said."""
    try:
        return await remembered_history(settings, since)
    except LedgerError as error:
        _complain([error.fault], settings.lang)
        return []


async def _previewed(engine: Engine, name: str, settings: Settings) -> Condition:
    """The condition after a look that changes nothing, while no job runs."""
    (report,) = await engine.preview([name])
    engine.calendars[name].report = report
    return of_job(engine, time.time(), settings.stale_after)


async def _agrees(question: str) -> bool:
    """Whether the person at the terminal, or what lies in a pipe in its place, says yes; nobody there means no."""
    person = sys.stdin.isatty()
    tell(question, end="" if person else "\n")
    answered = await _readable(sys.stdin, None if person else PIPE_WITHIN)
    return answered and sys.stdin.readline().strip().lower() in {"j", "ja", "y", "yes"}


def _failed(name: str, settings: Settings, fault: Fault) -> Report:
    """What is told of a calendar of which the running job told nothing."""
    return Report(name=name, column=settings.calendars[name], state="failed", fault=fault)


async def _readable(stream: TextIO, limit: float | None) -> bool:
    """Whether there is something to read within `limit` seconds. Awaited, so that Ctrl-C needs no answer first."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(stream, ready.set)
    except OSError:  # an ordinary file, which is never waited for
        return True
    try:
        async with asyncio.timeout(limit):
            return await ready.wait()
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(stream)


def _instant(local: datetime, clock: WallClock) -> Instant:
    """A wall time; of a doubtful one the earlier reading."""
    return clock.earliest(Wall(int(local.replace(tzinfo=UTC).timestamp())))


def _show(outcome: Outcome, settings: Settings, *, as_json: bool) -> int:
    clock = WallClock(settings.limits.zone)
    if outcome.stale is not None:
        stale = Fault("portal.window_stale")
        _complain([stale, *([outcome.stale] if outcome.stale != stale else [])], settings.lang)
    if as_json:
        _complain(outcome.notices(), settings.lang)
        tell(json.dumps(outcome.as_json(clock, settings.lang), ensure_ascii=False))
    else:
        tell("\n".join(outcome.lines(clock, settings.lang)))
    return outcome.exit()


def _complain(faults: Iterable[Fault], lang: str) -> None:
    for fault in faults:
        complain(say(fault, lang))
