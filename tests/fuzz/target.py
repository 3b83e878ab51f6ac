"""A parser's target: any bytes at all come in, and what may come out is stated once, for every driver of it.

A driver is the coverage-guided fuzzer, or a test that makes bad inputs of good ones. Both call `check`, which returns
for an input that is read right or refused by the documented error, and raises `Wrong`, or whatever the parser did not
catch, for any other outcome.
"""

import os
from collections.abc import Callable
from typing import Final, NamedTuple

CANARY: Final = "Zebrakanari"
"""Stands in every good input where a patient's name or a key would; it must show nowhere."""
BAD: Final = int(os.environ.get("BAD", "2000"))
"""How many bad inputs the tests make in all; ten times as many before a release."""


class Wrong(AssertionError):  # noqa: N818 - what it says is the whole of it
    """The parser did what it must not do."""


class Target(NamedTuple):
    """One parser."""

    name: str
    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    """Real examples, from which the search starts."""
    words: tuple[bytes, ...] = ()
    """What stands in its format, and what has upset such parsers before."""


def require(holds: object, what: str) -> None:
    """Stop with `what`, unless it holds."""
    if not holds:
        raise Wrong(what)


def no_canary(*said: object) -> None:
    """Nothing of what was said repeats the input (I7)."""
    for each in said:
        require(CANARY not in f"{each!s} {each!r}", "a canary got out")
