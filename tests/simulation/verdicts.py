"""`python -m tests.simulation.verdicts`: each known-wrong engine, what is wrong with it, and what finds it out."""

import sys
from collections.abc import Callable
from typing import Final

from tests.simulation import test_corners
from tests.simulation.kept import dies
from tests.simulation.mutants import (
    MUTANTS,
    RARE,
    Mutant,
    what_an_unanswered_upload_freed_is_believed_to_be_blocked,
    what_lingers_is_never_lacking,
)

WITHIN: Final = 400
"""Seeds within which each mutant must be found out."""


CORNERS: Final[dict[Mutant, Callable[[], None]]] = {
    what_lingers_is_never_lacking: test_corners.test_what_may_have_landed_late_is_sent_when_it_is_taken_again,
    what_an_unanswered_upload_freed_is_believed_to_be_blocked: (
        test_corners.test_what_an_unanswered_upload_freed_is_sent_again_when_it_is_taken_again
    ),
}
"""Where the rare ones break something."""


def first_death(mutant: Mutant) -> int | None:
    """The first seed in which the mutant breaks an invariant."""
    return next((seed for seed in range(WITHIN) if dies(mutant, seed)), None)


def stumbles(mutant: Mutant) -> bool:
    """Whether a rare mutant breaks something in its corner."""
    with mutant():
        try:
            CORNERS[mutant]()
        except (AssertionError, ExceptionGroup):
            return True
    return False


def verdict(mutant: Mutant) -> str | None:
    """How it is found out; None when it is not."""
    if mutant in RARE:
        return "its corner" if stumbles(mutant) else None
    seed = first_death(mutant)
    return None if seed is None else f"seed {seed}"


def main() -> int:
    """Print the table; 1 if one of them lives."""
    alive = 0
    print(f"{'known-wrong engine':<58}  {'killed by':<18}  what is wrong")
    for mutant in (*MUTANTS, *RARE):
        found = verdict(mutant)
        alive += found is None
        print(f"{mutant.__name__:<58}  {found or 'ALIVE':<18}  {mutant.__doc__}", flush=True)
    total = len(MUTANTS) + len(RARE)
    print(f"{total - alive} of {total} killed, those by a seed within the first {WITHIN}")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
