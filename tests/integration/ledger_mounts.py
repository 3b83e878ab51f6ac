"""`python -m tests.integration.ledger_mounts FOLDER full|read-only`: the ledger on a disk of 400 kB, mounted at FOLDER.

To be run where mounting is allowed. Prints what happened, a word for each step.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from adapters.ledger import SqliteLedger
from tests.contract.ledger_contract import A, holding
from tests.integration.ledger_tools import answer, opened


async def full(disk: Path) -> list[str]:
    """The disk runs full under a running ledger, a new process starts on it, and there is room again."""
    state = disk / "state" / "tmex.db"
    async with opened(state) as ledger:
        await ledger.remember(calendars={A: holding(1)})
        ballast = fill(disk)
        said = [await answer(ledger, neu=holding(*range(0, 2000 + n, 2))) for n in range(30)]
        assert (await ledger.recall()).calendars == {A: holding(1)}, "a failed call left something"
    assert (await SqliteLedger.peek(state)).calendars == {A: holding(1)}
    async with opened(state) as ledger:
        assert (await ledger.recall()).calendars == {A: holding(1)}, "a start on a full disk forgot something"
        said.append(await answer(ledger, neu=holding(*range(0, 2000, 2))))
        ballast.unlink()
        said.append(await answer(ledger, neu=holding(2)))
        assert (await ledger.recall()).calendars == {A: holding(1), "neu": holding(2)}
    return said


async def read_only(disk: Path) -> list[str]:
    """A process that starts on a disk that is read-only, and once it is not any more."""
    state, said = disk / "state" / "tmex.db", []
    async with opened(state) as ledger:
        await ledger.remember(calendars={A: holding(1)})
    remount(disk, "ro")
    async with opened(state) as ledger:
        said.append(await answer(ledger, neu=holding(2)))
        assert (await SqliteLedger.peek(state)).calendars == {A: holding(1)}
        remount(disk, "rw")
        said.append(await answer(ledger, neu=holding(2)))
    async with opened(state) as ledger:
        assert (await ledger.recall()).calendars == {A: holding(1), "neu": holding(2)}
    return said


def fill(disk: Path) -> Path:
    """Take all the room there is."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(512))
        except OSError:
            return ballast


def remount(disk: Path, how: str) -> None:
    """Make it writable, or not."""
    subprocess.run(["mount", "-o", f"remount,{how}", str(disk)], check=True)


if __name__ == "__main__":
    disk = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(disk)], check=True)
    os.chdir("/")
    work = full if sys.argv[2] == "full" else read_only
    print(*asyncio.run(work(disk)))  # noqa: T201 - the answer
