"""One seed is one story: a storm of changes and faults, then everything heals, then the portal equals the practice.

The same seed tells the same story; `python -m tests.simulation.aloud SEED` tells it to a person.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from random import Random

from engine.limits import Limits
from engine.model import DAY, ColumnId, Instant, Window
from engine.ports import Event, Report, WindowAnswered
from engine.reconcile import World
from engine.runtime import Engine
from tests.simulation.listener import Listener
from tests.simulation.memory import MemoryLedger
from tests.simulation.portal import HostilePortal
from tests.simulation.source import HostileSource
from tests.simulation.sqlledger import SqlLedger
from tests.simulation.virtual import VirtualLoop, run
from tests.simulation.world import HOUR, MONDAY, Faults, Practice, hours

COLUMNS = {"Dr. Adler": ColumnId("TK1", "A"), "Dr. Busch": ColumnId("TK1", "B")}
HOURS = [8, 9, 10, 32]
ON_SQL = 7
"""The last digit of the seeds whose stories are told with the product's own ledger beneath."""
WINDOWS = [(0, 7), (1, 8), (0, 1), (6, 9), (2, 40), (20, 27)]
"""Days that the portal may ask for: moved, shrunk, grown, and with a gap between."""


class Story:
    """The world of one seed, and what happens in it."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = Random(seed)
        self.limits = _limits(self.chance)
        self.mix = _mix(self.chance, self.limits)
        self.columns = dict(COLUMNS)
        self.practice = Practice(list(COLUMNS.values()))
        self.source = HostileSource(self.practice, self.chance)
        self.portal = HostilePortal(self.columns, self.source, self.limits, self.chance)
        self.ledger = SqlLedger(self.chance) if seed % 10 == ON_SQL else MemoryLedger(self.chance)
        self.portal.ledger = self.ledger
        self.listener = Listener()
        self.listener.judge = self._judge
        self.orders, self.jumps, self.remaps = (self.chance.random() < each for each in (0.5, 0.3, 0.3))
        self.portal.forgetful = self.mix.ledger_fails > 0
        self.portal.unpaced = self.portal.forgetful or self.jumps or max(self.mix.freezes, self.mix.ledger_slow) > 0
        self.portal.polite = not self.orders and not self.portal.unpaced
        self.wanders, self.lasts = self.chance.random() < 0.3, self.chance.random() < 0.3
        self.portal.renewed = self.chance.random() < 0.5
        self.on, self._crashed, self._ahead, self._moved_at = True, False, 0.0, 0.0
        self.chronicle = self.source.chronicle
        self.engine: Engine | None = None
        self._job: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    async def tell(self) -> None:
        """Storm, heal, quiet, equal, silent."""
        await self._start()
        self._set_faults(self.mix)
        for _ in range(self.chance.randint(5, 25)):
            await asyncio.sleep(self.chance.choice([0.0, 0.2, 3.0, 12.0, 50.0, 1000.0 if self.lasts else 50.0]))
            await self._something_happens()
        await self._heal()
        await self._rest(self._quiet())
        self._assert_equal()
        uploads = len(self.portal.uploads)
        await self._rest(3600.0)
        assert len(self.portal.uploads) == uploads, "R14: an upload although nothing changed"
        self._assert_equal()
        self._assert_known_right()
        await self._two_changes_in_a_row()
        await self._end()

    async def _two_changes_in_a_row(self) -> None:
        """The second comes while the first is being handled; both are up long before the next tick."""
        for column in sorted(set(self.columns.values())):
            for hour in (40, 42):
                self.practice.taken[column].add(hour)
                self.source.hint(column, hour)
                await asyncio.sleep(self.chance.uniform(0.0, 0.02))
        await self._rest(2 * self.limits.upload_gap + (3 if self.limits.upload_burst > 3 else 130))
        wanted = hours(40, 42)
        for held in self.portal.held.values():
            assert not wanted - held, "I5: the last change was not handled"

    async def _something_happens(self) -> None:
        happenings = [self._edit] * 10 + [self._crash, self._freeze, self._empty, self._refill, self._move_window]
        happenings += [self._refuse_key, self._accept_key, self._switch, self._free_row, self._reservation]
        happenings += [self._order, self._release] if self.orders else []
        happenings += [self._jump] if self.jumps else []
        happenings += [self._move_window] * 5 if self.wanders else []
        happenings += [self._free_row] * 3 if self.limits.block_vanished else []
        await self.chance.choice(happenings)()

    async def _edit(self) -> None:
        column = self.chance.choice(list(COLUMNS.values()))
        hour = self.chance.choice(HOURS)
        self.practice.taken[column] ^= {hour}
        done = "taken" if hour in self.practice.taken[column] else "given back"
        self._say("practice", f"{column} {self.chronicle.times(hours(hour))} {done}")
        self.source.hint(column, hour)

    async def _crash(self) -> None:
        self._say("tmex", "crashes")
        self._crashed = True
        assert self._job is not None
        await asyncio.sleep(self.chance.choice([0.0, self.chance.uniform(0.0, 0.03)]))
        self._job.cancel()
        with suppress(asyncio.CancelledError):
            await self._job
        self.portal.lose_sight()
        await asyncio.sleep(self.chance.choice([0.0, 1.0, 200.0]))
        if self.remaps and self.chance.random() < 0.5:
            self._remap()
        await self._start()

    def _remap(self) -> None:
        """An online calendar is fed by another column from now on, perhaps by the other one's."""
        name, column = self.chance.choice(list(COLUMNS)), self.chance.choice(list(COLUMNS.values()))
        self._say("person", f"{name} is fed by {column} from now on")
        self.columns[name] = column

    async def _freeze(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        seconds = self.chance.choice([4.0, 20.0, 600.0])
        self._say("machine", f"stands still for {seconds:.0f} s")
        loop.freeze(seconds)

    async def _empty(self) -> None:
        column = self.chance.choice(list(COLUMNS.values()))
        self._say("practice", f"{column} reads as empty")
        self.practice.emptied.add(column)
        self.source.hint(column)

    async def _refill(self) -> None:
        self._say("practice", "nothing reads as empty any more")
        self.practice.emptied.clear()

    async def _move_window(self) -> None:
        self._ask_for(*self.chance.choice(WINDOWS if self.wanders else WINDOWS[:2]))

    def _ask_for(self, first: int, last: int) -> None:
        self.portal.asked_window = Window(Instant(MONDAY + first * DAY), Instant(MONDAY + last * DAY))
        self._say("portal", f"wants days {first} to {last}")

    async def _switch(self) -> None:
        self.on = not self.on
        self._say("person", "switches on" if self.on else "switches off")
        self._close()
        assert self.engine is not None
        self.engine.switch(on=self.on)

    async def _free_row(self) -> None:
        self.practice.no_free = not self.practice.no_free
        self._say("practice", "the free row " + ("vanished" if self.practice.no_free else "is back"))

    async def _reservation(self) -> None:
        self.practice.no_lunch = not self.practice.no_lunch
        self._say("practice", "the reservation is " + ("gone" if self.practice.no_lunch else "back"))

    async def _jump(self) -> None:
        self._ahead += self.chance.choice([-365 * DAY, -HOUR, HOUR, 365 * DAY])
        self._say("machine", f"the wall clock is {self._ahead:+.0f} s ahead")

    async def _release(self) -> None:
        """A person lets go what waits, after having looked at it."""
        assert self.engine is not None
        calendar = self.engine.calendars[self.chance.choice(list(COLUMNS))]
        if calendar.report is None or not calendar.report.held:
            return
        self._say("person", f"releases {calendar.name} {self.chronicle.times(calendar.report.held)}")
        self.portal.released[calendar.name] |= calendar.report.held
        await self._patiently(self.engine.release(calendar.name, calendar.report.held))

    async def _refuse_key(self) -> None:
        self._say("portal", "refuses the key")
        self.portal.refusing = self.mix.key_refused > 0

    async def _accept_key(self) -> None:
        self._say("portal", "accepts the key")
        self.portal.refusing = False

    async def _order(self) -> None:
        assert self.engine is not None
        self._say("person", "orders a sync")
        await self._patiently(self.engine.sync(list(COLUMNS)))

    async def _patiently(self, errand: Awaitable[object]) -> None:
        """What a person orders is done also while the job is off."""
        self.portal.closed = False
        with suppress(TimeoutError):
            async with asyncio.timeout(120):
                await errand
        await asyncio.sleep(0 if self.on else 60)
        self._close()

    def _close(self) -> None:
        """While off nothing is sent; but frozen in the middle of an order, the job goes on with it when it thaws."""
        self.portal.closed = not self.on and not self.mix.freezes

    async def _heal(self) -> None:
        self._say("all", "the faults are over")
        self._set_faults(Faults())
        self.portal.refusing = False
        self.practice.emptied.clear()
        self.practice.no_free = False
        self._ask_for(*self.chance.choice(WINDOWS[:2]))
        if not self.on:
            await self._switch()
        for column in COLUMNS.values():
            self.source.hint(column)

    async def _start(self) -> None:
        world = World(self.source, self.portal, self.ledger, self.listener, self._wall, Random(self.chance.random()))
        self.engine = Engine(self.columns, world, self.limits)
        self.engine.gate.open = self.on
        self.source.follow(self.engine.reconciler.lookout)
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
        for name, column in self.columns.items():
            wanted = window.clip(self.practice.blocked(column))
            held = window.clip(self.portal.held[name])
            assert held == wanted or (self.portal.forgetful and not wanted - held), (
                f"I5: {name}: the portal holds {held}, the practice {wanted}"
            )

    def _assert_known_right(self) -> None:
        assert self.engine is not None
        for calendar in self.engine.calendars.values():
            age = self._wall() - (calendar.right_at or 0)
            assert age <= self.limits.interval + 15, f"I11: right, and not known to be right for {age} s"

    def _judge(self, event: Event) -> None:
        """What is said to be right is right (I11), as far as an honest portal can tell."""
        self.chronicle.tell(event)
        if isinstance(event, WindowAnswered):
            self._moved_at = asyncio.get_running_loop().time() if event.moved else self._moved_at
        if not isinstance(event, Report) or event.state not in {"uploaded", "unchanged"} or self.mix.lands_late:
            return
        assert self.engine is not None
        window, now, seen = self.engine.keeper.window, asyncio.get_running_loop().time(), self.source.seen[event.name]
        fresh = event.right_at is not None and self._wall() - event.right_at < 20 and now - self._moved_at > 20
        if window is None or not fresh or self._crashed or self.portal.unpaced or not seen.whole:
            return
        waiting = event.held - self.engine.calendars[event.name].standing.pending
        wanted = window.clip(seen.blocked | waiting)
        assert not wanted - self.portal.held[event.name], "I11: said to be right, and something can be booked"

    def _quiet(self) -> float:
        """Seconds after which a healed world must have come to rest: backoff, pauses, gaps, guard, settling."""
        limits = self.limits
        waits = limits.guard_confirm + limits.free_delay + limits.settle + 2 * limits.backoff_max
        return 600 + 5 * limits.interval + 2 * limits.upload_gap + waits

    def _wall(self) -> float:
        return MONDAY + asyncio.get_running_loop().time() + self._ahead

    def _say(self, who: str, what: str) -> None:
        self.chronicle.say(who, what)


def _limits(chance: Random) -> Limits:
    return Limits(
        interval=chance.choice([60.0, 60.0, 300.0]),
        refresh=48 * HOUR,
        free_delay=chance.choice([0.0, 10.0, 10.0, 60.0, 600.0]),
        upload_gap=chance.choice([0.0, 2.0, 20.0, 600.0]),
        upload_burst=chance.choice([1, 3, 60]),
        concurrency=chance.choice([1, 2, 4]),
        settle=chance.choice([0.0, 3.0, 90.0, 90.0, 400.0]),
        backoff_max=chance.choice([1.0, 60.0, 900.0]),
        guard_percent=chance.choice([1, 30, 100]),
        guard_min=chance.choice([0, HOUR, 2 * HOUR]),
        guard_confirm=chance.choice([0.0, 120.0, 600.0, 3600.0]),
        block_vanished=chance.random() < 0.3,
    )


def _mix(chance: Random, limits: Limits) -> Faults:
    """Which faults this seed knows: some of them, each at its own rate. Nothing lands later than the settling."""
    names = [each for each in Faults.__struct_fields__ if each != "lands_late" or limits.settle > 60]
    return Faults(**{name: chance.choice([0.05, 0.3]) for name in names if chance.random() < 0.35})


async def _told(story: "Story") -> None:
    try:
        await story.tell()
    except BaseException as error:
        error.add_note(f"seed {story.seed}: {story.mix} {story.limits}\n" + "\n".join(story.chronicle.lines[-40:]))
        raise


def tell(seed: int) -> Story:
    """Live through the story of `seed`; raises AssertionError, or a group of them, when an invariant breaks."""
    story = Story(seed)
    try:
        run(_told(story))
    finally:
        story.ledger.close()
    return story
