"""The practice's key is never shown, and a renewed key file is in use with the next request."""

import stat
from pathlib import Path
from typing import Final

_LONGEST: Final = 16_384
"""Bytes; whatever is longer is not a key."""

_Fingerprint = tuple[int, int, int]


class Key:
    """The key and the header that carries it; a file that cannot be read, or holds no key, leaves the old one."""

    def __init__(self, value: str, *, file: Path | None = None, header: str = "Authorization") -> None:
        self._value, self._file, self._header = value, file, header
        self._seen: _Fingerprint | None = None

    def current(self) -> str:
        """The key as it stands now."""
        if self._file is not None:
            self._look(self._file)
        return self._value

    def headers(self, value: str) -> dict[str, str]:
        """The header that carries `value`: `Authorization` says `Bearer`, once, any other is the bare key."""
        if self._header.lower() != "authorization":
            return {self._header: value}
        word, _, rest = value.partition(" ")
        return {self._header: f"Bearer {rest.strip() if word.lower() == 'bearer' else value}"}

    def __repr__(self) -> str:
        return "Key(***)"

    def _look(self, file: Path) -> None:
        try:
            found = file.stat()
            fingerprint = (found.st_ino, found.st_size, found.st_mtime_ns)
            if fingerprint == self._seen or found.st_size > _LONGEST or not stat.S_ISREG(found.st_mode):
                return
            value = file.read_text("utf-8").strip()
        except (OSError, ValueError):
            return
        self._seen = fingerprint
        if value and value.isprintable():
            self._value = value
