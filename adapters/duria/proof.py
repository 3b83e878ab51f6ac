"""An export counts only when it is proven complete; until then its last proven content stays what counts.

Proven means: the same file before and after reading, still for long enough, and parsed clean to its end. How long is
long enough depends on what was seen: a file that appeared whole needs `settle`, one that was seen being written, and
that does not end as it ended before, needs `CAUTION` times as much: whoever writes in place may pause.
"""

from typing import Any, Final

from adapters.duria.content import Content, every
from adapters.duria.csv_format import Parsed
from adapters.duria.csv_header import FIELDS
from adapters.duria.folder import Fingerprint
from adapters.duria.trouble import shown
from engine.faults import Fact, Fault
from engine.model import ColumnId

CAUTION: Final = 4
FIRM_AFTER: Final = 2.5
"""Seconds until whole-second times tell two writes apart; those of FAT count in steps of two."""
_AGAIN_AFTER: Final = 1.0
"""Seconds between two tries of a file that the disk does not give away."""
_PASSING: Final = ("file.being_written", "file.denied", "file.unreadable")
"""What may be over without the file looking any different."""
_LACKING: Final = ("file.encoding_other", "file.field_gone")
_NONE: Final = frozenset[Any]()
"""One for all files: what thousands of them share is nothing to walk through for the collector of garbage."""
_MOST_FED: Final = 10_000
"""How many columns are remembered that a file once fed."""


