"""The ledger's file: opened for its owner alone, read whole or not at all, written one transaction at a time.

Plain sqlite3, to be used from one thread: a transaction is one function, so no two can mix and none is torn.
"""

import os
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from adapters.ledger.rows import SUM_BYTES, Place, checksum, decode, decode_entry, encode
from engine.ports import Entry

VERSION: Final = 1
"""Of the schema; a file of a newer one is never touched."""
MOST_ENTRIES: Final = 100_000
_BUSY_MS: Final = 2000
_SCHEMA: Final = """
CREATE TABLE kept (realm TEXT, kind TEXT, key TEXT, body BLOB, sum BLOB, PRIMARY KEY (realm, kind, key)) WITHOUT ROWID;
CREATE TABLE total (realm TEXT PRIMARY KEY, sum BLOB) WITHOUT ROWID;
CREATE TABLE entry (id INTEGER PRIMARY KEY AUTOINCREMENT, realm TEXT, at REAL, body BLOB, sum BLOB);
CREATE INDEX entry_at ON entry (at);
"""


class RottenError(Exception):
    """The file is no ledger any more: a checksum fails, a row is gone, or SQLite itself says so."""


class NewerError(Exception):
    """The file was written by a newer tmex."""


class LedgerFile:
    """One open file. Raises RottenError, NewerError, and sqlite3.Error or OSError for what may pass."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        if not read_only:
            _make_private(path)
        mode = "ro" if read_only else "rw"
        uri = f"{path.resolve().as_uri()}?mode={mode}"
        self._db = sqlite3.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_BUSY_MS / 1000
        )
        self._sums: dict[Place, bytes] = {}
        self._identity = _identity(path)
        try:
            self._prepare(read_only=read_only)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close it; what was committed stays."""
        with suppress(sqlite3.Error):
            self._db.close()

    def is_current(self) -> bool:
        """Whether its path still leads to this file."""
        return _identity(self._path) == self._identity

    def read(self, realm: str) -> dict[Place, Any]:
        """Every record of `realm`, each checked, and their number too."""
        found: dict[Place, Any] = {}
        self._sums = {place: each for place, each in self._sums.items() if place.realm != realm}
        try:
            for kind, key, body, stored in self._db.execute(
                "SELECT kind, key, body, sum FROM kept WHERE realm = ?", (realm,)
            ):
                place = Place(realm, kind, key)
                _check(checksum(place, body) == stored)
                found[place] = decode(kind, body)
                self._sums[place] = stored
            total = self._db.execute("SELECT sum FROM total WHERE realm = ?", (realm,)).fetchone()
        except (TypeError, ValueError, OverflowError) as error:
            raise RottenError from error
        except sqlite3.Error as error:
            raise _judged(error) from error
        _check((total[0] if total else bytes(SUM_BYTES)) == self._total(realm))
        return found

    def write(self, realm: str, records: Mapping[Place, object], entries: Iterable[Entry], horizon: float) -> None:
        """All of it in one transaction, or nothing; entries before `horizon` go."""
        rows = [(*place, body, checksum(place, body)) for place, body in ((p, encode(r)) for p, r in records.items())]
        sums = dict(self._sums)
        self._sums.update({Place(*row[:3]): row[4] for row in rows})
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", rows)
            self._db.execute("INSERT OR REPLACE INTO total VALUES (?, ?)", (realm, self._total(realm)))
            self._enter(realm, entries, horizon)
            self._db.execute("COMMIT")
        except BaseException:
            self._sums = sums
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def history(self, realm: str, since: float) -> list[Entry]:
        """The entries of `realm` since then, oldest first; rotten ones are left out, for they decide nothing."""
        found = self._db.execute(
            "SELECT body, sum FROM entry WHERE realm = ? AND at >= ? ORDER BY id", (realm, since)
        ).fetchall()
        return [decode_entry(body) for body, stored in found if checksum(Place(realm, "entry", ""), body) == stored]

    def _enter(self, realm: str, entries: Iterable[Entry], horizon: float) -> None:
        place, added = Place(realm, "entry", ""), 0
        for each in entries:
            body = encode(each)
            row = (realm, each.at, body, checksum(place, body))
            self._db.execute("INSERT INTO entry (realm, at, body, sum) VALUES (?, ?, ?, ?)", row)
            added += 1
        if added:
            self._db.execute("DELETE FROM entry WHERE at < ?", (horizon,))
            self._db.execute("DELETE FROM entry WHERE id <= (SELECT max(id) FROM entry) - ?", (MOST_ENTRIES,))

    def _total(self, realm: str) -> bytes:
        """All checksums of `realm` in one: a row that is gone, or an old one put back, changes it."""
        total = 0
        for place, each in self._sums.items():
            if place.realm == realm:
                total ^= int.from_bytes(each, "little")
        return total.to_bytes(SUM_BYTES, "little")

    def _prepare(self, *, read_only: bool) -> None:
        try:
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > VERSION:
                raise NewerError
            if not read_only:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")  # safe from a killed process; the disk may lag behind
            if version == 0 and not read_only and not self._tables():
                self._db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;")
            elif self._db.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                raise RottenError
        except sqlite3.Error as error:
            raise _judged(error) from error

    def _tables(self) -> int:
        (count,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return int(count)


def _make_private(path: Path) -> None:
    """The file is its owner's alone from its first moment on."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).chmod(0o600)


def _identity(path: Path) -> tuple[int, int] | None:
    with suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _check(sound: bool) -> None:  # noqa: FBT001 - reads as an assertion
    if not sound:
        raise RottenError


_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


def _judged(error: sqlite3.Error) -> Exception:
    """`error` itself if it may pass, else that the file is rotten."""
    code = getattr(error, "sqlite_errorcode", None)
    return error if code is not None and code & 0xFF in _PASSING else RottenError()
