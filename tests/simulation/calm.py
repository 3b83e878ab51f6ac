"""A world without faults, for telling one thing at a time: the engine on its ports, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from random import Random
from typing import Any

import msgspec

from engine.limits import Limits
from engine.model import ColumnId
from engine.ports import Report
from engine.reconcile import World
from engine.runtime import Engine
from engine.spans import IntervalSet
from tests.simulation.listener import Listener
from tests.simulation.memory import MemoryLedger
from tests.simulation.portal import HostilePortal
from tests.simulation.source import HostileSource
from tests.simulation.virtual import run
from tests.simulation.world import MONDAY, Practice

ADLER = {"Dr. Adler": ColumnId("TK1", "A")}
LIMITS = Limits(interval=60.0, upload_gap=0.0)


def without(limits: Limits, **changes: object) -> Limits:
    """`limits`, but for these."""
    return msgspec.structs.replace(limits, **changes)


class Calm:
    """One engine and its world; nothing fails unless a test says so."""

    def __init__(self, columns: Mapping[str, ColumnId] = ADLER, limits: Limits = LIMITS) -> None:
        self.columns, self.limits = columns, limits
        self.practice = Practice(list(columns.values()))
        self.source = HostileSource(self.practice, Random(1))
        self.portal = HostilePortal(columns, self.source, limits, Random(2))
        self.ledger = MemoryLedger(Random(3))
        self.listener = Listener()
        self.stop = asyncio.Event()
        self.engine = self.new_engine()

    def new_engine(self) -> Engine:
        """An engine of a new process, on what the ledger kept."""
        world = World(self.source, self.portal, self.ledger, self.listener, self.wall, Random(4))
        engine = Engine(self.columns, world, self.limits)
        self.source.follow(engine.reconciler.lookout)
        return engine

    def wall(self) -> float:
        return MONDAY + asyncio.get_running_loop().time()

    def take(self, hour: int, name: str = "Dr. Adler") -> None:
        """The practice takes or gives back an hour of Monday, and the source says so."""
        self.practice.taken[self.columns[name]] ^= {hour}
        self.source.hint(self.columns[name])

    async def sync(self) -> Report:
        """One `tmex sync` of a process of its own."""
        self.engine = self.new_engine()
        await self.engine.recall()
        reports = await self.engine.alone(self.engine.sync(list(self.columns)))
        return reports[0]

    async def release(self, times: IntervalSet) -> Report:
        """A person lets go removals of Dr. Adler's calendar."""
        self.portal.released["Dr. Adler"] |= times
        return await self.engine.release("Dr. Adler", times)

    async def running(self, then: Callable[[], Awaitable[None]]) -> None:
        """The job, from its start to its ordered stop, and `then` in between."""
        await self.engine.recall()
        job = asyncio.create_task(self.engine.run(self.stop))
        try:
            await then()
        finally:
            self.stop.set()
            await job


def calmly(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test in virtual time."""

    @wraps(test)
    def told(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - whatever pytest passes
        async def main() -> None:
            await test(*args, **kwargs)

        run(main())

    return told
