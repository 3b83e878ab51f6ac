"""One seed is one story: a storm of changes and faults, then everything heals, then the portal equals the practice.

The same seed tells the same story; `python -m tests.simulation.story SEED` tells it aloud.
"""

import asyncio
import sys
from contextlib import suppress
from random import Random

from engine.limits import Limits
from engine.model import DAY, ColumnId, Instant, Window
from engine.reconcile import World
from engine.runtime import Engine
from engine.spans import IntervalSet
from tests.simulation.ports import (
    HOUR,
    LUNCH,
    MONDAY,
    Faults,
    HostilePortal,
    HostileSource,
    Listener,
    MemoryLedger,
    Practice,
)
from tests.simulation.virtual import VirtualLoop, run

COLUMNS = {"Dr. Adler": ColumnId("TK1", "A"), "Dr. Busch": ColumnId("TK1", "B")}
HOURS = [8, 9, 10, 32]
QUIET = 45 * 60.0
"""Seconds of virtual time after which a healed world must have come to rest: backoff, pauses, guard, settling."""


class Story:
    """The world of one seed, and what happens in it."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.limits = _limits(self.chance)
        self.mix = _mix(self.chance)
        self.practice = Practice(list(COLUMNS.values()))
        self.source = HostileSource(self.practice, self.chance)
        self.portal = HostilePortal(COLUMNS, self.source, self.limits, self.chance)
        self.ledger = MemoryLedger(self.chance)
        self.portal.ledger = self.ledger
        self.listener = Listener()
        self.orders = self.chance.random() < 0.5
        self.portal.forgetful = self.mix.ledger_fails > 0
        self.portal.unpaced = self.portal.forgetful or self.mix.freezes > 0
        self.portal.polite = not self.orders and not self.portal.unpaced
        self.trace: list[str] = []
        self.engine: Engine | None = None
        self._job: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def tell(self) -> None:
        """Storm, heal, quiet, equal, silent."""
        await self._start()
        self._set_faults(self.mix)
        for _ in range(self.chance.randint(5, 25)):
            await asyncio.sleep(self.chance.choice([0.0, 0.2, 3.0, 12.0, 50.0]))
            await self._something_happens()
        await self._heal()
        await self._rest(QUIET)
        self._assert_equal()
        uploads = len(self.portal.uploads)
        await self._rest(3600.0)
        assert len(self.portal.uploads) == uploads, "R14: an upload although nothing changed"
        self._assert_equal()
        await self._two_changes_in_a_row()
        await self._end()

    async def _two_changes_in_a_row(self) -> None:
        """The second comes while the first is being handled; both are up long before the next tick."""
        for column in COLUMNS.values():
            for hour in (40, 42):
                self.practice.taken[column].add(hour)
                self.source.hint(column)
                await asyncio.sleep(self.chance.uniform(0.0, 0.02))
        await self._rest(2 * self.limits.upload_gap + 3)
        wanted = IntervalSet((MONDAY + hour * HOUR, MONDAY + (hour + 1) * HOUR) for hour in (40, 42))
        for held in self.portal.held.values():
            assert not wanted - held, "I5: the last change was not handled"

    async def _something_happens(self) -> None:
        happenings = [self._edit] * 8 + [self._crash, self._freeze, self._empty, self._refill, self._move_window]
        happenings += [self._refuse_key, self._accept_key, self._order if self.orders else self._edit]
        await self.chance.choice(happenings)()

    async def _edit(self) -> None:
        column = self.chance.choice(list(COLUMNS.values()))
        hour = self.chance.choice(HOURS)
        self.practice.taken[column] ^= {hour}
        self._say(f"{column} {hour}:00 {'taken' if hour in self.practice.taken[column] else 'given back'}")
        self.source.hint(column)

    async def _crash(self) -> None:
        self._say("crash")
        assert self._job is not None
        self._job.cancel()
        with suppress(asyncio.CancelledError):
            await self._job
        await asyncio.sleep(self.chance.choice([0.0, 1.0, 200.0]))
        await self._start()

    async def _freeze(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._say("frozen")
        loop.freeze(self.chance.choice([4.0, 20.0, 600.0]))

    async def _empty(self) -> None:
        column = self.chance.choice(list(COLUMNS.values()))
        self._say(f"{column} emptied")
        self.practice.emptied.add(column)
        self.source.hint(column)

    async def _refill(self) -> None:
        self._say("refilled")
        self.practice.emptied.clear()

    async def _move_window(self) -> None:
        days = self.chance.choice([0, 1])
        self.portal.asked_window = Window(Instant(MONDAY + days * DAY), Instant(MONDAY + (7 + days) * DAY))
        self._say(f"window {days}")

    async def _refuse_key(self) -> None:
        self.portal.refusing = self.mix.key_refused > 0

    async def _accept_key(self) -> None:
        self.portal.refusing = False

    async def _order(self) -> None:
        assert self.engine is not None
        self._say("sync")
        with suppress(TimeoutError):
            async with asyncio.timeout(120):
                await self.engine.sync(list(COLUMNS))

    async def _heal(self) -> None:
        self._say("healed")
        self._set_faults(Faults())
        self.portal.refusing = False
        self.practice.emptied.clear()
        for column in COLUMNS.values():
            self.source.hint(column)

    async def _start(self) -> None:
        world = World(self.source, self.portal, self.ledger, self.listener, self._wall, Random(self.chance.random()))
        self.engine = Engine(COLUMNS, world, self.limits)
        await self.engine.recall()
        self._job = asyncio.create_task(self.engine.run(self._stop))

    async def _rest(self, seconds: float) -> None:
        assert self._job is not None
        done, _ = await asyncio.wait([self._job], timeout=seconds)
        for job in done:
            job.result()
            raise AssertionError("the job ended by itself")

    async def _end(self) -> None:
        assert self._job is not None
        self._stop.set()
        await self._job

    def _set_faults(self, faults: Faults) -> None:
        self.source.faults = self.portal.faults = self.ledger.faults = faults

    def _assert_equal(self) -> None:
        window = self.portal.asked_window
        for name, column in COLUMNS.items():
            wanted = window.clip(self.practice.occupied(column) | LUNCH)
            held = window.clip(self.portal.held[name])
            assert held == wanted, f"I5: {name}: the portal holds {held}, the practice {wanted}"

    def _wall(self) -> float:
        return MONDAY + asyncio.get_running_loop().time()

    def _say(self, text: str) -> None:
        self.trace.append(f"{asyncio.get_running_loop().time():10.2f} {text}")


def _limits(chance: Random) -> Limits:
    return Limits(
        interval=60.0,
        refresh=24 * HOUR,
        free_delay=chance.choice([0.0, 10.0, 60.0]),
        upload_gap=chance.choice([0.0, 2.0, 20.0]),
        upload_burst=chance.choice([3, 60]),
        concurrency=chance.choice([1, 2, 4]),
        backoff_max=chance.choice([1.0, 60.0]),
        guard_percent=chance.choice([1, 30, 100]),
        guard_min=chance.choice([0, HOUR, 2 * HOUR]),
        guard_confirm=chance.choice([0.0, 120.0, 600.0]),
    )


def _mix(chance: Random) -> Faults:
    """Which faults this seed knows: some of them, each at its own rate."""
    names = Faults.__struct_fields__
    return Faults(**{name: chance.choice([0.05, 0.3]) for name in names if chance.random() < 0.35})


async def _told(seed: int) -> Story:
    story = Story(seed)
    try:
        await story.tell()
    except BaseException as error:
        error.add_note(f"seed {seed}: {story.mix} {story.limits}\n" + "\n".join(story.trace[-40:]))
        raise
    return story


def tell(seed: int) -> Story:
    """Live through the story of `seed`; raises AssertionError when an invariant breaks."""
    return run(_told(seed))


if __name__ == "__main__":
    print("\n".join(tell(int(sys.argv[1])).trace))
