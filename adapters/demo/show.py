"""Plays a practice day between a practice and a portal on this machine: one line for each change, and a sum at the end.

It reads no settings and keeps nothing: the practice's databases and the state live in a folder that goes with it.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from adapters import front
from adapters.audience import Audience
from adapters.compose import PracticeSource, assembled
from adapters.demo.day import Day, Step
from adapters.demo.stores import CsvStore, PostgresStore, SqliteStore, Store, Together, newest_postgres
from adapters.drflex.patients import shown
from adapters.drflex.standin import StandIn
from adapters.settings import Address, Settings, load
from adapters.status import PageServer
from adapters.texts.phrasing import phrase
from engine.model import ColumnId
from engine.ports import Event, Report
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock

CALENDARS: Final = {
    ColumnId("TK1", "A"): "Dr. Adler",
    ColumnId("TK1", "B"): "Dr. Busch",
    ColumnId("TK1", "C"): "Dr. Conrad",
    ColumnId("TK2", "D"): "Labor",
}
TMEX_CYCLE: Final = 120.0
"""Seconds between two uploads of DURIA's own TMEX."""
_PAGE: Final = Address("127.0.0.1", 8787)
_LIMIT: Final = 30.0
_ENTERED_AFTER: Final = 8.0
"""Seconds until the staff enters what a patient booked."""
_GAP: Final = 2.0
"""Seconds that the first change waits, so that the start's own uploads do not hold it back."""


class Tally:
    """What the summary tells."""

    def __init__(self) -> None:
        self.changes = self.uploads = 0
        self.unsafe = self.tmex = 0.0

    def tell(self, event: Event) -> None:
        """An Observer that counts uploads."""
        self.uploads += isinstance(event, Report) and event.state == "uploaded"


async def show(lang: str, changes: int | None = None) -> int:
    """Play the day until Ctrl-C, or for so many changes, and sum up."""
    # Short, for a PostgreSQL server's socket lies in it.
    with TemporaryDirectory(prefix="tmex") as folder:
        today = datetime.now().date()  # noqa: DTZ005 - the practice's own day
        window = (today.isoformat(), (today + timedelta(days=90)).isoformat())
        async with StandIn(key="demo", window=window, lang=lang) as portal:
            settings = _settings(Path(folder), portal, lang)
            tally = await _played(Path(folder), settings, portal, changes)
    unsafe, tmex = f"{tally.unsafe / 60:.2f}", f"{tally.tmex / 60:.1f}"
    print(phrase("demo.sum", lang, changes=tally.changes, uploads=tally.uploads, unsafe=unsafe, tmex=tmex))
    return 0


async def _played(folder: Path, settings: Settings, portal: StandIn, changes: int | None) -> Tally:
    lang, clock = settings.lang, WallClock(settings.limits.zone)
    async with _stores(folder, clock) as stores:
        day = Day(stores, CALENDARS, lang, clock)
        await day.begin()
        print(phrase("demo.hello", lang, url=portal.url), flush=True)
        columns = ", ".join(f"{name} ({stores[column].name})" for column, name in CALENDARS.items())
        print(phrase("demo.source", lang, columns=columns), flush=True)
        return await _between(settings, Together(_sources(stores)), portal, day, changes)


@asynccontextmanager
async def _stores(folder: Path, clock: WallClock) -> AsyncIterator[Mapping[ColumnId, Store]]:
    """Two columns in PostgreSQL where there is one, one in SQLite, one in an export."""
    async with AsyncExitStack() as stack:
        sqlite: Store = SqliteStore(folder / "practice.db")
        postgres, programs = sqlite, newest_postgres()
        if programs is not None:
            with suppress(OSError):  # it is there, and will not run here: SQLite does
                postgres = await stack.enter_async_context(PostgresStore(programs, folder / "pg"))
        first, second, third, fourth = CALENDARS
        yield {first: postgres, second: postgres, third: sqlite, fourth: CsvStore(folder / "exports", clock)}


