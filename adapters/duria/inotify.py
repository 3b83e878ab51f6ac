"""What happens to the files of a folder is told by the kernel at once; where it cannot, that is an OSError.

Linux' inotify through the C library, for the event loop to wait on: a library that looks every few milliseconds whether
the kernel spoke is late by as much, and costs the processor time while nothing happens.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400
_ONLY_FOLDERS: Final = 0x0100_0000
_UNDER_WAY: Final = _MODIFY | _CREATE
_WANTED: Final = _ONLY_FOLDERS | _UNDER_WAY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _DELETE | _DELETE_SELF
_HEAD: Final = struct.Struct("iIII")
_AT_ONCE: Final = 1 << 16
"""Bytes of events that are read at a time."""


class Event(NamedTuple):
    """Something happened to a file."""

    name: str
    """Empty where it happened to the folder itself, or where events were lost."""
    done: bool
    """Whether it is over: the file was closed, moved, removed or the like, where another one is still being written."""


class Ear:
    """Hears of the files in one folder at a time. Raises OSError where the system has no such events."""

    def __init__(self) -> None:
        self.handle: int = _called("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
        """Readable as soon as there is something to hear."""
        self._watch: int | None = None

    def listen(self, folder: Path) -> None:
        """Hear the folder that stands there now, and no other; costs nothing if that is the one that is heard already.

        Blocks for as long as the disk does. Raises OSError.
        """
        before, self._watch = self._watch, None
        try:
            self._watch = _called("inotify_add_watch", self.handle, os.fsencode(folder), _WANTED)
        finally:
            if before not in (None, self._watch):
                _library().inotify_rm_watch(self.handle, before)  # fails if the kernel did so by itself

    def heard(self) -> Iterator[Event]:
        """What happened, up to now or nearly so."""
        try:
            data = os.read(self.handle, _AT_ONCE)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            _, mask, _, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size + length
            yield Event(os.fsdecode(data[at - length : at].rstrip(b"\0")), done=not mask & _UNDER_WAY)

    def close(self) -> None:
        """Hear nothing any more."""
        os.close(self.handle)


def _called(function: str, *arguments: object) -> int:
    try:
        result: int = getattr(_library(), function)(*arguments)
    except AttributeError:  # another system than Linux
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS)) from None
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
