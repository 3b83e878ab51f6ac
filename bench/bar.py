"""How far the run is: a bar that is drawn over itself on a terminal, a line for each scenario elsewhere."""

import sys
import time
from typing import Final, TextIO

_WIDTH: Final = 24


class Bar:
    """For `total` scenarios."""

    def __init__(self, total: int, stream: TextIO = sys.stderr) -> None:
        self._total, self._stream, self._live = total, stream, stream.isatty()
        self._done, self._name, self._began = 0, "", time.monotonic()

    def begin(self, name: str) -> None:
        """The next scenario begins."""
        self._name = name
        if self._live:
            self.tell(0.0)
        else:
            self._write(f"[{self._done + 1}/{self._total}] {name} …\n")

    def tell(self, fraction: float) -> None:
        """So much of the scenario under way is done."""
        if self._live:
            share = (self._done + fraction) / self._total
            bar = ("━" * round(share * _WIDTH)).ljust(_WIDTH, "─")
            self._write(f"\r\x1b[K{bar} {share:4.0%}  {time.monotonic() - self._began:4.0f} s  {self._name}")

    def end(self) -> None:
        """It is done; leaves the line empty for whatever is printed next."""
        self._done += 1
        if self._live:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
