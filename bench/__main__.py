"""`python -m bench`: measures what is named, and tells it on the terminal, as JSON, and on the page of benchmarks."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from bench import paper
from bench.bar import Bar
from bench.figures import Outcome, Record
from bench.lab import FULL, QUICK, SMALLEST, Effort, Lab
from bench.machine import fixed_work, machine, spread
from bench.registry import Entry, chosen, smallest
from bench.telling import lines, machine_lines

_TEACHES: Final = """
Every figure of tmex stands beside a floor: the least that any program must do, measured in the same run, in shuffled
rounds. Ratios hold on other machines; seconds do not. The spread of a fixed piece of work says how much this machine
wavers; differences below it mean nothing.

examples:
  python -m bench --list                         what there is
  python -m bench --quick                        a glance at all of it, in a minute
  python -m bench latency.postgres               every scenario whose name begins so
  python -m bench latency.postgres.5000 --json figures.json
  python -m bench --write scale                  measure, and put it into docs/benchmarks.md beside what is there

JSON, in seconds and bytes: {"machine": …, "scenarios": {NAME: {"p50", "p90", "p99", "count", "cpu", "memory",
  "floor": {"p50", …}, "ratio_p50", "ratio_p99", "peers": {PEER: {"p50", …}}, "facts": {NAME: figure}, …}}}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the arguments ask for; 0, or 2 for wrong usage."""
    parser = _parser()
    wish = parser.parse_args(argv)
    if wish.list:
        _list(wish.scenario)
    elif wish.redraw:
        paper.draw()
    else:
        _measure(wish, parser)
    return 0


def _measure(wish: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    effort = SMALLEST if wish.smallest else QUICK if wish.quick else FULL
    entries = smallest(wish.scenario) if wish.smallest else chosen(wish.scenario, quick=wish.quick, peers=wish.peers)
    if not entries:
        parser.error(f"no scenario begins with {' or '.join(wish.scenario)}: --list names them")
    if wish.write and effort is not FULL:
        parser.error("a glance is no measurement: --write goes without --quick")

    def keep(record: Record) -> None:
        if wish.json:
            wish.json.write_bytes(record.packed())
        if wish.write:
            paper.write(record)

    asyncio.run(measure(entries, effort, peers=wish.peers, keep=keep))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures tmex: from a change in the practice to the portal, and what that costs.",
        epilog=_TEACHES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("scenario", nargs="*", metavar="SCENARIO", help="those whose names begin so; none means all")
    add("--quick", action="store_true", help="one short round of one size each: a glance, at most a minute")
    add("--smallest", action="store_true", help="a few changes of each in its smallest size: whether it works at all")
    add("--peers", action="store_true", help="measure programs of others, too (make bench-peers installs them)")
    add("--json", metavar="FILE", type=Path, help="write the figures there")
    add("--write", action="store_true", help="write docs/benchmarks.md, its plots and its JSON")
    add("--redraw", action="store_true", help="write the page anew from its JSON, and measure nothing")
    add("--list", action="store_true", help="name the scenarios with what they measure, and do nothing else")
    return parser


def _list(prefixes: Sequence[str]) -> None:
    for entry in chosen(prefixes, peers=True):
        scenario = entry.scenario
        floor = f"; floor: {scenario.floor}" if scenario.floor else ""
        peers = f"; peers: {', '.join(scenario.peers)}" if scenario.peers else ""
        print(f"{entry.name:<24} {scenario.tells}{floor}{peers}")


async def measure(
    entries: Sequence[Entry],
    effort: Effort,
    *,
    peers: bool = False,
    quiet: bool = False,
    keep: Callable[[Record], None] = lambda _: None,
) -> Record:
    """Measure all of them, one after the other; tell each as it is done, and have `keep` keep what is there by then."""
    bar, found = Bar(len(entries)), dict[str, Outcome]()
    here = machine()
    if not quiet:
        print(*machine_lines(here), sep="\n", flush=True)
    with Lab(effort, peers=peers, tell=bar.tell) as lab:
        for entry in entries:
            bar.begin(entry.name)
            noise = spread(fixed_work())
            outcome = await entry.scenario.measured(lab, entry.size)
            today = f"{datetime.now(UTC):%Y-%m-%d}"
            found[entry.name] = msgspec.structs.replace(outcome, effort=effort.name, date=today, spread=noise)
            bar.end()
            if not quiet:
                print("", *lines(entry, found[entry.name]), sep="\n", flush=True)
            keep(Record(machine=here, scenarios=found))
    return Record(machine=here, scenarios=found)


if __name__ == "__main__":
    sys.exit(main())
