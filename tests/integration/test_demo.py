"""The demo runs by itself on a bare machine: real databases, a real portal, and nothing is left of it."""

import asyncio
import os
import signal
import sys
from pathlib import Path


async def demo(folder: Path, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-W", "error", "-m", "adapters.cli", "demo", *words),
        env={"PATH": os.environ["PATH"], "TMPDIR": str(folder), "TMEX_LANG": "en"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=Path.cwd(),
    )


async def test_it_plays_so_many_changes_and_sums_up(tmp_path: Path) -> None:
    """R11, I1: four columns in three kinds of source; each change is blocked or freed, and the sum is told."""
    process = await demo(tmp_path, "--changes", "4")
    async with asyncio.timeout(55):
        out, err = await process.communicate()
    lines = out.decode().splitlines()
    assert (process.returncode, err.decode()) == (0, "")
    assert "Dr. Conrad (SQLite), Labor (CSV)" in lines[1]
    assert all(each in lines[1] for each in ("Dr. Adler", "Dr. Busch"))
    assert lines[-1].startswith("4 changes, ")
    assert "status page" in lines[2]
    assert len(lines) == 3 + 4 + 1
    assert not list(tmp_path.iterdir())


async def test_ctrl_c_ends_it_in_order(tmp_path: Path) -> None:
    """I8: a person who has seen enough gets the sum, and no server stays behind."""
    process = await demo(tmp_path)
    assert process.stdout is not None
    async with asyncio.timeout(50):
        for _ in range(3):
            await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, err.decode()) == (0, "")
    assert "Unsafe minutes" in out.decode()
    assert not list(tmp_path.iterdir())
