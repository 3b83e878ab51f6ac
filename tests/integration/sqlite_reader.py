"""`python -m tests.integration.sqlite_reader FILE [listen|fail]` reads column A once, in a process of its own.

It prints the kind of the reading and the fault's code. With a second word it listens to hints meanwhile, and ends
without having ended them: `fail` by an error.
"""

import asyncio
import sys
from pathlib import Path

from adapters.duria.sqlite import SqliteSource
from engine.model import Failed
from engine.ports import Source
from tests.contract.source_contract import PRACTICE, SPAN, A


async def listen(source: Source, first: asyncio.Event) -> None:
    """Until the end of the process."""
    async for _ in source.hints():
        first.set()


async def main(path: Path, how: str) -> None:
    """Read once."""
    async with SqliteSource(path, PRACTICE) as source, asyncio.TaskGroup() as tasks:
        first = asyncio.Event()
        if how:
            tasks.create_task(listen(source, first))
            await first.wait()
        reading = await source.read(A, SPAN)
        print(type(reading).__name__, reading.reason.code if isinstance(reading, Failed) else "", flush=True)  # noqa: T201 - the answer
        if how:
            raise RuntimeError if how == "fail" else SystemExit


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), "".join(sys.argv[2:])))
