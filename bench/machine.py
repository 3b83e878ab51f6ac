"""What kind of machine this is, and how steady: a figure means little beside one that varies more than it."""

import hashlib
import os
import platform
import time
from pathlib import Path
from typing import Final

import psutil

from adapters.embedded import installations
from bench.figures import Figures, Machine

_WORK: Final = bytes(1_000_000)
_TIMES: Final = 40


def machine() -> Machine:
    """The one that this runs on, without a name."""
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        postgres=str(next(reversed(installations()), "none")),
        load=psutil.getloadavg()[0],
        fixed_work=fixed_work(),
    )


def fixed_work() -> Figures:
    """Seconds that the same work takes, again and again; on a machine of our own it would always be the same."""
    return Figures.of([_worked() for _ in range(_TIMES)])


def spread(work: Figures) -> float:
    """How much it varied: p90 over p50, less one. Differences below that mean little."""
    return work.p90 / work.p50 - 1


def _worked() -> float:
    began = time.perf_counter()
    hashlib.sha256(_WORK).digest()
    sum(number * number for number in range(20_000))
    return time.perf_counter() - began


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
