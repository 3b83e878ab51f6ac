"""docs/benchmarks.md says what docs/benchmarks.json holds, and nothing else: both are written here, and by nobody."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figures import Figures, Outcome, Record
from bench.plot import plot
from bench.registry import SCENARIOS, entries
from bench.scenario import Goal, Scenario
from bench.telling import fact, limit, machine_lines, measured, number, rows, seconds, size

DOCS: Final = Path(__file__).parents[1] / "docs"
_HEAD: Final = """# Benchmarks

Written by `python -m bench --write`, never by hand; the figures are those of [benchmarks.json](benchmarks.json). Every
figure of tmex stands beside a *floor* of the same run: the least that any program must do, with the same libraries and
none of the work. Programs take turns in shuffled rounds, so that what the machine does to one it does to all. Ratios
hold elsewhere; seconds are of this machine. `python -m bench --help` tells how to measure your own.
"""
_ELSEWHERE: Final = """
## The programs beside tmex

`careful` is ours: it hears of a change, reads its day, writes that to a SQLite file in a thread, and posts a ready
body. It shows what a goal leaves for all the rest: where `careful` misses it, nothing that reads and remembers so can
reach it.
`make bench-peers` measures what they take for a part of tmex's work: those that hear of a change post a ready body, as
the floor does. Debezium's engine follows the server's log: where it is measured, the server writes that log at
`wal_level = logical` for every program of the scenario. Its driver knows no Unix sockets and comes over loopback; the
others come by the socket. `debezium_every_ms` polls every millisecond, `debezium` as it comes, twice a second; for it,
changes come at any moment between two polls.

## What is not measured here

What DURIA itself takes for a cycle is not known: TMEX stands here as a bare program that reads every column and calls
curl. How fast a practice's exports leave DURIA is not known either.
"""


def write(later: Record, docs: Path = DOCS) -> None:
    """Keep what was measured, with all that was not measured anew, and write the page and its plots."""
    kept = docs / "benchmarks.json"
    record = Record.unpack(kept.read_bytes()).merged(later) if kept.exists() else later
    kept.write_bytes(record.packed())
    draw(docs)


def draw(docs: Path = DOCS) -> None:
    """Write the page and its plots anew from what was kept: after a change in the words, or of a goal."""
    record = Record.unpack((docs / "benchmarks.json").read_bytes())
    for name, text in files(record).items():
        path = docs / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")


def files(record: Record) -> dict[str, str]:
    """The page and its plots, by their names below docs/."""
    plots = {
        f"benchmarks/{scenario.name}.svg": plot(told, scenario.unit)
        for scenario in SCENARIOS
        if (told := _told(record, scenario))
    }
    return {"benchmarks.md": page(record), **plots}


def page(record: Record) -> str:
    """The page."""
    parts = [_HEAD, *_machine(record), "## Goals\n", *_goals(record), ""]
    for scenario in SCENARIOS:
        told = _told(record, scenario)
        if told:
            parts += _section(scenario, told)
    return "\n".join([*parts, _ELSEWHERE.strip(), ""])


def _told(record: Record, scenario: Scenario) -> dict[str, Outcome]:
    names = [scenario.full_name(each) for each in scenario.sizes or (0,)]
    return {name: record.scenarios[name] for name in names if name in record.scenarios}


def _machine(record: Record) -> Iterator[str]:
    yield "## The machine\n"
    for line in machine_lines(record.machine):
        yield f"- {line[0].upper()}{line[1:]}."
    dates = sorted({each.date for each in record.scenarios.values()})
    yield f"- Measured on {dates[0]}.\n" if len(dates) == 1 else f"- Measured from {dates[0]} to {dates[-1]}.\n"


def _goals(record: Record) -> Iterator[str]:
    yield "| scenario | goal | | reached | | `careful` reaches |"
    yield "| --- | --- | ---: | ---: | --- | ---: |"
    missed: dict[tuple[str, str], list[str]] = {}
    for entry in entries():
        outcome = record.scenarios.get(entry.name)
        for goal in entry.goals:
            reached = None if outcome is None else outcome.figure(goal.figure)
            told = "not measured" if reached is None else number(reached)
            met = reached is None or goal.met(reached)
            word = "" if reached is None else "yes" if met else "**no**"
            least = None if outcome is None else outcome.least()
            yield f"| `{entry.name}` | {goal.says} | {limit(goal)} | {told} | {word} | {_least(least, goal)} |"
            if not met:
                missed.setdefault((entry.name, goal.why or "not explained yet"), []).append(goal.says)
    yield ""
    if missed:
        yield "Not reached, and why:\n"
        yield from (f"- `{name}`, {'; '.join(which)}: {why}." for (name, why), which in missed.items())


def _least(least: Outcome | None, goal: Goal) -> str:
    """What the goal's figure would be, were tmex no more than `careful`; nothing where nobody knows."""
    reached = None if least is None else least.figure(goal.figure)
    return "" if reached is None else number(reached)


def _section(scenario: Scenario, told: dict[str, Outcome]) -> Iterator[str]:
    yield f"## {scenario.name}\n"
    yield f"{_sentence(scenario.tells)}{f' Floor: {scenario.floor}.' if scenario.floor else ''}"
    yield f"{f'Sizes are {scenario.of}.' if scenario.of else ''}\n"
    yield f"![{scenario.name}](benchmarks/{scenario.name}.svg)\n"
    yield "| | program | p50 | p90 | p99 | of the floor | processor per change | most memory | spread |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for name, outcome in told.items():
        for who, each in rows(outcome):
            yield _row(name, who, each, outcome, scenario.unit)
    yield ""
    yield from _facts(told)
    for name, outcome in told.items():
        for peer, reason in outcome.skipped.items():
            yield f"`{name}`: {peer} was left out: {reason}\n"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _row(name: str, who: str, each: Figures, outcome: Outcome, unit: str) -> str:
    told = [measured(value, unit) for value in (each.p50, each.p90, each.p99)]
    ratio = f"{outcome.ratio_p50:.2f}, p99 {outcome.ratio_p99:.2f}" if who == "tmex" and outcome.ratio_p50 else ""
    cpu = "" if each.cpu is None else seconds(each.cpu)
    memory = "" if each.memory is None else size(each.memory)
    spread = f"{outcome.spread:.0%}" if who == "tmex" else ""
    return f"| `{name}` | {who} | {' | '.join(told)} | {ratio} | {cpu} | {memory} | {spread} |"


def _facts(told: dict[str, Outcome]) -> Iterator[str]:
    names = list(dict.fromkeys(name for outcome in told.values() for name in outcome.facts))
    if not names:
        return
    yield f"| | {' | '.join(f'`{name}`' for name in told)} |"
    yield f"| --- | {' | '.join('---:' for _ in told)} |"
    for name in names:
        values = [fact(name, each.facts[name])[1] if name in each.facts else "" for each in told.values()]
        yield f"| {fact(name, 0)[0]} | {' | '.join(values)} |"
    yield ""


def is_current(docs: Path = DOCS) -> bool:
    """Whether the page and its plots say what was kept."""
    record = Record.unpack((docs / "benchmarks.json").read_bytes())
    return all((docs / name).read_text("utf-8") == text for name, text in files(record).items())
