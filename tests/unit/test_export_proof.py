"""An export counts only when it is proven complete, and no disk, dead or slow, can hold the process."""

import asyncio
import threading
from pathlib import Path

import pytest

from adapters.duria.csv_format import Parsed, parse_csv
from adapters.duria.folder import Fingerprint, scan, take
from adapters.duria.proof import CAUTION, FIRM_AFTER, Export
from adapters.duria.trouble import ExportError
from adapters.duria.worker import Worker
from engine.faults import Fault
from tests.contract.source_contract import A, B

SETTLE = 0.3


def looks(inode: int, size: int, modified: int = 1) -> Fingerprint:
    """How a file stands there."""
    return Fingerprint(device=1, inode=inode, size=size, modified=modified, changed=modified, regular=True)


def content(*hours: int) -> Parsed:
    """What is read of an export with these appointments."""
    rows = "".join(f"Kalender;A;23.11.2026;{hour:02}:00;{hour:02}:20;ja\n" for hour in hours)
    return parse_csv(f"Kalender;Spalte;Datum;Von;Bis;Belegt\n{rows}".encode(), "PRAX1", "auto", "a.csv")


def fault(export: Export) -> Fault | None:
    """Why it does not count, as it is now."""
    return export.fault


def proven(*hours: int) -> Export:
    """An export that counts since second 1."""
    export = Export("a.csv")
    export.see(looks(1, 100), 0.0, coarse=False)
    export.take(content(*hours), b"first", 0.0)
    assert fault(export) is None
    return export


def test_a_file_that_appears_whole_needs_to_be_still_for_the_settle_time() -> None:
    """I1, fault 18: no longer, also when it is renamed over another one."""
    export = Export("a.csv")
    assert export.touches(A)
    assert export.touches(B)
    export.see(looks(1, 100), 10.0, coarse=False)
    assert export.due_at(SETTLE) == 10.0 + SETTLE
    export.take(content(8), b"first", 0.0)
    assert fault(export) is None
    assert export.due_at(SETTLE) is None
    assert export.touches(A)
    assert not export.touches(B)
    export.see(looks(2, 50, 2), 20.0, coarse=False)
    assert fault(export) == Fault("file.being_written", {"file": "a.csv"})
    export.take(content(9), b"second", 0.0)
    assert fault(export) is None


def test_a_file_that_was_written_in_place_needs_more() -> None:
    """I1, fault 18: unless it ends as it ended before; what counts meanwhile is what was proven last."""
    export = proven(8, 9)
    before = export.content
    export.see(looks(1, 50, 2), 10.0, coarse=False)
    export.take(content(8), b"part", 0.0)
    assert fault(export) is not None
    assert export.content is before
    assert export.due_at(SETTLE) == 10.0 + CAUTION * SETTLE
    export.see(looks(1, 100, 3), 10.5, coarse=False)
    assert export.due_at(SETTLE) == 10.5 + SETTLE
    export.take(content(7, 9), b"whole", 0.0)
    assert fault(export) is None
    assert export.content is not before


def test_what_stays_still_matures() -> None:
    """I1: a file written in place that ends otherwise counts in the end."""
    export = proven(8)
    export.see(looks(1, 50, 2), 10.0, coarse=False)
    export.take(content(9), b"second", 0.0)
    assert export.read_already
    export.mature()
    assert fault(export) is None
    assert export.digest == b"second"


def test_times_of_whole_seconds_are_not_believed() -> None:
    """I5, fault 22: the content is compared once more, when the clock has moved on."""
    export = Export("a.csv")
    export.see(looks(1, 100, 10**9), 0.0, coarse=False)
    export.take(content(8), b"first", 0.0)
    assert export.due_at(SETTLE) == FIRM_AFTER
    assert not export.compare(b"second", 3.0)
    assert fault(export) is not None
    assert export.due_at(SETTLE) == 3.0 + SETTLE
    export.take(content(9), b"second", 0.0)
    export.mature()
    assert export.compare(b"second", 6.0)
    assert export.due_at(SETTLE) is None


def test_what_the_disk_does_not_give_away_is_tried_again() -> None:
    """I11: but not all the time, and not what is wrong in itself."""
    export = Export("a.csv")
    export.see(looks(1, 100), 0.0, coarse=False)
    export.refuse(Fault("file.unreadable", {"file": "a.csv", "kind": "OSError"}), 5.0)
    assert export.due_at(SETTLE) == 6.0
    export.refuse(Fault("file.cut_off", {"file": "a.csv"}), 7.0)
    assert export.due_at(SETTLE) is None


def test_a_file_that_is_another_one_by_now_is_not_read(tmp_path: Path) -> None:
    """I2, fault 23: replaced by a link, a longer file or nothing between the scan and the reading."""
    path = tmp_path / "a.csv"
    path.write_text("x\n")
    (tmp_path / "secret").write_text("x\n")
    [found] = scan(tmp_path).values()
    assert take(tmp_path, "a.csv", found).data == b"x\n"
    path.write_text("xx\n")
    codes = []
    for change in ("longer", "gone", "link"):
        if change == "gone":
            path.unlink()
        elif change == "link":
            path.symlink_to(tmp_path / "secret")
        with pytest.raises(ExportError) as caught:
            take(tmp_path, "a.csv", found)
        codes.append(caught.value.fault.code)
    assert codes == ["file.being_written", "file.unreadable", "file.unreadable"]


async def test_a_dead_disk_holds_nobody() -> None:
    """I11, fault 21: who asks gets a timeout, the next one at once; when the disk is back, so is the worker."""
    worker, back = Worker(limit=0.1), threading.Event()
    with pytest.raises(TimeoutError):
        await worker.run(back.wait)
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        await worker.run(int)
    assert loop.time() - began < 0.1
    back.set()
    async with asyncio.timeout(10):
        while True:
            try:
                assert await worker.run(int, "7") == 7
                break
            except TimeoutError:
                await asyncio.sleep(0.01)
    with pytest.raises(ZeroDivisionError):
        await worker.run(divmod, 1, 0)
    worker.close()


def test_what_was_refused_is_read_once_more_where_times_say_little() -> None:
    """I5, fault 22: a share of whole seconds shows the room that a writer took first just like what it wrote then."""
    export = Export("a.csv")
    export.see(looks(1, 100, 10**9), 0.0, coarse=False)
    export.refuse(Fault("file.binary", {"file": "a.csv"}), 0.5)
    assert export.due_at(SETTLE) == FIRM_AFTER
    export.refuse(Fault("file.binary", {"file": "a.csv"}), FIRM_AFTER)
    assert export.due_at(SETTLE) is None


async def test_whoever_waits_for_the_worker_is_served_in_turn() -> None:
    """I2: a busy thread is no dead disk; each waits for the one before, and the limit counts for each alone."""
    worker, back = Worker(limit=5), threading.Event()
    first = asyncio.create_task(worker.run(back.wait))
    others = [asyncio.create_task(worker.run(int, each)) for each in "123"]
    await asyncio.sleep(0)
    back.set()
    assert await first
    assert await asyncio.gather(*others) == [1, 2, 3]
    worker.close()
