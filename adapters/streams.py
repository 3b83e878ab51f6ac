"""The standard streams are always there, and none of them fails a command: closed, full, unread or short of letters.

Results go to stdout by `tell`, faults to stderr by `complain`.
"""

import errno
import io
import os
import sys
from contextlib import suppress

from engine.faults import FaultError

_STREAMS = {"stdin": "r", "stdout": "w", "stderr": "w"}


def prepare() -> None:
    """Open what was closed, and show by its escape what a stream has no letter for."""
    # The number of a closed stream would go to the next file or socket, and whoever writes there writes into that.
    while (spare := os.open(os.devnull, os.O_RDWR)) < len(_STREAMS):
        pass
    os.close(spare)
    for number, (name, mode) in enumerate(_STREAMS.items()):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if mode == "w" else "replace")


def tell(text: str, end: str = "\n") -> bool:
    """Print a result; whether anybody still reads it. Raises FaultError where it cannot be written."""
    try:
        sys.stdout.write(text + end)
        sys.stdout.flush()
    except BrokenPipeError:
        return False
    except OSError as error:
        raise FaultError("output.unwritable", kind=errno.errorcode.get(error.errno or 0, "OSError")) from None
    return True


def complain(text: str) -> None:
    """Print what is wrong; where that is impossible the exit code has to say it."""
    with suppress(OSError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def leave() -> None:
    """Let what could not be written fail the end of the process no more."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
