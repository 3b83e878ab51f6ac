"""A ledger's file appears whole, is its owner's alone from the first moment on, and stays untouched by who only looks.

Everything here raises sqlite3.Error and OSError as they come, RottenError, and LedgerError for a file not meant for us.
"""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from adapters.belonging import opened
from adapters.ledger import steps
from adapters.ledger.aside import SUFFIXES, beside, lost_one
from adapters.ledger.judging import RottenError
from adapters.ledger.rows import MARK, SUM_BYTES, checksum, encode
from engine.ports import LedgerError

_BUSY: Final = 2.0
"""Seconds to wait for a lock."""
_FORMAT: Final = 2
"""Of SQLite's files, with a log; and the byte of the header that says so."""
_FORMAT_FOR_WRITING: Final = 18
_TABLES: Final = frozenset({"kept", "total", "entry"})
_SCHEMA: Final = """
PRAGMA journal_mode = MEMORY;
BEGIN;
CREATE TABLE kept (realm TEXT, kind TEXT, key TEXT, body BLOB, sum BLOB, PRIMARY KEY (realm, kind, key)) WITHOUT ROWID;
CREATE TABLE total (sum BLOB);
CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, realm TEXT, at REAL, body BLOB, sum BLOB);
CREATE INDEX entry_at ON entry (at);
"""

Identity = tuple[tuple[int, int] | None, ...]
Places = tuple[str, ...]


def open_to_write(path: Path) -> sqlite3.Connection:
    """The ledger at `path`, begun if there is none."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _create(path)
    if path.stat().st_size == 0:
        raise RottenError  # we never leave an empty file behind
    with suppress(sqlite3.Error), closing(open_to_look(path)) as db:
        refuse_others(path, db)  # before anything is changed, its mode included
    _refuse_unwritable_for_ever(path)
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            beside(path, suffix).chmod(0o600)
    return _connect(path, "mode=rw")


def _refuse_unwritable_for_ever(path: Path) -> None:
    """SQLite reads a file whose header names a later format for writing, and never writes it: that does not pass."""
    with path.open("rb") as file:
        if file.read(_FORMAT_FOR_WRITING + 1)[-1] > _FORMAT:
            raise RottenError


def open_to_look(path: Path) -> sqlite3.Connection:
    """It shares the log's index with a job that runs, and makes none where there is no log.

    Not with `readonly_shm`: beside a log without a sound header, as a kill may leave one, SQLite then tries for 10 s.
    """
    log = beside(path.resolve(), "-wal").exists()
    return _connect(path, "mode=ro" if log else "mode=ro&immutable=1")


def refuse_others(path: Path, db: sqlite3.Connection) -> None:
    """The file was written by this version or an earlier one; raises LedgerError for a newer one or for another
    program's, RottenError for none.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > steps.VERSION:
        raise _newer(path)
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
    if tables and not tables & _TABLES:
        raise LedgerError("ledger.foreign", file=path.name)  # perhaps the practice's own: never to be moved (I12)
    if version < 1:
        raise RottenError


def _newer(path: Path) -> LedgerError:
    """An upgrade that somebody took back: what it had left a copy of may be put back, too."""
    copy = beside(path, f".schema-{steps.VERSION}")
    return LedgerError("ledger.newer", file=path.name, **({"copy": copy.name} if copy.exists() else {}))


def places(path: Path) -> Places:
    """Where the database is found, and where SQLite then puts its log and the log's index: beside the file itself, not
    beside a link to it.
    """
    home = path.resolve()
    return (str(path), *(str(beside(home, suffix)) for suffix in SUFFIXES[1:]))


def identity(files: Places) -> Identity:
    """Which files are there now; asked before each write, so it costs three calls of the system and no more."""
    return tuple(map(_inode, files))


def _create(path: Path) -> None:
    if beside(path, "-wal").exists():
        raise RottenError  # its database was taken away, and over another one it would be played back
    fresh = beside(path, ".new")
    fresh.unlink(missing_ok=True)
    os.close(opened(fresh, os.O_RDWR | os.O_EXCL))
    with closing(_connect(fresh, "mode=rw")) as db:
        db.executescript(_SCHEMA)
        total = bytes(SUM_BYTES)
        if lost_one(path):
            body = encode(True)  # noqa: FBT003 - the whole of the record
            total = checksum(MARK, body)
            db.execute("INSERT INTO kept VALUES (?, ?, ?, ?, ?)", (*MARK, body, total))
        db.execute("INSERT INTO total VALUES (?)", (total,))
        db.execute(f"PRAGMA user_version = {steps.VERSION}")
        db.execute("COMMIT")
    fresh.rename(path)


def _connect(path: Path, how: str) -> sqlite3.Connection:
    uri = f"{path.resolve().as_uri()}?{how}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY)


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path would take as long again
    except OSError:
        return None
    return found.st_dev, found.st_ino
