"""The programs that a scenario runs beside each other: a portal, tmex itself, and those that it is held against."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final, NamedTuple

import psutil

_LIMIT: Final = 60.0
COLUMNS: Final = {"Dr. Adler": "A", "Dr. Bach": "B", "Dr. Celik": "C", "Labor": "D"}
"""The columns of calendar TK1 by their online calendars, as TMEX had room for."""


class Arrival(NamedTuple):
    """When a body was there, by `time.monotonic()`, and its length in bytes."""

    at: float
    size: int


class PortalProgram:
    """The portal, as a program of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._arrivals: asyncio.Queue[Arrival] = asyncio.Queue()

    async def arrival(self) -> Arrival:
        """The next body's; raises TimeoutError when none comes."""
        async with asyncio.timeout(_LIMIT):
            return await self._arrivals.get()

    async def arrivals(self, count: int) -> list[Arrival]:
        """The next bodies'."""
        return [await self.arrival() for _ in range(count)]

    async def quiet(self, seconds: float) -> list[Arrival]:
        """Wait until nothing has come for so long; what came."""
        came: list[Arrival] = []
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout(seconds):
                    came.append(await self._arrivals.get())
        return came

    async def follow(self, lines: asyncio.StreamReader) -> None:
        """Take in what the program prints."""
        while line := await lines.readline():
            at, size = line.split()
            self._arrivals.put_nowait(Arrival(float(at), int(size)))


@asynccontextmanager
async def portal(*options: str) -> AsyncIterator[PortalProgram]:
    """A portal that runs; see `bench.portal` for its options."""
    words = [sys.executable, "-m", "bench.portal", *options]
    process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    program = PortalProgram(f"http://127.0.0.1:{int(await process.stdout.readline())}")
    following = asyncio.create_task(program.follow(process.stdout))
    try:
        yield program
    finally:
        process.kill()
        await process.wait()
        await following


@asynccontextmanager
async def running(
    *words: str, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> AsyncIterator[psutil.Process]:
    """A program of ours, until the block ends; what it complained about is told when something fails meanwhile."""
    with TemporaryFile() as complaints:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *words),
            env=environment() | dict(env or {}),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=complaints,
        )
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        try:
            yield psutil.Process(process.pid)
        except Exception as error:
            complaints.seek(0)
            error.add_note(f"{' '.join(words[:2])}: {complaints.read()[-2000:].decode(errors='replace')}")
            raise
        finally:
            await _ended(process)


def environment() -> dict[str, str]:
    """Ours, in which a program keeps its compiled modules, as one that is installed does."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


async def _ended(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(15):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def settings_of(
    source: str, target: PortalProgram, state: Path, columns: Mapping[str, str] | None = None, **more: str
) -> dict[str, str]:
    """The job's environment: `columns` of calendar TK1 by their online calendars, or the one that changes, and no
    politeness.
    """
    fed = {"Labor": COLUMNS["Labor"]} if columns is None else columns
    return {
        "TMEX_API_KEY": "bench",
        "TMEX_WINDOW_URL": f"{target.url}/window",
        "TMEX_UPLOAD_URL": f"{target.url}/upload",
        "TMEX_SOURCE": source,
        "TMEX_STATE": f"{state}/tmex.db",
        "TMEX_LISTEN": "",
        "TMEX_UPLOAD_GAP": "0",
        "TMEX_UPLOAD_BURST": "1000000",
        "TMEX_SETTLE": "0",
        **{f"TMEX_CALENDAR_{number}": f"{name}=TK1/{column}" for number, (name, column) in enumerate(fed.items(), 1)},
        **more,
    }


def job(settings: Mapping[str, str]) -> "AbstractAsyncContextManager[psutil.Process]":
    """The job as it is run."""
    return running("adapters.cli", "run", env=settings)


def cpu(process: psutil.Process) -> float:
    """Seconds of processor time that it took so far, all its threads together; to the nanosecond where Linux tells."""
    try:
        tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9
    except OSError:
        times = process.cpu_times()
        return float(times.user + times.system)


def peak_memory(process: psutil.Process) -> int:
    """Most bytes that were resident at any time; those that are now where the system does not tell."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except OSError:
        lines = []
    peak = next((line for line in lines if line.startswith("VmHWM:")), None)
    return int(peak.split()[1]) * 1024 if peak else int(process.memory_info().rss)
