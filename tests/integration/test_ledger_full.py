"""Wherever a disk runs full, or is read-only, a call was written or it was not; what was told before stays (I6)."""

import asyncio
import os
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from adapters.ledger.file import LedgerFile
from engine.ports import LedgerError
from tests.contract.ledger_contract import A, B, holding
from tests.integration.ledger_tools import WRITTEN, after, answer, copied, opened, recalled, refused, write
from tests.integration.sqlite_tools import module
from tests.nobody import another_user

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount, or become another user and come back")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where nothing is yet."""
    return tmp_path / "state" / "tmex.db"


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


class TestRefused:
    """Fault 40: whatever it is that cannot be written, nothing is lost, and it recovers by itself."""

    @root_only
    async def test_a_folder_that_nobody_may_write(self, path: Path) -> None:
        """Refused at start, with the reason's name and no path; right again once it may be written."""
        await write(path, 1)
        path.parent.parent.chmod(0o755)
        with another_user():
            assert await refused(path) == "ledger.unwritable"
        assert (await recalled(path)).calendars == after(1)

    async def test_a_failed_call_leaves_nothing_behind(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """All or nothing: nor does the next call write what was refused before."""
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(1))
            with monkeypatch.context() as broken:
                broken.setattr(LedgerFile, "_enter", _full)
                with pytest.raises(LedgerError) as caught:
                    await ledger.remember(calendars=after(2))
            assert (caught.value.fault.code, caught.value.fault.facts["kind"]) == ("ledger.unwritable", "ENOSPC")
            assert await ledger.history(0) == []
            await ledger.remember(calendars={B: holding(3)})
        assert (await recalled(path)).calendars == {A: holding(1), B: holding(3)}

    async def test_locked_by_another_program(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Said as such, and over when it is over."""
        monkeypatch.setattr("adapters.ledger.opening._BUSY", 0.05)
        async with opened(path) as ledger:
            await ledger.recall()
            await ledger.remember(calendars=after(1))
            with closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(LedgerError, match=r"ledger\.locked"):
                    await ledger.remember(calendars=after(2))
            await ledger.remember(calendars=after(3))
        assert (await recalled(path)).calendars == after(3)


def _full(*_: object) -> None:
    raise OSError(28, "full")
