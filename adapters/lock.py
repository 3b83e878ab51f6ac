"""One state is worked on by one process: a lock on a file of its own, gone with the process that holds it (I9)."""

import errno
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from adapters.belonging import opened, refuse_no_file
from engine.ports import LedgerError


class StateLock:
    """The right to work on the state at `state`; held from `take` until `close` or the end of the process."""

    def __init__(self, state: Path) -> None:
        self._state, self._path = state, state.with_name(state.name + ".lock")
        self._file: int | None = None

    def take(self) -> bool:
        """Take it if nobody has it; whether it is ours now. Raises LedgerError where no lock can be made (I6), or the
        state's name is not that of a file.
        """
        refuse_no_file(self._state)
        try:
            if self._file is None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._file = opened(self._path, os.O_RDWR)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            kind = errno.errorcode.get(error.errno or 0, "OSError")
            raise LedgerError("ledger.unlockable", kind=kind, file=self._path.name) from None
        return True

    def close(self) -> None:
        """Give it back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
