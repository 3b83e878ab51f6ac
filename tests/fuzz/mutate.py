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
    for _ in range(chance.randint(1, 6)):
        data = _shuffled(data, chance) if chance.random() < 0.1 else _spliced(data, chance, words or ODD)
    return data


def _spliced(data: bytes, chance: Random, words: Sequence[bytes]) -> bytes:
    """Something of it is cut out, or something put in, or both."""
    at = chance.randrange(len(data) + 1)
    elsewhere = data[chance.randrange(len(data) + 1) :][:100]
    out, into = chance.choice(
        (
            (len(data), b""),
            (chance.randint(1, 60), b""),
            (0, elsewhere),
            (0, chance.randbytes(chance.randint(1, 8))),
            (0, chance.choice(ODD)),
            (1, chance.choice(ODD)),
            (chance.choice((0, 0, 2, 8)), chance.choice(words)),
            (1, chance.randbytes(1)),
        )
    )
    return data[:at] + into + data[at + out :]


def _shuffled(data: bytes, chance: Random) -> bytes:
    lines = data.split(b"\n")
    chance.shuffle(lines)
    return b"\n".join(lines)
