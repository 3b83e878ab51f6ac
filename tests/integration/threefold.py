"""One practice that keeps the same calendar in SQLite, in PostgreSQL and in a folder of exports, and remembers since
when each of its times has been taken.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

from engine.spans import IntervalSet
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.sqlite_practice import SqlitePractice
from tests.exports import Exports, csv_file
from tests.postgres import Place
from tests.site import BERLIN, COLUMNS, Practice, Transaction

DAYS: Final = range(9, 13)
LASTS: Final = timedelta(minutes=20)
"""How long each appointment of these practices lasts."""
Slot = tuple[int, int]


class Threefold:
    """Writes each transaction to all three stores, one after another; a source may be any of them."""

    def __init__(self, folder: Path, place: Place) -> None:
        self.stores: dict[str, Practice] = {
            "sqlite": SqlitePractice(folder / "practice.db"),
            "postgresql": PostgresPractice(place),
            "files": Exports(folder / "exports", csv_file),
        }

    @property
    def address(self) -> str:
        """Of the SQLite file; for the others, see `stores`."""
        return self.stores["sqlite"].address

    @contextmanager
    def writing(self) -> Iterator["Each"]:
        """A transaction in each of them."""
        with ExitStack() as stack:
            yield Each([stack.enter_context(store.writing()) for store in self.stores.values()])


class Each:
    """A transaction of several stores."""

    def __init__(self, transactions: Sequence[Transaction]) -> None:
        self._transactions = transactions

    def insert(
        self, practice: str, column: str, start: str, end: str, *, occupied: bool = True, patient: str = ""
    ) -> None:
        for each in self._transactions:
            each.insert(practice, column, start, end, occupied=occupied, patient=patient)

    def reserve(
        self, practice: str, calendar: str, column: str | None, first: str, last: str, *times: str | None
    ) -> None:
        for each in self._transactions:
            each.reserve(practice, calendar, column, first, last, *times)

    def erase(self, column: str, start: str | None) -> None:
        for each in self._transactions:
            each.erase(column, start)

    def rename_patients(self, name: str) -> None:
        for each in self._transactions:
            each.rename_patients(name)


class Reception:
    """The people who change the practice's calendar, by chance, and the books that they keep of it."""

    def __init__(self, practice: Practice, chance: Random) -> None:
        self._practice, self._chance = practice, chance
        self.taken: dict[str, dict[Slot, float]] = {name: {} for name in COLUMNS}
        """By online calendar: each taken time, and since when every store has had it, by the monotonic clock."""
        self.changes = 0

    def blocked(self, name: str) -> IntervalSet:
        """All that is taken in an online calendar's column now."""
        return IntervalSet(self.taken[name])

    async def storm(self) -> None:
        """Appointments made, cancelled and moved, until cancelled itself; never in the midst of a transaction."""
        while True:
            await asyncio.sleep(self._chance.uniform(0.0, 0.03))
            await asyncio.shield(self._change())

    async def _change(self) -> None:
        """A transaction: what it frees counts as free from before it, what it takes as taken from after it."""
        name = self._chance.choice(list(COLUMNS))
        books, start = self.taken[name], self._start()
        frees = [each for each in books if self._chance.random() < 0.1][: self._chance.randint(0, 2)]
        takes = [] if slot(start) in books else [start]
        for each in frees:
            del books[each]
        await asyncio.to_thread(self._write, COLUMNS[name], frees, takes)
        books.update({slot(each): time.monotonic() for each in takes})
        self.changes += 1

    def _start(self) -> datetime:
        chance = self._chance
        return datetime(2026, 3, chance.choice(DAYS), chance.randint(8, 17), chance.choice((0, 30)))

    def _write(self, column: str, frees: list[Slot], takes: list[datetime]) -> None:
        with self._practice.writing() as transaction:
            for each in frees:
                transaction.erase(column, f"{datetime.fromtimestamp(each[0], BERLIN):%Y-%m-%d %H:%M}")
            for start in takes:
                times = (f"{moment:%Y-%m-%d %H:%M}" for moment in (start, start + LASTS))
                transaction.insert("PRAX1", column, *times, patient="Erika Kanarienvogel")


def slot(start: datetime) -> Slot:
    """An appointment that begins then, in seconds since the epoch."""
    begins = int(start.replace(tzinfo=BERLIN).timestamp())
    return begins, begins + int(LASTS.total_seconds())
