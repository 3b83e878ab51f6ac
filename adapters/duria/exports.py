"""No export is forgotten: one that vanished, also while tmex was down, holds what it fed until it is back or released.

What outlives a restart is, of each file, a hash of its name, the columns it fed, which fields it had and in which
encoding it was read, and nothing else (I7).
"""

from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from typing import Protocol

import msgspec

from adapters.duria.content import every
from adapters.duria.csv_header import FIELDS
from adapters.duria.folder import Fingerprint
from adapters.duria.proof import Export
from engine.model import ColumnId


class Shelf(Protocol):
    """Where a source keeps a few bytes that outlive the process."""

    async def recall(self) -> bytes | None:
        """What was kept last; None when nothing ever was. Raises FaultError."""
        ...

    async def keep(self, data: bytes) -> None:
        """Keep `data` in place of what was kept; safe from a killed process when it returns. Raises FaultError."""
        ...


class Known(msgspec.Struct, frozen=True):
    """A file that was proven complete once."""

    name: str
    """Hashed."""
    feeds: tuple[ColumnId, ...]
    confirmed: tuple[ColumnId, ...] = ()
    fields: tuple[str, ...] = ()
    encoding: str = ""


class Memo(msgspec.Struct, frozen=True):
    """All that is kept."""

    files: tuple[Known, ...] = ()
    emptied: bool = False
    """Whether a person said that the last file is gone for good, so that an empty folder is an empty calendar."""


class Exports:
    """Every file of the folder, and every one that is missing from it."""

    def __init__(self) -> None:
        self.files: dict[str, Export] = {}
        """By name."""
        self.version = 0
        """Counts what changes a reading for longer than a file is being written."""
        self._lost: dict[str, Export] = {}
        """By hashed name: those of an earlier process that have not been seen since."""
        self._emptied = False

    def __iter__(self) -> Iterator[Export]:
        yield from self.files.values()
        yield from self._lost.values()

    def recall(self, kept: bytes | None) -> None:
        """Take up what an earlier process knew; what cannot be understood was never kept."""
        try:
            memo = Memo() if kept is None else msgspec.json.decode(kept, type=Memo)
        except msgspec.DecodeError:
            memo = Memo()
        self._emptied = memo.emptied
        for each in memo.files:
            fields = frozenset(each.fields).intersection(FIELDS)
            export = Export("", frozenset(each.feeds), fields, each.encoding)
            export.confirmed = frozenset(each.confirmed)
            export.miss()
            self._lost[each.name] = export

    def memo(self) -> bytes:
        """What the next process should know."""
        known = {hashed(export.name): export for export in self.files.values()} | self._lost
        files = tuple(_known(name, each) for name, each in sorted(known.items()) if each.feeds)
        return msgspec.json.encode(Memo(files, self._emptied))

    def see(self, found: Iterable[tuple[str, Fingerprint]], now: float, *, coarse: bool) -> bool:
        """Take in files that a scan found; whether anything is new."""
        return sum(self._export(name).see(fingerprint, now, coarse=coarse) for name, fingerprint in found) > 0

    def missing(self, found: Collection[str]) -> list[str]:
        """The files that a scan found no more."""
        return [each for each in self.files if each not in found]

    def miss(self, names: Iterable[str]) -> bool:
        """Take in that these are not there; whether that is new."""
        news = 0
        for name in names:
            # One that never counted, or holds nothing, is no loss.
            news += self.files[name].miss() if self.files[name].feeds else bool(self.files.pop(name))
        self.version += news
        return news > 0

    def follow_renames(self) -> None:
        """A vanished file whose very content stands under another name is no loss."""
        vanished = [name for name, each in self.files.items() if each.standing is None and each.digest]
        if not vanished:
            return
        present = {each.digest: each for each in self.files.values() if each.standing is not None and not each.fault}
        for name in vanished:
            same = present.get(self.files[name].digest)
            if same is not None and (self.files[name].feeds or frozenset()) <= (same.feeds or frozenset()):
                del self.files[name]
                self.version += 1

    def vanished(self, column: ColumnId) -> list[Export]:
        """What is gone that may feed `column`, and what has lost a field."""
        return [each for each in self if each.gone and each.touches(column)]

    def confirm(self, column: ColumnId) -> None:
        """What vanished of `column` is gone for good."""
        gone = self.vanished(column)
        for export in gone:
            export.confirm(column)
            self.version += 1
        done = {id(each) for each in gone if each.standing is None and self._all_confirmed(each)}
        self.files = {name: each for name, each in self.files.items() if id(each) not in done}
        self._lost = {name: each for name, each in self._lost.items() if id(each) not in done}
        self._emptied = self._emptied or (bool(done) and not self.files and not self._lost)

    @property
    def emptied(self) -> bool:
        """Whether an empty folder is an empty calendar."""
        return self._emptied

    def columns(self) -> set[ColumnId]:
        """The columns that exist (R10), those of vanished files included."""
        found: set[ColumnId] = set()
        for each in self:
            named = (each.feeds or ()) if each.content is None else each.content.named()
            found.update(column for column in named if column.column and column not in each.confirmed)
        return found

    def _export(self, name: str) -> Export:
        if name not in self.files:
            lost = self._lost.pop(hashed(name), None) if self._lost else None
            self.files[name] = Export(name) if lost is None else Export(name, lost.feeds, lost.fields, lost.encoding)
        self._emptied = False
        return self.files[name]

    def _all_confirmed(self, export: Export) -> bool:
        """Whether nothing that it fed is waited for any more, the columns that it fed as one of a calendar included."""
        feeds = export.feeds or frozenset()
        anywhere = {each for each in self.columns() if every(each) in feeds}
        return all(each in export.confirmed for each in anywhere | {each for each in feeds if each.column})


def _known(name: str, export: Export) -> Known:
    feeds, confirmed = tuple(sorted(export.feeds or ())), tuple(sorted(export.confirmed))
    return Known(name, feeds, confirmed, tuple(sorted(export.fields)), export.encoding)


def hashed(name: str) -> str:
    """What stands for a file's name in the memo."""
    return sha256(b"export\n" + name.encode("utf-8", "surrogateescape")).hexdigest()[:32]
