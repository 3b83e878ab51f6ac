"""What was measured, in seconds and bytes, in the one shape that the JSON, the table, the plots and the page share."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

CAREFUL: Final = "careful"


class Figures(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One program's: percentiles of what the scenario measures, in seconds unless the scenario says otherwise."""

    p50: float
    p90: float
    p99: float
    count: int
    """Of how many measurements."""
    cpu: float | None = None
    """Seconds of processor time per change, as the operating system counts them."""
    memory: int | None = None
    """Most bytes resident at any time."""

    @classmethod
    def of(cls, measured: Sequence[float], cpu: float | None = None, memory: int | None = None) -> "Figures":
        """From measurements in any order, at least one."""
        p50, p90, p99 = (percentile(measured, each) for each in (50, 90, 99))
        return cls(p50=p50, p90=p90, p99=p99, count=len(measured), cpu=cpu, memory=memory)


class Outcome(Figures, kw_only=True):
    """Of one scenario: tmex's own figures, the floor's and the peers' of the same run."""

    floor: Figures | None = None
    ratio_p50: float | None = None
    ratio_p99: float | None = None
    """Of tmex to the floor."""
    peers: dict[str, Figures] = {}
    skipped: dict[str, str] = {}
    """Peers that were not measured, and why."""
    facts: dict[str, float] = {}
    """Further figures, each by a name that ends with its unit unless it is a ratio or a count."""
    curves: dict[str, list[tuple[float, float]]] = {}
    """Figures that grow with something, as points."""
    effort: str = ""
    date: str = ""
    spread: float = 0.0
    """How much a fixed piece of work varied just before: p90 over p50, less one."""

    @classmethod
    def against(
        cls,
        own: Figures,
        floor: Figures | None = None,
        *,
        peers: Mapping[str, Figures] = {},
        facts: Mapping[str, float] = {},
        curves: Mapping[str, Sequence[tuple[float, float]]] = {},
        skipped: Mapping[str, str] = {},
    ) -> "Outcome":
        """`own` beside the floor and the peers."""
        outcome = cls(
            **msgspec.structs.asdict(own),
            floor=floor,
            peers=dict(peers),
            skipped=dict(skipped),
            facts=dict(facts),
            curves={name: list(points) for name, points in curves.items()},
        )
        if floor is not None:
            outcome.ratio_p50, outcome.ratio_p99 = own.p50 / floor.p50, own.p99 / floor.p99
            if own.cpu is not None and floor.cpu:
                outcome.facts["cpu_ratio"] = own.cpu / floor.cpu
        return outcome

    def least(self) -> "Outcome | None":
        """The same, were tmex no more than `careful`, which does what no program of its kind can leave out; None where
        that was not measured.
        """
        least = self.peers.get(CAREFUL)
        return None if least is None else Outcome.against(least, self.floor, peers=self.peers)

    def figure(self, name: str) -> float | None:
        """A figure by its name: `ratio_p99`, a fact's, or `peers.NAME` for the ratio of p50 to that peer's."""
        peer = self.peers.get(name.removeprefix("peers."))
        if peer is not None:
            return self.p50 / peer.p50
        found = self.facts.get(name, getattr(self, name, None))
        return None if found is None else float(found)


class Machine(msgspec.Struct, kw_only=True):
    """What kind of machine it was."""

    processor: str
    cores: int
    memory: int
    """Bytes."""
    system: str
    python: str
    postgres: str
    load: float
    """How many processes wanted a core before anything was measured."""
    fixed_work: Figures
    """Seconds that a fixed piece of work took, again and again: how much all other figures may vary."""


class Record(msgspec.Struct, kw_only=True):
    """All of a run; what `--json` writes."""

    machine: Machine
    scenarios: dict[str, Outcome]

    def packed(self) -> bytes:
        """As JSON that people can read, too."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    @classmethod
    def unpack(cls, packed: bytes) -> "Record":
        """What `packed` made; raises msgspec.ValidationError when it has another shape."""
        return msgspec.json.decode(packed, type=cls)

    def merged(self, later: "Record") -> "Record":
        """With what `later` measured anew in place of what was known of it."""
        return Record(machine=later.machine, scenarios=self.scenarios | later.scenarios)


def percentile(measured: Iterable[float], percent: float) -> float:
    """The value below which `percent` of all lie."""
    ordered = sorted(measured)
    place = min(len(ordered) - 1, int(len(ordered) * percent / 100))
    return ordered[place]


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """How a cost grows with a size: 0 not at all, 1 in proportion, 2 as its square; the slope of the logarithms."""
    logs = [(math.log(size), math.log(cost)) for size, cost in points]
    mean_x, mean_y = (sum(each) / len(logs) for each in zip(*logs, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return float(sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread)
