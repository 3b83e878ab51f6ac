"""`python -m tests.integration.ledger_writer VERB FILE [NUMBER]` works on a ledger as another process.

`loop` remembers, NUMBER calls long, and says after each that it returned; `hang` meets a disk that never answers, and
ends.
"""

import asyncio
import sys
import threading
from pathlib import Path

from adapters.ledger import SqliteLedger
from adapters.ledger import sqlite as ledger_sqlite
from adapters.ledger.file import LedgerFile
from engine.ports import LedgerError
from tests.contract.ledger_contract import EIGHT, A, B, changed, holding


def say(*words: object) -> None:
    print(*words, flush=True)  # noqa: T201 - the pipe is how it tells


async def loop(ledger: SqliteLedger, count: int) -> None:
    """Two calendars in each call, so that half a call would show."""
    await ledger.recall()
    for n in range(1, count + 1):
        await ledger.remember(calendars={A: holding(n), B: holding(n)}, entries=(changed(A, EIGHT + n, n),))
        say(n)


async def hang(ledger: SqliteLedger) -> None:
    """The process that a call hangs in ends all the same."""
    await ledger.recall()
    ledger_sqlite.GIVE_UP_AFTER = 0.2  # type: ignore[misc] # a test need not wait for long
    LedgerFile.write = lambda *_: threading.Event().wait()  # type: ignore[method-assign,assignment] # the dead disk
    try:
        await ledger.remember(calendars={A: holding(1)})
    except LedgerError as error:
        say(error.fault.code, error.fault.facts["kind"])


async def main(verb: str, path: Path, number: int) -> None:
    async with SqliteLedger(path, history_seconds=86_400.0, wall=lambda: float(EIGHT)) as ledger:
        match verb:
            case "loop":
                await loop(ledger, number)
            case _:
                await hang(ledger)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 0))
