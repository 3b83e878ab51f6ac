"""A ledger of an earlier schema is copied, and then brought up to date in one transaction: killed at any moment, it is
whole, and the copy is what was there before.

Raises sqlite3.Error and OSError as they come.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from adapters.belonging import opened
from adapters.ledger import steps
from adapters.ledger.aside import beside
from adapters.ledger.opening import open_to_look, refuse_others

FIRST: Final = 1
"""The first schema that ever was; what says less is no ledger."""


def outdated(path: Path) -> bool:
    """Whether a ledger of an earlier schema lies there. Raises LedgerError and RottenError for what is none of ours."""
    if not path.exists() or path.stat().st_size == 0:
        return False
    with closing(open_to_look(path)) as db:
        refuse_others(path, db)
        return _schema(db) < steps.VERSION


def upgrade(path: Path) -> None:
    """Copy it, and bring it up to date."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        _keep_copy(db, path)
        db.execute("BEGIN IMMEDIATE")
        _take_steps(db)
        db.execute("COMMIT")


def upgraded(db: sqlite3.Connection) -> sqlite3.Connection:
    """The same in memory, brought up to date, for who only looks; `db` is closed."""
    with closing(db):
        memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        db.backup(memory)
    _take_steps(memory)
    return memory


def copy_of(path: Path, schema: int) -> Path:
    """Where the copy of a ledger of this schema lies."""
    return beside(path, f".schema-{schema}")


def _take_steps(db: sqlite3.Connection) -> None:
    """All that are missing: another process may have taken them since."""
    for schema in range(_schema(db), steps.VERSION):
        steps.STEPS[schema - FIRST](db)
        db.execute(f"PRAGMA user_version = {schema + 1}")


def _keep_copy(db: sqlite3.Connection, path: Path) -> None:
    """What is there now, its log included, as one file for its owner's eyes; it appears whole or not at all."""
    fresh = beside(path, ".schema.new")
    fresh.unlink(missing_ok=True)
    os.close(opened(fresh, os.O_RDWR | os.O_EXCL))
    try:
        with closing(sqlite3.connect(fresh, isolation_level=None)) as copy:
            db.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # or it would not be whole without a log beside it
        fresh.replace(copy_of(path, _schema(db)))
    except BaseException:
        with suppress(OSError):
            fresh.unlink()
        raise


def _schema(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])
