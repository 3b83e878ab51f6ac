"""A practice that exports its calendar into a folder: a CSV file, written aside and renamed."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Final

from adapters.duria.files import FilesSource
from engine.walltime import WallClock
from tests.contract.source_contract import CANARY, CLOCK, PRACTICE, Block, Row, Slot

GERMAN: Final = ("Art", "Praxis", "Kalender", "Spalte", "Datum", "Bis_Datum", "Von", "Bis", "Belegt", "Patient")
ENGLISH: Final = ("kind", "practice", "calendar", "column", "date", "to_date", "from", "to", "occupied", "patient")
SETTLE: Final = 0.03
"""Seconds; much less than a practice takes, for tests have many files."""
UNREADABLE: Final = f"{CANARY}?"


class MemoryShelf:
    """Keeps what it is given, as the ledger does."""

    def __init__(self) -> None:
        self.kept: bytes | None = None

    async def recall(self) -> bytes | None:
        return self.kept

    async def keep(self, data: bytes) -> None:
        self.kept = data


def files_source(
    folder: Path,
    *,
    shelf: MemoryShelf | None = None,
    settle: float = SETTLE,
    encoding: str = "auto",
    clock: WallClock = CLOCK,
) -> FilesSource:
    """The source over a folder of a practice whose clock shows UTC, unless it is another one."""
    shelf = shelf or MemoryShelf()
    return FilesSource(folder, PRACTICE, clock=clock, settle=settle, encoding=encoding, shelf=shelf)


class FilesPractice:
    """Exports all its rows anew with every change."""

    def __init__(
        self, folder: Path, *, header: tuple[str, ...] = GERMAN, delimiter: str = ";", encoding: str = "cp1252"
    ) -> None:
        self.folder, self.path = folder, folder / "export.csv"
        self._header, self._delimiter, self._encoding = header, delimiter, encoding
        self._backwards = header[0].casefold() == "patient"
        self._rows: list[Row] = []
        folder.mkdir(parents=True, exist_ok=True)
        self.export()

    async def change(self, *, remove: tuple[Row, ...] = (), add: tuple[Row, ...] = ()) -> None:
        """One export."""
        for row in remove:
            self._rows.remove(row)
        self._rows.extend(add)
        await asyncio.to_thread(self.export)

    async def spoil(self) -> None:
        """The folder is not there."""
        self.folder.rename(self.folder.with_name("weg"))

    async def mend(self) -> None:
        """It is back."""
        self.folder.with_name("weg").rename(self.folder)

    def export(self) -> None:
        """Write aside, and rename."""
        aside = self.folder / "export.part"
        aside.write_bytes(self.content())
        aside.replace(self.path)

    def content(self) -> bytes:
        """The export as it should stand in the folder."""
        text = io.StringIO()
        writer = csv.writer(text, delimiter=self._delimiter, lineterminator="\r\n")
        writer.writerow(self._header)
        rows = map(self._cells, self._rows)
        writer.writerows(row[::-1] if self._backwards else row for row in rows)
        return text.getvalue().encode(self._encoding)

    def _cells(self, row: Row) -> tuple[str, ...]:
        match row:
            case Slot(start, end, occupied, column, practice):
                day, opens = (start or f"{UNREADABLE} {UNREADABLE}").split(" ")
                last, closes = (end or f"{day} {UNREADABLE}").split(" ")
                taken = "?" if occupied is None else ("nein", "ja")[occupied]
                names = (practice, column.calendar, column.column)
                return "Termin", *names, day, last, opens, closes, taken, CANARY
            case Block(first, to_day, opened, closed, calendar, column_name, practice):
                days = (first or UNREADABLE, to_day or UNREADABLE)
                times = (opened or "", closed or "")
                return "Reservierung", practice, calendar, column_name or "", *days, *times, "", CANARY
