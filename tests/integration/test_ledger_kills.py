"""What a finished call wrote is there after a `kill -9`, whenever that comes, and nothing is there by half (I6)."""

import shutil
from pathlib import Path

from adapters.ledger.aside import SUFFIXES, beside
from engine.ports import CalendarRecord
from tests.contract.ledger_contract import A, B
from tests.integration.ledger_tools import opened, recalled
from tests.integration.sqlite_tools import module


async def lives(kills: int, *folders: Path) -> list[list[str]]:
    """What each killed process found in both calendars, whether a ledger was set aside, and what it had done last."""
    printed = await module("ledger_kills", kills, 36, *folders)
    said = [line.split() for line in printed.splitlines()]
    assert len(said) == kills
    return said


async def numbers(folder: Path) -> tuple[int, int, bool]:
    """What the next process finds."""
    past = await recalled(folder / "tmex.db")
    first, second = (int(past.calendars.get(name, CalendarRecord()).right_at or 0) for name in (A, B))
    return first, second, past.set_aside


async def test_two_hundred_kills(tmp_path: Path) -> None:
    """I6, I8, fault 36: each process finds what the one before it had finished, or one call more; never a torn one."""
    done = 0
    for first, second, aside, last in await lives(200, tmp_path):
        if first != "-":
            assert (first, aside) == (second, "0")
            assert int(first) - done in {0, 1}
            done = int(first)
        if last != "-":
            assert int(last) > done
            done = int(last)
    assert await numbers(tmp_path) in {(done, done, False), (done + 1, done + 1, False)}
    assert done >= 100


async def test_kills_while_the_file_is_made(tmp_path: Path) -> None:
    """I8, fault 36: a ledger that was only just begun is none, or whole; it is never taken for a rotten one."""
    folders = [tmp_path / str(n) for n in range(100)]
    for folder, (*_, last) in zip(folders, await lives(100, *folders), strict=True):
        done = 0 if last == "-" else int(last)
        assert await numbers(folder) in {(done, done, False), (done + 1, done + 1, False)}


async def test_killed_between_setting_aside_and_beginning_anew(tmp_path: Path) -> None:
    """I6, fault 36: that something was lost is still known, to every realm, and whichever file was moved last."""
    path = tmp_path / "state" / "tmex.db"
    for moved in range(1, 4):
        path.parent.mkdir(exist_ok=True)
        for suffix in SUFFIXES:
            beside(path, suffix).write_bytes(b"rotten" * 1000)
        for suffix in SUFFIXES[:moved]:
            beside(path, suffix).rename(beside(path, f".rotten-20260101T000000Z{suffix}"))
        async with opened(path, "shadow") as ledger:
            assert (await ledger.recall()).set_aside, moved
        assert (await recalled(path)).set_aside, moved
        shutil.rmtree(path.parent)
