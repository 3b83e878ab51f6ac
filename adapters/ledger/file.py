"""The ledger's file: read whole or not at all, written one transaction at a time.

Plain sqlite3, to be used from one thread: a transaction is one function, so no two can mix and none is torn.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from adapters.belonging import refuse_no_file
from adapters.ledger import steps
from adapters.ledger.aside import lost_one
from adapters.ledger.judging import RottenError, judged
from adapters.ledger.opening import identity, open_to_look, open_to_write, places, refuse_others
from adapters.ledger.rows import MARK, Place, checksum, decode, decode_entry, encode, mixed
from adapters.ledger.upgrading import upgraded
from engine.ports import Entry, LedgerError

T = TypeVar("T")

MOST_ENTRIES: Final = 100_000
MOST_PAGES: Final = 50_000
"""Some 200 MB; beyond it the oldest entries go, `PRUNED` with each call."""
PRUNED: Final = 1000
_LOOKS: Final = 3
"""How often `look` looks before it believes that something is wrong: a job may begin or end under its eyes."""


class LedgerFile:
    """One open file. Everything raises RottenError, and LedgerError for what may pass."""

    def __init__(self, path: Path, *, looking: bool = False) -> None:
        self._path, self._looking = path, looking
        with judged(path):
            self._db = open_to_look(path) if looking else open_to_write(path)
        try:
            self._prepare(looking=looking)
            self._places = places(path)
            self._identity = identity(self._places)
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        """Close it; what was committed stays. The log of a database that was taken away goes with it."""
        with suppress(sqlite3.Error):
            self._db.close()
        if not self._looking and identity(self._places)[0] != self._identity[0]:
            for each in self._places[1:]:
                with suppress(OSError):
                    Path(each).unlink()

    def is_current(self) -> bool:
        """Whether its path, and those of its log, still lead to this file."""
        found = identity(self._places)
        return None not in found and found == self._identity

    def read(self) -> dict[Place, Any]:
        """Every record of every realm, each checked, and that none is missing."""
        found: dict[Place, Any] = {}
        with self._transaction("DEFERRED"):
            total = self._total()
            for *place, body, stored in self._db.execute("SELECT realm, kind, key, body, sum FROM kept"):
                where = Place(*place)
                _check(checksum(where, body) == stored)
                found[where] = decode(where, body)
                total = mixed(total, stored)
            _check(not any(total))
        return found

    def write(self, records: Mapping[Place, Any], history: Iterable[tuple[str, Entry]], horizon: float) -> None:
        """All of it in one transaction, or nothing; entries before `horizon` go."""
        kept = [(*place, body, checksum(place, body)) for place, body in ((p, encode(r)) for p, r in records.items())]
        new = [(realm, each.at, body, _entry_sum(realm, body)) for realm, each in history for body in [encode(each)]]
        with self._transaction("IMMEDIATE"):
            self._keep(kept)
            self._enter(new, horizon)

    def history(self, realm: str, since: float) -> list[Entry]:
        """The entries of `realm` since then, oldest first; rotten ones are left out, for they decide nothing."""
        sql = "SELECT CAST(body AS BLOB), sum FROM entry WHERE realm = ? AND at >= ? ORDER BY id"
        with self._transaction("DEFERRED"):
            found = self._db.execute(sql, (realm, since)).fetchall()
        return [decode_entry(body) for body, stored in found if body is not None and _entry_sum(realm, body) == stored]

    def _keep(self, rows: list[tuple[str, str, str, bytes, bytes]]) -> None:
        """The total changes by what changed, and is never summed up anew: that would bless what went missing."""
        total = self._total()
        for *place, _, each in rows:
            sql = "SELECT sum FROM kept WHERE (realm, kind, key) = (?, ?, ?)"
            for (old,) in self._db.execute(sql, place):
                total = mixed(total, old)
            total = mixed(total, each)
        self._db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?)", rows)
        self._db.execute("UPDATE total SET sum = ?", (total,))

    def _enter(self, rows: list[tuple[str, float, bytes, bytes]], horizon: float) -> None:
        if not rows:
            return
        self._db.executemany("INSERT INTO entry (realm, at, body, sum) VALUES (?, ?, ?, ?)", rows)
        self._db.execute("DELETE FROM entry WHERE at < ?", (horizon,))
        self._db.execute("DELETE FROM entry WHERE id <= (SELECT max(id) FROM entry) - ?", (MOST_ENTRIES,))
        if self._number("page_count") - self._number("freelist_count") > MOST_PAGES:
            self._db.execute("DELETE FROM entry WHERE id IN (SELECT id FROM entry ORDER BY id LIMIT ?)", (PRUNED,))

    def _total(self) -> bytes:
        """All checksums in one: a row that is gone, or an old one put back, does not fit it."""
        ((total,),) = self._db.execute("SELECT sum FROM total").fetchall()
        _check(isinstance(total, bytes))
        return bytes(total)

    def _number(self, pragma: str) -> int:
        return int(self._db.execute(f"PRAGMA {pragma}").fetchone()[0])

    @contextmanager
    def _transaction(self, kind: str) -> Iterator[None]:
        """One moment's state: to be read as such, or changed as a whole."""
        with judged(self._path):
            try:
                self._db.execute(f"BEGIN {kind}")
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")

    def _prepare(self, *, looking: bool) -> None:
        with judged(self._path):
            refuse_others(self._path, self._db)
            if self._number("user_version") < steps.VERSION:
                _check(looking)  # who writes upgrades it first; one that is put here while a job works is none of ours
                self._db = upgraded(self._db)
            if not looking:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")  # safe from a killed process; the disk may lag behind
            _check(self._db.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)])


def look(path: Path) -> dict[Place, Any]:
    """What the ledger at `path` holds, without touching it. Raises RottenError and LedgerError."""
    return _looked(path, LedgerFile.read, lambda: {MARK: True} if lost_one(path) else {})


def look_back(path: Path, realm: str, since: float) -> list[Entry]:
    """The history that the ledger at `path` holds, without touching it. Raises RottenError and LedgerError."""
    return _looked(path, lambda file: file.history(realm, since), list)


def _looked(path: Path, work: Callable[[LedgerFile], T], nothing: Callable[[], T]) -> T:
    """What `work` finds in the ledger at `path`; `nothing` where there is none."""
    refuse_no_file(path)
    for _ in range(_LOOKS - 1):
        with suppress(RottenError, LedgerError):
            return _look(path, work, nothing)
    return _look(path, work, nothing)


def _look(path: Path, work: Callable[[LedgerFile], T], nothing: Callable[[], T]) -> T:
    with judged(path):
        if not path.exists() or path.stat().st_size == 0:
            return nothing()
    file = LedgerFile(path, looking=True)
    try:
        return work(file)
    finally:
        file.close()


def _entry_sum(realm: str, body: bytes) -> bytes:
    return checksum(Place(realm, "entry", ""), body)


def _check(sound: bool) -> None:  # noqa: FBT001 - reads as an assertion
    if not sound:
        raise RottenError
