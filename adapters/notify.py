"""The service manager hears how the job stands, if there is one; nothing that goes wrong with that is felt.

It is systemd's protocol: a datagram of assignments to the socket that NOTIFY_SOCKET names.
"""

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Self

READY: Final = "READY=1"
"""It works, or waits as standby."""
ALIVE: Final = "WATCHDOG=1"
"""Its loop turns: told at every beat, or the manager starts it anew (WatchdogSec)."""
STOPPING: Final = "STOPPING=1"
"""It ends in order."""


class Notify:
    """Calls go to the socket at `address`, or nowhere."""

    def __init__(self, address: str | None) -> None:
        self._address = address

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Self:
        """To whoever started this process, if it asked to be told."""
        return cls(environ.get("NOTIFY_SOCKET"))

    def __call__(self, *assignments: str) -> None:
        """Tell it, without waiting for anybody."""
        if not self._address:
            return
        # A leading @ stands for the zero byte of a name that is in no file system.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.settimeout(0)
            manager.sendto("\n".join(assignments).encode(), address)
