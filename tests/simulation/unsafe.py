"""`python -m tests.simulation.unsafe`: unsafe minutes of the same days, with tmex and with TMEX, as a table.

With `--write` the table goes into docs/unsafe-minutes.md; the same seeds give the same table on every machine.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from statistics import mean, median
from typing import Final, NamedTuple

from engine.spans import EMPTY
from tests.simulation.day import COLUMNS, chronicle, day, slots
from tests.simulation.exposed import Exposure, exposure, held_at, together
from tests.simulation.programs import Office, Trouble, cycles, tmex
from tests.simulation.virtual import run
from tests.simulation.world import HOUR

SEEDS: Final = int(os.environ.get("SEEDS", "5"))
PAGE: Final = Path(__file__).parents[2] / "docs" / "unsafe-minutes.md"
_MARKS: Final = ("<!-- written by make unsafe -->", "<!-- end -->")
_FROM, _UNTIL = 7 * HOUR, 31.5 * HOUR
"""From seven to half past seven the next morning."""
_A_PATIENT_EVERY: Final = 90.0

Program = Callable[[Office, int], Awaitable[None]]
PROGRAMS: Final[dict[str, Program]] = {
    "tmex, told of changes": tmex,
    "tmex, looking every 5 s": lambda office, seed: tmex(office, seed, looked_at=5.0),
    "TMEX every 60 s": lambda office, _: cycles(office, 60.0),
    "TMEX every 120 s": lambda office, _: cycles(office, 120.0),
}


class Scenario(NamedTuple):
    """A kind of day, and its trouble, which may differ from seed to seed."""

    name: str
    trouble: Callable[[Random], Trouble]
    begins: float = 7.5 * HOUR
    ends: float = 19 * HOUR


SCENARIOS: Final = (
    Scenario("nothing goes wrong", lambda _: Trouble()),
    Scenario("the portal is down from 10:00 to 10:20", lambda _: Trouble(portal_down=((10 * HOUR, 10 * HOUR + 1200),))),
    Scenario("every answer takes 5 s", lambda _: Trouble(answers_after=(5.0, 5.0))),
    Scenario("half of all notifications get lost", lambda _: Trouble(hints_lost=0.5)),
    Scenario("killed, and started again", lambda chance: _killed(chance, again=True)),
    Scenario("killed, and nobody notices until the next morning", lambda chance: _killed(chance, again=False)),
    Scenario(
        "the practice's server is off from 22:00 to 06:30, then changes at once",
        lambda _: Trouble(practice_down=((22 * HOUR, 30.5 * HOUR),)),
        30.5 * HOUR,
        31.4 * HOUR,
    ),
)


class Outcome(NamedTuple):
    """Of one day with one program."""

    exposure: Exposure
    requests: int
    size: int
    double: int
    """Bookings of a time that was taken."""


def lived(scenario: Scenario, program: Program, seed: int) -> Outcome:
    """One day, from seven o'clock on, to the next morning."""
    told = day(seed, begins=scenario.begins, ends=scenario.ends)
    books = {column: chronicle(told, column) for column in COLUMNS.values()}

    async def main() -> Outcome:
        office = Office(books, scenario.trouble(Random(seed)), seed, at=_FROM)
        working = asyncio.ensure_future(program(office, seed))
        await asyncio.wait([working], timeout=_UNTIL - office.now())
        if working.done():
            working.result()
        working.cancel()
        await asyncio.wait([working])
        return _judged(office, seed)

    return run(main())


def _judged(office: Office, seed: int) -> Outcome:
    each = (exposure(office.books[column], office.blocked[name], _UNTIL) for name, column in COLUMNS.items())
    return Outcome(together(each), office.requests, office.size, _double_bookings(office, Random(seed)))


def _double_bookings(office: Office, chance: Random) -> int:
    """Patients come at any time of the day and take any time of the next ten days that the portal offers."""
    offered, found, at = slots(14), 0, _FROM + 0.0
    while (at := at + chance.expovariate(1 / _A_PATIENT_EVERY)) < _UNTIL:
        name, time = chance.choice(list(COLUMNS)), chance.choice(offered)
        book, blocked = held_at(office.books[COLUMNS[name]], at), held_at(office.blocked[name], at)
        found += bool(book and book.taken.clip(*time) and not (blocked or EMPTY).clip(*time))
    return found


def _killed(chance: Random, *, again: bool) -> Trouble:
    at = chance.uniform(8 * HOUR, 17 * HOUR)
    return Trouble(killed_at=at, back_at=at + 120.0 if again else None)


KINDS: Final = [(number, name) for number in range(len(SCENARIOS)) for name in PROGRAMS]
"""Every kind of day with every program."""


def row(kind: tuple[int, str]) -> list[str]:
    """What the page shows of one of KINDS."""
    scenario, name = SCENARIOS[kind[0]], kind[1]
    outcomes = [lived(scenario, PROGRAMS[name], seed) for seed in range(SEEDS)]
    minutes = [each.exposure.total / 60 for each in outcomes]
    return [
        scenario.name,
        name,
        f"{median(minutes):.2f}",
        f"{max(minutes):.1f}",
        f"{median(each.exposure.appointments for each in outcomes):.0f}",
        f"{max(each.exposure.longest for each in outcomes):.1f}",
        f"{median(each.requests for each in outcomes):.0f}",
        f"{median(each.size for each in outcomes) / 1e6:.1f}",
        f"{mean(each.double for each in outcomes):.2f}",
    ]


HEAD: Final = (
    *(
        "the day",
        "program",
        "unsafe minutes",
        "worst day",
        "appointments exposed > 1 s",
        "longest, s",
        "requests",
        "MB",
    ),
    "double bookings a day",
)


def markdown(found: list[list[str]]) -> str:
    """The table as a page shows it."""
    lines = [HEAD, ["---"] * 2 + ["---:"] * (len(HEAD) - 2), *found]
    return "\n".join(f"| {' | '.join(each)} |" for each in lines)


def written(page: str, table: str) -> str:
    """The page with the table between its marks."""
    before, _, rest = page.partition(_MARKS[0])
    _, _, after = rest.partition(_MARKS[1])
    return f"{before}{_MARKS[0]}\n\n{table}\n\n{_MARKS[1]}{after}"


def main() -> int:
    """Print the table, and write it down if asked to."""
    found = []
    with ProcessPoolExecutor() as pool:
        for each in pool.map(row, KINDS):
            print(f"{each[0]}: {each[1]}", file=sys.stderr, flush=True)
            found.append(each)
    widths = [max(len(each[index]) for each in (HEAD, *found)) for index in range(len(HEAD))]
    for line in (HEAD, *found):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    if "--write" in sys.argv[1:]:
        PAGE.write_text(written(PAGE.read_text("utf-8"), markdown(found)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
