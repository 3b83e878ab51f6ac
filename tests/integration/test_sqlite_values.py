"""Whatever stands in a SQLite field is judged row by row: nothing that may block is left out, and nothing raises."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.duria.relations import RELATIONS
from adapters.duria.sqlite import SqliteSource
from adapters.duria.sqlite_rows import COLUMNS, READ
from adapters.duria.walltext import end_of, start_of
from engine.faults import Fault
from engine.model import ColumnId, Complete, Incomplete
from tests.contract.source_contract import CANARY, EIGHT, PRACTICE, SPAN, A, blocked, read
from tests.contract.sqlite_practice import SCHEMA, SqlitePractice

FIELDS = "practice, calendar, col, starts_at, ends_at, occupied"
NOT_UTF_8 = "CAST(x'323032362d31312d32332030383a3030ff' AS text)"  # 2026-11-23 08:00 and a byte of Latin-1
WITH_NUL = "'2026-11-23 08:00' || char(0) || 'Meier'"


@pytest.fixture
def practice(tmp_path: Path) -> SqlitePractice:
    """With no row at all."""
    return SqlitePractice(tmp_path / "duria.db")


@pytest.fixture
async def source(practice: SqlitePractice) -> AsyncIterator[SqliteSource]:
    """Reads it."""
    async with SqliteSource(practice.path, PRACTICE) as source:
        yield source


def insert(practice: SqlitePractice, start: str, end: str = "NULL", occupied: str = "1") -> None:
    """A row of column A, its values as SQL."""
    with practice.writing() as connection:
        connection.execute(
            f"INSERT INTO tmex_appointments ({FIELDS}) VALUES ('PRAX1', 'Kalender', 'A', {start}, {end}, {occupied})"
        )


@pytest.mark.parametrize(
    "start", ["2026-11-23 08:00", "2026-11-23T08:00", "2026-11-23 08:00:00", "2026-11-23T08:00:00.000"]
)
@pytest.mark.parametrize("end", ["2026-11-23 08:20", "2026-11-23T08:19:59.5"])
async def test_every_way_to_write_a_time(start: str, end: str, practice: SqlitePractice, source: SqliteSource) -> None:
    """R9: a T is as good as a space, seconds may be missing, fractions widen."""
    insert(practice, f"'{start}'", f"'{end}'")
    assert await blocked(source) == ["11-23 08:00–11-23 08:20"]


@pytest.mark.parametrize("end", ["2026-11-23 24:00", "2026-11-23T24:00:00", "2026-11-24 00:00", "2026-11-23 00:00"])
async def test_every_way_to_write_midnight(end: str, practice: SqlitePractice, source: SqliteSource) -> None:
    """R8: the next one."""
    insert(practice, "'2026-11-23 22:00'", f"'{end}'")
    assert await blocked(source) == ["11-23 22:00–11-24 00:00"]


@pytest.mark.parametrize(
    "start",
    ["NULL", "''", "1795420800", "2461367.5", "x'323032362d31312d32332030383a3030'", NOT_UTF_8, WITH_NUL,
     "'2026-11-31 08:00'", "'2019-02-29 08:00'", "'2026-11-23'", "'heute'", "'now'", "'0000-00-00 00:00:00'",
     "'0000-01-01 00:00'", "'2019-11-23 08:00Z'",
     "'2019-11-23 25:00'", "'2019-11-23 08:00' || char(0)", "'9999-99-99 99:99'", "'3026-11-23 08:00+01:00'",
     "'2019-11-23 08:00' || printf('%.*c', 1000000, ' ')"],
)  # fmt: skip
async def test_a_start_that_is_no_time(start: str, practice: SqlitePractice, source: SqliteSource) -> None:
    """R13, I2: wherever it seems to lie, no number, blob, NUL, foreign byte or impossible date is a time."""
    insert(practice, start, "'2019-11-23 09:00'")
    reading = await source.read(A, SPAN)
    assert isinstance(reading, Incomplete)
    assert reading.reason == Fault("row.start_unreadable", {"column": "Kalender/A", "count": 1})


@pytest.mark.parametrize(
    "end", ["NULL", "''", "17", "x'00'", NOT_UTF_8, WITH_NUL, "'2026-11-31 08:00'", "'2026-11-23 08:00'"]
)
async def test_an_end_that_is_no_time(end: str, practice: SqlitePractice, source: SqliteSource) -> None:
    """R13: the row blocks the default slot."""
    insert(practice, "'2026-11-23 08:00'", end)
    assert await blocked(source) == ["11-23 08:00–11-23 08:15"]


@pytest.mark.parametrize(
    ("occupied", "blocks", "doubts"),
    [("0", 0, 0), ("0.0", 0, 0), ("'0'", 0, 0), ("FALSE", 0, 0), ("1", 1, 0), ("1.0", 1, 0), ("'1'", 1, 0),
     ("TRUE", 1, 0),
     ("NULL", 1, 1), ("2", 1, 1), ("-1", 1, 1), ("0.5", 1, 1), ("''", 1, 1), ("'nein'", 1, 1), ("x'30'", 1, 1),
     ("'0' || char(0)", 1, 1), ("1e300", 1, 1), ("9223372036854775807", 1, 1)],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["integer", "boolean", "text", "blob", "real", ""])
async def test_only_0_is_free(kind: str, occupied: str, blocks: int, doubts: int, tmp_path: Path) -> None:
    """R3, R13: whatever type the practice gave the field, what is neither 0 nor 1 blocks, with a doubt."""
    if kind == "text" and occupied.endswith(".0"):
        blocks, doubts = 1, 1  # such a field makes it the text '0.0' or '1.0'
    practice = SqlitePractice(tmp_path / "duria.db")
    with practice.writing() as connection:
        connection.execute("DROP TABLE tmex_appointments")
        connection.execute(
            f"CREATE TABLE tmex_appointments (practice, calendar, col, starts_at, ends_at, occupied {kind})"
        )
    insert(practice, "'2026-11-23 08:00'", "'2026-11-23 08:20'", occupied)
    async with SqliteSource(practice.path, PRACTICE) as source:
        rows = (await read(source)).rows
    assert (len(rows.occupied) // 2, len(rows.free) // 2, len(rows.doubts)) == (blocks, 1 - blocks, doubts)


@pytest.mark.parametrize("bad", ["x'00'", "7", "''", "'heute'", NOT_UTF_8, "'2026-02-30'", "'2026-11-23 00:00'"])
async def test_a_day_that_is_no_day(bad: str, practice: SqlitePractice, source: SqliteSource) -> None:
    """R13, I2: none readable is incomplete, one readable is that day."""
    with practice.writing() as connection:
        for days in (f"{bad}, '2026-11-24'", f"'2026-11-24', {bad}"):
            connection.execute(
                f"INSERT INTO tmex_reservations VALUES ('PRAX1', 'Kalender', '', {days}, NULL, NULL, '')"
            )
    assert await blocked(source) == ["11-24 00:00–11-25 00:00"]
    with practice.writing() as connection:
        connection.execute(
            f"INSERT INTO tmex_reservations VALUES ('PRAX1', 'Kalender', '', {bad}, {bad}, NULL, NULL, '')"
        )
    assert isinstance(await source.read(A, SPAN), Incomplete)


@pytest.mark.parametrize("bad", ["x'00'", "7", "''", "'mittags'", NOT_UTF_8, "'25:00'"])
async def test_a_time_of_day_that_is_none(bad: str, practice: SqlitePractice, source: SqliteSource) -> None:
    """R13: the widest reading; only two times that are not there are the whole day without a doubt."""
    with practice.writing() as connection:
        for day, times in (
            (23, f"{bad}, '09:00'"),
            (24, f"'18:00', {bad}"),
            (25, f"{bad}, {bad}"),
            (26, f"NULL, {bad}"),
        ):
            day_ = f"'2026-11-{day}'"
            connection.execute(
                f"INSERT INTO tmex_reservations VALUES ('PRAX1', 'Kalender', 'A', {day_}, {day_}, {times}, '')"
            )
    assert await blocked(source) == ["11-23 00:00–11-23 09:00", "11-24 18:00–11-27 00:00"]
    doubts = (await read(source)).rows.doubts
    assert {doubt.code for doubt in doubts} == {"reservation.time_unreadable"}
    assert [doubt.facts["day"] for doubt in doubts] == [f"2026-11-{day}" for day in (23, 24, 25, 26)]


async def test_a_collation_of_the_practice_changes_nothing(practice: SqlitePractice, source: SqliteSource) -> None:
    """R10: names are compared exactly, also in a table that compares them otherwise."""
    with practice.writing() as connection:
        connection.execute("DROP TABLE tmex_appointments")
        typed = ", ".join(
            f"{field} text COLLATE {'RTRIM' if field == 'col' else 'NOCASE'}" for field in FIELDS.split(", ")
        )
        connection.execute(f"CREATE TABLE tmex_appointments ({typed}, patient text)")
    others = [A, ColumnId("kalender", "A"), ColumnId("Kalender", "A "), ColumnId("Kalender", "a")]
    await practice.change(add=tuple(EIGHT._replace(column=column) for column in others))
    await practice.change(add=(EIGHT._replace(practice="prax1"),))
    assert await source.columns() == tuple(sorted(others))
    assert len((await read(source)).rows.occupied) == 2


async def test_a_name_that_is_no_text_is_no_column(practice: SqlitePractice, source: SqliteSource) -> None:
    """R10: nor is an empty one; and a row of no column is nobody's."""
    with practice.writing() as connection:
        for name in ("NULL", "''", "x'41'"):
            values = f"'PRAX1', 'Kalender', {name}, '2026-11-23 08:00', '2026-11-23 08:20', 1"
            connection.execute(f"INSERT INTO tmex_appointments ({FIELDS}) VALUES ({values})")
    assert await source.columns() == ()
    assert isinstance(await source.read(A, SPAN), Complete)


