"""Long simulations go more than twice as fast when nobody counts lines; what they reach is counted elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from coverage import Coverage


@contextmanager
def uncounted() -> Iterator[None]:
    """Meanwhile nobody counts lines."""
    counting = Coverage.current()
    if counting is None:
        yield
        return
    counting.stop()
    try:
        yield
    finally:
        counting.start()


@pytest.fixture(name="uncounted")
def uncounted_test() -> Iterator[None]:
    """A whole test that nobody counts."""
    with uncounted():
        yield
