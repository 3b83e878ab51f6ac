"""Hypothesis drives the engine by rules and shrinks what it finds: a few steps in place of a seed's whole story."""

import asyncio
import os
from collections.abc import Awaitable
from contextlib import suppress
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from engine.limits import Limits
from engine.model import DAY, ColumnId, Instant, Window
from tests.simulation import mutants
from tests.simulation.calm import Calm
from tests.simulation.mutants import Mutant
from tests.simulation.virtual import VirtualLoop
from tests.simulation.world import MONDAY, WINDOW, Faults

STEPS: Final = int(os.environ.get("STEPS", "1500"))
A_RUN: Final = 30
"""Steps of one run at most; then all is healed, and the portal must equal the practice."""
COLUMNS: Final = {"Dr. Adler": ColumnId("TK1", "A"), "Dr. Busch": ColumnId("TK1", "B")}
ALWAYS: Final = 1.1

names = st.sampled_from(sorted(COLUMNS))
faults = st.sampled_from([each for each in Faults.__struct_fields__ if each not in {"freezes", "key_refused"}])


class Job(RuleBasedStateMachine):
    """The engine of `make sim`, with the same hostile ports and what they assert; here every happening is a choice."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.on = True

    @initialize(
        free_delay=st.sampled_from([10.0, 0.0, 600.0]),
        gap=st.sampled_from([0.0, 2.0, 20.0]),
        settle=st.sampled_from([90.0, 0.0]),
        guard_min=st.sampled_from([7200, 0]),
        burst=st.sampled_from([60, 1]),
    )
    def begins(self, free_delay: float, gap: float, settle: float, guard_min: int, burst: int) -> None:
        limits = Limits(
            interval=60.0, free_delay=free_delay, upload_gap=gap, settle=settle, guard_min=guard_min, upload_burst=burst
        )
        self.world = Calm(COLUMNS, limits)
        self.world.portal.ledger = self.world.ledger
        self._do(self._start())

    @rule(name=names, hour=st.sampled_from([8, 9, 10, 32]), then=st.sampled_from([0.0, 0.006, 12.0, 120.0]))
    def the_practice_changes(self, name: str, hour: int, then: float) -> None:
        self._do(self._change(name, hour, then))

    @rule(name=names)
    def a_column_reads_as_empty_or_no_longer(self, name: str) -> None:
        self.world.practice.emptied ^= {COLUMNS[name]}

    @rule(first=st.sampled_from([0, 1, 20]))
    def the_window_moves(self, first: int) -> None:
        self.world.portal.asked_window = Window(Instant(MONDAY + first * DAY), Instant(MONDAY + (first + 7) * DAY))

    @rule(seconds=st.sampled_from([0.001, 0.006, 0.02, 1.0, 12.0, 70.0, 700.0]))
    def time_passes(self, seconds: float) -> None:
        self._do(asyncio.sleep(seconds))

    @rule(name=faults)
    def a_fault_begins(self, name: str) -> None:
        portal, limits = self.world.portal, self.world.limits
        if name == "lands_late" and not limits.settle:
            return
        portal.forgetful |= name == "ledger_fails"
        portal.unpaced |= name in {"ledger_fails", "ledger_slow"}
        self._faults(Faults(**{name: ALWAYS}))

    @rule()
    def the_faults_end(self) -> None:
        self._faults(Faults())

    @rule(refuses=st.booleans())
    def the_portal_refuses_the_key_or_no_longer(self, refuses: bool) -> None:
        self.world.portal.refusing = refuses

    @rule(after=st.sampled_from([0.0, 0.005, 0.02]), down=st.sampled_from([0.0, 1.0, 200.0]))
    def the_process_crashes(self, after: float, down: float) -> None:
        self._do(self._crash(after, down))

    @rule(seconds=st.sampled_from([4.0, 20.0, 600.0]))
    def the_process_stands_still(self, seconds: float) -> None:
        self.world.portal.unpaced = True
        self.loop.freeze(seconds)

    @rule()
    def a_person_syncs(self) -> None:
        self._do(self._patiently(self.world.engine.sync(list(COLUMNS))))

    @rule(name=names)
    def a_person_releases(self, name: str) -> None:
        report = self.world.engine.calendars[name].report
        if report is not None and report.held:
            self.world.portal.released[name] |= report.held
            self._do(self._patiently(self.world.engine.release(name, report.held)))

    @rule()
    def a_person_switches_off_or_on(self) -> None:
        self.on = not self.on
        self.world.portal.closed = not self.on and not self.world.portal.unpaced
        self.world.engine.switch(on=self.on)

    @invariant()
    def the_job_lives(self) -> None:
        """What the hostile ports assert ends the job."""
        if hasattr(self, "job") and self.job.done():
            self.job.result()
        assert not self.loop.failures

    def teardown(self) -> None:
        try:
            if hasattr(self, "job") and not self.job.done():
                self._do(self._heal())
        finally:
            for task in asyncio.all_tasks(self.loop):
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    self.loop.run_until_complete(task)
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()

    def _do(self, happening: Awaitable[None]) -> None:
        async def within() -> None:
            await happening

        self.loop.run_until_complete(within())

    async def _change(self, name: str, hour: int, then: float) -> None:
        self.world.take(hour, name)
        await asyncio.sleep(then)

    async def _start(self) -> None:
        self.world.engine = self.world.new_engine()
        self.world.engine.gate.open = self.on
        await self.world.engine.recall()
        self.job = asyncio.create_task(self.world.engine.run(self.world.stop))

    async def _crash(self, after: float, down: float) -> None:
        await asyncio.sleep(after)
        self.job.cancel()
        with suppress(asyncio.CancelledError):
            await self.job
        self.world.portal.lose_sight()
        await asyncio.sleep(down)
        await self._start()

    async def _patiently(self, errand: Awaitable[object]) -> None:
        portal = self.world.portal
        portal.polite = portal.closed = False
        with suppress(TimeoutError):
            async with asyncio.timeout(120):
                await errand
        await asyncio.sleep(0 if self.on else 60)
        portal.closed = not self.on and not portal.unpaced

    async def _heal(self) -> None:
        """All faults end; then the portal comes to equal the practice, and after that nothing is sent."""
        world, portal = self.world, self.world.portal
        self._faults(Faults())
        portal.refusing = portal.closed = False
        world.practice.emptied.clear()
        portal.asked_window = WINDOW
        world.engine.switch(on=True)
        await asyncio.wait([self.job], timeout=6000)
        if not self.job.done():
            self._equal()
            uploads = len(portal.uploads)
            await asyncio.wait([self.job], timeout=3600)
            assert len(portal.uploads) == uploads or self.job.done(), "R14: an upload although nothing changed"
        world.stop.set()
        await self.job

    def _equal(self) -> None:
        for name, column in COLUMNS.items():
            held = WINDOW.clip(self.world.portal.held[name])
            wanted = self.world.practice.blocked(column)
            assert held == wanted or (self.world.portal.forgetful and not wanted - held), f"I5: {name}"

    def _faults(self, faults: Faults) -> None:
        self.world.source.faults = self.world.portal.faults = self.world.ledger.faults = faults


QUIET: Final = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


@pytest.mark.timeout(60 + STEPS)
class TestJob(Job.TestCase):  # type: ignore[valid-type,misc]  # made by hypothesis for each machine
    """I1 to I8, I10, R2, R14, faults 7, 8, 11, 25, 26, 27, 28, 36, 42 and 44: whatever the order of happenings."""

    settings = settings(
        max_examples=STEPS // A_RUN, stateful_step_count=A_RUN, deadline=None, suppress_health_check=QUIET
    )


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    "wrong",
    [
        mutants.removals_never_ripen_but_go_at_once,
        mutants.acknowledged_before_the_answer,
        mutants.an_upload_forgets_what_must_not_be_freed,
        mutants.nothing_is_written_before_an_upload,
    ],
    ids=lambda each: each.__name__,
)
def test_a_wrong_engine_is_found_out(wrong: Mutant) -> None:
    """The tester is tested: the machine finds wrong engines too. A search may go astray, but never all of them do."""
    assert any(_finds(wrong, chance) for chance in range(10))


def _finds(wrong: Mutant, chance: int) -> bool:
    search = settings(
        max_examples=100,
        stateful_step_count=A_RUN,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=QUIET,
        print_blob=False,
    )
    with wrong():
        try:
            run_state_machine_as_test(seed(chance)(type("Job", (Job,), {})), settings=search)
        except (AssertionError, ExceptionGroup):
            return True
    return False
