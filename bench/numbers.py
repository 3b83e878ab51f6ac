"""What a scenario measured, and how it is told: percentiles, and ratios to the floor of the same run."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec


class Series(msgspec.Struct, frozen=True):
    """Measured seconds, ascending, and the processor's seconds per change where they were counted."""

    seconds: tuple[float, ...]
    cpu: float | None = None

    @classmethod
    def of(cls, seconds: Sequence[float], cpu: float | None = None) -> "Series":
        """From measurements in any order."""
        return cls(tuple(sorted(seconds)), cpu)

    def at(self, percent: float) -> float:
        """The value below which `percent` of all lie."""
        return self.seconds[min(len(self.seconds) - 1, int(len(self.seconds) * percent / 100))]


class Result(msgspec.Struct, frozen=True):
    """One scenario: its own series, the floor's, and the peers'."""

    name: str
    own: Series
    floor: Series | None = None
    peers: Mapping[str, Series] = {}
    facts: Mapping[str, float] = {}
    """Further numbers that the scenario prints, by name with its unit."""

    def ratio(self, percent: float) -> float | None:
        """Own against floor at that percentile; None without a floor."""
        return self.own.at(percent) / self.floor.at(percent) if self.floor is not None else None

    def as_json(self) -> dict[str, Any]:
        """The shape that `--json` writes; seconds."""
        return {
            **_figures(self.own),
            "floor": self.floor and _figures(self.floor),
            "ratio_p50": self.ratio(50),
            "ratio_p99": self.ratio(99),
            "peers": {name: _figures(each) for name, each in self.peers.items()},
            **self.facts,
        }

    def lines(self) -> list[str]:
        """The same for people."""
        told = [self.name]
        for name, series in {"tmex": self.own, "floor": self.floor, **self.peers}.items():
            if series is not None:
                cpu = "" if series.cpu is None else f"   cpu {series.cpu * 1e3:6.2f} ms a change"
                told.append(f"  {name:<8} p50 {series.at(50) * 1e3:8.3f} ms   p99 {series.at(99) * 1e3:8.3f} ms{cpu}")
        if self.floor is not None:
            told.append(f"  {'ratio':<8} p50 {self.ratio(50):8.2f}      p99 {self.ratio(99):8.2f}")
        return told + [f"  {name}: {value:.4g}" for name, value in self.facts.items()]


def _figures(series: Series) -> dict[str, Any]:
    figures: dict[str, Any] = {f"p{percent}": series.at(percent) for percent in (50, 90, 99)}
    return figures if series.cpu is None else figures | {"cpu": series.cpu}


def report(results: Sequence[Result]) -> str:
    """All of it as JSON, with the machine that it was measured on."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()}
    return json.dumps({"machine": machine, "scenarios": {each.name: each.as_json() for each in results}}, indent=2)
