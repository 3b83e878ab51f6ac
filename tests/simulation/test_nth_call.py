"""The n-th call fails, for n = 1, 2, 3 and so on, until a day goes by without meeting the fault: at every port.

After each: what is taken went up at once, nothing was freed that was taken or not ripe, the alarm was raised, and once
the fault is over the portal equals the practice and the ledger knows it. The ledger is the product's own, on files.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Final

import pytest

from engine.model import ColumnId, Instant, Reading, Window
from engine.ports import LedgerError, Noticed
from engine.spans import IntervalSet
from engine.walltime import WallSpan
from tests.simulation.calm import ADLER, LIMITS, Calm
from tests.simulation.portal import HostilePortal
from tests.simulation.source import HostileSource
from tests.simulation.sqlledger import SqlLedger
from tests.simulation.virtual import run
from tests.simulation.world import LUNCH, MONDAY, WINDOW, Faults, hours

NAME: Final = "Dr. Adler"
COLUMN: Final = ADLER[NAME]
ALWAYS: Final = 1.1
MOST: Final = 2000
"""Calls that no day makes."""
GLANCE: Final = {"PRAGMA user_version", "SELECT name FROM sqlite_master"}
"""What is asked before a file is opened, lest another program's be touched; without an answer it is asked again."""
AT_ONCE: Final = 70.0
"""Seconds after which even a change whose first upload failed, or whose hint was all that was lost, is up."""


pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


class Strict(HostilePortal):
    """Sees to it that nothing is freed while the ledger is in trouble."""

    troubled: Callable[[], bool]
    fault: "Nth"

    def _assert_allowed(self, name: str, window: Window, blocked: IntervalSet) -> None:
        assert not self.troubled() or not window.clip(self.held[name]) - blocked, "I6: freed without a ledger"
        super()._assert_allowed(name, window, blocked)

    async def window(self) -> Window:
        with self.fault.met(self):
            return await super().window()

    async def upload(self, name: str, window: Window, blocked: IntervalSet) -> int | None:
        with self.fault.met(self):
            return await super().upload(name, window, blocked)


class Attentive(HostileSource):
    """Counts its readings."""

    fault: "Nth"

    async def _read(self, column: ColumnId, span: WallSpan) -> Reading:
        with self.fault.met(self):
            return await super()._read(column, span)


class Nth:
    """A fault that only the n-th call of one port meets; the zeroth is none."""

    def __init__(self, number: int, name: str) -> None:
        self.left, self.name = number, name

    @contextmanager
    def met(self, port: Strict | Attentive) -> Iterator[None]:
        """Make a call; if it is the one, with the fault."""
        self.left -= 1
        now = self.left == 0
        port.faults = Faults(**{self.name: ALWAYS}) if now else Faults()
        if isinstance(port, Strict):
            port.refusing = now and self.name == "key_refused"
        try:
            yield
        finally:
            port.faults = Faults()
            if isinstance(port, Strict):
                port.refusing = False


