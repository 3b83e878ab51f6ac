"""`python -m bench`: every scenario, or those that are named; a table on the terminal, and JSON for machines."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from bench import exports, postgres
from bench.numbers import Result, report

Scenario = Callable[[int, int], Awaitable[Result]]

SCENARIOS: Final[Mapping[str, Scenario]] = {
    **{f"latency.postgres.{rows}": partial(postgres.latency, rows) for rows in (300, 2000, 5000)},
    "harm.postgres": postgres.harm,
    f"parse.csv.{exports.ROWS}": exports.parse,
    f"idle.files.{exports.FILES}": exports.idle,
}


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures tmex against a floor, in shuffled rounds of one run; absolute times are this machine's.",
        epilog=f"Scenarios: {', '.join(SCENARIOS)}.",
    )
    parser.add_argument("scenario", nargs="*", help="those whose names begin so; none means all")
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a glance, not a measurement")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there, in seconds and bytes")
    arguments = parser.parse_args()
    wanted = tuple(arguments.scenario) or ("",)
    names = [name for name in SCENARIOS if name.startswith(wanted)]
    if not names:
        parser.error(f"no scenario begins with {' or '.join(wanted)}")
    results = asyncio.run(_measure(names, *((2, 40) if arguments.quick else (5, 100))))
    if arguments.json:
        arguments.json.write_text(report(results) + "\n")


async def _measure(names: list[str], rounds: int, changes: int) -> list[Result]:
    results = []
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name} …", file=sys.stderr, flush=True)
        results.append(await SCENARIOS[name](rounds, changes))
        print("\n".join(results[-1].lines()), flush=True)
    return results


if __name__ == "__main__":
    main()
