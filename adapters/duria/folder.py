"""A folder's exports are found by their fingerprints and read whole or not at all; nothing in it can make us wait.

No link is followed and no pipe or device is opened; a file that changes while it is read, or is too large, is refused.
Every function here blocks for as long as the disk does: it belongs into a thread.
"""

import os
import stat
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from adapters.duria.trouble import ExportError, file_fault, refused, shown
from engine.faults import FaultError

FORMATS: Final = (".csv", ".ics")
MOST_FILES: Final = 50_000
LARGEST: Final = 64 * 2**20
"""Bytes of one export: ten years of a large practice are a tenth of that."""
CHUNK: Final = 1 << 16
LONGEST_LINE: Final = 1 << 16
"""Bytes; a longer line is no row, and would hold up all other work while it is split."""
_MIB: Final = 2**20


class Fingerprint(msgspec.Struct, frozen=True, gc=False):
    """What tells a file from another one in its place, and from itself before it was written."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int
    regular: bool

    @property
    def coarse(self) -> bool:
        """Whether its times may be whole seconds, so that a second write within one leaves no trace in them."""
        return self.modified % 1_000_000_000 == 0


class Taken(NamedTuple):
    """A file's whole content, as it stood at one moment."""

    data: bytes
    digest: bytes


def wanted(name: str) -> bool:
    """Whether a file of this name is an export; hidden ones are not: who writes aside may do it there. Nor is what an
    office program leaves beside a file while somebody looks at it.
    """
    return name.lower().endswith(FORMATS) and not name.startswith((".", "~$"))


def scan(folder: Path) -> dict[str, Fingerprint]:
    """The exports that stand in the folder now, by name. Raises OSError, and FaultError when there are too many."""
    found: dict[str, Fingerprint] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if not wanted(entry.name):
                continue
            if len(found) >= MOST_FILES:
                raise FaultError("file.too_many_files", folder=shown(folder.name), most=MOST_FILES)
            try:
                found[entry.name] = _fingerprint(entry.stat(follow_symlinks=False))
            except FileNotFoundError:  # gone since it was listed
                continue
    return found


def take(folder: Path, name: str, expected: Fingerprint) -> Taken:
    """The content of the file, if it is the expected one before and after. Raises ExportError."""
    try:
        return _take(folder / name, name, expected)
    except OSError as error:
        fault = file_fault(error, name)
        raise ExportError(fault.code, **fault.facts) from error


def _take(path: Path, name: str, expected: Fingerprint) -> Taken:
    if not expected.regular:
        raise refused("file.not_a_file", name)
    if expected.size > LARGEST:
        raise refused("file.too_large", name, most=LARGEST // _MIB)
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if _fingerprint(os.fstat(handle)) != expected:
            raise refused("file.being_written", name)
        taken = _read(handle, name, expected.size)
        if _fingerprint(os.fstat(handle)) != expected or len(taken.data) != expected.size:
            raise refused("file.being_written", name)
        return taken
    finally:
        os.close(handle)


def _read(handle: int, name: str, size: int) -> Taken:
    """Up to `size` bytes and one more; a file that grew meanwhile shows itself by its length."""
    data, digest, line = BytesIO(), sha256(), 0  # gives its bytes away without copying them
    while (left := size + 1 - data.tell()) and (chunk := os.read(handle, min(CHUNK, left))):
        line = _longest(chunk, line)
        if line > LONGEST_LINE:
            raise refused("file.line_too_long", name)
        if b"\0" in chunk:
            raise refused("file.binary", name)
        data.write(chunk)
        digest.update(chunk)
    return Taken(data.getvalue(), digest.digest())


def _longest(chunk: bytes, line: int) -> int:
    """How long the line that `chunk` ends in is by now, if `line` bytes of it came before."""
    cut = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
    return line + len(chunk) if cut < 0 else len(chunk) - cut - 1


def _fingerprint(found: os.stat_result) -> Fingerprint:
    return Fingerprint(
        device=found.st_dev,
        inode=found.st_ino,
        size=found.st_size,
        modified=found.st_mtime_ns,
        changed=found.st_ctime_ns,
        regular=stat.S_ISREG(found.st_mode),
    )
