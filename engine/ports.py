"""What the engine needs of the world, and nothing more: a source, a portal, a ledger, an observer, and their errors.

An adapter proves that it keeps these promises by passing the contract tests of its port.
"""

from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple, Protocol

import msgspec

from engine.faults import Fault, FaultError
from engine.model import ColumnId, Days, Reading, Window
from engine.plan import Patience, Standing
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallSpan


class Hint(NamedTuple):
    """Something changed: in `column`, or None for anywhere; within `days`, or None for any. It may be lost, doubled or
    late (I5).
    """

    column: ColumnId | None = None
    days: Days | None = None


class SourceError(FaultError):
    """The source cannot be asked."""


class Source(Protocol):
    """The practice's calendar."""

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        """Every row of `column` that may touch `span`, as one consistent snapshot; never raises for bad data (I2).

        More rows than that do no harm. Rows whose place in time cannot be read are reported, not left out (R13).
        """
        ...

    async def columns(self) -> tuple[ColumnId, ...]:
        """The columns that exist (R10), sorted; raises SourceError."""
        ...

    def hints(self) -> AsyncIterator[Hint]:
        """Change events, for as long as it is iterated. One comes after every (re)connect; it never raises for a
        fault of the source, and never ends by itself.
        """
        ...

    async def vanished(self, column: ColumnId) -> bool:
        """Whether something that fed `column` is gone: it reads incompletely until that is back, or confirmed."""
        ...

    async def confirm(self, column: ColumnId) -> None:
        """A person says that what vanished of `column` is gone for good. Raises FaultError if that cannot be kept."""
        ...

    def notes(self) -> tuple[Fault, ...]:
        """What hinders its change events although readings work; for people to know, it decides nothing."""
        ...


class PortalError(FaultError):
    """A request without success; to be tried again with backoff, unless a subclass says otherwise."""

    def __init__(self, fault: Fault, *, maybe_applied: bool, retry_after: float | None = None) -> None:
        super().__init__(fault.code, **fault.facts)
        self.maybe_applied = maybe_applied
        """Whether the portal may have applied the upload, or may do so yet (I6)."""
        self.retry_after = retry_after
        """How many seconds the host wants to be left alone, 0 to 3600; None when it did not say."""


class KeyRefusedError(PortalError):
    """401 or 403: all uploads stop (I10)."""


class RejectedError(PortalError):
    """Another 4xx: this upload is refused; tried again with the next change or tick."""


class Portal(Protocol):
    """The online booking portal, for one practice."""

    window_host: str
    upload_host: str
    """The hosts that a `retry_after` speaks for."""

    async def window(self) -> Window:
        """The window it asks for; one visible attempt. Raises PortalError."""
        ...

    async def upload(self, name: str, window: Window, blocked: IntervalSet) -> int | None:
        """Replace what it holds for online calendar `name` in `window` (R2): how many intervals it accepted, if it
        said so. One visible attempt, ended by its timeout. Raises PortalError.
        """
        ...

    def key_renewed(self) -> bool:
        """Whether the key changed since it was last sent."""
        ...


class PaceRecord(msgspec.Struct, frozen=True):
    """A calendar's pace as it outlives a restart: tokens and the end of the last upload, in wall-clock seconds."""

    tokens: float
    counted: float
    last: float | None = None


class CalendarRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that is remembered of one online calendar, by its name."""

    standing: Standing = Standing()
    pace: PaceRecord | None = None
    right_at: float | None = None
    """Wall-clock time at which the newest reading that equals an accepted upload began (I11)."""


class Ahead(msgspec.Struct, frozen=True):
    """What goes up before the calendar's record is written anew: all that was added since, and its pace (I6, I10)."""

    added: IntervalSet
    pace: PaceRecord


def caught_up(record: CalendarRecord, ahead: Ahead | None) -> CalendarRecord:
    """`record` with what went ahead of it: the portal may hold that, and may lack it."""
    if ahead is None:
        return record
    standing = record.standing
    baseline, pending = (standing.baseline or EMPTY) | ahead.added, standing.pending | ahead.added
    standing = msgspec.structs.replace(standing, baseline=baseline, pending=pending)
    return msgspec.structs.replace(record, standing=standing, pace=ahead.pace)


class ColumnRecord(msgspec.Struct, frozen=True):
    """A column that has been seen (R10), its free rows, gone ones included until a row covers them (R12), and the
    practice that it was seen in; empty where an earlier version did not write it down.
    """

    free: IntervalSet = EMPTY
    practice: str = ""


