"""`python -m tests.integration.files_mounts FOLDER layer|mount`: exports on a real layer below, and on a real mount.

To be run where mounting is allowed. Prints what happened, a word for each step.
"""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from adapters.duria.files import FilesSource
from tests.contract.files_practice import files_source
from tests.contract.source_contract import blocked, heard, hint_after
from tests.eventually import eventually
from tests.integration.files_tools import EIGHT, NINE, export, row, state, write


async def layer(disk: Path) -> list[str]:
    """The practice writes to a layer below the mount that is watched: into the same file, and a new one."""
    below, above, work, seen = (disk / each for each in ("below", "above", "work", "seen"))
    for each in (below, above, work, seen):
        each.mkdir()
    write(below / "a.csv", export(row(8)))
    options = f"lowerdir={below},upperdir={above},workdir={work}"
    if subprocess.call(["mount", "-t", "overlay", "-o", options, "overlay", str(seen)], stderr=subprocess.DEVNULL):
        return ["unmountable"]
    async with files_source(seen) as source, heard(source) as hints:
        assert await blocked(source) == EIGHT
        for hour in (9, 8, 9):
            known = len(hints)
            write(below / "a.csv", export(row(hour)))
            await hint_after(hints, known)
            assert await state(source) == "complete"
            assert await blocked(source) == (NINE if hour == 9 else EIGHT)
        write(below / "a.csv", export(row(8)))
        write(below / "a.csv", export(row(9)))
        assert await blocked(source) == NINE
        return [each.code for each in source.notes()]


async def share(disk: Path) -> list[str]:
    """The folder is a mount that goes, leaves an empty folder behind, and comes back."""
    folder = disk / "share"
    folder.mkdir()
    mount("-t", "tmpfs", "tmpfs", str(folder))
    write(folder / "a.csv", export(row(8)))
    said = []
    async with files_source(folder) as source, heard(source) as hints:
        said.append(await state(source))
        known = len(hints)
        subprocess.run(["umount", str(folder)], check=True)
        await hint_after(hints, known)
        said.append(await state(source))
        assert await blocked(source) == EIGHT
        known = len(hints)
        mount("-t", "tmpfs", "tmpfs", str(folder))
        said.append(await state(source))
        assert await blocked(source) == EIGHT
        write(folder / "a.csv", export(row(9)))
        await eventually(lambda: _reads(source, NINE), "what was written to it")
        await hint_after(hints, known)
        for turn in range(9):
            known = len(hints)
            write(folder / "a.csv", export(row(8 + turn % 2)))
            await hint_after(hints, known)
            if turn and not source.polls:  # twice without an event would have been noticed
                return [*said, "listens"]
    return [*said, "polls"]


async def _reads(source: FilesSource, wanted: list[str]) -> bool:
    return await state(source) == "complete" and await blocked(source) == wanted


def mount(*words: str) -> None:
    """Mount something."""
    subprocess.run(["mount", *words], check=True)


if __name__ == "__main__":
    disk = Path(sys.argv[1])
    os.chdir(Path(__file__).parents[2])
    mount("-t", "tmpfs", "tmpfs", str(disk))
    print(*asyncio.run(layer(disk) if sys.argv[2] == "layer" else share(disk)))  # noqa: T201 - the answer
