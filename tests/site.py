"""A practice, a portal and the `tmex` command as real processes: what a test of the whole needs, in one place."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from jsonschema import Draft202012Validator

from adapters.drflex.standin import StandIn
from engine.spans import IntervalSet
from tests.contract.sqlite_practice import SqlitePractice
from tests.eventually import eventually

BERLIN = ZoneInfo("Europe/Berlin")
KEY = "Kanarienvogel-Schluessel"
COLUMNS = {"Dr. Adler": "TK1/A", "Dr. Busch": "TK1/B", "Dr. Conrad": "TK1/C", "Labor": "TK2/D"}
STATUS = Draft202012Validator(
    json.loads((Path(__file__).parents[1] / "docs" / "reference" / "status.schema.json").read_text("utf-8"))
)
"""The documented shape of every status."""
DAY = "2026-03-09"
HOURS = [f"{DAY} {hour:02}:00" for hour in range(8, 12)]
"""When `fill` begins appointments of half an hour."""
LIMIT = 40.0
"""Seconds for any command that is expected to end."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:  # noqa: ANN401 - whatever was printed
        return json.loads(self.out)


class Transaction(Protocol):
    """What was written with it is seen whole or not at all."""

    def insert(
        self, practice: str, column: str, start: str, end: str, *, occupied: bool = True, patient: str = ""
    ) -> None:
        """Add a row of the grid; the column as `TK1/A`."""
        ...

    def reserve(
        self, practice: str, calendar: str, column: str | None, first: str, last: str, *times: str | None
    ) -> None:
        """Add a reservation."""
        ...

    def erase(self, column: str, start: str | None) -> None:
        """Delete the rows of a column that start then, or all of them."""
        ...

    def rename_patients(self, name: str) -> None:
        """Change what is none of ours."""
        ...


class Practice(Protocol):
    """The practice's own program, whatever it keeps its calendar in."""

    @property
    def address(self) -> str:
        """What TMEX_SOURCE names."""
        ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """A transaction."""
        ...


class Site:
    """A folder with a practice's database and a state, a portal, and the settings that lead from one to the other."""

    def __init__(self, folder: Path, portal: StandIn, practice: Practice) -> None:
        self.folder, self.portal, self.practice = folder, portal, practice
        self.state = folder / "state" / "tmex.db"
        self.log: list[str] = []
        """What the newest job said so far, line by line."""
        self.settings = {
            "TMEX_API_KEY": portal.key,
            "TMEX_WINDOW_URL": portal.window_url,
            "TMEX_UPLOAD_URL": portal.upload_url,
            "TMEX_SOURCE": practice.address,
            "TMEX_STATE": str(self.state),
            "TMEX_LISTEN": "",
            "TMEX_LANG": "en",
            "TMEX_FREE_DELAY": "1s",
            "TMEX_UPLOAD_GAP": "0",
            "TMEX_SETTLE": "0",
            **{
                f"TMEX_CALENDAR_{number}": f"{name}={column}"
                for number, (name, column) in enumerate(COLUMNS.items(), 1)
            },
        }
        for column in COLUMNS.values():
            self.write(column, "2026-01-02 08:00", "2026-01-02 08:10", occupied=False)

    def write(self, column: str, start: str, end: str, *, occupied: bool = True) -> None:
        """Add a row of the grid, in a transaction of its own."""
        with self.practice.writing() as practice:
            practice.insert("PRAX1", column, start, end, occupied=occupied, patient="Erika Kanarienvogel")

    def erase(self, column: str, start: str | None = None) -> None:
        """Delete the rows of a column that start then, or all of them."""
        with self.practice.writing() as practice:
            practice.erase(column, start)

    async def beats(self) -> bool:
        """Whether a job shows that it lives."""
        return self.state.with_name("tmex.db.pulse").exists()

    async def holds(self, name: str, *spans: str) -> None:
        """Wait until the portal blocks just these, each `2026-03-09 08:00-08:20`, for the calendar."""
        wanted = IntervalSet(_span(each) for each in spans)

        async def held() -> bool:
            return self.portal.held(name) == wanted

        await eventually(held, f"{name} holds {spans}")

    async def tmex(self, *words: str, **changes: str) -> Ended:
        """Run a command to its end."""
        process = await self.start(*words, **changes)
        async with asyncio.timeout(LIMIT):
            out, err = await process.communicate()
        if words[:1] == ("status",) and "--json" in words and out:
            STATUS.validate(json.loads(out))
        return Ended(process.returncode or 0, out.decode(), err.decode())

    async def start(self, *words: str, **changes: str) -> asyncio.subprocess.Process:
        """Start a command."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "error", "-m", "adapters.cli", *words),
            env=kept | self.settings | changes,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    @asynccontextmanager
    async def job(self, **changes: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A `running` job that has synced everything once."""
        due = len(self.portal.uploads) + len(COLUMNS)
        async with self.running(**changes) as process:
            with suppress(TimeoutError):
                await self.portal.wait_for(
                    lambda all_: len(all_.uploads) >= due or process.returncode is not None, limit=LIMIT
                )
            assert len(self.portal.uploads) >= due, self.log
            yield process

    @asynccontextmanager
    async def running(self, **changes: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """The job, until the block ends; it must end in order if it still runs."""
        process = await self.start("run", **changes)
        heard = asyncio.create_task(self._hear(process))
        heard.add_done_callback(lambda _: self.portal.happened())
        try:
            yield process
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(LIMIT):
                    assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
            await heard

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        """Keep what the job says."""
        assert process.stderr is not None
        self.log = []
        while line := await process.stderr.readline():
            self.log.append(line.decode())
        await process.communicate()

    async def page_port(self) -> int:
        """Where the newest job's page is, once it is there; with port 0 in TMEX_LISTEN nobody else can have it."""

        async def told() -> bool:
            return any("page.listening" in line for line in self.log)

        await eventually(told, "the page listens", LIMIT)
        return next(int(said["port"]) for said in map(json.loads, self.log) if said["event"] == "page.listening")


def _span(text: str) -> tuple[int, int]:
    day, times = text.split(" ", 1)
    start, end = times.split("-", 1)
    return _instant(f"{day} {start}"), _instant(end if " " in end else f"{day} {end}")


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp())


@asynccontextmanager
async def site(folder: Path, *window: str, practice: Practice | None = None) -> AsyncIterator[Site]:
    """A site whose portal asks for March 2026, or for another window; the practice keeps its calendar in SQLite, or as
    it says.
    """
    start, end = window or ("2026-03-02", "2026-03-29")
    async with StandIn(KEY, window=(start, end)) as portal:
        yield Site(folder, portal, practice or SqlitePractice(folder / "practice.db"))


def fill(place: Site, column: str = "TK1/A") -> None:
    """Take the `HOURS` of a column."""
    for start in HOURS:
        place.write(column, start, start[:-2] + "30")
