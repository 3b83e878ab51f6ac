"""What calendars want to have written while the disk is busy becomes one transaction, and each hears its outcome."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger.file import LedgerFile
from engine.ports import LedgerError
from engine.spans import IntervalSet
from tests.contract.ledger_contract import EIGHT, changed, holding
from tests.integration.ledger_tools import opened, recalled

NAMES = [f"Calendar {number}" for number in range(50)]


class Busy:
    """A disk that is busy with its first write until `free`, and fails all that come after it while it is `broken`."""

    def __init__(self) -> None:
        self.free, self.began = threading.Event(), threading.Event()
        self.broken = False
        self.writes = 0
        self._write = LedgerFile.write

    def write(self, file: LedgerFile, *told: object) -> None:
        self.writes += 1
        self.began.set()
        self.free.wait()
        if self.broken and self.writes > 1:
            raise LedgerError("ledger.unwritable", kind="SQLITE_FULL", file="tmex.db")
        self._write(file, *told)  # type: ignore[arg-type] # handed on


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Busy]:
    busy = Busy()

    def write(file: LedgerFile, *told: object) -> None:
        busy.write(file, *told)

    monkeypatch.setattr(LedgerFile, "write", write)
    yield busy
    busy.free.set()


async def gather(ledger: SqliteLedger, disk: Busy) -> "list[asyncio.Task[None]]":
    """One call that keeps the disk busy, and one for each calendar that waits behind it."""
    first = asyncio.create_task(ledger.remember(calendars={"first": holding(0)}))
    await asyncio.to_thread(disk.began.wait)
    waiting = [
        asyncio.create_task(ledger.remember(calendars={name: holding(n)}, entries=(changed(name, EIGHT + n, n),)))
        for n, name in enumerate(NAMES)
    ]
    await asyncio.sleep(0)
    return [first, *waiting]


async def test_all_that_waits_is_one_transaction(tmp_path: Path, disk: Busy) -> None:
    """I6: each is safe when its call returns; the history keeps their order."""
    async with opened(tmp_path / "tmex.db") as ledger:
        await ledger.recall()
        calls = await gather(ledger, disk)
        disk.free.set()
        await asyncio.gather(*calls)
        assert disk.writes == 2
        assert [each.calendar for each in await ledger.history(0)] == NAMES
    kept = (await recalled(tmp_path / "tmex.db")).calendars
    assert kept == {"first": holding(0)} | {name: holding(n) for n, name in enumerate(NAMES)}


async def test_when_it_fails_each_of_them_hears_it(tmp_path: Path, disk: Busy) -> None:
    """Fault 40: nobody takes for safe what is not; nothing of it is kept, and what was kept before stays."""
    async with opened(tmp_path / "tmex.db") as ledger:
        await ledger.recall()
        first, *waiting = await gather(ledger, disk)
        disk.broken = True
        disk.free.set()
        await first
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(each) for each in outcomes} == {LedgerError}
        assert disk.writes == 2
    assert (await recalled(tmp_path / "tmex.db")).calendars == {"first": holding(0)}


async def test_what_is_given_up_before_its_turn_is_not_written(tmp_path: Path, disk: Busy) -> None:
    """Whoever waits beside it is."""
    async with opened(tmp_path / "tmex.db") as ledger:
        await ledger.recall()
        calls = await gather(ledger, disk)
        calls.pop().cancel()
        await asyncio.sleep(0)
        disk.free.set()
        await asyncio.gather(*calls)
    kept = (await recalled(tmp_path / "tmex.db")).calendars
    assert kept.keys() == {"first", *NAMES[:-1]}


async def test_what_is_written_is_spelled_out_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No error, not even one that is thrown away, is made of a record: its text would take longer than to write it."""

    def spelled(_: IntervalSet) -> str:
        raise AssertionError("a record was spelled out")

    monkeypatch.setattr(IntervalSet, "__repr__", spelled)
    async with opened(tmp_path / "tmex.db") as ledger:
        await ledger.recall()
        await ledger.remember(calendars={"A": holding(1)}, entries=(changed("A", EIGHT, 1),))
