"""The practice's calendar in a SQLite file: one reading is one snapshot, and no change stays unnoticed.

A failed reading is a fault with its own code, never an empty one (I2). Nothing but the fields of the contract is
selected (I7), and nothing is written (I12). SQLite keeps no checksums: of a rotten file it notices what breaks its
structure, and a flipped bit within a row is read as it stands.
"""

import asyncio
from array import array
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Final, Self

from adapters.duria.rows import UNREADABLE, RowCollector
from adapters.duria.sqlite_faults import LOCKED
from adapters.duria.sqlite_file import Row, SqliteFile
from adapters.duria.walltext import clock_of, day_of, end_of, start_of
from adapters.duria.watch import SCAN_EVERY, wake_ups
from engine.faults import Fault
from engine.model import DAY, ColumnId, Failed, Reading, Rows, Wall
from engine.ports import Hint, SourceError
from engine.walltime import WallSpan

MISSING: Final = "source.missing"
_EPOCH: Final = date(1970, 1, 1).toordinal()
_EXISTS, _APPOINTMENT, _RESERVATION = range(3)
_OCCUPIED: Final = {0: False, 1: True}

# Names are compared byte by byte, whatever collation the practice's table has. What is no text, or too long for a
# time, comes as NULL. A row is left out only if it provably misses the span: its times come back from SQLite's own
# arithmetic as they were written, which proves that they are times. Anything else is judged in Python.
_READ: Final = """
SELECT 1,
       CASE WHEN typeof(starts_at) = 'text' AND length(CAST(starts_at AS blob)) <= 40 THEN starts_at END,
       CASE WHEN typeof(ends_at) = 'text' AND length(CAST(ends_at AS blob)) <= 40 THEN ends_at END,
       CASE WHEN occupied IN (0, '0') THEN 0 WHEN occupied IN (1, '1') THEN 1 END,
       NULL
  FROM tmex_appointments
 WHERE practice = :practice COLLATE BINARY AND calendar = :calendar COLLATE BINARY AND col = :col COLLATE BINARY
   AND ((starts_at >= :after OR (starts_at < :before AND ends_at < :before))
        AND typeof(starts_at) = 'text' AND starts_at >= '0001'
        AND strftime('%Y-%m-%d %H:%M:%S', starts_at, '+0 days')
            IN (replace(starts_at, 'T', ' '), replace(starts_at, 'T', ' ') || ':00')
        AND (starts_at >= :after
             OR (typeof(ends_at) = 'text' AND ends_at >= '0001'
                 AND strftime('%Y-%m-%d %H:%M:%S', ends_at, '+0 days')
                     IN (replace(ends_at, 'T', ' '), replace(ends_at, 'T', ' ') || ':00')))
       ) IS NOT TRUE
UNION ALL
SELECT 2,
       CASE WHEN typeof(first_day) = 'text' AND length(CAST(first_day AS blob)) <= 40 THEN first_day END,
       CASE WHEN typeof(last_day) = 'text' AND length(CAST(last_day AS blob)) <= 40 THEN last_day END,
       CASE WHEN from_time IS NULL THEN NULL
            WHEN typeof(from_time) = 'text' AND length(CAST(from_time AS blob)) <= 40 THEN from_time ELSE '' END,
       CASE WHEN to_time IS NULL THEN NULL
            WHEN typeof(to_time) = 'text' AND length(CAST(to_time AS blob)) <= 40 THEN to_time ELSE '' END
  FROM tmex_reservations
 WHERE practice = :practice COLLATE BINARY AND calendar = :calendar COLLATE BINARY
   AND (col = :col COLLATE BINARY OR col IS NULL OR col = '')
UNION ALL
SELECT 0,
       EXISTS (SELECT 1 FROM tmex_appointments
                WHERE practice = :practice COLLATE BINARY AND calendar = :calendar COLLATE BINARY
                  AND col = :col COLLATE BINARY)
       OR EXISTS (SELECT 1 FROM tmex_reservations
                   WHERE practice = :practice COLLATE BINARY AND calendar = :calendar COLLATE BINARY
                     AND col = :col COLLATE BINARY),
       NULL, NULL, NULL
"""
_COLUMNS: Final = """
SELECT calendar COLLATE BINARY, col COLLATE BINARY FROM tmex_appointments
 WHERE practice = :practice COLLATE BINARY AND typeof(calendar) = 'text' AND typeof(col) = 'text' AND col <> ''
UNION
SELECT calendar COLLATE BINARY, col COLLATE BINARY FROM tmex_reservations
 WHERE practice = :practice COLLATE BINARY AND typeof(calendar) = 'text' AND typeof(col) = 'text' AND col <> ''
"""


