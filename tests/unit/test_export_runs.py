"""Rows that were understood before are taken as they were, and whatever is new beside them is understood as ever."""

from collections.abc import Iterable
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.duria import csv_runs
from adapters.duria.content import EVERYTHING
from adapters.duria.csv_format import parse_csv
from adapters.duria.csv_rows import RowReader
from adapters.duria.csv_runs import Times, Understood, key_of, runs
from adapters.duria.trouble import ExportError
from engine.faults import Fault
from engine.model import ColumnId, Rows
from tests.contract.source_contract import A

HEADER = "Kalender;Spalte;Datum;Von;Bis;Belegt"
B = ColumnId("Kalender", "B")
ROWS = [
    f"Kalender;{'AB'[n % 2]};{n % 28 + 1}.11.2026;{n % 9 + 8}:00;{n % 9 + 8}:20;{'ja' if n % 3 else 'nein'}"
    for n in range(250)
]
ODD = [
    "",
    "Kalender;A;30.02.2026;08:00;08:20;ja",
    "Kalender;A;1.11.2026;9:00;8:00;ja",
    "Kalender;A;1.11.2026;8:00;9:00",
]
files = st.lists(st.sampled_from([*ROWS[:12], *ODD]), max_size=30)


class Seen(NamedTuple):
    """All that a file says of both columns, or why it is refused."""

    columns: list[tuple[list[int], list[int], list[Fault], list[Fault], bool]]
    unplaced: tuple[Fault, ...]
    fault: Fault | None = None


def seen(rows: Iterable[str], understood: Understood, header: str = HEADER, practice: str = "PRAX1") -> Seen:
    """What a file of these rows says."""
    data = "".join(f"{each}\n" for each in (header, *rows)).encode()
    try:
        content = parse_csv(data, practice, "auto", "x.csv", understood).content
    except ExportError as error:
        return Seen([], (), error.fault)
    columns = []
    for column in (A, B):
        poured = Rows(column)
        content.pour(column, poured, EVERYTHING)
        columns.append((list(poured.occupied), list(poured.free), poured.doubts, poured.unplaced, poured.exists))
    return Seen(columns, content.unplaced)


@given(st.lists(files, min_size=2, max_size=4), st.sampled_from([1, 2, 64]))
def test_what_was_read_before_makes_no_difference(contents: list[list[str]], ends_one_in: int) -> None:
    """I1, R13: file after file says what it says by itself, to the line that a doubt names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_runs, "_ENDS_ONE_IN", ends_one_in)
        understood = Understood()
        for rows in contents:
            assert seen(rows, understood) == seen(rows, Understood())


def test_the_same_lines_in_another_file_may_mean_something_else() -> None:
    """R6, R13: under another header, and for another practice."""
    understood = Understood()
    lines = ["A;Kalender;1.11.2026;08:00;09:00;ja", "Kalender;A;1.11.2026;08:00;09:00;ja"]
    for header in ("Kalender;Spalte;Datum;Von;Bis;Belegt", "Spalte;Kalender;Datum;Von;Bis;Belegt"):
        [(occupied, *_), _] = seen(lines, understood, header).columns
        assert len(occupied) == 2
    assert seen(["PRAX1;Kalender;A;1.11.2026;08:00;09:00"], understood, "Praxis;Kalender;Spalte;Datum;Von;Bis")
    for practice in ("PRAX1", "PRAX2", "PRAX1"):
        [(occupied, *_), _] = seen(["PRAX1;" + lines[1]], understood, "Praxis;" + HEADER, practice).columns
        assert len(occupied) == (2 if practice == "PRAX1" else 0)


@pytest.mark.parametrize("at", [0, 125, 250])
def test_of_a_file_that_is_read_again_only_what_is_new_is_understood(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is put in between is understood with those of its run; all others stay as they are."""
    understood, lines, read = Understood(), list[str](), RowReader.read

    def counted(reader: RowReader, rows: list[list[str]], line: int, more: list[int] | None = None) -> Times | None:
        lines.extend(";".join(row) for row in rows)
        return read(reader, rows, line, more)

    monkeypatch.setattr(RowReader, "read", counted)
    monkeypatch.setattr(csv_runs, "_ENDS_ONE_IN", 8)
    seen(ROWS, understood)
    assert lines == ROWS
    lines.clear()
    new = "Kalender;A;30.11.2026;17:00;17:20;ja"
    assert seen([*ROWS[:at], new, *ROWS[at:]], understood) == seen([*ROWS[:at], new, *ROWS[at:]], Understood())
    first = lines[: len(lines) - len(ROWS) - 1]  # then it was read by itself
    assert new in first
    assert len(first) < len(ROWS) / 2


def test_what_is_kept_is_bounded() -> None:
    """I12: what was met longest ago is forgotten first."""
    understood, packed = Understood(), bytes(2**18)
    keys = [key_of("", [str(number)]) for number in range(100)]
    for key in keys:
        understood.recall(keys[0])
        understood.keep(key, ((("Kalender", "A"), packed),))
    kept = [key for key in keys if understood.recall(key) is not None]
    assert kept == [keys[0], *keys[-len(kept) + 1 :]]
    assert len(kept) * len(packed) <= csv_runs._MOST_KEPT


def test_runs_are_short_and_lose_no_line() -> None:
    """I12: however many lines are the same."""
    for lines in (ROWS, ["a"] * 5000):
        assert [each for run in runs(lines) for each in run] == lines
        assert max(map(len, runs(lines))) <= 1000
