"""The practice's calendar in PostgreSQL: one reading is one snapshot, and a committed change is known at once.

A failed reading is a fault with its own code, never an empty one (I2). Nothing but the fields of the contract is
selected (I7), and nothing is written (I12). What a column holds comes as packed bytes, not as thousands of objects.
"""

import struct
from array import array
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import date, datetime, timedelta
from typing import Final, Self

from adapters.duria.postgres_faults import DENIED, of_schema, state_of
from adapters.duria.postgres_link import Readers, Row
from adapters.duria.postgres_listener import Listener
from adapters.duria.postgres_schema import hidden_fault, schema_faults, shape_fault
from adapters.duria.rows import RowCollector
from engine.faults import Fault
from engine.model import DAY, ColumnId, Failed, Reading, Rows, Wall
from engine.ports import Hint, SourceError
from engine.walltime import WallSpan

_MICRO: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1)
_SHIFT: Final = 946_684_800
"""Seconds from 1970 to 2000, where PostgreSQL begins to count."""
_SHIFT_DAYS: Final = _SHIFT // DAY
_FIRST_DAY, _LAST_DAY = (each.toordinal() - _EPOCH.toordinal() for each in (date.min, date.max))
_NEVER, _ALWAYS = 2**31 - 1, -(2**31)  # 'infinity' and '-infinity' as dates
_RESERVATION: Final = struct.Struct("!iiqq")

# Names are compared byte by byte, whatever collation the practice's table has; the comparison before it can use an
# index. A row is left out only if it provably misses the span. Only true timestamps, dates and times fit the functions
# that pack them: a relation of another shape fails, and is never misread. In order, for then a reading of which little
# changed is understood at little cost.
_MATCHES: Final = """practice = $1 AND calendar = $2
           AND practice::text COLLATE "C" = $1 AND calendar::text COLLATE "C" = $2"""
_OF_COLUMN: Final = """col = $3 AND col::text COLLATE "C" = $3"""
_PAIR: Final = """timestamp_send(greatest(starts_at, '0001-01-01'))
              || timestamp_send(least(coalesce(ends_at, '-infinity'), '9999-12-31 23:59:59'))"""
_END: Final = "coalesce(greatest(starts_at, ends_at), 'infinity')"
_READ: Final = f"""
WITH grid AS (
  SELECT CASE WHEN starts_at IS NOT NULL THEN {_PAIR} END AS pair, occupied
    FROM public.tmex_appointments
   WHERE {_MATCHES} AND {_OF_COLUMN}
     AND {_END} >= $4::timestamp
     AND coalesce(starts_at, '-infinity') < $5::timestamp
   ORDER BY {_END}
), reserved AS (
  SELECT date_send(coalesce(first_day, 'infinity')) || date_send(coalesce(last_day, '-infinity'))
         || coalesce(time_send(from_time), int8send(-1)) || coalesce(time_send(to_time), int8send(-1)) AS row
    FROM public.tmex_reservations
   WHERE {_MATCHES} AND (({_OF_COLUMN}) OR col IS NULL OR col = '')
     AND coalesce(greatest(first_day, last_day), 'infinity') >= $4::date
     AND (first_day IS NULL OR least(first_day, last_day) <= $5::date)
)
SELECT string_agg(pair, '') FILTER (WHERE occupied),
       string_agg(pair, '') FILTER (WHERE NOT occupied),
       string_agg(pair, '') FILTER (WHERE occupied IS NULL),
       count(*) FILTER (WHERE pair IS NULL AND occupied IS NOT FALSE),
       (SELECT string_agg(row, '') FROM reserved),
       count(*) > 0
       OR EXISTS (SELECT FROM (SELECT FROM public.tmex_appointments WHERE {_MATCHES} AND {_OF_COLUMN}
                                ORDER BY {_END} LIMIT 1) AS first)
       OR EXISTS (SELECT FROM public.tmex_reservations WHERE {_MATCHES} AND {_OF_COLUMN})
  FROM grid
"""  # noqa: S608 - the pieces are constants
_COLUMNS: Final = """
SELECT calendar::text, col::text FROM public.tmex_appointments
 WHERE practice = $1 AND practice::text COLLATE "C" = $1 AND calendar IS NOT NULL AND col <> ''
UNION
SELECT calendar::text, col::text FROM public.tmex_reservations
 WHERE practice = $1 AND practice::text COLLATE "C" = $1 AND calendar IS NOT NULL AND col <> ''
"""