class Export:
    """One file: what counts of it, whether that is all of it, and what it once fed. Times are those of the loop."""

    __slots__ = (
        *("confirmed", "digest", "encoding", "fault", "feeds", "fields", "name", "parsed", "standing"),
        *("_candidate", "_changes", "_fed", "_firm", "_next_try", "_proven", "_since"),
    )

    def __init__(
        self,
        name: str,
        feeds: frozenset[ColumnId] | None = None,
        fields: frozenset[str] = _NONE,
        encoding: str = "",
    ) -> None:
        self.name = name
        """Empty for one of which only the hashed name is known."""
        self.parsed: Parsed | None = None
        """What counts."""
        self.feeds = feeds
        """The columns it may block something in; None when that was never known."""
        self.encoding = encoding
        """The one it was read in; empty if that does not matter."""
        self.fields = fields
        """The fields it had whose loss reads as free time; see `Parsed`."""
        self.confirmed: frozenset[ColumnId] = _NONE
        """Columns of a vanished file that a person says are gone for good."""
        self.standing: Fingerprint | None = None
        """How it stands in the folder; None when it does not."""
        self.fault: Fault | None = self._unproven()
        """Why the content may not be all; None when it is proven."""
        self.digest = b""
        self._fed = feeds or _NONE
        self._since = 0.0
        self._changes = 0
        self._proven: Fingerprint | None = None
        self._candidate: tuple[Parsed, bytes] | None = None
        self._next_try: float | None = None
        self._firm = False

    @property
    def content(self) -> Content | None:
        """What counts of it."""
        return None if self.parsed is None else self.parsed.content

    @property
    def read_already(self) -> bool:
        """Whether it was read as it stands, and only has to stay so for longer."""
        return self._candidate is not None

    def see(self, found: Fingerprint, now: float, *, coarse: bool) -> bool:
        """The folder was scanned, and there it stands like that; `coarse` when its times cannot be trusted. Whether
        that is new.
        """
        if found == self.standing:
            return False
        if self.standing is None:  # who said that it is gone for good did not mean what stands there now
            self.confirmed = _NONE
        before = self.standing or self._proven
        in_place = before is not None and found.inode == before.inode
        self._changes = self._changes + 1 if in_place else 0
        self.standing, self._since, self._candidate, self._next_try = found, now, None, None
        self._firm = not (coarse or found.coarse)
        self.fault = None if found == self._proven else self._unproven()
        return True

    def miss(self) -> bool:
        """The folder was scanned, and it is not there; whether that is new."""
        new = self.fault is None or self.fault.code != "file.vanished"
        self.standing = self._candidate = self._next_try = None
        self.fault = Fault("file.vanished", {"file": shown(self.name)} if self.name else {})
        return new

    def due_at(self, settle: float) -> float | None:
        """When it is to be proven, or tried again; None when there is nothing to do."""
        if self.standing is None:
            return None
        if self.fault is None or self.fault.code not in _PASSING:
            return None if self._firm else self._since + FIRM_AFTER
        due = self._since + settle * (CAUTION if self.read_already else 1)
        return due if self._next_try is None else max(due, self._next_try)

    def take(self, parsed: Parsed, digest: bytes, now: float) -> None:
        """It was read as it stands; if that does not prove it complete, it is due again later, or needs a person."""
        lack = self._lack(parsed)
        if lack is not None:
            self.refuse(lack, now)
            return
        as_before = self.parsed is not None and parsed.tail == self.parsed.tail
        if self._changes and not parsed.marked and not as_before:
            self._candidate = parsed, digest
        else:
            self._accept(parsed, digest)

    def mature(self) -> None:
        """What was read has been still for long enough."""
        if self._candidate is not None:
            self._accept(*self._candidate)

    def compare(self, digest: bytes, now: float) -> bool:
        """It was read again although nothing speaks for a change; whether it is the same."""
        self._firm = digest == self.digest
        if not self._firm:
            self._proven, self._since, self._changes = None, now, self._changes + 1
            self.fault = self._unproven()
        return self._firm

    def refuse(self, fault: Fault, now: float) -> None:
        """It was read as it stands, and does not count."""
        self.fault, self._next_try = fault, now + _AGAIN_AFTER
        self._firm = self._firm or now >= self._since + FIRM_AFTER

    @property
    def gone(self) -> bool:
        """Whether it is gone, or something of it is, until that is back or a person says that it is for good."""
        return self.standing is None or (self.fault is not None and self.fault.code in _LACKING)

    def confirm(self, column: ColumnId) -> None:
        """A person says that what is gone is gone for good."""
        if self.standing is None:
            self.confirmed |= {column}
        else:
            self.fields, self.encoding = _NONE, ""
            self.fault, self._next_try = self._unproven(), None

    def touches(self, column: ColumnId) -> bool:
        """Whether it may block something in `column`; one that is written anew may feed what it ever fed."""
        if column in self.confirmed:
            return False
        if self.feeds is None or (self.content is not None and self.content.unplaced):
            return True
        feeds = self.feeds if self.standing is None else self._fed
        return column in feeds or every(column) in feeds

    def _accept(self, parsed: Parsed, digest: bytes) -> None:
        self.parsed, self.digest = parsed, digest
        self.feeds, self.fields, self.encoding = parsed.content.feeds(), parsed.fields, parsed.encoding
        self.fault = None
        if not self._fed >= self.feeds:
            self._fed = self._fed | self.feeds if 0 < len(self._fed) <= _MOST_FED else self.feeds
        self._proven, self._candidate, self._changes = self.standing, None, 0

    def _lack(self, parsed: Parsed) -> Fault | None:
        """What it had before that makes its rows block, and has no more: a field, or the names of columns."""
        for field in sorted(self.fields - parsed.fields):
            return Fault("file.field_gone", {"file": shown(self.name), "field": f"{field}/{FIELDS[field]}"})
        lost = (self.feeds or _NONE) - parsed.content.feeds()
        if self.encoding in ("", parsed.encoding) or all(str(each).isascii() for each in lost):
            return None
        facts: dict[str, Fact] = {"file": shown(self.name), "encoding": parsed.encoding, "before": self.encoding}
        return Fault("file.encoding_other", facts)

    def _unproven(self) -> Fault:
        return Fault("file.being_written", {"file": shown(self.name)})
