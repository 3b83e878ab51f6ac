"""A practice that keeps its calendar in PostgreSQL, in tables or behind views over tables of its own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Final

from tests.contract.source_contract import CANARY, Block, Row, Slot
from tests.postgres import READER, SCRIPT, Place
from tests.sqlrows import SqlTransaction

_EXTRA: Final = """
ALTER TABLE tmex_appointments ADD COLUMN IF NOT EXISTS patient text;
ALTER TABLE tmex_reservations ADD COLUMN IF NOT EXISTS patient text;
"""
_VIEWS: Final = """
CREATE TABLE termine (patient text, praxis varchar(10), kalender text, spalte text, von timestamp(0), bis timestamp(0),
                      belegt boolean);
CREATE TABLE reservierungen (patient text, praxis varchar(10), kalender text, spalte text, von_tag date, bis_tag date,
                             von time, bis time);
CREATE VIEW tmex_appointments AS SELECT praxis AS practice, kalender AS calendar, spalte AS col, von AS starts_at,
  bis AS ends_at, belegt AS occupied, patient AS remark FROM termine;
CREATE VIEW tmex_reservations AS SELECT praxis AS practice, kalender AS calendar, spalte AS col, von_tag AS first_day,
  bis_tag AS last_day, von AS from_time, bis AS to_time, patient AS remark FROM reservierungen;
"""
_TRIGGERS: Final = "".join(
    f"""
CREATE TRIGGER tmex_row AFTER INSERT OR UPDATE OR DELETE ON {table}
  FOR EACH ROW EXECUTE FUNCTION tmex_changed('kalender', 'spalte');
CREATE TRIGGER tmex_truncate AFTER TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION tmex_changed();
"""
    for table in ("termine", "reservierungen")
)
_APPOINTMENT: Final = {
    False: ("practice", "calendar", "col", "starts_at", "ends_at", "occupied", "patient"),
    True: ("praxis", "kalender", "spalte", "von", "bis", "belegt", "patient"),
}
_RESERVATION: Final = {
    False: ("practice", "calendar", "col", "first_day", "last_day", "from_time", "to_time", "patient"),
    True: ("praxis", "kalender", "spalte", "von_tag", "bis_tag", "von", "bis", "patient"),
}


class Script:
    """Statements that run when they are all there; as with a connection of sqlite3, `?` stands for a value."""

    def __init__(self) -> None:
        self.statements: list[str] = []

    def execute(self, sql: str, values: Iterable[object] = ()) -> None:
        pieces = sql.split("?")
        quoted = ["NULL" if each is None else "'{}'".format(str(each).replace("'", "''")) for each in values]
        self.statements.append("".join(a + b for a, b in zip(pieces, [*quoted, ""], strict=True)) + ";")


class PostgresPractice:
    """Writes as another program would: with a connection of its own for each change."""

    def __init__(self, place: Place, *, views: bool = False) -> None:
        self.place, self._views = place, views
        self._tables = ("termine", "reservierungen") if views else ("tmex_appointments", "tmex_reservations")
        place.run(_VIEWS + SCRIPT + _TRIGGERS if views else SCRIPT + _EXTRA)

    @property
    def address(self) -> str:
        """What TMEX_SOURCE names."""
        return self.place.dsn(READER)

    @contextmanager
    def writing(self) -> Iterator[SqlTransaction]:
        """A transaction."""
        script = Script()
        yield SqlTransaction(script.execute)
        self.place.run("\n".join(["BEGIN;", *script.statements, "COMMIT;"]))

    async def change(self, *, remove: tuple[Row, ...] = (), add: tuple[Row, ...] = ()) -> None:
        """One transaction."""
        connection = await self.place.connect()
        try:
            async with connection.transaction():
                for row in remove:
                    await connection.execute(self._delete(row), *self._values(row))
                for row in add:
                    await connection.execute(self._insert(row), *self._values(row))
        finally:
            await connection.close()

    async def execute(self, sql: str) -> None:
        """As the practice's administrator."""
        connection = await self.place.connect()
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    async def spoil(self) -> None:
        """A relation is not there."""
        await self.execute(f"ALTER {'VIEW' if self._views else 'TABLE'} tmex_reservations RENAME TO weg")

    async def mend(self) -> None:
        """It is back, and with it its changes are announced."""
        await self.execute(f"ALTER {'VIEW' if self._views else 'TABLE'} weg RENAME TO tmex_reservations")

    def _insert(self, row: Row) -> str:
        fields = self._fields(row)
        marks = ", ".join(self._mark(row, field, number) for number, field in enumerate(fields, 1))
        return f"INSERT INTO {self._table(row)} ({', '.join(fields)}) VALUES ({marks})"

    def _delete(self, row: Row) -> str:
        same = " AND ".join(
            f"{field} IS NOT DISTINCT FROM {self._mark(row, field, number)}"
            for number, field in enumerate(self._fields(row), 1)
        )
        table = self._table(row)
        return f"DELETE FROM {table} WHERE ctid = (SELECT ctid FROM {table} WHERE {same} LIMIT 1)"

    def _mark(self, row: Row, field: str, number: int) -> str:
        """Times of day go as text, for 24:00 is none to Python."""
        is_time = isinstance(row, Block) and field in ("from_time", "to_time", "von", "bis")
        return f"${number}::text::time" if is_time else f"${number}"

    def _fields(self, row: Row) -> tuple[str, ...]:
        return (_APPOINTMENT if isinstance(row, Slot) else _RESERVATION)[self._views]

    def _table(self, row: Row) -> str:
        return self._tables[isinstance(row, Block)]

    def _values(self, row: Row) -> tuple[object, ...]:
        match row:
            case Slot(start, end, occupied, column, practice):
                return practice, column.calendar, column.column, _moment(start), _moment(end), occupied, CANARY
            case Block(first, last, opens, closes, calendar, column_name, practice):
                days, times = (_day(first), _day(last)), (opens, closes)
                return practice, calendar, column_name, *days, *times, CANARY


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
