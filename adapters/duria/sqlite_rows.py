"""What SQLite gives of a column becomes rows: each of them counts, and what cannot be understood blocks too much (R13).

One statement is one snapshot, and selects nothing but the fields of the contract (I7).
"""

from array import array
from collections.abc import Iterable
from itertools import compress
from typing import Any, Final

from adapters.duria.known import Known
from adapters.duria.rows import UNREADABLE, RowCollector
from adapters.duria.sqlite_file import Row
from adapters.duria.walltext import clock_of, day_of, end_of, start_of
from engine.model import ColumnId, Rows, Wall
from engine.walltime import WallSpan

_EXISTS, _APPOINTMENTS, _RESERVATION = range(3)
_OCCUPIED: Final = {"0": False, "1": True}

# Names are compared byte by byte, whatever collation the practice's table has. Appointments come as one row, for
# thousands of rows take longer to hand over than to find: their number, and of each field a text with a line for each
# of them. What is no text, or too long for a time, or of two lines, comes as an empty line, or as NULL. A row is left
# out only if it provably misses the span: its times come back from SQLite's own arithmetic as they were written, which
# proves that they are times. Anything else is judged in Python.
READ: Final = """
SELECT 1,
       count(*),
       group_concat(CASE WHEN typeof(starts_at) = 'text' AND length(CAST(starts_at AS blob)) <= 40
                          AND instr(starts_at, char(10)) = 0 THEN starts_at ELSE '' END, char(10)),
       group_concat(CASE WHEN typeof(ends_at) = 'text' AND length(CAST(ends_at AS blob)) <= 40
                          AND instr(ends_at, char(10)) = 0 THEN ends_at ELSE '' END, char(10)),
       group_concat(CASE WHEN occupied IN (0, '0') THEN 0 WHEN occupied IN (1, '1') THEN 1 ELSE 2 END, '')
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
   AND (CAST(col AS text) = :col COLLATE BINARY OR col IS NULL OR col = '')  -- a view's expression may be a number
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
COLUMNS: Final = """
SELECT calendar COLLATE BINARY, col COLLATE BINARY FROM tmex_appointments
 WHERE practice = :practice COLLATE BINARY AND typeof(calendar) = 'text' AND typeof(col) = 'text' AND col <> ''
UNION
SELECT calendar COLLATE BINARY, col COLLATE BINARY FROM tmex_reservations
 WHERE practice = :practice COLLATE BINARY AND typeof(calendar) = 'text' AND typeof(col) = 'text' AND col <> ''
"""


# A column is read again and again, and few of its rows are new.
_STARTS, _ENDS = Known[str, Wall | None](start_of), Known[str, Wall | None](end_of)


def collected(found: Iterable[Row], column: ColumnId, span: WallSpan) -> Rows:
    """The rows of `column` that READ found. Raises ValueError if there are not as many as it says."""
    collector, exists = RowCollector(column, span), False
    for kind, first, second, third, fourth in found:
        if kind == _RESERVATION:
            collector.reservation(day_of(first), day_of(second), _opening(third), _closing(fourth))
        elif kind == _APPOINTMENTS and first:
            _take_in(collector, first, second.split("\n"), third.split("\n"), fourth)
        elif kind == _EXISTS:
            exists = bool(first)
    return collector.rows(exists=exists)


def _take_in(collector: RowCollector, count: int, starts: list[str], ends: list[str], said: str) -> None:
    if not count == len(starts) == len(ends) == len(said):
        raise ValueError
    opens, closes = list(map(_STARTS.__getitem__, starts)), list(map(_ENDS.__getitem__, ends))
    if None in opens or None in closes or "2" in said:
        for start, end, occupied in zip(opens, closes, said, strict=True):
            collector.appointment(start, end, _OCCUPIED.get(occupied))
    else:
        collector.packed(_pairs(opens, closes, said, "1"), _pairs(opens, closes, said, "0"))


def _pairs(opens: list[Any], closes: list[Any], said: str, wanted: str) -> "array[int]":
    """The starts and ends in turn of those that are said to be so."""
    if wanted not in said:
        return array("q")
    if said.strip(wanted):
        those = [each == wanted for each in said]
        opens, closes = list(compress(opens, those)), list(compress(closes, those))
    pairs = array("q", bytes(16 * len(opens)))
    pairs[::2], pairs[1::2] = array("q", opens), array("q", closes)
    return pairs


def _opening(text: object) -> int | None:
    clock = clock_of(text)
    return clock.down if clock else None if text is None else UNREADABLE


def _closing(text: object) -> int | None:
    clock = clock_of(text)
    return clock.up if clock else None if text is None else UNREADABLE