class Day(Calm):
    """A calendar whose day is the same each time, up to the fault."""

    def __init__(self) -> None:
        super().__init__()
        self.sql = self.ledger = SqlLedger(Random(3))
        self.source = self.attentive = Attentive(self.practice, Random(1))
        self.portal = self.strict = Strict(ADLER, self.source, LIMITS, Random(2))
        self.attentive.fault = self.strict.fault = Nth(0, "")
        self.at_once = AT_ONCE
        self.strict.troubled = lambda: self.engine.reconciler.memory.trouble is not None
        self.portal.unpaced = True  # what the ledger missed of the pace is not what is tested here
        self.practice.taken[COLUMN] = {8, 9, 10, 32}
        self.refusals = 0
        self.over: Callable[[], None] = lambda: None
        """Ends the fault."""

    async def live(self) -> None:
        """The day, a healed rest, and another process that finds all as it is."""
        await self._begin()
        job = asyncio.create_task(self.engine.run(self.stop))
        try:
            await self._changes(job)
        finally:
            self.stop.set()
            await job
        await self._next_process()

    async def _begin(self) -> None:
        """Until the ledger can be read, each start ends at once and is repeated, as by whatever restarts the job."""
        while True:
            try:
                self.engine = self.new_engine()
                return await self.engine.recall()
            except LedgerError:
                self.refusals += 1
                if self.refusals == 3:
                    self.over()
                await asyncio.sleep(10)

    async def _changes(self, job: asyncio.Task[None]) -> None:
        await self._passes(job, 100)
        for hour in (40, 9, 42, 10, 9):
            self.take(hour)
            await self._passes(job, self.at_once)
            assert not hours(*self.practice.taken[COLUMN]) - self.portal.held[NAME], "I1: an addition was held back"
        self.portal.asked_window = Window(Instant(MONDAY), Instant(WINDOW.end + 86_400))
        await self._passes(job, 130)
        self.over()
        await self._passes(job, 400)
        self._assert_equal()

    async def _passes(self, job: asyncio.Task[None], seconds: float) -> None:
        done, _ = await asyncio.wait([job], timeout=seconds)
        assert not done, "the job ended"

    async def _next_process(self) -> None:
        """What was remembered is what the portal holds; and a new process leaves it so."""
        kept = self.sql.calendars[NAME].standing
        assert kept.baseline == self.portal.held[NAME]
        assert not kept.pending
        await self.sync()
        self._assert_equal()

    def _assert_equal(self) -> None:
        assert self.portal.held[NAME] == hours(*self.practice.taken[COLUMN]) | LUNCH, "I5: not equal"

    def alarms(self, topic: str) -> list[bool]:
        """Each alarm about `topic` (False) and each all-clear (True)."""
        return [each.over for each in self.listener.events if isinstance(each, Noticed) and each.topic == topic]

    def complaints(self) -> bool:
        """Whether anything was said to be wrong."""
        failed = any(each.fault is not None for each in self.listener.reports(NAME))
        return failed or any(isinstance(each, Noticed) for each in self.listener.events)


def lived(prepare: Callable[[Day], None]) -> Day:
    """A day with the fault that `prepare` puts into it."""

    async def main() -> Day:
        day = Day()
        try:
            prepare(day)
            await day.live()
        finally:
            day.ledger.close()
        return day

    return run(main())


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_the_nth_statement_of_the_ledger_fails(lasting: bool) -> None:
    """I1, I6, faults 40 and 36: a disk I/O error at any statement, once or until late in the day."""

    def prepare(day: Day) -> None:
        day.sql.disk.fails_at, day.sql.disk.lasting = number, lasting

        def over() -> None:
            day.sql.disk.fails_at = 0

        day.over = over

    for number in range(1, MOST):
        day = _told(lambda: lived(prepare), number)
        if not day.sql.disk.failed:
            break
        alarms = day.alarms("ledger")
        quiet = day.refusals or set(day.sql.disk.failed) <= GLANCE
        assert quiet or False in alarms, f"n = {number}: nobody was told"
        assert not alarms or alarms[-1], f"n = {number}: no all-clear"
    assert 50 < number < MOST - 1


READINGS: Final = ["read_failed", "read_partial", "read_slow"]
REQUESTS: Final = [
    "upload_refused",
    "upload_error",
    "upload_busy",
    "answer_lost",
    "lands_late",
    "never_lands",
    "key_refused",
    "window_failed",
    "window_busy",
]
BUSY: Final = 110.0
"""Seconds after which the longest pause is over that a portal asks for here."""


@pytest.mark.parametrize("name", READINGS)
def test_the_nth_reading_fails(name: str) -> None:
    """I1, I2, faults 7 and 8: failed, incomplete or slow."""

    def prepare(day: Day) -> None:
        day.attentive.fault = Nth(number, name)

    for number in range(1, MOST):
        day = _told(lambda: lived(prepare), number)
        if day.attentive.fault.left > 0:
            break
        assert name == "read_slow" or day.complaints(), f"n = {number}: nobody was told"
    assert 10 < number < MOST - 1


@pytest.mark.parametrize("name", REQUESTS)
def test_the_nth_request_fails(name: str) -> None:
    """I4, I6, I10, faults 24 to 28: window and upload, refused, lost, late or answered with an error."""

    def prepare(day: Day) -> None:
        day.strict.fault = Nth(number, name)
        day.at_once = BUSY if name.endswith("busy") else AT_ONCE

    told = 0
    for number in range(1, MOST):
        day = _told(lambda: lived(prepare), number)
        if day.strict.fault.left > 0:
            break
        told += day.complaints()
    assert 10 < number < MOST - 1
    assert told > 5


def _told(work: Callable[[], Day], number: int) -> Day:
    try:
        return work()
    except BaseException as error:
        error.add_note(f"n = {number}")
        raise
