"""Bad inputs made of good ones, by chance that is passed in: cut, torn, doubled, shuffled, with what upsets parsers."""

from collections.abc import Sequence
from random import Random
from typing import Final

ODD: Final = (
    *(b'"', b";", b"\n", b"\r", b",", b":", b"/", b"=", b"\x1a", b"\0", b" ", b"\t", b"-", b"|", b"{", b"["),
    *(b"0", b"9", b"99999999", "ä".encode(), b"\xff", b"\xef\xbb\xbf", "\u2028".encode(), b"\x85", b"\x0b", b"%00"),
)


def mutated(data: bytes, chance: Random, words: Sequence[bytes] = ()) -> bytes:
    """A bad input made of a good one, by one to six changes."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        _change(changed, chance, words or ODD)
    return bytes(changed)


def _change(data: bytearray, chance: Random, words: Sequence[bytes]) -> None:
    at = chance.randrange(len(data) + 1)
    match chance.randrange(9):
        case 0:
            del data[at:]
        case 1:
            del data[at : at + chance.randint(1, 60)]
        case 2:
            data[at:at] = data[chance.randrange(len(data) + 1) :][:100]
        case 3:
            data[at:at] = chance.randbytes(chance.randint(1, 8))
        case 4:
            data[at:at] = chance.choice(ODD)
        case 5:
            data[at : at + 1] = chance.choice(ODD)
        case 6:
            data[at : at + chance.choice((0, 0, 2, 8))] = chance.choice(words)
        case 7:
            data[at : at + 1] = bytes([chance.randrange(256)])
        case _:
            lines = bytes(data).split(b"\n")
            chance.shuffle(lines)
            data[:] = b"\n".join(lines)
