"""Every parser takes whatever the fuzzer makes of real examples, and the fuzzer finds a parser that does not.

Here each is searched briefly, the same way every time; `make fuzz` searches for as long as one likes.
"""

from pathlib import Path

import pytest

from tests.fuzz.search import missing, search
from tests.fuzz.targets import TARGETS, found

RUNS = 2000
SEED = "-seed=20261123"

guided = pytest.mark.skipif(missing() is not None, reason=missing() or "")


@guided
@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_takes_whatever_comes(name: str, tmp_path: Path) -> None:
    """I1, I2, I7, faults 18, 23, 24, 29 and 39: right or refused, nothing uncaught, nothing freed, no canary out."""
    done = search(name, tmp_path, f"-runs={RUNS}", SEED)
    assert done.clean, done.said
    assert done.inputs >= RUNS
    assert done.coverage > 0


@guided
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("EMPTIED", "a row that is there was not read"),
        ("CHATTY", "a canary got out"),
        ("FRAGILE", "IndexError"),
    ],
)
def test_a_broken_parser_is_found(name: str, what: str, tmp_path: Path) -> None:
    """I1, I2, I7: a refusal taken for an empty calendar, one that repeats its input, and a crash that only coverage
    leads to; the input that shows it is kept.
    """
    done = search(f"tests.fuzz.broken:{name}", tmp_path, "-runs=200000", SEED)
    assert not done.clean
    assert what in done.said
    assert done.finding is not None
    with pytest.raises((AssertionError, IndexError)):
        found(f"tests.fuzz.broken:{name}").check(done.finding.read_bytes())


@pytest.mark.parametrize("name", TARGETS)
def test_real_examples_are_read(name: str) -> None:
    """R1, R3: what the search starts from is right, or it would start nowhere."""
    target = found(name)
    for seed in target.seeds:
        target.check(seed)
