"""A bad export is right or refused, and frees nothing: cut at every byte, damaged at every byte, and torn by chance."""

from collections.abc import Callable, Iterator
from random import Random

import pytest

from engine.model import Complete, Failed, Reading
from engine.occupancy import occupancy
from engine.spans import IntervalSet
from tests.contract.source_contract import CLOCK, WINDOW
from tests.fuzz.decisions import LIMITS, left_blocked, nothing_freed
from tests.fuzz.exports import CSV, CSV_TARGET, ICS, ICS_TARGET, Good, Piece, read_csv, read_ics
from tests.fuzz.mutate import mutated
from tests.fuzz.target import BAD, Target

PARTS = 4
FORMS = pytest.mark.parametrize(("good", "read"), [(CSV, read_csv), (ICS, read_ics)], ids=["csv", "ics"])
Read = Callable[[bytes], Reading]


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("target", [CSV_TARGET, ICS_TARGET], ids=lambda each: each.name)
def test_bad_files_are_right_or_a_fault(target: Target, part: int) -> None:
    """I1, I2, I7, I13, faults 18 and 23: torn, doubled, shuffled, in two encodings, with what upsets parsers."""
    chance = Random(f"{target.name} {part}")
    for _ in range(BAD * 55 // 100 // PARTS // 2):
        target.check(mutated(chance.choice(target.seeds), chance, target.words))


@FORMS
def test_a_cut_export_never_counts_for_more_than_its_lines(good: Good, read: Read) -> None:
    """I1, I2, fault 18: cut at every byte it is refused, or ends at the end of a row, which only the folder can tell
    from a whole one; a calendar is whole or refused. What is refused frees nothing.
    """
    for at in range(len(good.data) - 2):
        found = read(good.data[:at])
        if isinstance(found, Failed):
            assert left_blocked(found, good.times) == good.times
        else:
            assert good is CSV
            assert good.data[:at].endswith((b"\r", b"\n", b'"'))
            nothing_freed(found, good.times, IntervalSet())


HARMS = [b"?", b"\0", b"\x85"]


def damaged(good: Good, harm: bytes) -> Iterator[tuple[bytes, Piece, int]]:
    """The export with one byte of one of its pieces made `harm`; the piece, and where in it. In a short run each byte
    is harmed in one way, in a long one in every way.
    """
    at, step = len(good.head), 1 if BAD >= 20_000 else len(HARMS)
    for piece in good.pieces:
        for index in range(HARMS.index(harm) % step, len(piece.text), step):
            yield good.data[: at + index] + harm + good.data[at + index + 1 :], piece, index
        at += len(piece.text)


def says_otherwise(good: Good, piece: Piece, index: int) -> bool:
    """Whether a byte decides whose row it is, or how a line or what it says is called: harmed, it speaks readably of
    something else.
    """
    before = piece.text[:index]
    if good is CSV:
        return 1 <= before.count(b";") <= 3 and piece.text[index : index + 1] != b";"
    return piece.text[index : index + 1] == b"\n" or not set(b"=:") & set(before.rpartition(b"\n")[2])


@FORMS
@pytest.mark.parametrize("harm", HARMS, ids=["mark", "null", "c1"])
def test_one_harmed_byte_takes_no_time_away(good: Good, read: Read, harm: bytes) -> None:
    """I2, R13, fault 18: what no time, day or rule is written with makes no other time of one: the file is refused, the
    reading incomplete, or the row blocks all the same: with a doubt at least its start, a reservation one of its days.
    """
    for data, piece, index in damaged(good, harm):
        found = read(data)
        if isinstance(found, Complete) and not says_otherwise(good, piece, index):
            seen = occupancy(found, WINDOW, CLOCK, LIMITS)
            lost = good.times - seen.blocked
            assert not lost or seen.doubts, (data, index)
            starts = [] if piece.text.startswith(b"Reservierung") else [start for start, _ in WINDOW.clip(piece.times)]
            assert all(start in seen.blocked for start in starts), (piece.text, index)
            assert not lost - piece.times
