"""Thousands of exports are no burden for anybody else: a little at a time, and little to walk through (I12, fault 20).

How long the loop is held hangs on how much is done between two pauses, and on how much the collector of garbage finds.
"""

import gc
from collections.abc import Collection, Iterable
from pathlib import Path

import pytest

from adapters.duria import survey
from adapters.duria.export_reader import ExportReader, Order, Outcome
from adapters.duria.exports import Exports
from adapters.duria.folder import Fingerprint
from adapters.duria.ics_sheet import sheet
from engine.model import ColumnId
from tests.contract.files_practice import files_source
from tests.integration.files_tools import export, row, state, write

FILES = 1200
PER_FILE = 10
"""Objects that the collector walks through, of an export with one row."""
PER_EVENT = 4


def flood(folder: Path) -> None:
    """Many small exports."""
    for number in range(FILES):
        write(folder / f"n{number}.csv", export(row(8, column=f"S{number % 40}")))


async def test_no_more_files_are_taken_in_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I12, fault 20: neither when they appear, nor when they are read, nor when all of them vanish."""
    sizes: dict[str, list[int]] = {"see": [], "miss": [], "read": []}
    see, miss, read = Exports.see, Exports.miss, ExportReader.read

    def seen(self: Exports, found: Iterable[tuple[str, Fingerprint]], now: float, *, coarse: bool) -> bool:
        some = list(found)
        sizes["see"].append(len(some))
        return see(self, some, now, coarse=coarse)

    def missed(self: Exports, names: Collection[str]) -> bool:
        sizes["miss"].append(len(names))
        return miss(self, names)

    def read_all(self: ExportReader, orders: list[Order]) -> list[Outcome]:
        sizes["read"].append(len(orders))
        return read(self, orders)

    monkeypatch.setattr(Exports, "see", seen)
    monkeypatch.setattr(Exports, "miss", missed)
    monkeypatch.setattr(ExportReader, "read", read_all)
    flood(tmp_path)
    async with files_source(tmp_path) as source:
        while await state(source) != "complete":
            pass
        for path in tmp_path.iterdir():
            path.unlink()
        assert await state(source, ColumnId("Kalender", "S1")) == "file.vanished"
    for what, found in sizes.items():
        assert sum(found) >= FILES, what
        assert max(found) <= survey._AT_ONCE, what


async def test_what_is_kept_of_an_export_is_little_to_walk_through(tmp_path: Path) -> None:
    """I12, fault 20: a collection of garbage stops the whole process, and takes as long as there are objects."""
    flood(tmp_path)
    async with files_source(tmp_path) as source:
        before = _objects()
        while await state(source) != "complete":
            pass
        assert _objects() - before < PER_FILE * FILES


def test_what_is_kept_of_an_event_is_little_to_walk_through() -> None:
    """I12: the same while an iCalendar export is read."""
    times = "DTSTART;TZID=Europe/Berlin:20261123T080000\nDURATION:PT30M\nTRANSP:OPAQUE\nSTATUS:CONFIRMED"
    events = [f"BEGIN:VEVENT\nUID:{number}\n{times}\nEND:VEVENT\n" for number in range(FILES)]
    lines = "".join(("BEGIN:VCALENDAR\n", *events, "END:VCALENDAR\n")).splitlines(keepends=True)
    before = _objects()
    found = sheet(lines, "a.ics")
    assert _objects() - before < PER_EVENT * FILES
    assert len(found.events) == FILES


def _objects() -> int:
    gc.collect()
    return len(gc.get_objects())
