"""A practice and a portal on this machine, and the real engine between them: one line for each change.

It reads no settings and keeps nothing: the practice's database and the state live in a folder that goes with it.
"""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

from adapters.compose import assembled
from adapters.drflex.standin import StandIn
from adapters.settings import Settings, load
from adapters.texts.phrasing import phrase
from engine.ports import Event, Report
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock

CALENDARS = {"Dr. Adler": ("TK1", "A"), "Dr. Busch": ("TK1", "B"), "Dr. Conrad": ("TK1", "C"), "Labor": ("TK2", "D")}
TMEX_CYCLE = 120.0
"""Seconds between two uploads of DURIA's own TMEX."""
_SLOT = timedelta(minutes=15)
_LIMIT = 30.0
_GAP = 2.0
"""Seconds that the first change waits, so that the start's own uploads do not hold it back."""


class Step(NamedTuple):
    """One change in the practice: what is taken by it and what is given back, in the column that feeds `name`."""

    name: str
    what: str
    taken: IntervalSet
    given: IntervalSet


class Tally:
    """What the summary tells."""

    def __init__(self) -> None:
        self.changes = self.uploads = 0
        self.unsafe = self.tmex = 0.0

    def tell(self, event: Event) -> None:
        """An Observer that counts uploads."""
        self.uploads += isinstance(event, Report) and event.state == "uploaded"


class Day:
    """A simulated practice day in SQLite: appointments made, moved, extended and cancelled, and reservations."""

    def __init__(self, path: Path, lang: str, chance: Random, clock: WallClock) -> None:
        self._path, self._lang, self._chance, self._clock = path, lang, chance, clock
        self._base = datetime.now().replace(hour=8, minute=0, second=0, microsecond=0)  # noqa: DTZ005 - wall time
        self._taken: list[tuple[str, datetime, datetime]] = []
        schema = files("adapters.duria").joinpath("sql", "sqlite.sql").read_text("utf-8")
        with self._database() as practice:
            practice.executescript(schema)
            practice.execute("PRAGMA journal_mode = WAL")
        for _ in range(24):
            self._make()

    def step(self) -> Step:
        """The next change, committed."""
        kinds = [self._make, self._make, self._move, self._extend, self._cancel, self._reserve]
        return self._chance.choice(kinds)()

    def pause(self) -> float:
        """Seconds until the next change: a day of 150 changes in a few minutes."""
        return self._chance.uniform(0.3, 2.5)

    def _make(self) -> Step:
        name, (start, end) = self._chance.choice(list(CALENDARS)), self._free_time()
        self._insert(name, start, end)
        return self._told("make", name, (start, end))

    def _move(self) -> Step:
        name, start, end = self._some()
        self._delete(name, start, end)
        new = self._free_time()
        self._insert(name, *new)
        return self._told("move", name, new, (start, end))

    def _extend(self) -> Step:
        name, start, end = self._some()
        self._delete(name, start, end)
        self._insert(name, start, end + _SLOT)
        return self._told("extend", name, (end, end + _SLOT))

    def _cancel(self) -> Step:
        name, start, end = self._some()
        self._delete(name, start, end)
        return self._told("cancel", name, None, (start, end))

    def _reserve(self) -> Step:
        name, (start, end) = self._chance.choice(list(CALENDARS)), self._free_time()
        calendar, column = CALENDARS[name]
        day, times = start.date().isoformat(), (start.strftime("%H:%M"), end.strftime("%H:%M"))
        with self._database() as practice:
            row = ("PRAX1", calendar, column, day, day, *times)
            practice.execute("INSERT INTO tmex_reservations VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return self._told("reserve", name, (start, end))

    def _free_time(self) -> tuple[datetime, datetime]:
        start = self._base + timedelta(days=self._chance.randrange(60)) + _SLOT * self._chance.randrange(36)
        return start, start + _SLOT * self._chance.choice([1, 1, 2])

    def _some(self) -> tuple[str, datetime, datetime]:
        return self._chance.choice(self._taken)

    def _insert(self, name: str, start: datetime, end: datetime) -> None:
        with self._database() as practice:
            row = ("PRAX1", *CALENDARS[name], start.isoformat(" ", "minutes"), end.isoformat(" ", "minutes"))
            practice.execute("INSERT INTO tmex_appointments VALUES (?, ?, ?, ?, ?, 1)", row)
        self._taken.append((name, start, end))

    def _delete(self, name: str, start: datetime, end: datetime) -> None:
        with self._database() as practice:
            key = (*CALENDARS[name], start.isoformat(" ", "minutes"), end.isoformat(" ", "minutes"))
            where = "calendar = ? AND col = ? AND starts_at = ? AND ends_at = ?"
            practice.execute(f"DELETE FROM tmex_appointments WHERE {where}", key)  # noqa: S608 - a constant
        self._taken.remove((name, start, end))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._path, timeout=5)) as practice, practice:
            yield practice

    def _told(
        self,
        kind: str,
        name: str,
        taken: tuple[datetime, datetime] | None,
        given: tuple[datetime, datetime] | None = None,
    ) -> Step:
        shown = taken or given
        span = f"{shown[0]:%d.%m. %H:%M}–{shown[1]:%H:%M}" if shown else ""
        return Step(name, phrase(f"demo.{kind}", self._lang, span=span), self._instants(taken), self._instants(given))

    def _instants(self, span: tuple[datetime, datetime] | None) -> IntervalSet:
        if span is None:
            return EMPTY
        zone = self._clock.zone
        return IntervalSet(
            [(int(span[0].replace(tzinfo=zone).timestamp()), int(span[1].replace(tzinfo=zone).timestamp()))]
        )


