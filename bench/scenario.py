"""What a scenario is: what it measures, against which floor and peers, and which goals its figures have."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from bench.figures import Outcome
from bench.lab import Lab


class Goal(NamedTuple):
    """What a figure should be: at most `limit`, or at least that."""

    figure: str
    """As `Outcome.figure` knows it."""
    limit: float
    says: str
    """What the figure is, for people."""
    at_least: bool = False
    why: str = ""
    """Why it is not reached, where it is not; no figures, for those are measured."""

    def met(self, reached: float) -> bool:
        """Whether the figure is as it should be."""
        return reached >= self.limit if self.at_least else reached <= self.limit


class Scenario(NamedTuple):
    """One thing that is measured, perhaps in several sizes."""

    name: str
    tells: str
    """What its figures are, for people."""
    run: Callable[..., Awaitable[Outcome]]
    """Given a lab, and the size where there are several."""
    sizes: tuple[int, ...] = ()
    of: str = ""
    """What the sizes count."""
    floor: str = ""
    """What the floor is."""
    peers: tuple[str, ...] = ()
    goals: Mapping[int, tuple[Goal, ...]] = {}
    """By size; 0 where there are none."""
    quick: int = 0
    """The size that a glance measures."""
    unit: str = "s"
    """Of what is measured: `s`, or `share` of a core."""
    only_peers: bool = False
    """Whether it is nothing without its peers."""

    def full_name(self, size: int) -> str:
        """As `--list` shows it."""
        return f"{self.name}.{size}" if size else self.name

    def measured(self, lab: Lab, size: int) -> Awaitable[Outcome]:
        """Measure it."""
        arguments: tuple[Any, ...] = (lab, size) if size else (lab,)
        return self.run(*arguments)
