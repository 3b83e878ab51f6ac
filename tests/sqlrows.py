"""The practice's rows as SQL that every database understands."""

from collections.abc import Callable, Sequence
from typing import Any


class SqlTransaction:
    """One transaction of a program that writes SQL; `?` stands for a value."""

    def __init__(self, execute: Callable[[str, Sequence[Any]], object]) -> None:
        self._execute = execute

    def execute(self, sql: str, values: Sequence[Any] = ()) -> object:
        """Whatever else the practice may do."""
        return self._execute(sql, values)

    def insert(
        self, practice: str, column: str, start: str, end: str, *, occupied: bool = True, patient: str = ""
    ) -> None:
        """Add a row of the grid; the column as `TK1/A`."""
        row = (practice, *column.split("/"), start, end, int(occupied), patient)
        self._execute("INSERT INTO tmex_appointments VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def reserve(
        self, practice: str, calendar: str, column: str | None, first: str, last: str, *times: str | None
    ) -> None:
        """Add a reservation."""
        start, end = times or (None, None)
        row = (practice, calendar, column, first, last, start, end, "Erika Kanarienvogel")
        self._execute("INSERT INTO tmex_reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def erase(self, column: str, start: str | None) -> None:
        """Delete the rows of a column that start then, or all of them."""
        sql = "DELETE FROM tmex_appointments WHERE calendar = ? AND col = ? AND starts_at = coalesce(?, starts_at)"
        self._execute(sql, (*column.split("/"), start))

    def rename_patients(self, name: str) -> None:
        """Change what is none of ours."""
        self._execute("UPDATE tmex_appointments SET patient = ?", (name,))
