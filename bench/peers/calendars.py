"""vdirsyncer against a radicale of this machine: a folder of items on one side, a CalDAV collection on the other."""

import asyncio
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

NEEDED: Final = ("vdirsyncer", "radicale")
_RADICALE: Final = """
[server]
hosts = 127.0.0.1:{port}
[auth]
type = none
[rights]
type = authenticated
[storage]
filesystem_folder = {folder}/server
[logging]
level = error
"""
_VDIRSYNCER: Final = """
[general]
status_path = "{folder}/status/"
[pair calendar]
a = "here"
b = "there"
collections = ["column"]
[storage here]
type = "filesystem"
path = "{folder}/items/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "http://127.0.0.1:{port}/practice/"
username = "practice"
password = "bench"
"""
_ITEM: Final = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//bench//EN\r
BEGIN:VEVENT\r
UID:{number}\r
DTSTAMP:20261123T000000Z\r
DTSTART:202612{day:02}T{hour:02}0000Z\r
DTEND:202612{day:02}T{hour:02}2000Z\r
SUMMARY:{summary}\r
END:VEVENT\r
END:VCALENDAR\r
"""


class Calendars:
    """Both sides, in step."""

    def __init__(self, folder: Path, items: int) -> None:
        self._folder, self._items = folder, items
        self._config, self._here = folder / "config", folder / "items" / "column"
        self._there = folder / "server" / "collection-root" / "practice" / "column"
        self._changes = 0

    def fill(self) -> None:
        """Put every item into both sides, so that the first sync finds them equal."""
        for side in (self._here, self._there):
            side.mkdir(parents=True)
            for number in range(self._items):
                _write(side, number, "")
        (self._there / ".Radicale.props").write_text('{"tag": "VCALENDAR"}')

    async def change(self) -> float:
        """One item becomes another; the seconds until the other side has it."""
        self._changes += 1
        number, summary = self._changes % self._items, f"change {self._changes}"
        _write(self._here, number, summary)
        taken = await self.run("sync")
        assert summary in (self._there / f"{number}.ics").read_text(), "vdirsyncer brought nothing over"
        return taken

    async def run(self, *words: str, answer: bytes = b"") -> float:
        """Run vdirsyncer; the seconds that it took."""
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "vdirsyncer", "--config", str(self._config), *words),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, complaints = await process.communicate(answer)
        if process.returncode:
            raise OSError(f"vdirsyncer failed: {complaints[-500:].decode(errors='replace')}")
        return time.monotonic() - began

    def configure(self, port: int) -> None:
        """Say where both sides are."""
        self._config.write_text(_VDIRSYNCER.format(folder=self._folder, port=port))


def _write(side: Path, number: int, summary: str) -> None:
    text = _ITEM.format(number=number, day=1 + number // 24 % 28, hour=number % 24, summary=summary)
    (side / f"{number}.ics").write_bytes(text.encode())


@asynccontextmanager
async def calendars(folder: Path, items: int) -> AsyncIterator[Calendars]:
    """A folder of so many items, in step with a server that runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    both = Calendars(folder, items)
    both.fill()
    both.configure(port)
    (folder / "radicale").write_text(_RADICALE.format(folder=folder, port=port))
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "radicale", "--config", str(folder / "radicale")),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _answers(port)
        await both.run("discover", answer=b"y\n" * 10)
        await both.run("sync")
        yield both
    finally:
        server.terminate()
        await server.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                await asyncio.to_thread(urllib.request.urlopen, f"http://127.0.0.1:{port}/")
            except urllib.error.HTTPError:
                return
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return