async def show(lang: str, changes: int | None = None) -> int:
    """Play the day until Ctrl-C, or for so many changes, and sum up."""
    with TemporaryDirectory(prefix="tmex-demo-") as folder:
        today = datetime.now().date()  # noqa: DTZ005 - the practice's own day
        window = (today.isoformat(), (today + timedelta(days=90)).isoformat())
        async with StandIn(key="demo", window=window) as portal:
            settings = _settings(Path(folder), portal, lang)
            day = Day(Path(folder) / "practice.db", lang, Random(), WallClock(settings.limits.zone))
            print(phrase("demo.hello", lang, url=portal.url), phrase("demo.source", lang), sep="\n", flush=True)
            tally = await _between(settings, portal, day, changes)
    unsafe, tmex = f"{tally.unsafe / 60:.2f}", f"{tally.tmex / 60:.1f}"
    print(phrase("demo.sum", lang, changes=tally.changes, uploads=tally.uploads, unsafe=unsafe, tmex=tmex))
    return 0


async def _between(settings: Settings, portal: StandIn, day: Day, changes: int | None) -> Tally:
    stop, tally = asyncio.Event(), Tally()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    async with assembled(settings, tally) as engine, asyncio.TaskGroup() as tasks:
        tasks.create_task(engine.run(stop))
        playing = tasks.create_task(_play(portal, day, tally, settings.lang, changes))
        playing.add_done_callback(lambda _: stop.set())
        await stop.wait()
        playing.cancel()
    return tally


async def _play(portal: StandIn, day: Day, tally: Tally, lang: str, changes: int | None) -> None:
    await portal.wait_for(lambda all_: set(CALENDARS) <= {each.name for each in all_.uploads}, limit=_LIMIT)
    await asyncio.sleep(_GAP)
    begun = time.monotonic()
    watching: set[asyncio.Task[None]] = set()
    while changes is None or tally.changes < changes:
        step = await asyncio.to_thread(day.step)
        tally.changes += 1
        watching.add(asyncio.create_task(_watch(portal, step, tally, lang, time.monotonic() - begun)))
        await asyncio.sleep(day.pause())
    await asyncio.gather(*watching)


async def _watch(portal: StandIn, step: Step, tally: Tally, lang: str, since: float) -> None:
    """Follow one change until the portal shows it, and tell how long that took."""
    committed, told = time.monotonic(), {"clock": f"{datetime.now():%H:%M:%S}", "name": step.name, "what": step.what}  # noqa: DTZ005 - for people
    with suppress(TimeoutError):
        if step.taken:
            await portal.wait_for(lambda all_: not step.taken - all_.held(step.name), limit=_LIMIT)
            took = time.monotonic() - committed
            tally.unsafe += took
            tally.tmex += TMEX_CYCLE - since % TMEX_CYCLE
            print(phrase("demo.blocked", lang, milliseconds=round(took * 1000), **told), flush=True)
        if step.given and not step.taken:
            await portal.wait_for(lambda all_: step.given - all_.held(step.name) == step.given, limit=_LIMIT)
            print(phrase("demo.freed", lang, seconds=round(time.monotonic() - committed, 1), **told), flush=True)
        return
    print(phrase("demo.late", lang, **told), flush=True)


def _settings(folder: Path, portal: StandIn, lang: str) -> Settings:
    calendars = {
        f"TMEX_CALENDAR_{number}": f"{name}={calendar}/{column}"
        for number, (name, (calendar, column)) in enumerate(CALENDARS.items(), 1)
    }
    return load(
        {
            "TMEX_API_KEY": "demo",
            "TMEX_WINDOW_URL": portal.window_url,
            "TMEX_UPLOAD_URL": portal.upload_url,
            "TMEX_SOURCE": f"sqlite:///{folder / 'practice.db'}",
            "TMEX_STATE": str(folder / "tmex.db"),
            "TMEX_LISTEN": "",
            "TMEX_LANG": lang,
            **calendars,
        }
    )