class PostgresSource:
    """A `Source` over the database at `dsn`, for one practice; proves once per `interval` seconds that it hears. An
    async context manager.
    """

    def __init__(self, dsn: str, practice: str, *, interval: float) -> None:
        self._dsn, self._practice = dsn, practice
        self._readers = Readers(dsn)
        self._listener = Listener(dsn, self._readers, interval=interval)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._readers.reset()

    def notes(self) -> tuple[Fault, ...]:
        """What hinders its change events, though readings work; see `Source`."""
        return self._listener.notes

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        """Every row of `column` that may touch `span`; see `Source`."""
        names = self._practice, column.calendar, column.column
        edges = _moment(span.start - DAY), _moment(span.end)
        try:
            [row] = await self._readers.rows(_READ, *names, *edges)
        except SourceError as error:
            return Failed(await self._explained(error))
        return _collected(row, column, span).reading()

    async def columns(self) -> tuple[ColumnId, ...]:
        """The columns that exist (R10), sorted. Raises SourceError."""
        try:
            found = await self._readers.rows(_COLUMNS, self._practice)
        except SourceError as error:
            fault = await self._explained(error)
            raise SourceError(fault.code, **fault.facts) from error
        return tuple(sorted(ColumnId(calendar, column) for calendar, column in found))

    async def hints(self) -> AsyncGenerator[Hint, None]:
        """One after each (re)connect and each loss, then one for each column that changed; see `Source`."""
        async with aclosing(self._listener.hints()) as hints:
            async for hint in hints:
                yield hint

    async def vanished(self, column: ColumnId) -> bool:  # noqa: ARG002 - of the port
        """A database does not lose a part of itself; see `Source`."""
        return False

    async def confirm(self, column: ColumnId) -> None:
        """There is nothing to confirm; see `Source`."""

    async def examine(self) -> list[Fault]:
        """What should be mended, for `tmex check`. Raises SourceError."""
        return await schema_faults(self._readers)

    async def _explained(self, error: SourceError) -> Fault:
        """The reason beneath an error that names none: which relation, field or right is missing."""
        if not of_schema(error.__cause__):
            return error.fault
        try:
            fault = await shape_fault(self._readers)
            if fault is None and state_of(error.__cause__) == DENIED:
                fault = await hidden_fault(self._readers)
            return fault or error.fault
        except SourceError:
            return error.fault


def _collected(row: Row, column: ColumnId, span: WallSpan) -> Rows:
    occupied, free, unknown, startless, reserved, exists = row
    collector = RowCollector(column, span)
    collector.packed(_seconds(occupied), _seconds(free), startless=startless)
    doubtful = iter(_seconds(unknown))
    for start, end in zip(doubtful, doubtful, strict=True):
        collector.appointment(Wall(start), Wall(end), None)
    for first, last, opens, closes in _RESERVATION.iter_unpack(reserved or b""):
        collector.reservation(_first_day(first), _last_day(last), _opening(opens), _closing(closes))
    return collector.rows(exists=exists)


def _seconds(packed: bytes | None) -> "array[int]":
    """Pairs of microseconds, big-endian, since 2000: as wall seconds since 1970, starts rounded down and ends up."""
    pairs = array("q", packed or b"")
    pairs.byteswap()
    pairs[::2] = array("q", [each // _MICRO + _SHIFT for each in pairs[::2]])
    pairs[1::2] = array("q", [_SHIFT - -each // _MICRO for each in pairs[1::2]])
    return pairs


def _first_day(day: int) -> int | None:
    return None if day == _NEVER else _day(day)


def _last_day(day: int) -> int | None:
    return None if day == _ALWAYS else _day(day)


def _day(day: int) -> int:
    return min(max(day + _SHIFT_DAYS, _FIRST_DAY), _LAST_DAY)


def _opening(micros: int) -> int | None:
    return None if micros < 0 else micros // _MICRO


def _closing(micros: int) -> int | None:
    return None if micros < 0 else -(-micros // _MICRO)


def _moment(wall: int) -> datetime:
    """A wall time as PostgreSQL takes it; what is out of the calendar is its first or last moment."""
    day = min(max(wall // DAY, _FIRST_DAY), _LAST_DAY)
    return _EPOCH + timedelta(days=day, seconds=wall % DAY)