class SqliteSource:
    """A `Source` over the database file at `path`, for one practice. An async context manager."""

    def __init__(self, path: Path, practice: str) -> None:
        self._path, self._practice = path, practice
        self._file = SqliteFile(path)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._file.close()

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        """Every row of `column` that may touch `span`; see `Source`."""
        names = {"practice": self._practice, "calendar": column.calendar, "col": column.column}
        edges = {"before": _day_text(span.start // DAY - 1), "after": _day_text(span.end // DAY + 1)}
        try:
            found = await self._file.fetch(_READ, names | edges)
        except SourceError as error:
            return Failed(error.fault)
        return _collected(found, column, span).reading()

    async def columns(self) -> tuple[ColumnId, ...]:
        """The columns that exist (R10), sorted. Raises SourceError."""
        found = await self._file.fetch(_COLUMNS, {"practice": self._practice})
        return tuple(sorted(ColumnId(calendar, column) for calendar, column in found))

    async def vanished(self, column: ColumnId) -> bool:  # noqa: ARG002 - of the port
        """A database does not lose a part of itself; see `Source`."""
        return False

    async def confirm(self, column: ColumnId) -> None:
        """There is nothing to confirm; see `Source`."""

    async def examine(self) -> list[Fault]:
        """Nothing but what a reading tells by itself, for `tmex check`."""
        return []

    def notes(self) -> tuple[Fault, ...]:
        """Nothing hinders its change events; see `Source`."""
        return ()

    async def hints(self) -> AsyncGenerator[Hint, None]:
        """One at once, then one for each change, and for each loss and return of the file; see `Source`."""
        place = _real(self._path)
        names = {place.name + suffix for suffix in ("", "-wal", "-shm", "-journal")}
        pulse = _Pulse(self._path)
        try:
            async with aclosing(wake_ups(place.parent, names.__contains__)) as wakes:
                async for _ in wakes:
                    if await pulse.changed():
                        yield Hint()
                    await pulse.rest()
        finally:
            await pulse.close()


class _Pulse:
    """Whether the file changed since it was last asked; a connection of its own, outside of any transaction."""

    def __init__(self, path: Path) -> None:
        self._file = SqliteFile(path)
        self._last: object = None

    async def changed(self) -> bool:
        """Whether it is another file, another state of it, or another reason why it cannot be read."""
        state = await self._state()
        before, self._last = self._last, self._last if state == LOCKED else state
        return self._last != before

    async def rest(self) -> None:
        """Leave a file alone for a while that cannot be read: to try it makes events of our own."""
        if isinstance(self._last, str) and self._last != MISSING:
            await asyncio.sleep(SCAN_EVERY / 2)

    async def close(self) -> None:
        await self._file.close()

    async def _state(self) -> object:
        try:
            [version] = await self._file.fetch("PRAGMA data_version", {})
        except SourceError as error:
            return error.fault.code
        return self._file.opened, version


def _collected(found: Iterable[Row], column: ColumnId, span: WallSpan) -> Rows:
    collector, exists = RowCollector(column, span), False
    free, occupied = plain = array("q"), array("q")
    for kind, first, second, third, fourth in found:
        if kind == _APPOINTMENT:
            start, end = _times(first, second)
            if start is None or end is None or third is None:
                collector.appointment(start, end, _OCCUPIED.get(third))
            else:
                plain[third].extend((start, end))
        elif kind == _RESERVATION:
            collector.reservation(day_of(first), day_of(second), _opening(third), _closing(fourth))
        else:
            exists = bool(first)
    collector.packed(occupied, free)
    return collector.rows(exists=exists)


# A column is read again and again, and few of its rows are new.
@lru_cache(maxsize=16384)
def _times(start: object, end: object) -> tuple[Wall | None, Wall | None]:
    return start_of(start), end_of(end)


def _opening(text: object) -> int | None:
    clock = clock_of(text)
    return clock.down if clock else None if text is None else UNREADABLE


def _closing(text: object) -> int | None:
    clock = clock_of(text)
    return clock.up if clock else None if text is None else UNREADABLE


def _real(path: Path) -> Path:
    """Where the file lies, and those that SQLite makes beside it, when `path` is a link."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):  # links in a circle
        return path


def _day_text(day: int) -> str:
    """A day as it stands before its times in order; what is out of the calendar stands before or after all days."""
    ordinal = day + _EPOCH
    if ordinal < 1:
        return ""
    return date.fromordinal(ordinal).isoformat() if ordinal <= date.max.toordinal() else "~"
