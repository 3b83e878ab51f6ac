"""`python -m tests.integration.ledger_kills KILLS SEED FOLDER…` kills one process after another while it writes.

Each recalls a ledger, in one of the folders in turn, and tells two calendars the next number, over and over, until
`kill -9` ends it: up to 20 ms after it began, or after its first call was done, in turn. A line is printed for each:
the number that it found in either calendar, whether a ledger was set aside, and the last number that it was done with.
"""

import asyncio
import os
import random
import signal
import sys
import time
from pathlib import Path

from engine.ports import CalendarRecord
from tests.contract.ledger_contract import A, B
from tests.integration.ledger_tools import opened


async def write(folder: Path, told: int) -> None:
    """What a process does until it is killed."""
    async with opened(folder / "tmex.db") as ledger:
        past = await ledger.recall()
        found = [past.calendars.get(name, CalendarRecord()).right_at or 0 for name in (A, B)]
        os.write(told, f"found {found[0]:.0f} {found[1]:.0f} {int(past.set_aside)}\n".encode())
        number = int(found[0])
        while True:
            number += 1
            record = CalendarRecord(right_at=float(number))
            await ledger.remember(calendars={A: record, B: record})
            os.write(told, f"done {number}\n".encode())


def killed(folder: Path, *, at_work: bool, after: float) -> str:
    """All that a process said until it was killed, `after` seconds, if wanted counted from its first finished call."""
    reading, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            asyncio.run(write(folder, told))
        finally:
            os._exit(1)
    os.close(told)
    with os.fdopen(reading, encoding="ascii") as lines:
        said = [lines.readline(), lines.readline()] if at_work else []
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        said += lines.readlines()
    assert os.WTERMSIG(status) == signal.SIGKILL, f"it ended by itself: {status} {said[-3:]}"
    return "".join(said)


def main(kills: int, seed: int, folders: list[Path]) -> None:
    """All of them, one after another."""
    chance = random.Random(seed)
    for n in range(kills):
        said = killed(folders[n % len(folders)], at_work=n % 4 < 2, after=chance.uniform(0, 0.02))
        lines = [line.split() for line in said.splitlines()]
        found = next((words[1:] for words in lines if words[0] == "found"), ["-", "-", "-"])
        done = [words[1] for words in lines if words[0] == "done"]
        print(*found, done[-1] if done else "-")  # noqa: T201 - the answer


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), [Path(each) for each in sys.argv[3:]])
