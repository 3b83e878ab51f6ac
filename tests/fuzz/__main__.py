"""Searches every parser for an input that it cannot take, each for so many seconds; ends with 1 at a finding."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from time import monotonic
from typing import Final

from tests.fuzz.search import missing, search
from tests.fuzz.targets import TARGETS

FOLDER: Final = Path(".fuzz")
_EVERY: Final = 10.0
"""Seconds between two lines of progress."""


class Progress:
    """Passes on a line of the fuzzer's own now and then."""

    def __init__(self, name: str) -> None:
        self._name, self._told = name, monotonic()

    def __call__(self, line: str) -> None:
        """A line came."""
        if line.startswith("#") and "cov:" in line and monotonic() - self._told >= _EVERY:
            self._told = monotonic()
            say(f"{self._name}: {line.strip()}")


def say(text: str) -> None:
    """To whoever waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> int:
    """Search one target after the other."""
    parser = ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("target", nargs="*", choices=[*TARGETS, []], help="all of them, unless some are named")
    asked = parser.parse_args()
    reason = missing()
    if reason is not None:
        say(f"Nothing was searched: {reason}.")
        return 0
    bad = [name for name in asked.target or TARGETS if not _search(name, asked.seconds)]
    return 1 if bad else 0


def _search(name: str, seconds: int) -> bool:
    done = search(name, FOLDER, f"-max_total_time={seconds}", tell=Progress(name))
    say(f"{name}: {done.inputs} inputs, coverage {done.coverage}: {'nothing found' if done.clean else 'FOUND'}")
    if not done.clean:
        say(done.said)
        say(f"{name}: see it again with: python -m tests.fuzz.one {name} {done.finding}")
    return done.clean


if __name__ == "__main__":
    sys.exit(main())
