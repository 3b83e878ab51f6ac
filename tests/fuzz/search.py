"""A search for bad inputs in a process of its own: how it went, and where the input lies that it found."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

from tests.fuzz.targets import found

LONGEST: Final = 8192
"""Bytes of an input: longer than what a parser can be in doubt about, short enough for thousands a second."""
_FLAGS: Final = (
    *(f"-max_len={LONGEST}", "-len_control=0", "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1"),
    *("-use_value_profile=0", "-reload=0"),
)
_STEP: Final = re.compile(r"#(\d+)\s+\w+\s+cov: (\d+)")
_DONE: Final = re.compile(r"stat::number_of_executed_units: (\d+)")
_MISSING: Final = "the fuzzer (atheris) is made for Python 3.11 to 3.13 on Linux x86-64 only, and is not here"


class Searched(NamedTuple):
    """How a search ended."""

    clean: bool
    inputs: int
    coverage: int
    finding: Path | None
    """The input that was found; `python -m tests.fuzz.one TARGET FILE` shows it again."""
    said: str
    """What the process wrote about it."""


def missing() -> str | None:
    """Why no search is possible here."""
    return None if find_spec("atheris") else _MISSING


def search(name: str, folder: Path, *flags: str, tell: Callable[[str], None] = lambda _: None) -> Searched:
    """Search one target; `folder` keeps its corpus from one time to the next, and its findings."""
    corpus, findings = folder / name.rpartition(":")[2], folder / "findings"
    _sow(name, corpus)
    findings.mkdir(parents=True, exist_ok=True)
    before = set(findings.iterdir())
    limits = (*_FLAGS, *flags, f"-artifact_prefix={findings}/{corpus.name}-", str(corpus))
    lines = []
    with _started(name, limits) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            tell(line)
    new = sorted(each for each in set(findings.iterdir()) - before if each.name.startswith(f"{corpus.name}-"))
    return _summed(lines, new[0] if new else None, clean=process.returncode == 0 and not new)


@contextmanager
def _started(name: str, flags: tuple[str, ...]) -> Iterator[subprocess.Popen[str]]:
    """The process; whoever stops waiting for it ends it."""
    command = [sys.executable, "-m", "tests.fuzz.one", name, *flags]
    environ, out = os.environ | {"PYTHONHASHSEED": "0"}, subprocess.PIPE
    with subprocess.Popen(
        command, stdout=out, stderr=subprocess.STDOUT, text=True, errors="replace", env=environ
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def _sow(name: str, corpus: Path) -> None:
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(found(name).seeds):
        (corpus / f"seed-{number}").write_bytes(seed)


def _summed(lines: list[str], finding: Path | None, *, clean: bool) -> Searched:
    steps = [match for match in map(_STEP.match, lines) if match]
    done = [match for match in map(_DONE.match, lines) if match]
    inputs = int(done[-1][1]) if done else int(steps[-1][1]) if steps else 0
    return Searched(clean, inputs, int(steps[-1][2]) if steps else 0, finding, "" if clean else _trouble(lines))


def _trouble(lines: list[str]) -> str:
    """What was written about a finding, without the steps that led there."""
    from_here = next((at for at, line in enumerate(lines) if "Uncaught Python exception" in line), -40)
    return "".join(lines[from_here:])
