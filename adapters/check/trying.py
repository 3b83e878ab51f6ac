"""Tries everything that the job needs, once, and says of each whether it is right, and who must do what if not.

Nothing is uploaded and nothing is written but a trial of the state's folder.
"""

import asyncio
import os
import time
from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path

import aiohttp

from adapters.alarms.episodes import Alarm
from adapters.alarms.send import ChannelError, Channels
from adapters.check import surroundings
from adapters.check.checker import Checker
from adapters.compose import PracticeSource, assembled, looked_at, open_portal, open_source, remembered
from adapters.duria.files import FilesSource
from adapters.exits import exit_code
from adapters.lock import StateLock
from adapters.outcome import show_span
from adapters.settings import Settings, SettingsError, load
from adapters.settings.values import SqliteSource
from adapters.switch import Switch
from engine.faults import Fact, Fault, FaultError
from engine.model import DAY, Failed, Incomplete, Instant, Window
from engine.ports import Event
from engine.walltime import WallClock

CLOCK_OFF = 60.0
"""Seconds by which this machine's clock may differ from the portal's before it is noted."""
CHANGES_LIMIT = 15.0
"""Seconds until a source must have said that it listens, or that it cannot."""
OPEN_TO_OTHERS = 0o077


async def check(environ: Mapping[str, str], lang: str, *, alarm: bool = False) -> Checker:
    """Try the settings and, when they hold, all that they lead to; with `alarm` send one by each way that is set."""
    checker = Checker(lang)
    try:
        settings = load(environ)
    except SettingsError as error:
        for fault in error.faults:
            checker.fault("settings", fault)
        return checker
    checker.ok("settings", calendars=len(settings.calendars))
    _secret_files(checker, environ)
    _whole_paths(checker, settings)
    _state(checker, settings)
    _switch(checker, settings)
    clock = WallClock(settings.limits.zone)
    checker.ok("zone", name=str(settings.limits.zone), now=clock.isoformat(Instant(int(time.time())))[11:16])
    surroundings.clock_change(checker, settings.limits.zone, time.time())
    await asyncio.gather(_source(checker, settings, clock), _portal(checker, settings, clock))
    await _together(checker, settings, clock)
    if alarm:
        await _alarms(checker, settings)
    return checker


def _secret_files(checker: Checker, environ: Mapping[str, str]) -> None:
    for name in sorted(each for each in environ if each.startswith("TMEX_") and each.endswith("_FILE")):
        with suppress(OSError):
            if Path(environ[name]).stat().st_mode & OPEN_TO_OTHERS:
                checker.remark("secrets", "secret_file_open", name=name)


def _whole_paths(checker: Checker, settings: Settings) -> None:
    """A path that begins where the job is started means another file as soon as a service starts it."""
    named = {"TMEX_STATE": settings.state}
    if isinstance(settings.source, SqliteSource):
        named["TMEX_SOURCE"] = settings.source.path
    for name, path in named.items():
        if not path.is_absolute():
            checker.remark("paths", "relative", name=name, path=str(path.absolute()))


def _state(checker: Checker, settings: Settings) -> None:
    with StateLock(settings.state) as lock:
        try:
            alone = lock.take()
        except FaultError as error:
            checker.fault("state", error.fault)
            return
    if not os.access(settings.state.parent, os.W_OK):
        checker.fault("state", Fault("ledger.unwritable", {"kind": "EACCES"}))
    elif alone:
        checker.ok("state", folder=str(settings.state.parent))
    else:
        checker.ok("state_running", folder=str(settings.state.parent))
    surroundings.space(checker, settings.state.parent)


def _switch(checker: Checker, settings: Settings) -> None:
    """Whether anything is sent at all, once the job runs."""
    on, trouble = Switch(settings.state).read()
    if trouble is not None:
        checker.fault("switch", trouble)
    elif on:
        checker.ok("switch")
    else:
        checker.remark("switch", "switched_off")
    if settings.shadow:
        checker.remark("shadow", "shadow")


async def _source(checker: Checker, settings: Settings, clock: WallClock) -> None:
    try:
        async with open_source(settings, await looked_at(settings)) as source:
            faults = [each for each in await source.examine() if each not in source.notes()]
            for fault in faults:
                checker.fault("source", fault)
            if isinstance(source, FilesSource):
                await _files(checker, source)
            if not any(exit_code(fault.code) for fault in faults):
                await _columns(checker, settings, source, clock)
                await _changes(checker, source, {fault.code for fault in faults})
    except FaultError as error:
        checker.fault("source", error.fault)


