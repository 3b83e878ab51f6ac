"""A rotten ledger is set aside, not deleted, and as long as one lies there it is known that something was lost (I6)."""

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from engine.faults import Fault

SUFFIXES: Final = ("", "-wal", "-shm")
"""The database goes first: a log without it is known to be a remnant, while it without its log would pass for whole."""
KEEP_ASIDE: Final = 3
"""How many rotten ledgers are kept."""


def beside(path: Path, suffix: str) -> Path:
    """The file of this suffix next to the database."""
    return path.with_name(path.name + suffix)


def set_aside(path: Path, at: float) -> Fault:
    """Move the ledger out of the way, for its owner's eyes alone; `at` is the wall-clock time. Raises OSError."""
    others = _aside(path)
    aside = _free_name(path, at, others)
    for suffix in SUFFIXES:
        with suppress(FileNotFoundError):
            beside(path, suffix).chmod(0o600)
            beside(path, suffix).rename(beside(aside, suffix))
    for old in others[: 1 - KEEP_ASIDE]:  # never the new one, wherever the wall clock stands
        for suffix in SUFFIXES:
            beside(old, suffix).unlink(missing_ok=True)
    return Fault("ledger.set_aside", {"file": aside.name})


def lost_one(path: Path) -> bool:
    """Whether an earlier ledger lies aside. Raises OSError."""
    return path.parent.is_dir() and bool(_aside(path))


def _free_name(path: Path, at: float, taken: list[Path]) -> Path:
    while True:
        aside = beside(path, datetime.fromtimestamp(at, UTC).strftime(".rotten-%Y%m%dT%H%M%SZ"))
        if aside not in taken:
            return aside
        at += 1


def _aside(path: Path) -> list[Path]:
    """Oldest first, each once, even if only its log is left."""
    found = [each for each in path.parent.iterdir() if each.name.startswith(f"{path.name}.rotten-")]
    return sorted({each.with_name(each.name.removesuffix("-wal").removesuffix("-shm")) for each in found})
