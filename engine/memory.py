"""What is remembered is safe before it matters, and a write that fails is said, not hidden (I6)."""

from collections.abc import Mapping

from engine.faults import Fault
from engine.model import ColumnId
from engine.ports import (
    Ahead,
    CalendarRecord,
    ColumnRecord,
    Entry,
    Ledger,
    LedgerError,
    Noticed,
    Observer,
    PortalRecord,
)


class Memory:
    """The ledger, as the engine uses it: a failed write is an answer, not an exception."""

    def __init__(self, ledger: Ledger, observer: Observer) -> None:
        self.trouble: Fault | None = None
        """Why the last write failed."""
        self._ledger, self._observer = ledger, observer

    async def keep(
        self,
        *,
        calendars: Mapping[str, CalendarRecord] | None = None,
        columns: Mapping[ColumnId, ColumnRecord] | None = None,
        portal: PortalRecord | None = None,
        ahead: Mapping[str, Ahead] | None = None,
        entries: tuple[Entry, ...] = (),
    ) -> bool:
        """Write all of it, safe from a killed process; whether that succeeded."""
        try:
            await self._ledger.remember(
                calendars=calendars or {}, columns=columns or {}, portal=portal, ahead=ahead or {}, entries=entries
            )
        except LedgerError as error:
            self.trouble = error.fault
            self._observer.tell(Noticed("ledger", error.fault))
            return False
        if self.trouble is not None:
            self._observer.tell(Noticed("ledger", self.trouble, over=True))
            self.trouble = None
        return True
