"""The programs that a scenario runs beside each other: a portal, tmex itself, and the floor that it is held against."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

_LIMIT = 30.0


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

    async def quiet(self, seconds: float) -> None:
        """Wait until nothing has come for so long, and forget what came."""
        while True:
            try:
                async with asyncio.timeout(seconds):
                    await self._arrivals.get()
            except TimeoutError:
                return

    async def follow(self, lines: asyncio.StreamReader) -> None:
        """Take in what the program prints."""
        while line := await lines.readline():
            at, size = line.split()
            self._arrivals.put_nowait(Arrival(float(at), int(size)))


@asynccontextmanager
async def portal() -> AsyncIterator[PortalProgram]:
    """A portal that runs."""
    words = [sys.executable, "-m", "bench.portal"]
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
    """A program of ours, until the block ends."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words),
        env=dict(os.environ) | dict(env or {}),
        stdin=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdin is not None
    process.stdin.write(stdin)
    process.stdin.close()
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()


def job_of(source: str, target: PortalProgram, state: str) -> "AbstractAsyncContextManager[psutil.Process]":
    """The job as it is run, on a source whose column TK1/A feeds one calendar."""
    return running(
        "adapters.cli",
        "run",
        env={
            "TMEX_API_KEY": "bench",
            "TMEX_WINDOW_URL": f"{target.url}/window",
            "TMEX_UPLOAD_URL": f"{target.url}/upload",
            "TMEX_SOURCE": source,
            "TMEX_STATE": f"{state}/tmex.db",
            "TMEX_LISTEN": "",
            "TMEX_UPLOAD_GAP": "0",
            "TMEX_UPLOAD_BURST": "1000000",
            "TMEX_SETTLE": "0",
            "TMEX_CALENDAR_1": "Dr. Adler=TK1/A",
        },
    )


def cpu(process: psutil.Process) -> float:
    """Seconds of processor time that it took so far, all its threads together; to the nanosecond where Linux tells."""
    try:
        tasks = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
        return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9
    except OSError:
        times = process.cpu_times()
        return float(times.user + times.system)
