"""An export's text is read in the one encoding that fits it, or refused; it is never guessed to be another language.

In this order: a byte order mark, strict UTF-8, and a vote of the umlauts between cp1252 and cp850. What holds two
encodings at once is refused, for a name that is read in two ways is two columns.
"""

import codecs
from collections.abc import Iterator
from typing import Final, NamedTuple

from adapters.duria.trouble import refused

AUTO: Final = "auto"
_CP1252: Final = b"\xe4\xf6\xfc\xdf\xc4\xd6\xdc"
_CP850: Final = b"\x84\x94\x81\xe1\x8e\x99\x9a"
_UTF8: Final = tuple(letter.encode() for letter in "äöüßÄÖÜ")
_UTF8_LEAD: Final = b"\xc3"
_SHARP_S: Final = b"\xdf\xe1"
"""The one that often ends a word."""
_VOTERS: Final = 60
"""How many places of one letter are looked at."""
_PIECE: Final = 1 << 19
_CLEAR: Final = 4
"""How many times as many votes the winner needs."""


class Charset(NamedTuple):
    """How to read a file."""

    encoding: str
    umlauts: bool | None
    """Whether its umlauts are beyond doubt; None when there is none."""


def charset(data: bytes, forced: str, name: str) -> Charset:
    """The encoding of `data`; `forced` is one, or AUTO. Raises ExportError."""
    if data.startswith(codecs.BOM_UTF8):
        return _checked(data, "utf-8-sig", name)
    if forced != AUTO:
        return _checked(data, forced, name)
    return _checked(data, "utf-8", name) if _readable(data, "utf-8") else _vote(data, name)


def calendar_charset(data: bytes, forced: str, name: str) -> Charset:
    """The same of an iCalendar export, which is UTF-8 by its own rules; `forced` is for one that is not."""
    return charset(data, AUTO if _readable(data, "utf-8") else forced, name)


def _checked(data: bytes, encoding: str, name: str) -> Charset:
    if not _readable(data, encoding):
        raise refused("file.encoding", name, encoding=encoding)
    return Charset(encoding, None if data.isascii() else True)


def _readable(data: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for piece in _pieces(data):
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _vote(data: bytes, name: str) -> Charset:
    windows, dos = (sum(_votes(data, code) for code in codes) for codes in (_CP1252, _CP850))
    encoding, most, least = ("cp850", dos, windows) if dos > windows else ("cp1252", windows, dos)
    if least * _CLEAR > most or (_UTF8_LEAD in data and any(each in data for each in _UTF8)):
        raise refused("file.encoding", name)
    checked = _checked(data, encoding, name)
    return checked if most and not least else Charset(encoding, umlauts=False)


def _votes(data: bytes, code: int) -> int:
    """How often `code` stands beside a letter, as an umlaut does; the quotation marks and dashes that share its code
    in the other encoding stand beside a space.
    """
    votes, at = 0, data.find(code)
    for _ in range(_VOTERS):
        if at < 0:
            break
        before, after = data[max(at - 1, 0) : at], data[at + 1 : at + 2]
        votes += after.islower() or (before.isalpha() and (after.isalpha() or code in _SHARP_S))
        at = data.find(code, at + 1)
    return votes


def _pieces(data: bytes) -> Iterator[bytes]:
    """Small enough that no look at one of them holds up the rest of the process."""
    return (data[at : at + _PIECE] for at in range(0, len(data), _PIECE))
