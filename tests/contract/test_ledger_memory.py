"""The simulation's ledger keeps the promises of every ledger, so that what is simulated is what is built."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from engine.ports import Ledger
from tests.contract.ledger_contract import LedgerContract
from tests.simulation.memory import MemoryLedger


class MemoryStore:
    """One ledger that outlives the simulated processes."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger(Random(0))

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Ledger]:
        yield self.ledger


class TestMemoryLedger(LedgerContract):
    """`LedgerContract`, without a file."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        """An empty one."""
        return MemoryStore()

    # Hypothesis wants one class for each of its tests, and that is the one with the file.
    test_what_is_told_is_what_the_next_process_knows = None  # type: ignore[assignment] # takes a test away