async def test_a_name_that_sqlite_cannot_take_is_a_failed_reading(source: SqliteSource) -> None:
    """I2: half a surrogate pair is no text for a database, and no reason to die."""
    reading = await source.read(ColumnId("\ud800", "A"), SPAN)
    assert getattr(reading, "reason", None) == Fault(
        "source.unreadable", {"file": "duria.db", "kind": "UnicodeEncodeError"}
    )


@pytest.mark.parametrize("statement", [READ, COLUMNS])
def test_nothing_but_the_contract_is_selected(statement: str, practice: SqlitePractice) -> None:
    """I7: SQLite itself says which fields a statement reads."""
    fields: set[tuple[str, str]] = set()

    def authorize(action: int, table: str | None, field: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ:
            fields.add((str(table), str(field)))
        return sqlite3.SQLITE_OK

    with closing(sqlite3.connect(practice.path)) as connection:
        connection.set_authorizer(authorize)
        connection.execute(statement, dict.fromkeys(("practice", "calendar", "col", "before", "after"), ""))
    allowed = {(relation, field) for relation, names in RELATIONS.items() for field in (*names, "")}
    assert fields
    assert fields <= allowed


async def test_what_is_not_selected_is_not_read(practice: SqlitePractice, source: SqliteSource) -> None:
    """I7: a field beside those of the contract may even be impossible to compute."""
    with practice.writing() as connection:
        connection.execute("ALTER TABLE tmex_appointments RENAME TO termine")
        connection.execute(
            "CREATE VIEW tmex_appointments AS SELECT practice, calendar, col, starts_at, ends_at, occupied,"
            " json(patient) AS remark FROM termine"  # what is no JSON is an error there
        )
        values = f"'PRAX1', 'Kalender', 'A', '2026-11-23 08:00', '2026-11-23 08:20', 1, '{CANARY}'"
        connection.execute(f"INSERT INTO termine VALUES ({values})")
    assert await blocked(source) == ["11-23 08:00–11-23 08:20"]


async def test_a_number_of_a_view_names_a_column_of_a_reservation(practice: SqlitePractice) -> None:
    """I1: an expression has no type that would make the number a text, as a field has."""
    one = ColumnId("Kalender", "1")
    await practice.change(add=(EIGHT._replace(column=one),))
    with practice.writing() as connection:
        connection.execute("DROP TABLE tmex_reservations")
        connection.execute(
            "CREATE VIEW tmex_reservations AS SELECT 'PRAX1' AS practice, 'Kalender' AS calendar, 0 + 1 AS col,"
            " '2026-11-24' AS first_day, '2026-11-24' AS last_day, '09:00' AS from_time, '10:00' AS to_time"
        )
    async with SqliteSource(practice.path, PRACTICE) as source:
        assert await blocked(source, one) == ["11-23 08:00–11-23 08:20", "11-24 09:00–11-24 10:00"]


matching = partial(st.from_regex, fullmatch=True)
nearly = st.one_of(
    matching(r"(0000|0001|2019|2026|9999)-(00|02|11|13)-(00|2[0-9]|3[0-2])[ T](0[0-9]|2[0-5]):(00|60)(:(00|60))?"),
    matching(r"2(019|[0-9]{3})-[01][0-9]-[0-3][0-9][ T.Z+]?[0-2][0-9]:[0-5][0-9](:[0-9]+|Z|\+01:00|\.5)?"),
    st.datetimes().map(lambda moment: moment.isoformat(" ")),
    st.text(st.characters(codec="utf-8")),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.binary(),
    st.none(),
)  # fmt: skip


def fetched(rows: Iterable[tuple[Any, ...]]) -> set[int]:
    """Which of these rows, numbered by themselves, the statement fetches for the contract's span."""
    statement = READ.replace("count(*)", "group_concat(rowid)", 1)
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        connection.executemany("INSERT INTO tmex_appointments VALUES ('PRAX1', 'Kalender', 'A', ?, ?, 1)", rows)
        edges = {"before": "2026-11-20", "after": "2026-12-03"}
        names = {"practice": PRACTICE, "calendar": A.calendar, "col": A.column}
        connection.text_factory = bytes
        [(_, numbers, *_), *_] = connection.execute(statement, names | edges)
    return {int(number) - 1 for number in (numbers or b"").split(b",") if number}


@given(st.lists(st.tuples(nearly, nearly), min_size=1, max_size=20))
@example([("2026-02-30 08:00", "2019-01-01 09:00"), ("2019-01-01 08:00", "2019-02-30 09:00")])
def test_a_row_is_left_out_only_if_it_provably_misses_the_span(rows: list[tuple[Any, Any]]) -> None:
    """R13, I1: the statement leaves nothing out that Python could not read, or that reaches the span."""
    left_out = set(range(len(rows))) - fetched(rows)
    for number in left_out:
        start, end = start_of(rows[number][0]), end_of(rows[number][1])
        assert start is not None
        before = end is not None and max(start, end) < SPAN.start - 86_400
        assert start >= SPAN.end or before


def test_what_misses_the_span_is_left_out() -> None:
    """I12: a history of many years is not carried over."""
    history = [(f"{year}-06-01 08:00", f"{year}-06-01T08:20:00") for year in (*range(1990, 2026), *range(2027, 2040))]
    assert fetched(history) == set()


async def test_thousands_of_columns_are_found(practice: SqlitePractice, source: SqliteSource) -> None:
    """R10: sorted, each once."""
    columns = [ColumnId("Kalender", f"{number:04}") for number in range(2000)]
    await practice.change(add=tuple(EIGHT._replace(column=column) for column in [*columns, *columns]))
    async with asyncio.timeout(10):
        assert list(await source.columns()) == columns
