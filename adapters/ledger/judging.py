"""A disk in trouble is told from a rotten file: the one may pass and the file stays, the other never does.

Errors carry our own words alone, for a library's text may name what nobody should read (I7).
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from engine.ports import LedgerError


class RottenError(Exception):
    """The file is no ledger any more: a checksum fails, a row is gone, or SQLite itself says so."""


_PASSING: Final = frozenset(
    {
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""SQLite's primary codes for a trouble around the file; every other one speaks of what is in it."""
_LOCKED: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_OUR_BUGS: Final = (sqlite3.InterfaceError, sqlite3.ProgrammingError)


@contextmanager
def judged(path: Path) -> Iterator[None]:
    """Whatever goes wrong with the file at `path` becomes a RottenError, or a LedgerError for what may pass."""
    try:
        yield
    except _OUR_BUGS:
        raise
    except sqlite3.Error as error:
        raise _verdict(error, path) from None
    except OSError as error:
        raise unwritable(path, errno.errorcode.get(error.errno or 0, "OSError")) from None
    except (TypeError, ValueError, OverflowError):
        # What came out of the file was not of the type that it went in with.
        raise RottenError from None


def unwritable(path: Path, kind: str) -> LedgerError:
    """The ledger cannot be written, or read, at present; `kind` is a name of SQLite's or of errno."""
    return LedgerError("ledger.unwritable", kind=kind, file=path.name)


def _verdict(error: sqlite3.Error, path: Path) -> Exception:
    code = getattr(error, "sqlite_errorcode", None)  # none when text is not UTF-8
    if code is None or code & 0xFF not in _PASSING:
        return RottenError()
    if code & 0xFF in _LOCKED:
        return LedgerError("ledger.locked", kind=error.sqlite_errorname, file=path.name)
    return unwritable(path, error.sqlite_errorname)
