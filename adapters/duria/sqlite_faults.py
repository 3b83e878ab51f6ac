"""Whatever goes wrong with a SQLite file is one fault with a stable code; nothing of SQLite's own words gets through.

They would name what stands in a view or a row, which may be a patient (I7).
"""

import os
import sqlite3
from pathlib import Path
from typing import Final

import aiosqlite

from adapters.duria.relations import RELATIONS
from engine.faults import Fault

ERRORS: Final = (sqlite3.Error, OSError, ValueError, RuntimeError, MemoryError)
"""What SQLite, its driver and the file system raise when the source cannot be asked."""
LOCKED: Final = "source.locked"

_CODES: Final = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_PROTOCOL: LOCKED,  # a race for the locks of a file in WAL mode
    sqlite3.SQLITE_NOTADB: "source.not_a_database",
    sqlite3.SQLITE_CORRUPT: "source.corrupt",
    sqlite3.SQLITE_PERM: "source.denied",
    sqlite3.SQLITE_AUTH: "source.denied",
    sqlite3.SQLITE_INTERRUPT: "source.timeout",
    sqlite3.SQLITE_READONLY: "source.wal_read_only",
}


def fault_of(error: BaseException, path: Path) -> Fault:
    """What `error`, one of ERRORS, means for the file at `path`."""
    code = _sqlite_code(error, path) if isinstance(error, sqlite3.Error) else _system_code(error)
    if code is not None:
        return Fault(code, {"file": path.name})
    return Fault("source.unreadable", {"file": path.name, "kind": type(error).__name__})


def code_of(error: sqlite3.Error) -> int:
    """SQLite's extended code; 0 for an error of the driver's own, which has none."""
    return getattr(error, "sqlite_errorcode", 0)


async def missing_part(connection: aiosqlite.Connection) -> Fault | None:
    """The first relation or field of the contract that is not there, or a view that no longer works."""
    for relation, fields in RELATIONS.items():
        known = "SELECT 1 FROM sqlite_master WHERE type IN ('table', 'view') AND name = ? COLLATE NOCASE"
        if not await connection.execute_fetchall(known, (relation,)):
            return Fault("source.no_relation", {"relation": relation})
        if not await _compiles(connection, relation, "1"):
            return Fault("source.broken_view", {"relation": relation})
        for field in fields:
            if not await _compiles(connection, relation, field):
                return Fault("source.no_field", {"relation": relation, "field": field})
    return None


async def _compiles(connection: aiosqlite.Connection, relation: str, field: str) -> bool:
    try:
        await connection.execute_fetchall(f"SELECT {field} FROM {relation} LIMIT 0")  # noqa: S608 - both names are ours
    except sqlite3.OperationalError as error:
        if code_of(error) == sqlite3.SQLITE_ERROR:
            return False
        raise
    return True


def _sqlite_code(error: sqlite3.Error, path: Path) -> str | None:
    extended = code_of(error)
    if extended == sqlite3.SQLITE_READONLY_ROLLBACK:
        return "source.hot_journal"
    if extended & 0xFF == sqlite3.SQLITE_CANTOPEN:
        return _why_not_opened(path)
    return _CODES.get(extended & 0xFF)


def _why_not_opened(path: Path) -> str | None:
    if not path.exists():
        return "source.missing"
    if not os.access(path, os.R_OK):
        return "source.denied"
    # SQLite reads a file in WAL mode with the help of two files beside it, which it could not make.
    return None if os.access(path.parent, os.W_OK) else "source.wal_read_only"


def _system_code(error: BaseException) -> str | None:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return "source.missing"
        case PermissionError():
            return "source.denied"
        case TimeoutError():
            return "source.timeout"
        case _:
            return None
