"""Off is only what readably says off; a missing switch is on, an unreadable one is on and says so (I8).

A file of its own beside the ledger, so that a rotten ledger never turns the job on or off.
"""

import os
from pathlib import Path

from adapters.belonging import opened
from engine.faults import Fault


class Switch:
    """Whether the job is on, across restarts."""

    def __init__(self, state: Path) -> None:
        self._path = state.with_name(state.name + ".switch")

    def read(self) -> tuple[bool, Fault | None]:
        """Whether the job is on, and what is wrong with the switch, if anything."""
        try:
            said = self._path.read_bytes()[:16].strip()
        except FileNotFoundError:
            return True, None
        except OSError as error:
            return True, Fault("switch.unreadable", {"file": self._path.name, "kind": type(error).__name__})
        if said in (b"on", b"off"):
            return said == b"on", None
        return True, Fault("switch.unreadable", {"file": self._path.name, "kind": "content"})

    def write(self, *, on: bool) -> None:
        """Turn the job on or off, from now on and after every restart. Raises OSError."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = self._path.with_name(self._path.name + ".new")
        with os.fdopen(opened(aside, os.O_WRONLY | os.O_TRUNC), "w") as file:
            file.write("on\n" if on else "off\n")
            file.flush()
            os.fsync(file.fileno())
        aside.replace(self._path)
