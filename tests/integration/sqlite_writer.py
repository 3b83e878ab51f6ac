"""`python -m tests.integration.sqlite_writer FILE COUNT PATIENCE` writes like a practice at work, as another process.

It makes COUNT transactions, 2 ms apart, each waiting PATIENCE seconds for a lock and tried again after 5 ms. Afterwards
it prints how many tries failed.
"""

import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path


def write(connection: sqlite3.Connection, number: int) -> None:
    """Move a row to another time, at once."""
    start = f"2026-11-23 {8 + number % 10:02}:00"
    end = f"2026-11-23 {8 + number % 10:02}:20"
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("DELETE FROM tmex_appointments WHERE rowid = 1")
        connection.execute(
            "INSERT INTO tmex_appointments (rowid, practice, calendar, col, starts_at, ends_at, occupied)"
            " VALUES (1, 'PRAX1', 'Kalender', 'A', ?, ?, 1)",
            (start, end),
        )
        connection.execute("COMMIT")
    except sqlite3.OperationalError:
        connection.execute("ROLLBACK")
        raise


def main(path: Path, count: int, patience: float) -> int:
    """All the transactions; how many tries of them failed."""
    failed = 0
    with closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as connection:
        for number in range(count):
            while True:
                try:
                    write(connection, number)
                    break
                except sqlite3.OperationalError:
                    failed += 1
                    time.sleep(0.005)
            time.sleep(0.002)
    return failed


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])), flush=True)  # noqa: T201 - the answer
