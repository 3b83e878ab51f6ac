"""What root leaves in the state's folder belongs to whoever the folder belongs to: else `tmex off` by an administrator
would be a switch that the job, which runs under a name of its own, cannot read.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path
from stat import S_ISFIFO

from engine.ports import LedgerError


def refuse_no_file(state: Path) -> None:
    """Raises LedgerError where the state's name is that of a folder, a device, a pipe or a socket: it is nobody's
    state, and must not be set aside as a rotten one.
    """
    if state.is_dir():
        raise LedgerError("ledger.folder", folder=str(state))
    if state.exists() and not state.is_file():
        raise LedgerError("ledger.no_file", file=str(state))


def opened(path: Path, flags: int) -> int:
    """A descriptor of a file that is made if it is not there, for its owner alone. Raises OSError.

    Never through a link: whoever may write in the folder could lead root anywhere.
    """
    file = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    _hand_over(file, path)
    return file


def make_folder(path: Path) -> None:
    """A folder in the state's, if it is not there, for its owner alone. Raises OSError."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        _hand_over(file, path)
    finally:
        os.close(file)


def pipe(path: Path) -> int:
    """A descriptor of both ends of a named pipe, made if it is not there, for its owner alone. Raises OSError."""
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    file = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    if not S_ISFIFO(os.fstat(file).st_mode):
        os.close(file)
        raise FileExistsError(errno.EEXIST, "no pipe", str(path))
    _hand_over(file, path)
    return file


def _hand_over(file: int, path: Path) -> None:
    if os.geteuid() == 0:
        with suppress(OSError):  # a share may not let root do that, and then it does not matter either
            folder = path.parent.stat()
            os.fchown(file, folder.st_uid, folder.st_gid)
