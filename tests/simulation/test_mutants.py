"""The tester is tested: each known-wrong engine is found out within a few hundred seeds."""

import pytest

from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.story import tell

WITHIN = 400
"""Seeds within which each mutant must be found out."""


def killed_by(mutant: Mutant) -> int | None:
    """The first seed in which the mutant breaks an invariant."""
    for seed in range(WITHIN):
        try:
            with mutant():
                tell(seed)
        except (AssertionError, ExceptionGroup):
            return seed
    return None


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.__name__)
def test_a_wrong_engine_is_found_out(mutant: Mutant) -> None:
    """I1 to I6, I10: the simulation cannot be passed by an engine that breaks what it promises."""
    assert killed_by(mutant) is not None
