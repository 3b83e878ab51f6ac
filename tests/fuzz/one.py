"""One target under the coverage-guided fuzzer, which takes its whole process: `python -m tests.fuzz.one TARGET FLAGS`.

What follows the target's name goes to libFuzzer. Half of the changes are libFuzzer's own, half know the format.
"""

import sys
from random import Random

import atheris

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import found

_WATCHED = ["engine", "adapters", "tests.fuzz.broken"]
"""Whose coverage guides the search: the parsers, not what they are checked with."""


def main(name: str, *flags: str) -> None:
    """Search until libFuzzer's limits or a finding end the process."""
    with atheris.instrument_imports(include=_WATCHED):
        target = found(name)

    def changed(data: bytes, most: int, seed: int) -> bytes:
        chance = Random(seed)
        if not data:
            data = chance.choice(target.seeds)
        elif chance.random() < 0.5:
            return bytes(atheris.Mutate(data, most))
        return mutated(data, chance, target.words)[:most]

    atheris.Setup([name, *flags], target.check, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
