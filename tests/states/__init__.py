"""A ledger of every schema that ever was, as its version of tmex wrote it, and what each of them remembers.

`python -m tests.states` writes that of the present schema; one that is committed is never written again.
"""

import asyncio
from math import inf
from pathlib import Path
from typing import Final

from adapters.ledger import SqliteLedger
from adapters.ledger.aside import beside
from adapters.ledger.steps import VERSION
from engine.model import ColumnId
from engine.plan import Loss, Peak, Standing
from engine.ports import Ahead, CalendarRecord, ColumnRecord, Entry, PaceRecord, PortalRecord, Recollection, caught_up
from tests.contract.ledger_contract import COLUMN, EIGHT, WINDOW, A, B, hours

FOLDER: Final = Path(__file__).parent
PACE: Final = PaceRecord(59.5, EIGHT + 1.5, EIGHT + 2.5)
AHEAD: Final = Ahead(hours(20), PACE)
BUSY: Final = CalendarRecord(
    standing=Standing(
        baseline=hours(1, 2, 3, 6),
        pending=hours(6),
        lingering=hours(7),
        adrift=True,
        clock=1234.5,
        losses=(Loss(-inf, hours(1), released=True), Loss(1200.25, hours(3))),
        peaks=(Peak(1000.0, 14_400), Peak(1100.0, 10_800)),
        by_hand=True,
        released=hours(1),
    ),
    pace=PACE,
    right_at=EIGHT + 0.5,
)
FRESH: Final = CalendarRecord()
ENTRIES: Final = (
    Entry(
        at=EIGHT + 1,
        calendar=A,
        added=hours(1, 2, 3),
        reserved=hours(2),
        vanished=hours(3),
        seconds=0.25,
        took=0.125,
        unsafe=30.0,
        removed=hours(4),
        released=hours(4),
    ),
    Entry(at=EIGHT + 2, calendar=B, held=hours(5), back=hours(6), why="guarded"),
)
SHELF: Final = b"what a source keeps"
PORTAL: Final = PortalRecord(WINDOW, EIGHT + 3, {"portal.example": EIGHT + 60.0}, EIGHT + 4)
COLUMNS: Final = {COLUMN: ColumnRecord(hours(8, 9)), ColumnId("", "ü"): ColumnRecord()}
KNOWN: Final = Recollection(
    calendars={A: caught_up(BUSY, AHEAD), B: FRESH}, columns=COLUMNS, portal=PORTAL, set_aside=False, news=None
)


def kept(schema: int) -> Path:
    """The ledger of this schema."""
    return FOLDER / f"schema-{schema}.ledger"


def opened(path: Path, realm: str = "live") -> SqliteLedger:
    """Far enough from the entries' time to keep them, whenever this is."""
    return SqliteLedger(path, realm=realm, history_seconds=86_400.0, wall=lambda: float(EIGHT))


async def write(path: Path) -> None:
    """A ledger of the present schema that remembers all of it, in both realms."""
    for realm in ("live", "shadow"):
        async with opened(path, realm) as ledger:
            await ledger.recall()
            await ledger.remember(calendars={A: BUSY, B: FRESH}, columns=COLUMNS, portal=PORTAL, entries=ENTRIES)
            await ledger.remember(ahead={A: AHEAD})
            await ledger.shelve(SHELF)


def main() -> None:
    """Keep the present schema's ledger, if that is not done yet."""
    path = kept(VERSION)
    if path.exists():
        raise SystemExit(f"{path} is there already, and stays as it is.")
    asyncio.run(write(path))
    assert not beside(path, "-wal").exists()
