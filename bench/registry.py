"""Every scenario there is, by the names that the command takes."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from bench.scenario import Goal, Scenario
from bench.scenarios import anatomy, burst, cycle, harm, latency, page, rest, scale, stages, start, vdirsyncer

SCENARIOS: Final = (
    *latency.SCENARIOS,
    *anatomy.SCENARIOS,
    *vdirsyncer.SCENARIOS,
    *cycle.SCENARIOS,
    *burst.SCENARIOS,
    *scale.SCENARIOS,
    *rest.SCENARIOS,
    *start.SCENARIOS,
    *stages.SCENARIOS,
    *harm.SCENARIOS,
    *page.SCENARIOS,
)


class Entry(NamedTuple):
    """A scenario in one of its sizes; 0 where it has none."""

    scenario: Scenario
    size: int

    @property
    def name(self) -> str:
        return self.scenario.full_name(self.size)

    @property
    def goals(self) -> tuple[Goal, ...]:
        return tuple(self.scenario.goals.get(self.size, ()))


def entries() -> Iterator[Entry]:
    """Every scenario in every size."""
    for scenario in SCENARIOS:
        for size in scenario.sizes or (0,):
            yield Entry(scenario, size)


def chosen(prefixes: Sequence[str], *, quick: bool = False, peers: bool = False) -> list[Entry]:
    """Those whose names begin so, all without a prefix; at a glance one size of each that is not named in full."""
    return [
        each
        for each in entries()
        if each.name.startswith(tuple(prefixes) or "")
        and (peers or not each.scenario.only_peers)
        and (not quick or each.size == each.scenario.quick or each.name in prefixes)
    ]


def smallest(prefixes: Sequence[str] = ()) -> list[Entry]:
    """Those in their smallest size, whatever is installed."""
    entries = (Entry(each, min(each.sizes, default=0)) for each in SCENARIOS)
    return [each for each in entries if each.name.startswith(tuple(prefixes) or "")]
