"""The ledger of a story, in memory: it fails, and takes its time, as a seed says."""

import asyncio
from collections.abc import Callable, Mapping
from random import Random

from engine.faults import Fault
from engine.model import ColumnId
from engine.ports import (
    Ahead,
    CalendarRecord,
    ColumnRecord,
    Entry,
    LedgerError,
    PortalRecord,
    Recollection,
    caught_up,
)
from tests.simulation.virtual import VirtualLoop
from tests.simulation.world import Faults


class MemoryLedger:
    """Remembers across simulated crashes; fails to write when told so. Its values are frozen, so sharing is safe."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.faults = Faults()
        self.calendars: dict[str, CalendarRecord] = {}
        self.columns: dict[ColumnId, ColumnRecord] = {}
        self.portal = PortalRecord()
        self.entries: list[Entry] = []
        self.set_aside = False
        self.news: Fault | None = None
        self.healthy = True
        self.writes = 0
        self.lasts = 0.0005
        """Seconds that a write takes."""
        self.freeze: Callable[[], None] = lambda: None
        """What happens to the process while it writes."""

    async def recall(self) -> Recollection:
        await asyncio.sleep(0)
        return Recollection(
            calendars=dict(self.calendars),
            columns=dict(self.columns),
            portal=self.portal,
            set_aside=self.set_aside,
            news=self.news,
        )

    async def remember(
        self,
        *,
        calendars: Mapping[str, CalendarRecord] | None = None,
        columns: Mapping[ColumnId, ColumnRecord] | None = None,
        portal: PortalRecord | None = None,
        ahead: Mapping[str, Ahead] | None = None,
        entries: tuple[Entry, ...] = (),
    ) -> None:
        slow = self.faults.draw(self.chance, "ledger_slow")
        await asyncio.sleep(self.chance.uniform(0.1, 4.9) if slow else self.lasts)
        if self.faults.draw(self.chance, "freezes"):
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualLoop)
            loop.freeze(self.chance.choice([1.0, 20.0, 600.0]))
        self.freeze()
        self.healthy = not self.faults.draw(self.chance, "ledger_fails")
        await self.write(
            calendars=calendars or {}, columns=columns or {}, portal=portal, ahead=ahead or {}, entries=entries
        )
        self.writes += 1
        self.calendars.update(calendars or {})
        for name, each in (ahead or {}).items():
            self.calendars[name] = caught_up(self.calendars[name], each)
        self.columns.update(columns or {})
        self.portal = portal or self.portal
        self.entries.extend(entries)

    def close(self) -> None:
        """Leave nothing behind."""

    async def write(
        self,
        *,
        calendars: Mapping[str, CalendarRecord],
        columns: Mapping[ColumnId, ColumnRecord],
        portal: PortalRecord | None,
        ahead: Mapping[str, Ahead],
        entries: tuple[Entry, ...],
    ) -> None:
        """Make it safe, in whatever way; raises LedgerError unless healthy."""
        if not self.healthy:
            raise LedgerError("ledger.unwritable", kind="SQLITE_FULL")
