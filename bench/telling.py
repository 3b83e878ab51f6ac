"""Figures for people: with a fitting unit, as lines on a terminal, and the goals beside what was reached."""

from collections.abc import Iterator
from typing import Final

from bench.figures import Figures, Machine, Outcome
from bench.machine import spread
from bench.registry import Entry
from bench.scenario import Goal

_SECONDS: Final = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))
_BYTES: Final = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B"))


def seconds(value: float) -> str:
    """As `1.23 ms`."""
    size, unit = next((each for each in _SECONDS if abs(value) >= each[0]), _SECONDS[-1])
    return f"{value / size:.3g} {unit}" if abs(value / size) < 1000 else f"{value / size:,.0f} {unit}"


def size(value: float) -> str:
    """As `4.72 kB`."""
    bytes_, unit = next((each for each in _BYTES if abs(value) >= each[0]), _BYTES[-1])
    return f"{value / bytes_:.3g} {unit}"


def measured(value: float, unit: str) -> str:
    """What a scenario measures."""
    return f"{value:.4%}" if unit == "share" else seconds(value)


def fact(name: str, value: float) -> tuple[str, str]:
    """Its name in words, and its value with the unit that its name ends with."""
    words = name.replace("_", " ")
    if name.endswith("_seconds"):
        return words.removesuffix(" seconds"), seconds(value)
    if name.endswith("_bytes") or name.startswith("bytes_per_"):
        return words, size(value)
    return words, f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def rows(outcome: Outcome) -> Iterator[tuple[str, Figures]]:
    """Every program with its figures: tmex, the floor, the peers."""
    yield "tmex", outcome
    if outcome.floor is not None:
        yield "floor", outcome.floor
    yield from outcome.peers.items()


def lines(entry: Entry, outcome: Outcome) -> Iterator[str]:
    """One scenario on the terminal."""
    unit = entry.scenario.unit
    yield f"{entry.name}   {entry.scenario.tells}   (spread {outcome.spread:.0%})"
    for name, each in rows(outcome):
        told = "  ".join(f"p{p} {measured(value, unit):>9}" for p, value in _percentiles(each))
        cpu = f"  cpu {seconds(each.cpu)} a change" if each.cpu is not None else ""
        memory = f"  memory {size(each.memory)}" if each.memory is not None else ""
        yield f"  {name:<17} {told}{cpu}{memory}"
    if outcome.ratio_p50 is not None and outcome.ratio_p99 is not None:
        yield f"  {'of the floor':<17} p50 {outcome.ratio_p50:9.2f}  {'':13}  p99 {outcome.ratio_p99:9.2f}"
    for name, value in outcome.facts.items():
        yield "  {}: {}".format(*fact(name, value))
    for name, reason in outcome.skipped.items():
        yield f"  {name} was left out: {reason}"
    for goal in entry.goals:
        yield f"  {verdict(goal, outcome)}"


def verdict(goal: Goal, outcome: Outcome) -> str:
    """Whether the goal is reached, in one line."""
    reached = outcome.figure(goal.figure)
    if reached is None:
        return f"· {goal.says}: {limit(goal)}, not measured"
    mark, word = ("✓", "") if goal.met(reached) else ("✗", "not ")
    return f"{mark} {goal.says}: {limit(goal)}, {word}reached with {number(reached)}"


def limit(goal: Goal) -> str:
    """As `≤ 2`."""
    return f"{'≥' if goal.at_least else '≤'} {number(goal.limit)}"


def number(value: float) -> str:
    """A figure of a goal."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def machine_lines(machine: Machine) -> Iterator[str]:
    """What was measured on, and how steady it is."""
    yield (
        f"{machine.processor}, {machine.cores} cores, {size(machine.memory)}, {machine.system}, "
        f"Python {machine.python}, PostgreSQL {machine.postgres}"
    )
    work = machine.fixed_work
    yield (
        f"a fixed piece of work takes {seconds(work.p50)} here, one time in ten {spread(work):.0%} longer, one in a "
        f"hundred {work.p99 / work.p50 - 1:.0%}; {machine.load:.1f} processes wanted a core before"
    )


def _percentiles(each: Figures) -> list[tuple[int, float]]:
    return [(50, each.p50), (90, each.p90), (99, each.p99)]
