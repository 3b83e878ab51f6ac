"""The tester is tested: each known-wrong engine is found out within a few hundred seeds, or in a corner of its own."""

import pytest

from tests.simulation.mutants import MUTANTS, RARE, Mutant
from tests.simulation.verdicts import WITHIN, first_death, stumbles

pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda each: each.__name__)
def test_a_wrong_engine_is_found_out(mutant: Mutant) -> None:
    """I1 to I6, I10: the simulation cannot be passed by an engine that breaks what it promises."""
    assert first_death(mutant) is not None, f"not within {WITHIN} seeds"


@pytest.mark.parametrize("mutant", RARE, ids=lambda each: each.__name__)
def test_a_rare_one_is_found_out_in_its_corner(mutant: Mutant) -> None:
    """I5, I6: what one story in thousands would show is shown every time."""
    assert stumbles(mutant)


def test_each_says_what_is_wrong() -> None:
    """`make mutants` prints it beside the name."""
    assert all(each.__doc__ for each in (*MUTANTS, *RARE))
