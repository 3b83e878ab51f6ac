"""Wherever a disk runs full, or is read-only, a call was written or it was not; what was told before stays (I6)."""

import asyncio
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.contract.ledger_contract import A, B, holding
from tests.integration.ledger_tools import WRITTEN, after, answer, copied, opened, recalled, write
from tests.integration.sqlite_tools import module


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: the disk is full, as far as it can tell."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_wherever_the_disk_runs_full_nothing_is_half_told(tmp_path: Path) -> None:
    """I6, fault 40: at every page of the file and its log; once there is room it is as if nothing had happened."""
    lived, path = tmp_path / "lived.db", tmp_path / "tmex.db"
    await write(lived, *range(1, WRITTEN + 1))
    told, said = {A: holding(*range(0, 900, 2)), B: holding(*range(0, 900, 2))}, set()
    for size in range(0, 160 * 1024, 4096):
        copied(lived, path)
        async with opened(path) as ledger:
            await ledger.recall()
            with largest_file(size):
                answered = await answer(ledger, **told)
            now = told if answered == "written" else after(WRITTEN)
            said.add(answered.partition("_")[0])
            assert (await ledger.recall()).calendars == now
            await ledger.remember(calendars={"neu": holding(1)})
        assert (await recalled(path)).calendars == {**now, "neu": holding(1)}
    assert said == {"ledger.unwritable:SQLITE", "written"}


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [("full", ["ledger.unwritable:SQLITE_FULL"] * 31), ("read-only", ["ledger.unwritable:EROFS"])],
)
async def test_a_real_disk(tmp_path: Path, trouble: str, expected: list[str]) -> None:
    """I6, fault 40: 400 kB of it; who starts then knows what was told, and all is well once the disk is."""
    prefix = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--user", "--map-root-user")))
    if await asyncio.to_thread(subprocess.call, [*prefix, "true"], stderr=subprocess.DEVNULL):
        pytest.skip("this machine allows neither root's mounts nor those of a user namespace")
    said = await module("ledger_mounts", tmp_path, trouble, prefix=prefix)
    assert said.split() == [*expected, "written"]
