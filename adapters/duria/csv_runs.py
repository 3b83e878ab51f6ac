"""Lines whose very text was understood before are not understood again; of them only times and columns are kept (I7).

They are known by a hash of a whole run of them. Where a run ends its last line says by its own hash: a row that is put
in between changes one run, and leaves all others as they are.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final

Who = tuple[str, ...]
Times = tuple[tuple[Who, bytes], ...]
"""Starts and ends in turn, packed, of those rows that have these words beside their times."""

_ENDS_ONE_IN: Final = 64
"""Lines; a power of two."""
_LONGEST: Final = 1000
_MOST_KEPT: Final = 4 * 2**20
"""Bytes of times: those of 250,000 rows."""


def runs(lines: Iterable[str]) -> Iterator[list[str]]:
    """The lines, some at a time."""
    run: list[str] = []
    for line in lines:
        run.append(line)
        if not hash(line) % _ENDS_ONE_IN or len(run) == _LONGEST:
            yield run
            run = []
    if run:
        yield run


class Understood:
    """What runs of plain rows came to; of too many, those that were met longest ago are forgotten."""

    def __init__(self) -> None:
        self._kept = OrderedDict[bytes, Times]()
        self._size = 0

    def recall(self, key: bytes) -> Times | None:
        """What a run came to; None when that is not known."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def keep(self, key: bytes, times: Times) -> None:
        """Remember what a run came to that is not known."""
        self._kept[key] = times
        self._size += _size(times)
        while self._size > _MOST_KEPT:
            self._size -= _size(self._kept.popitem(last=False)[1])


def key_of(meaning: str, run: list[str]) -> bytes:
    """What a run is known by, in files whose lines have this `meaning`."""
    return sha256("".join((meaning, "\n", *run)).encode("utf-8", "surrogatepass")).digest()


def _size(times: Times) -> int:
    return 100 + sum(100 + len(packed) for _, packed in times)
