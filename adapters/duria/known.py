"""What was understood once need not be understood again: thousands of rows name a few hundred days and times of day."""

from collections.abc import Callable
from typing import Final, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

MOST_KNOWN: Final = 20_000


class Known(dict[K, V], Generic[K, V]):
    """What `understand` makes of each key that is asked for; of too many, all are forgotten."""

    def __init__(self, understand: Callable[[K], V]) -> None:
        super().__init__()
        self._understand = understand

    def __missing__(self, key: K) -> V:
        if len(self) >= MOST_KNOWN:
            self.clear()
        meaning = self[key] = self._understand(key)
        return meaning
