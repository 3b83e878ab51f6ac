"""Where the demo's practice keeps its calendar: each column in one database, and tmex reads them as one practice.

The practice's own programs write here; tmex only reads.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, Self

import asyncpg

from adapters.compose import LookShelf, PracticeSource
from adapters.duria.files import FilesSource
from adapters.duria.postgres import PostgresSource
from adapters.duria.sqlite import SqliteSource
from adapters.embedded import Server, installations
from engine.faults import Fault
from engine.model import ColumnId, Reading
from engine.ports import Hint
from engine.walltime import WallClock, WallSpan

PRACTICE: Final = "PRAX1"
_INTERVAL: Final = 120.0
_READER: Final = "tmex_reader"
_SETTLE: Final = 0.3


class Slot(NamedTuple):
    """An appointment: a column and its wall time."""

    column: ColumnId
    start: datetime
    end: datetime


class Store(Protocol):
    """A database of the practice; every call is one committed transaction."""

    name: str

    async def change(self, *, taken: Slot | None = None, given: Slot | None = None) -> None:
        """Put an appointment in, take one out, or both at once."""
        ...

    async def reserve(self, slot: Slot) -> None:
        """Reserve a time of one day."""
        ...

    def source(self) -> PracticeSource:
        """What tmex reads it by."""
        ...


class SqliteStore:
    """A SQLite file, written as another program would: with a connection of its own for each change."""

    name = "SQLite"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._run([("PRAGMA journal_mode = WAL", ())])
        with closing(sqlite3.connect(path)) as practice:
            practice.executescript(_script("sqlite"))

    async def change(self, *, taken: Slot | None = None, given: Slot | None = None) -> None:
        """See `Store`."""
        work: list[tuple[str, Sequence[object]]] = []
        if given is not None:
            where = "calendar = ? AND col = ? AND starts_at = ? AND ends_at = ?"
            work.append((f"DELETE FROM tmex_appointments WHERE {where}", _texts(given)))  # noqa: S608 - a constant
        if taken is not None:
            work.append(("INSERT INTO tmex_appointments VALUES ('PRAX1', ?, ?, ?, ?, 1)", _texts(taken)))
        await asyncio.to_thread(self._run, work)

    async def reserve(self, slot: Slot) -> None:
        """See `Store`."""
        sql = "INSERT INTO tmex_reservations VALUES ('PRAX1', ?, ?, ?, ?, ?, ?)"
        column, day = slot.column, slot.start.date().isoformat()
        times = slot.start.strftime("%H:%M"), slot.end.strftime("%H:%M")
        await asyncio.to_thread(self._run, [(sql, (column.calendar, column.column, day, day, *times))])

    def source(self) -> PracticeSource:
        """See `Store`."""
        return SqliteSource(self._path, PRACTICE)

    def _run(self, work: Sequence[tuple[str, Sequence[object]]]) -> None:
        with closing(sqlite3.connect(self._path, timeout=5)) as practice, practice:
            for sql, values in work:
                practice.execute(sql, tuple(values))


class PostgresStore:
    """A PostgreSQL server of its own, for as long as it is entered."""

    name = "PostgreSQL"

    def __init__(self, programs: Path, folder: Path) -> None:
        self._server = Server(programs, folder)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._server.__enter__)
        try:
            await asyncio.to_thread(self._server.run_script, _script("postgres"))
            self._practice = await asyncpg.connect(self._server.dsn())
        except BaseException:
            self._server.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._practice.terminate()
        await asyncio.to_thread(self._server.stop)

    async def change(self, *, taken: Slot | None = None, given: Slot | None = None) -> None:
        """See `Store`."""
        async with self._practice.transaction():
            if given is not None:
                where = "calendar = $1 AND col = $2 AND starts_at = $3 AND ends_at = $4"
                await self._practice.execute(f"DELETE FROM tmex_appointments WHERE {where}", *_values(given))  # noqa: S608 - a constant
            if taken is not None:
                sql = "INSERT INTO tmex_appointments VALUES ('PRAX1', $1, $2, $3, $4, true)"
                await self._practice.execute(sql, *_values(taken))

    async def reserve(self, slot: Slot) -> None:
        """See `Store`."""
        sql = "INSERT INTO tmex_reservations VALUES ('PRAX1', $1, $2, $3, $3, $4, $5)"
        column, day = slot.column, slot.start.date()
        await self._practice.execute(sql, column.calendar, column.column, day, slot.start.time(), slot.end.time())

    def source(self) -> PracticeSource:
        """See `Store`."""
        return PostgresSource(self._server.dsn(user=_READER), PRACTICE, interval=_INTERVAL)


class CsvStore:
    """A folder with one export, written aside and renamed after each change, as an exporter should."""

    name = "CSV"
    _HEADER = "Art;Kalender;Spalte;Datum;Von;Bis;Belegt"

    def __init__(self, folder: Path, clock: WallClock) -> None:
        folder.mkdir()
        self._folder, self._clock = folder, clock
        self._taken: list[Slot] = []
        self._reserved: list[Slot] = []

    async def change(self, *, taken: Slot | None = None, given: Slot | None = None) -> None:
        """See `Store`."""
        if given is not None:
            self._taken.remove(given)
        if taken is not None:
            self._taken.append(taken)
        await asyncio.to_thread(self._export)

    async def reserve(self, slot: Slot) -> None:
        """See `Store`."""
        self._reserved.append(slot)
        await asyncio.to_thread(self._export)

    def source(self) -> PracticeSource:
        """See `Store`."""
        clock, shelf = self._clock, LookShelf(None)
        return FilesSource(self._folder, PRACTICE, clock=clock, settle=_SETTLE, encoding="auto", shelf=shelf)

    def _export(self) -> None:
        lines = [self._HEADER]
        lines += [_line("Termin", each, "ja") for each in self._taken]
        lines += [_line("Reservierung", each, "") for each in self._reserved]
        aside = self._folder / "export.new"
        aside.write_text("\r\n".join([*lines, ""]), "cp1252")
        aside.replace(self._folder / "export.csv")


class Together:
    """Several databases as one `Source`: each column is read from the one that it is kept in."""

    def __init__(self, sources: Mapping[ColumnId, PracticeSource]) -> None:
        self._of = sources
        self._all = list({id(each): each for each in sources.values()}.values())

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for each in self._all:
                await stack.enter_async_context(each)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        """See `Source`."""
        return await self._of[column].read(column, span)

    async def columns(self) -> tuple[ColumnId, ...]:
        """See `Source`."""
        return tuple(sorted(self._of))

    def notes(self) -> tuple[Fault, ...]:
        """See `Source`."""
        return tuple(note for each in self._all for note in each.notes())

    async def vanished(self, column: ColumnId) -> bool:
        """See `Source`."""
        return await self._of[column].vanished(column)

    async def confirm(self, column: ColumnId) -> None:
        """See `Source`."""
        await self._of[column].confirm(column)

    async def examine(self) -> list[Fault]:
        """See `PracticeSource`."""
        return [fault for each in self._all for fault in await each.examine()]

    async def hints(self) -> AsyncGenerator[Hint, None]:
        """See `Source`."""
        heard: asyncio.Queue[Hint] = asyncio.Queue()
        listening = [asyncio.create_task(_pass_on(each, heard)) for each in self._all]
        try:
            while True:
                yield await heard.get()
        finally:
            for each in listening:
                each.cancel()
            await asyncio.wait(listening)


async def _pass_on(source: PracticeSource, heard: "asyncio.Queue[Hint]") -> None:
    async with aclosing(source.hints()) as hints:
        async for hint in hints:
            heard.put_nowait(hint)


def newest_postgres() -> Path | None:
    """The programs of the newest PostgreSQL on this machine, if there is one."""
    return next(reversed(installations().values()), None)


def _script(dialect: str) -> str:
    return (files("adapters.duria") / "sql" / f"{dialect}.sql").read_text("utf-8")


def _line(kind: str, slot: Slot, occupied: str) -> str:
    day, times = f"{slot.start:%d.%m.%Y}", f"{slot.start:%H:%M};{slot.end:%H:%M}"
    return f"{kind};{slot.column.calendar};{slot.column.column};{day};{times};{occupied}"


def _texts(slot: Slot) -> Sequence[str]:
    times = slot.start.isoformat(" ", "minutes"), slot.end.isoformat(" ", "minutes")
    return slot.column.calendar, slot.column.column, *times


def _values(slot: Slot) -> Sequence[Any]:
    return slot.column.calendar, slot.column.column, slot.start, slot.end
