"""What the tests of exports share: a folder, files as exporters write them, and what a reading says."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

from adapters.duria.files import FilesSource
from engine.model import ColumnId, Complete, Failed, Incomplete
from tests.contract.source_contract import CANARY, SPAN, A

HEADER = "Kalender;Spalte;Datum;Von;Bis;Belegt;Patient"
NINE = ["11-23 09:00–11-23 09:20"]
EIGHT = ["11-23 08:00–11-23 08:20"]


def row(hour: int, *, minute: int = 0, day: str = "23.11.2026", column: str = "A") -> str:
    """An appointment of twenty minutes."""
    start, end = f"{hour:02}:{minute:02}", f"{hour:02}:{minute + 20:02}"
    return f"Kalender;{column};{day};{start};{end};ja;{CANARY}"


def export(*rows: str) -> str:
    """A whole file."""
    return "".join(f"{line}\r\n" for line in (HEADER, *rows))


def replace(path: Path, text: str) -> None:
    """Write aside, and rename."""
    aside = path.with_suffix(".part")
    aside.write_text(text, "utf-8", newline="")
    aside.replace(path)


def write(path: Path, text: str) -> None:
    """Write in place."""
    path.write_text(text, "utf-8", newline="")


async def state(source: FilesSource, column: ColumnId = A) -> str:
    """`complete`, or why not, by its code."""
    reading = await source.read(column, SPAN)
    match reading:
        case Complete():
            return "complete"
        case Incomplete(_, reason) | Failed(reason):
            assert CANARY not in str(reason)
            return reason.code


def trickle(path: Path, text: str, pieces: int, pause: float) -> None:
    """Write in place, in flushes, as a slow exporter does."""
    with path.open("wb") as file:
        for piece in cut(text.encode(), pieces):
            file.write(piece)
            file.flush()
            time.sleep(pause)


def cut(data: bytes, pieces: int) -> Iterator[bytes]:
    """`data` in so many pieces."""
    size = -(-len(data) // pieces)
    return (data[at : at + size] for at in range(0, len(data), size))


def same_times(path: Path, second: int) -> None:
    """Give a file the time that a share of whole seconds would."""
    os.utime(path, ns=(second * 10**9, second * 10**9))


async def lag(stop: asyncio.Event) -> float:
    """The longest that the loop was held up until `stop`, in seconds."""
    loop, longest = asyncio.get_running_loop(), 0.0
    while not stop.is_set():
        before = loop.time()
        await asyncio.sleep(0.001)
        longest = max(longest, loop.time() - before)
    return longest
