"""A row of a wrong type or value, in a real SQLite file and read by the real source, blocks or is told, and frees
nothing.
"""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adapters.duria.sqlite import SqliteSource
from engine.model import Complete, Incomplete, Reading
from engine.occupancy import occupancy
from engine.spans import IntervalSet
from tests.contract.source_contract import CLOCK, PRACTICE, SPAN, WINDOW, A, instant
from tests.contract.sqlite_practice import SqlitePractice
from tests.fuzz.decisions import LIMITS, nothing_freed
from tests.fuzz.target import BAD, CANARY, no_canary, require

NO_TIME = (
    *(None, 0, -1, 1.5, 2**63 - 1, float("inf"), b"", b"\xff\xfe", b"2026-11-23 08:00", CANARY, f"{CANARY}\n\x1b[2J"),
    *("", " ", "0", "2026-11-23", "2026-13-01 08:00", "2026-02-30 08:00", "2026-11-23 8:00", "2026-11-23 24:01"),
    *("2026-11-23 08:00Z", "2026-11-23 08:00\0", "23.11.2026 08:00", "2026-11-23  08:00", "٢٠٢٦-١١-٢٣ ٠٨:٠٠", "now"),
    *(
        "20261123 080000",
        "2026-11-23 08:00:00." + "0" * 40,
        "x" * 70_000,
        "2461367.5",
        "'; DROP TABLE tmex_appointments",
    ),
)
NO_BOOLEAN = (None, 2, -1, 0.5, "ja", "nein", "", " 0", "00", "true", b"0", b"", CANARY, 2**62, float("inf"), "\0")
NO_CLOCK = (1, b"12:00", CANARY, "", "8:00", "24:01", "12:60", "12.00", "-1:00", "12:00+01:00", float("inf"), "\0")
ROWS = 12
Slot = list[Any]


def slots() -> list[Slot]:
    """Occupied rows of column A, an hour each."""
    days = (f"2026-11-{23 + number % 7} {8 + number:02}" for number in range(ROWS))
    return [[PRACTICE, "Kalender", "A", f"{day}:00", f"{day}:45", 1, CANARY] for day in days]


def times(rows: Sequence[Slot]) -> IntervalSet:
    """What they block."""
    return IntervalSet((instant(row[3]), instant(row[4])) for row in rows)


def spoilt(rows: list[Slot], chance: Random, no_boolean: Sequence[Any]) -> tuple[list[Slot], list[tuple[int, Slot]]]:
    """The rows with one to three of them spoilt; and of each of those which field it is, and how it was."""
    bad, spoils = [list(row) for row in rows], []
    for number in chance.sample(range(ROWS), chance.randint(1, 3)):
        field = chance.choice((3, 4, 5))
        bad[number][field] = chance.choice(no_boolean if field == 5 else NO_TIME)
        spoils.append((field, rows[number]))
    return bad, spoils


def reserved(chance: Random) -> tuple[Any, ...]:
    """A reservation of 28 November, of which one field at most is right to be doubted."""
    row: list[Any] = [
        PRACTICE,
        "Kalender",
        chance.choice(("A", None, "")),
        "2026-11-28",
        "2026-11-28",
        "12:00",
        "13:00",
    ]
    field = chance.choice((3, 4, 5, 6))
    row[field] = chance.choice(NO_TIME if field < 5 else NO_CLOCK)
    if chance.random() < 0.2:
        row[3] = row[4] = chance.choice(NO_TIME[:10])
    return (*row, CANARY)


def store(practice: SqlitePractice, tables: tuple[str, str], rows: list[Slot], block: tuple[Any, ...]) -> None:
    """Put these into the database in place of all that is there."""
    with practice.connected() as connection:
        connection.execute("PRAGMA synchronous = OFF")  # nobody cuts the power here
        for table in tables:
            connection.execute(f"DELETE FROM {table}")
        connection.executemany(f"INSERT INTO {tables[0]} VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.execute(f"INSERT INTO {tables[1]} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", block)


def judge(reading: Reading, rows: list[Slot], spoils: list[tuple[int, Slot]], block: tuple[Any, ...]) -> None:
    """R13: of a spoilt row the reading says so, and its start is blocked unless that is what is spoilt."""
    assert isinstance(reading, Complete | Incomplete)
    no_canary(reading.rows.doubts, reading.rows.unplaced, reading.rows.places)
    harmed = [row for _, row in spoils]
    nothing_freed(reading, times(rows), times([row for row in rows if row not in harmed]))
    seen = occupancy(reading, WINDOW, CLOCK, LIMITS)
    for field, row in spoils:
        if field == 3:
            require(isinstance(reading, Incomplete), "a row without a start is nowhere")
        else:
            require(instant(row[3]) in seen.blocked, "a row with a start does not block it")
            require(seen.doubts, "nobody was told")
        if field == 5:
            require(not times([row]) - seen.blocked, "a row that is neither free nor occupied is free")
    noon = instant("2026-11-28 12:00")
    readable = "2026-11-28" in block[3:5]
    require(noon in seen.blocked if readable else isinstance(reading, Incomplete), "a reservation was lost")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("views", [False, True], ids=["tables", "views"])
async def test_bad_rows_are_read_or_told(views: bool, tmp_path: Path) -> None:
    """I1, I2, I7, R13: every wrong type and value there is, where the declared types of the tables change some of them
    and where nothing does.
    """
    chance, good = Random(f"rows {views}"), slots()
    practice = SqlitePractice(tmp_path / "praxis.db", views=views)
    tables = ("termine", "reservierungen") if views else ("tmex_appointments", "tmex_reservations")
    # A column that is declared as a number makes 0 of the text " 0": there it says free.
    no_boolean = [each for each in NO_BOOLEAN if views or each not in {" 0", "00"}]
    async with SqliteSource(practice.path, PRACTICE) as source:
        for _ in range(BAD * 20 // 100 // 2):
            rows, spoils = spoilt(good, chance, no_boolean)
            block = reserved(chance)
            store(practice, tables, rows, block)
            judge(await source.read(A, SPAN), good, spoils, block)
