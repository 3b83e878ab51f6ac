"""The job shows that its loop lives by touching a file; `tmex health` looks at it, without a page or a port (I11)."""

import os
import time
from pathlib import Path

FRESH = 15.0
"""Seconds after which a pulse is too old; the job beats far more often."""


class Pulse:
    """The file beside the state that the running job touches."""

    def __init__(self, state: Path) -> None:
        self._path = state.with_name(state.name + ".pulse")

    def beat(self) -> None:
        """The loop lives. Raises OSError."""
        os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        os.utime(self._path)

    def stop(self) -> None:
        """The loop ends in order. Raises OSError."""
        self._path.unlink(missing_ok=True)

    def beats(self) -> bool:
        """Whether a job lives."""
        age = self.age()
        return age is not None and age < FRESH

    def age(self) -> float | None:
        """Seconds since the last beat; None when there never was one."""
        try:
            return max(0.0, time.time() - self._path.stat().st_mtime)
        except OSError:
            return None
