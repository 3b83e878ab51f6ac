"""An export is read whole and parsed to its end, or there is one fault that says why not; nothing else comes of it.

All of it blocks for as long as disk and parser do: it belongs into a thread.
"""

from pathlib import Path
from typing import NamedTuple

from adapters.duria.csv_format import Parsed, parse_csv
from adapters.duria.csv_runs import Understood
from adapters.duria.folder import Fingerprint, take
from adapters.duria.trouble import ExportError, refused, shown
from engine.faults import Fault
from engine.walltime import WallClock

Outcome = tuple[Parsed, bytes] | bytes | Fault
"""Content and digest, the digest alone, or why it does not count."""


class Order(NamedTuple):
    """A file to be read as it was found; `whole`, or only for its digest."""

    name: str
    found: Fingerprint
    whole: bool


class ExportReader:
    """Reads the exports of `folder` for one practice; `encoding` is one, or `auto`."""

    def __init__(self, folder: Path, practice: str, clock: WallClock, encoding: str) -> None:
        self._folder, self._practice, self._clock, self._encoding = folder, practice, clock, encoding
        self._understood = Understood()
        self._done: tuple[list[Order], list[Outcome]] = [], []

    def read(self, orders: list[Order]) -> list[Outcome]:
        """What each of them came to. If who asked last stopped waiting, the same is not read once more."""
        if orders != self._done[0] or not all(each.whole for each in orders):
            self._done = orders, [self._read(each) for each in orders]
        return self._done[1]

    def forget(self) -> None:
        """What was read was taken in."""
        self._done = [], []

    def _read(self, order: Order) -> Outcome:
        try:
            taken = take(self._folder, order.name, order.found)
            if not order.whole:
                return taken.digest
            if not taken.data:
                raise refused("file.empty", order.name)
            return self._parsed(taken.data, order.name), taken.digest
        except ExportError as error:
            return error.fault
        except Exception as error:  # noqa: BLE001 - whatever a hostile file makes of a parser, it is no empty one (I2)
            return Fault("file.unreadable", {"file": shown(order.name), "kind": type(error).__name__})

    def _parsed(self, data: bytes, name: str) -> Parsed:
        if not name.lower().endswith(".ics"):
            return parse_csv(data, self._practice, self._encoding, name, self._understood)
        try:
            from adapters.duria.ics_format import parse_ics  # noqa: PLC0415 - an extra, that not everybody has
        except ImportError:
            raise refused("file.ics_missing", name) from None
        return parse_ics(data, self._clock, self._encoding, name)
