"""Two programs that are to keep a portal true to a practice for a day: the engine of tmex, and TMEX as it is known.

TMEX is told as its users know it: every so many seconds it asks for the window and sends all columns in full, one after
the other. What fails waits for the next cycle. It writes no log and nobody watches it: a job that died is dead until
somebody starts it.
"""

import asyncio
from bisect import insort
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from random import Random
from typing import Final, NamedTuple

from adapters.drflex.wire import encode_upload
from engine.faults import Fault
from engine.limits import Limits
from engine.model import DAY, ColumnId, Complete, Days, Failed, Instant, Reading, Rows, Window
from engine.ports import Hint, PortalError
from engine.reconcile import World
from engine.runtime import Engine
from engine.spans import IntervalSet
from engine.walltime import WallClock, WallSpan
from tests.simulation.day import COLUMNS
from tests.simulation.exposed import Books, held_at
from tests.simulation.listener import Listener
from tests.simulation.memory import MemoryLedger
from tests.simulation.world import MONDAY

Span = tuple[float, float]
LIMITS: Final = Limits(interval=120.0)
_CLOCK: Final = WallClock(LIMITS.zone)


class Trouble(NamedTuple):
    """What goes wrong on a day; times in seconds of it."""

    portal_down: tuple[Span, ...] = ()
    practice_down: tuple[Span, ...] = ()
    answers_after: Span = (0.08, 0.4)
    """How long the portal takes for an answer."""
    hints_lost: float = 0.0
    killed_at: float | None = None
    back_at: float | None = None
    """When somebody starts TMEX again; tmex is started by its supervisor, after five seconds."""


class Office:
    """A practice's books from `at` on, and a portal that takes what is sent to it; at midnight they agreed."""

    def __init__(
        self, books: dict[ColumnId, list[tuple[float, Books]]], trouble: Trouble, seed: int, *, at: float
    ) -> None:
        self.books, self.trouble = books, trouble
        self.blocked = {name: [(0.0, books[column][0][1].taken)] for name, column in COLUMNS.items()}
        self.requests = self.size = 0
        self._window = Window(MONDAY, Instant(MONDAY + 90 * DAY))
        self._chance = Random(seed)
        self._began = asyncio.get_running_loop().time() - at

    window_host = upload_host = "portal"

    def now(self) -> float:
        """Seconds of the day."""
        return asyncio.get_running_loop().time() - self._began

    def taken(self, column: ColumnId) -> IntervalSet | None:
        """What stands in the books now; None while nobody can read them."""
        found = held_at(self.books[column], self.now())
        return None if found is None or self._during(self.trouble.practice_down) else found.taken

    async def window(self) -> Window:
        """What the portal asks for."""
        await self._answer(0)
        return self._window

    async def upload(self, name: str, window: Window, blocked: IntervalSet) -> int:
        """It takes effect half way between question and answer."""
        await self._answer(len(encode_upload(name, window, blocked, _CLOCK)))
        insort(self.blocked[name], (self.now(), blocked), key=lambda entry: entry[0])
        await asyncio.sleep(self._pause())
        return len(blocked)

    def key_renewed(self) -> bool:
        return False

    async def _answer(self, size: int) -> None:
        self.requests += 1
        self.size += size
        await asyncio.sleep(self._pause())
        if self._during(self.trouble.portal_down):
            raise PortalError(Fault("portal.unreachable", {"host": "portal"}), maybe_applied=False)

    def _pause(self) -> float:
        return self._chance.uniform(*self.trouble.answers_after) / 2

    def _during(self, spans: Sequence[Span]) -> bool:
        return any(start <= self.now() < end for start, end in spans)


class Announced:
    """A source that says at once what changed, as PostgreSQL does; or that is looked at every five seconds."""

    def __init__(self, office: Office, chance: Random, *, looked_at: float = 0.0) -> None:
        self._office, self._chance, self._looked_at = office, chance, looked_at

    async def read(self, column: ColumnId, span: WallSpan) -> Reading:
        await asyncio.sleep(0.003)
        taken = self._office.taken(column)
        if taken is None:
            return Failed(Fault("source.unreachable", {}))
        rows = Rows(column)
        rows.exists = True
        for pair in taken.clip(span.start, span.end):
            rows.occupied.extend(pair)
        return Complete(rows)

    async def columns(self) -> tuple[ColumnId, ...]:
        return tuple(self._office.books)

    async def hints(self) -> AsyncIterator[Hint]:
        yield Hint()
        changes = sorted((at, column) for column, told in self._office.books.items() for at, _ in told[1:])
        for at, column in changes:
            heard = at + 0.002 if not self._looked_at else (at // self._looked_at + 1) * self._looked_at
            if heard > self._office.now():
                await asyncio.sleep(heard - self._office.now())
            if self._chance.random() >= self._office.trouble.hints_lost:
                yield Hint(column, None if self._looked_at else self._days(column, at))
        await asyncio.Event().wait()

    def _days(self, column: ColumnId, at: float) -> Days | None:
        told = self._office.books[column]
        before, after = held_at(told, at - 1e-6), held_at(told, at)
        assert before is not None
        assert after is not None
        days = [moment // DAY for each in before.times ^ after.times for moment in (each[0], each[1] - 1)]
        return Days(min(days), max(days)) if days else None

    async def vanished(self, column: ColumnId) -> bool:
        return False

    async def confirm(self, column: ColumnId) -> None: ...

    def notes(self) -> tuple[Fault, ...]:
        return ()


async def tmex(office: Office, seed: int, *, looked_at: float = 0.0) -> None:
    """The engine, for as long as it is let; killed once if that is the day's trouble."""
    chance, ledger = Random(seed), MemoryLedger(Random(seed))
    killed_at = office.trouble.killed_at
    while True:
        source = Announced(office, chance, looked_at=looked_at)
        world = World(source, office, ledger, Listener(), lambda: MONDAY + office.now(), chance)
        engine = Engine(COLUMNS, world, LIMITS)
        await engine.recall()
        with suppress(TimeoutError):
            async with asyncio.timeout(killed_at - office.now() if killed_at else None):
                await engine.run(asyncio.Event())
        killed_at = None
        await asyncio.sleep(5)


async def cycles(office: Office, period: float) -> None:
    """TMEX: for as long as it lives."""
    trouble, due = office.trouble, office.now()
    while True:
        if trouble.killed_at is not None and office.now() >= trouble.killed_at:
            if trouble.back_at is None:
                return
            await asyncio.sleep(max(0.0, trouble.back_at - office.now()))
            trouble, due = trouble._replace(killed_at=None), office.now()
        await _cycle(office)
        due = max(due + period, office.now())
        await asyncio.sleep(due - office.now())


async def _cycle(office: Office) -> None:
    try:
        window = await office.window()
    except PortalError:
        return
    for name, column in COLUMNS.items():
        taken = office.taken(column)
        if taken is not None:
            with suppress(PortalError):
                await office.upload(name, window, window.clip(taken))