class PortalRecord(msgspec.Struct, frozen=True):
    """The window as last answered, and when, in wall-clock seconds (R1)."""

    window: Window | None = None
    asked_at: float | None = None
    paused: dict[str, float] = {}
    """Until when, in wall-clock seconds, a host wants to be left alone."""
    noted_at: float | None = None
    """When this was written down, in wall-clock seconds."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of a calendar's history: an upload that changed something, or removals that began to wait or no longer
    do. Times and the calendar's name, nothing else (I7).
    """

    at: float
    """Wall-clock time at which the portal accepted, or the reading began after which nothing was sent."""
    calendar: str
    added: IntervalSet = EMPTY
    """What was occupied, or blocked for another reason, and is blocked online from now on."""
    reserved: IntervalSet = EMPTY
    """What of it only a reservation blocks."""
    vanished: IntervalSet = EMPTY
    """What of it is blocked because a free row vanished (R12)."""
    seconds: float = 0.0
    """From the beginning of the reading that first showed what is added, to its acceptance."""
    took: float = 0.0
    """How much of that was the accepted upload itself."""
    unsafe: float = 0.0
    """Seconds, summed over stretches, that occupied times were bookable online before this was accepted."""
    removed: IntervalSet = EMPTY
    """What was freed."""
    released: IntervalSet = EMPTY
    """What of it a person had let go."""
    held: IntervalSet = EMPTY
    """Removals that began to wait (I3)."""
    back: IntervalSet = EMPTY
    """Removals that waited and are occupied again."""
    why: str = ""
    """How removals wait, a `Patience`; or the code of the fault for which nothing may be freed."""


class Recollection(msgspec.Struct, frozen=True, kw_only=True):
    """All that a ledger holds at start."""

    calendars: Mapping[str, CalendarRecord] = {}
    columns: Mapping[ColumnId, ColumnRecord] = {}
    portal: PortalRecord = PortalRecord()
    set_aside: bool = False
    """Whether a rotten ledger was set aside since which nothing is known of calendars not listed (I6)."""
    news: Fault | None = None
    """That it was set aside just now."""


class LedgerError(FaultError):
    """The ledger cannot be written."""


class Ledger(Protocol):
    """The engine's memory. What a call wrote is safe from a killed process when it returns (I6)."""

    async def recall(self) -> Recollection:
        """Everything; a rotten ledger is set aside, never half believed."""
        ...

    async def remember(
        self,
        *,
        calendars: Mapping[str, CalendarRecord] = {},
        columns: Mapping[ColumnId, ColumnRecord] = {},
        portal: PortalRecord | None = None,
        ahead: Mapping[str, Ahead] = {},
        entries: tuple[Entry, ...] = (),
    ) -> None:
        """Write all of it in one transaction, or nothing; raises LedgerError. A calendar's record ends what went ahead
        of it; `recall` tells records that have caught up.
        """
        ...


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How one calendar's turn ended: what `sync` prints, the log tells and the page shows."""

    name: str
    column: ColumnId
    state: str
    """`uploaded`, `unchanged`, `held`, `failed`, `skipped` or `planned`."""
    appointments: int = 0
    blocks: int = 0
    """How many intervals were, or would be, sent."""
    added: IntervalSet = EMPTY
    removed: IntervalSet = EMPTY
    held: IntervalSet = EMPTY
    """Removals that ripen or wait (I3)."""
    patience: Patience = Patience.NORMAL
    ripe_in: float | None = None
    vanished: IntervalSet = EMPTY
    """Where a free row was and no row is any more (R12)."""
    doubts: tuple[Fault, ...] = ()
    fault: Fault | None = None
    retry: bool = False
    """Whether the same may well succeed if it is tried once more at once."""
    seconds: float = 0.0
    """From the beginning of the reading to the end of the turn."""
    right_at: float | None = None


class Noticed(msgspec.Struct, frozen=True):
    """A fault of the whole job began (`over=False`) or ended (`over=True`); `topic` says which one of the job's parts:
    `window`, `key`, `ledger`, `source`.
    """

    topic: str
    fault: Fault
    over: bool = False


class WindowAnswered(msgspec.Struct, frozen=True):
    """The portal answered its window; `moved` when it is another one than before."""

    window: Window
    moved: bool


Event = Report | Noticed | WindowAnswered


class Observer(Protocol):
    """Whoever wants to know: logs, status, the command."""

    def tell(self, event: Event) -> None:
        """Take note, at once and without failing."""
        ...
