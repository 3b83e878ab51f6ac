"""A practice that keeps its calendar in SQLite, in tables or behind views, in either journal mode."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Final

from tests.contract.source_contract import CANARY, Block, Row, Slot
from tests.sqlrows import SqlTransaction

SCHEMA: Final = (files("adapters.duria") / "sql" / "sqlite.sql").read_text("utf-8")
_TABLES: Final = f"""
{SCHEMA}
ALTER TABLE tmex_appointments ADD COLUMN patient text;
ALTER TABLE tmex_reservations ADD COLUMN patient text;
"""
_VIEWS: Final = """
CREATE TABLE termine (praxis, kalender, spalte, von, bis, belegt, patient);
CREATE TABLE reservierungen (praxis, kalender, spalte, von_tag, bis_tag, von, bis, patient);
CREATE VIEW tmex_appointments AS SELECT praxis AS practice, kalender AS calendar, spalte AS col, von AS starts_at,
  bis AS ends_at, belegt AS occupied, patient AS remark FROM termine;
CREATE VIEW tmex_reservations AS SELECT praxis AS practice, kalender AS calendar, spalte AS col, von_tag AS first_day,
  bis_tag AS last_day, von AS from_time, bis AS to_time, patient AS remark FROM reservierungen;
"""


class SqlitePractice:
    """Writes as another program would: with a connection of its own, in a thread of its own."""

    def __init__(self, path: Path, *, journal: str = "wal", views: bool = False) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._tables = ("termine", "reservierungen") if views else ("tmex_appointments", "tmex_reservations")
        with self.connected() as connection:
            connection.execute(f"PRAGMA journal_mode = {journal}")
            connection.executescript(_VIEWS if views else _TABLES)

    @property
    def address(self) -> str:
        """What TMEX_SOURCE names."""
        return f"sqlite:///{self.path}"

    @contextmanager
    def writing(self) -> Iterator[SqlTransaction]:
        """A transaction."""
        with self.connected() as connection:
            yield SqlTransaction(connection.execute)

    @contextmanager
    def connected(self) -> Iterator[sqlite3.Connection]:
        """A transaction, for what only SQLite can do."""
        with closing(sqlite3.connect(self.path)) as connection, connection:
            yield connection

    async def change(self, *, remove: tuple[Row, ...] = (), add: tuple[Row, ...] = ()) -> None:
        """One transaction."""
        await asyncio.to_thread(self._change, remove, add)

    async def spoil(self) -> None:
        """A relation is not there."""
        await self.rename("tmex_reservations", "weg")

    async def mend(self) -> None:
        """It is back."""
        await self.rename("weg", "tmex_reservations")

    async def rename(self, old: str, new: str) -> None:
        """Give a table, or a view, another name."""
        with self.connected() as connection:
            [(kind, sql)] = connection.execute("SELECT type, sql FROM sqlite_master WHERE name = ?", (old,))
            if kind == "table":
                connection.execute(f"ALTER TABLE {old} RENAME TO {new}")
            else:
                connection.execute(f"DROP VIEW {old}")
                connection.execute(sql.replace(old, new))

    def _change(self, remove: tuple[Row, ...], add: tuple[Row, ...]) -> None:
        with self.connected() as connection:
            for row in remove:
                connection.execute(self._delete(row), self._values(row))
            for row in add:
                values = self._values(row)
                marks = ", ".join("?" * len(values))
                connection.execute(f"INSERT INTO {self._table(row)} VALUES ({marks})", values)

    def _delete(self, row: Row) -> str:
        with closing(sqlite3.connect(self.path)) as connection:
            fields = [field for _, field, *_ in connection.execute(f"PRAGMA table_info({self._table(row)})")]
        same = " AND ".join(f"{field} IS ?" for field in fields)
        return f"DELETE FROM {self._table(row)} WHERE rowid = (SELECT rowid FROM {self._table(row)} WHERE {same})"

    def _table(self, row: Row) -> str:
        return self._tables[isinstance(row, Block)]

    def _values(self, row: Row) -> tuple[str | int | None, ...]:
        """As it stands in the file: a start or a day that cannot be read is a text, all else that is missing NULL."""
        match row:
            case Slot(start, end, occupied, column, practice):
                free_or_not = "?" if occupied is None else int(occupied)
                return practice, column.calendar, column.column, start or f"{CANARY}?", end, free_or_not, CANARY
            case Block(first, last, opens, closes, calendar, column_name, practice):
                return practice, calendar, column_name, first or CANARY, last, opens, closes, CANARY
