"""Long simulations go more than twice as fast when nobody counts lines; what they reach is counted elsewhere."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def uncounted() -> Iterator[None]:
    """Meanwhile nobody counts the lines of this thread. A pause of the coverage would not do: in a worker of
    pytest-xdist two of them count, and where one pauses, the other goes on.
    """
    counting = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(counting)


@pytest.fixture(name="uncounted")
def uncounted_test() -> Iterator[None]:
    """A whole test that nobody counts."""
    with uncounted():
        yield