def _sources(stores: Mapping[ColumnId, Store]) -> Mapping[ColumnId, PracticeSource]:
    opened = {store.name: store.source() for store in stores.values()}
    return {column: opened[store.name] for column, store in stores.items()}


async def _between(settings: Settings, source: Together, portal: StandIn, day: Day, changes: int | None) -> Tally:
    stop, tally = asyncio.Event(), Tally()
    for each in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    audience = Audience(tally)
    async with (
        _opened() as page,
        assembled(settings, audience, source=source) as engine,
        asyncio.TaskGroup() as tasks,
    ):
        front.show(page, engine, settings, audience, lambda _: None)
        print(phrase("demo.page", settings.lang, url=f"http://{page.host}:{page.port}"), flush=True)
        tasks.create_task(engine.run(stop))
        playing = tasks.create_task(_play(portal, day, tally, settings.lang, changes))
        playing.add_done_callback(lambda _: stop.set())
        staff = tasks.create_task(_enter_bookings(portal, day, settings.lang))
        await stop.wait()
        playing.cancel()
        staff.cancel()
    return tally


@asynccontextmanager
async def _opened() -> AsyncIterator[PageServer]:
    """The page, where it always is, or on any free port if that is taken."""
    page = PageServer(_PAGE, None)
    try:
        await page.open()
    except OSError:
        page = PageServer(_PAGE._replace(port=0), None)
        await page.open()
    try:
        yield page
    finally:
        await page.close()


async def _play(portal: StandIn, day: Day, tally: Tally, lang: str, changes: int | None) -> None:
    await portal.wait_for(lambda all_: set(CALENDARS.values()) <= {each.name for each in all_.uploads}, limit=_LIMIT)
    await asyncio.sleep(_GAP)
    begun = time.monotonic()
    watching: set[asyncio.Task[None]] = set()
    while changes is None or tally.changes < changes:
        step = await day.step()
        tally.changes += 1
        watching.add(asyncio.create_task(_watch(portal, step, tally, lang, time.monotonic() - begun)))
        await asyncio.sleep(day.pause())
    await asyncio.gather(*watching)


async def _enter_bookings(portal: StandIn, day: Day, lang: str) -> None:
    """The staff reads the portal's messages and enters what patients booked, a little later."""
    known: dict[str, IntervalSet] = dict.fromkeys(CALENDARS.values(), EMPTY)
    async with asyncio.TaskGroup() as entering:
        while True:
            await portal.wait_for(lambda all_: any(all_.booked(each) - known[each] for each in known), limit=inf)
            for column, name in CALENDARS.items():
                for start, end in portal.booked(name) - known[name]:
                    entering.create_task(_enter(portal, day, lang, (column, start, end)))
                known[name] = portal.booked(name)


async def _enter(portal: StandIn, day: Day, lang: str, booking: tuple[ColumnId, int, int]) -> None:
    column, start, end = booking
    what = shown(day.clock, start, end)
    _tell("message", lang, CALENDARS[column], what)
    await asyncio.sleep(_ENTERED_AFTER)
    step = await day.enter(column, start, end)
    if step is None:
        _tell("double", lang, CALENDARS[column], what)
    else:
        await _watch(portal, step, Tally(), lang, 0.0)  # what is booked online is not unsafe: it counts nowhere


def _tell(key: str, lang: str, name: str, what: str) -> None:
    print(phrase(f"demo.{key}", lang, clock=f"{datetime.now():%H:%M:%S}", name=name, what=what), flush=True)  # noqa: DTZ005 - for people


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
        if not step.given and not step.taken:
            print(phrase("demo.covered", lang, **told), flush=True)
        return
    print(phrase("demo.late", lang, **told), flush=True)


def _settings(folder: Path, portal: StandIn, lang: str) -> Settings:
    calendars = {
        f"TMEX_CALENDAR_{number}": f"{name}={column}" for number, (column, name) in enumerate(CALENDARS.items(), 1)
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