async def _columns(checker: Checker, settings: Settings, source: PracticeSource, clock: WallClock) -> None:
    """Whether each mapped column is there and can be read."""
    found = await source.columns()
    if found:
        checker.ok("source", found=", ".join(map(str, found)))
    else:
        checker.remark("source", "no_rows", practice=settings.practice)
    now = Instant(int(time.time()))
    around = clock.around(Window(now, Instant(now + DAY)))
    for name, column in settings.calendars.items():
        if column not in found:
            facts: dict[str, Fact] = {"column": str(column), "found": ", ".join(map(str, found)) or "–"}
            checker.fault("columns", Fault("column.unknown", facts))
            continue
        reading = await source.read(column, around)
        if isinstance(reading, Failed | Incomplete):
            checker.fault("columns", reading.reason)
        else:
            checker.ok("columns", name=name, column=str(column))
            for doubt in islice(reading.rows.doubts, surroundings.MOST_SHOWN):
                checker.note("columns", doubt)


async def _files(checker: Checker, source: FilesSource) -> None:
    """What was found in each export, for people to see whether it was read right."""
    for found in await source.inspect():
        encoding, columns = found.encoding or "–", ", ".join(map(str, found.columns)) or "–"
        if found.complete:
            checker.ok(
                "file",
                file=found.file,
                format=found.format,
                encoding=encoding,
                umlauts=checker.word("umlauts", {True: "right", False: "doubtful", None: "none"}[found.umlauts]),
                rows=found.rows,
                columns=columns,
                age=str(timedelta(seconds=round(found.age or 0))),
            )
            if found.umlauts is False:
                checker.remark("file", "file_doubtful", file=found.file, encoding=encoding, columns=columns)


async def _changes(checker: Checker, source: PracticeSource, told: set[str]) -> None:
    """Whether changes are noticed, found out as the job does; what was `told` already is not told again."""
    try:
        async with aclosing(source.hints()) as hints, asyncio.timeout(CHANGES_LIMIT):
            await anext(hints)
    except TimeoutError:
        checker.fault("changes", Fault("source.timeout"))
        return
    for note in source.notes():
        if note.code not in told:
            checker.note("changes", note)
    if not source.notes():
        checker.ok("changes")


async def _portal(checker: Checker, settings: Settings, clock: WallClock) -> None:
    await surroundings.ways(checker, [settings.window_url.reveal(), settings.upload_url.reveal()], time.time())
    async with open_portal(settings) as portal:
        try:
            window = await portal.window()
        except FaultError as error:
            checker.fault("portal", error.fault)
            return
        days = [clock.isoformat(each)[:10] for each in (window.start, Instant(window.end - 1))]
        checker.ok("portal", start=days[0], end=days[1])
        surroundings.window(checker, window, time.time())
        off = portal.clock_off
    if off is not None and abs(off) > CLOCK_OFF:
        checker.remark("clock", "clock_off", seconds=round(off))
    elif off is not None:
        checker.ok("clock")


async def _together(checker: Checker, settings: Settings, clock: WallClock) -> None:
    """What only source, portal and state tell together; nothing while one of them fails."""
    if not checker.passed():
        return
    past = await remembered(settings)
    known = [each.right_at for each in past.calendars.values() if each.right_at is not None]
    if known:
        checker.ok("last_right", when=clock.isoformat(Instant(int(max(known))))[:16].replace("T", " "))
    elif not settings.shadow:
        checker.remark("last_right", "old_job")
    async with assembled(settings, _Deaf(), look_only=True) as engine:
        for report in await engine.preview(list(settings.calendars)):
            if report.vanished:
                spans = ", ".join(show_span(*each, clock) for each in islice(report.vanished, surroundings.MOST_SHOWN))
                checker.remark("rows", "vanished", name=report.name, spans=spans)
        window = engine.keeper.window
    if window is None:
        return
    async with open_source(settings, await looked_at(settings)) as source:
        for name, column in settings.calendars.items():
            await surroundings.days_without_rows(checker, source, name, column, window, clock)


async def _alarms(checker: Checker, settings: Settings) -> None:
    """Send one by each way that is set, and say whether it was taken."""
    async with aiohttp.ClientSession() as http:
        channels = Channels(settings, http)
        trial = Alarm(topic="trial", fault=Fault("alarm.trial"), since=time.time())
        sending = {name: channels.send(name, trial) for name in channels.names()}
        if settings.heartbeat_url is not None:
            sending["heartbeat"] = channels.beat()
        for name, sent in sending.items():
            try:
                await sent
                checker.ok("alarm", channel=name)
            except ChannelError as error:
                checker.fault("alarm", Fault("alarm.undelivered", {"channel": name, "kind": error.kind}))
    if not sending:
        checker.remark("alarm", "alarm_none")


class _Deaf:
    """An observer for a look whose findings are told in another way."""

    def tell(self, event: Event) -> None:
        """Nothing."""
