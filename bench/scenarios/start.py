"""From the start of a process to its first accepted upload, what of it the imports are, and what stays in memory."""

import asyncio
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import psutil

from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.practices import PostgresPractice
from bench.programs import PortalProgram, environment, job, portal, running, settings_of
from bench.scenario import Goal, Scenario

_ROWS: Final = 2000
PACKAGES: Final = (
    *("aiohttp", "aiosqlite", "asyncpg", "jinja2", "msgspec", "prometheus_client", "uvloop", "watchfiles"),
)
"""What tmex depends on."""
_JOB: Final = "import adapters.cli, adapters.job, adapters.status, adapters.duria.postgres"
"""What a job with this source and its page imports until its first upload."""
_TIMED: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| +(\w+)")
_OURS: Final = (
    "the job imports more than the script does, opens its ledger and takes its lock before it asks for anything"
)


async def start(lab: Lab) -> Outcome:
    """Process started → first body arrived; the floor is a bare script that does the same."""
    taken: dict[str, list[float]] = {"tmex": [], "floor": []}
    held: dict[str, list[int]] = {"tmex": [], "floor": []}
    async with await PostgresPractice.of(lab, _ROWS) as place, portal() as target:

        def tmex() -> "AbstractAsyncContextManager[psutil.Process]":
            # With its page, as it is run: what the page imports counts.
            return job(settings_of(place.address, target, lab.folder(), TMEX_LISTEN="127.0.0.1:0"))

        def script() -> "AbstractAsyncContextManager[psutil.Process]":
            return running("bench.floors.start", place.address, target.url)

        programs = {"tmex": tmex, "floor": script}
        order = [name for _ in range(1 + 2 * lab.effort.rounds) for name in lab.shuffled(list(programs))]
        for number in lab.steps(len(order)):
            seconds, memory = await _started(programs[order[number]], target)
            if number >= len(programs):  # the first of each only warms the disk's cache
                taken[order[number]].append(seconds)
                held[order[number]].append(memory)
    bare = await asyncio.to_thread(_resident, PACKAGES)
    own, floor = (Figures.of(taken[name], memory=max(held[name])) for name in programs)
    facts = {
        "resident_bytes": statistics.median(held["tmex"]),
        "bare_imports_bytes": bare,
        "memory_of_bare_imports": statistics.median(held["tmex"]) / bare,
        **{f"import_{name}_seconds": each for name, each in (await _imports()).items()},
    }
    return Outcome.against(own, floor, facts=facts)


async def _started(
    program: "Callable[[], AbstractAsyncContextManager[psutil.Process]]", target: PortalProgram
) -> tuple[float, int]:
    """Seconds to the first upload, and the bytes resident a moment later."""
    began = time.monotonic()
    async with program() as process:
        arrival = await target.arrival()
        await target.quiet(0.3)
        return arrival.at - began, int(process.memory_info().rss)


def _resident(packages: tuple[str, ...]) -> int:
    """Bytes of a Python that imported these and nothing else."""
    code = f"import os, psutil, {', '.join(packages)}; print(psutil.Process().memory_info().rss)"
    return int(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


async def _imports() -> dict[str, float]:
    """Seconds of the job's imports by package: the largest, and all of them together."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-X", "importtime", "-c", _JOB), env=environment(), stderr=asyncio.subprocess.PIPE
    )
    _, told = await process.communicate()
    spent: Counter[str] = Counter()
    for micros, name in _TIMED.findall(told.decode()):
        known = name in PACKAGES or name in {"engine", "adapters"}
        spent[name if known else "standard_library" if name in sys.stdlib_module_names else "others"] += int(micros)
    return {"total": sum(spent.values()) / 1e6} | {name: each / 1e6 for name, each in spent.most_common(6)}


SCENARIOS: Final = (
    Scenario(
        "start",
        "process started → first body arrived, a column of 2,000 rows",
        start,
        floor="a bare script that imports, connects, reads, asks for the window and posts",
        goals={
            0: (
                Goal("ratio_p50", 1.4, "p50 against the bare script's", why=_OURS),
                Goal("memory_of_bare_imports", 1.4, "resident memory against a bare import of the packages", why=_OURS),
            )
        },
    ),
)
