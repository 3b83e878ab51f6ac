"""Rows as a SQLite database may give them, of every type there is: each blocks, or makes the reading incomplete.

A row is written as a line, so that a fuzzer can change it: `A|t2026-11-23 08:00|t2026-11-23 08:20|i1`; the letter
before each value is its type.
"""

from collections.abc import Iterator
from typing import Final

from adapters.duria.sqlite_rows import collected
from adapters.duria.walltext import start_of
from engine.model import Complete, Incomplete
from engine.occupancy import occupancy
from engine.spans import EMPTY, IntervalSet
from tests.contract.source_contract import CLOCK, SPAN, WINDOW, A, instant
from tests.fuzz.decisions import LIMITS, nothing_freed
from tests.fuzz.target import CANARY, Target, no_canary, require

Value = str | int | float | bytes | None
Row = tuple[int, Value, Value, Value, Value]

_KINDS: Final = {"A": 1, "R": 2}
_TIMES: Final = tuple(f"2026-11-{day} {hour:02}:00" for day in (23, 24, 29) for hour in (8, 14, 23))
GOOD: Final = "".join(f"A|t{each}|t{each[:-2]}20|i1|n\n" for each in _TIMES) + (
    f"A|t2026-11-25 08:00|t{CANARY}|i0|n\nR|t2026-11-26|t2026-11-27|t12:00|t13:00\nR|t2026-11-28|t2026-11-28|n|n\n"
)
_BLOCKED: Final = IntervalSet((instant(each), instant(each) + 1200) for each in _TIMES)


def value(text: str) -> Value:
    """The value that a cell means; whatever is none is a text."""
    kind, rest = text[:1], text[1:]
    try:
        match kind:
            case "n":
                return None
            case "i":
                return int(rest[:18])
            case "f":
                return float(rest)
            case "b":
                return rest.encode("utf-8", "surrogateescape")
            case _:
                return rest
    except ValueError:
        return rest


def parsed(data: bytes) -> Iterator[Row]:
    """The rows that the lines mean."""
    for line in data.decode("utf-8", "surrogateescape").split("\n"):
        kind, *cells = line.split("|")
        if kind in _KINDS:
            first, second, third, fourth = map(value, [*cells, "n", "n", "n", "n"][:4])
            if kind == "A":  # as the query gives it
                third = third if isinstance(third, int) and third in (0, 1) else None
                first, second = (each if isinstance(each, str) and len(each) <= 40 else "" for each in (first, second))
            yield _KINDS[kind], first, second, third, fourth


def packed(rows: list[Row]) -> Row:
    """Appointments as the query hands them over: all in one row."""
    starts, ends, said = zip(*(row[1:4] for row in rows), strict=True) if rows else ((), (), ())
    words = "".join("2" if each is None else str(each) for each in said)
    return 1, len(rows), "\n".join(map(str, starts)), "\n".join(map(str, ends)), words


def _still_said(rows: list[Row]) -> IntervalSet:
    """What good rows block that are there unchanged."""
    good = [row for row in rows if row[0] == 1 and row[3] == 1 and row[1] in _TIMES]
    same = [row for row in good if row[2] == f"{str(row[1])[:-2]}20"]
    return IntervalSet((instant(str(row[1])), instant(str(row[2]))) for row in same)


def check_rows(data: bytes) -> None:
    """R13: no row that may be occupied is lost without a word."""
    rows = list(parsed(data))
    appointments, others = [row for row in rows if row[0] == 1], [row for row in rows if row[0] != 1]
    found = collected([packed(appointments), *others, (0, 1, None, None, None)], A, SPAN)
    no_canary(found.doubts, found.unplaced, found.places)
    reading = found.reading()
    startless = [row for row in rows if row[0] == 1 and row[3] != 0 and start_of(row[1]) is None]
    require(not startless or isinstance(reading, Incomplete), "a row without a start made no difference")
    nothing_freed(reading, _BLOCKED, _still_said(rows))
    _starts_are_blocked(reading, rows)


def _starts_are_blocked(reading: Complete | Incomplete, rows: list[Row]) -> None:
    """R13: whatever its end is, a row that is not free blocks at least from its start."""
    blocked = occupancy(reading, WINDOW, CLOCK, LIMITS).blocked
    starts = [start_of(row[1]) for row in rows if row[0] == 1 and row[3] != 0]
    inside = [each for each in starts if each is not None and WINDOW.start <= each < WINDOW.end]
    require(all(each in blocked for each in inside), "a start is not blocked")


_WORDS: Final = (
    *(b"A|", b"R|", b"\n", b"|t", b"|n", b"|i1", b"|i0", b"|i-1", b"|f1.0", b"|fnan", b"|finf", b"|b\xff", b"|t24:00"),
    *(b"2026-11-23T08:00:00", b"9999-12-31 24:00", b"0001-01-01 00:00", b"2026-02-30", b"08:00:00.000001", b"T", b"\0"),
)
ROWS_TARGET: Final = Target("rows", check_rows, (GOOD.encode(),), _WORDS)
assert _BLOCKED != EMPTY
