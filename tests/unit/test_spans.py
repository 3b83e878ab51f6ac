"""A set of intervals behaves like the set of its seconds, and no malformed one can exist."""

import struct
import sys
from array import array
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.edges import stretches
from engine.spans import EMPTY, IntervalSet

pairs = st.tuples(st.integers(-30, 60), st.integers(1, 12)).map(lambda each: (each[0], each[0] + each[1]))
sets = st.lists(pairs, max_size=12).map(IntervalSet)


POINTS = (-(2**62), -2, -1, 0, 1, 2, 2**31, 2**32 - 2, 2**32 - 1, 2**32, 2**32 + 1, 2**62)
"""Where the width of an edge changes, and far from there."""
far_pairs = st.tuples(st.sampled_from(POINTS), st.sampled_from(POINTS)).filter(lambda each: each[0] < each[1])
far_sets = st.lists(far_pairs, max_size=4).map(IntervalSet)
narrow_sets = far_sets.map(lambda each: each.clip(0, 2**32 - 1))
of_any_width = far_sets | narrow_sets


def seconds(times: IntervalSet) -> set[int]:
    return {second for start, end in times for second in range(start, end)}


@given(st.lists(pairs, max_size=12))
def test_overlapping_nested_and_touching_intervals_merge(given_pairs: list[tuple[int, int]]) -> None:
    """R5: what comes out is sorted, disjoint and never touches, and covers just what went in."""
    merged = IntervalSet(given_pairs)
    assert seconds(merged) == {second for start, end in given_pairs for second in range(start, end)}
    edges = [edge for pair in merged for edge in pair]
    assert all(a < b for a, b in pairwise(edges))


@given(sets, sets)
def test_algebra_is_that_of_sets_of_seconds(left: IntervalSet, right: IntervalSet) -> None:
    """R5, I1: union, difference and intersection neither lose nor invent a second."""
    assert seconds(left | right) == seconds(left) | seconds(right)
    assert seconds(left - right) == seconds(left) - seconds(right)
    assert seconds(left & right) == seconds(left) & seconds(right)
    assert (left == right) == (seconds(left) == seconds(right))
    assert left.total() == len(seconds(left))
    assert bool(left) == bool(seconds(left))


@given(st.lists(pairs, min_size=6, max_size=14), st.lists(pairs, max_size=3), st.lists(pairs, max_size=3))
def test_algebra_of_sets_that_are_nearly_the_same(
    base: list[tuple[int, int]], more: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    """R5, I1: what two sets share at both ends is only copied, and the result is as if it had been looked at."""
    left, right = IntervalSet(base + more), IntervalSet(base[::2] + base[1::3] + other)
    for one, another in ((left, right), (right, left), (left, IntervalSet(other)), (IntervalSet(other), left)):
        for found, wanted in (
            (one | another, seconds(one) | seconds(another)),
            (one - another, seconds(one) - seconds(another)),
            (one & another, seconds(one) & seconds(another)),
        ):
            assert found == IntervalSet((second, second + 1) for second in wanted)


def held(times: IntervalSet) -> set[int]:
    """Which of the points are in the set: with edges there alone, no two sets hold the same."""
    return {point for start, end in times for point in POINTS if start <= point < end}


def is_set_of(times: IntervalSet, points: set[int]) -> bool:
    """Whether it is the set of these points and kept as any other of its kind is, whatever it was made of."""
    wanted = IntervalSet(pair for pair in pairwise(POINTS) if pair[0] in points)
    fits = all(0 <= edge < 2**32 for edge in times.edges())
    return times == wanted and hash(times) == hash(wanted) and times.edges().itemsize == (4 if fits else 8)


@given(of_any_width, of_any_width)
def test_algebra_of_sets_of_any_width(left: IntervalSet, right: IntervalSet) -> None:
    """R5, I1: seconds before 1970 and beyond 2106 are neither lost nor confused with others."""
    assert is_set_of(left, held(left))
    assert is_set_of(left | right, held(left) | held(right))
    assert is_set_of(left - right, held(left) - held(right))
    assert is_set_of(left & right, held(left) & held(right))
    assert (left == right) == (held(left) == held(right))


@given(st.lists(of_any_width, max_size=4))
def test_joined_is_the_union_of_sets_of_any_width(parts: list[IntervalSet]) -> None:
    """R5: narrow and wide parts in any order."""
    assert is_set_of(IntervalSet.joined(parts), set().union(*map(held, parts)) if parts else set())


@given(of_any_width, st.sampled_from(POINTS), st.sampled_from(POINTS))
def test_what_is_cut_off_has_the_width_that_it_needs(times: IntervalSet, start: int, end: int) -> None:
    """R7: a part of a wide set may be narrow."""
    assert is_set_of(times.clip(start, end), {point for point in held(times) if start <= point < end})
    for first in range(len(times)):
        assert is_set_of(times.part(first, first + 1), held(IntervalSet(list(times)[first : first + 1])))


@given(of_any_width, of_any_width)
def test_what_sets_of_any_width_share(left: IntervalSet, right: IntervalSet) -> None:
    """R5: an interval is the same however wide the others of its set are."""
    front, back = left.shared(right)
    ours, theirs = list(left), list(right)
    assert ours[:front] == theirs[:front]
    assert ours[len(ours) - back :] == theirs[len(theirs) - back :]


@given(of_any_width)
def test_edges_come_back_as_they_went(times: IntervalSet) -> None:
    """I6: 64-bit edges in little-endian order, the form that every ledger has, however wide the set is kept."""
    packed = struct.pack(f"<{2 * len(times)}q", *times.edges())
    assert times.to_bytes() == packed
    assert is_set_of(IntervalSet.from_bytes(packed), held(times))
    assert is_set_of(IntervalSet.of_edges(array("q", times.edges())), held(times))
    assert is_set_of(IntervalSet.of_edges(times.edges()), held(times))


@given(
    st.sampled_from([-300, 0, 2**32 - 300]),
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 40)), max_size=6),
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 40)), max_size=6),
    st.integers(0, 3),
)
def test_algebra_of_long_sets_that_differ_in_places(
    begin: int, more: list[tuple[int, int]], fewer: list[tuple[int, int]], late: int
) -> None:
    """R5, I1: piece by piece is as all at once, wherever the pieces are cut."""
    base = IntervalSet((begin + slot, begin + slot + 6) for slot in range(0, 700, 10))
    added, taken = (
        IntervalSet((begin + start, begin + start + length) for start, length in each) for each in (more, fewer)
    )
    moved = IntervalSet((start + late, end + late) for start, end in base)
    sides = (base, base | added, base - taken, (base | added) - taken, moved)
    for left in sides:
        for right in sides:
            assert seconds(left | right) == seconds(left) | seconds(right)
            assert seconds(left - right) == seconds(left) - seconds(right)
            assert all(a < b for a, b in pairwise((left | right).edges()))
            assert all(a < b for a, b in pairwise((left - right).edges()))


@given(st.lists(sets, max_size=5))
def test_joined_is_the_union_in_any_order(parts: list[IntervalSet]) -> None:
    """R5: parts that follow one another, and parts that do not."""
    wanted = set().union(*map(seconds, parts)) if parts else set()
    assert IntervalSet.joined(parts) == IntervalSet((second, second + 1) for second in wanted)


@given(sets, st.integers(1, 20))
def test_stretches_are_all_of_it(times: IntervalSet, length: int) -> None:
    """R5: each begins beyond a multiple of the length, and none is lost."""
    parts = list(stretches(times.edges(), length))
    assert [edge for part in parts for edge in part] == list(times.edges())
    begins = [part[0] // length for part in parts]
    assert all(a < b for a, b in pairwise(begins))


@given(sets, sets)
def test_what_two_sets_share_at_both_ends(left: IntervalSet, right: IntervalSet) -> None:
    """R5: the same intervals, counted from the front and from the back, none twice, and no fewer than there are."""
    front, back = left.shared(right)
    ours, theirs = list(left), list(right)
    assert front + back <= min(len(ours), len(theirs))
    assert list(left.part(0, front)) == ours[:front] == theirs[:front]
    assert list(left.part(len(left) - back, len(left))) == ours[len(ours) - back :] == theirs[len(theirs) - back :]
    rest, others = ours[front : len(ours) - back], theirs[front : len(theirs) - back]
    assert not (rest and others and (rest[0] == others[0] or rest[-1] == others[-1]))


@given(st.lists(pairs, max_size=12), st.integers(1, 20))
def test_stretches_lose_no_pair_in_any_order(rows: list[tuple[int, int]], length: int) -> None:
    """R5: rows come as the source has them."""
    edges = array("q", [edge for row in rows for edge in row])
    assert [edge for part in stretches(edges, length) for edge in part] == list(edges)


@given(sets, st.integers(-40, 80), st.integers(-40, 80))
def test_clip_cuts_at_the_edges(times: IntervalSet, start: int, end: int) -> None:
    """R7: what sticks out is cut at the edge; intervals are half-open."""
    assert seconds(times.clip(start, end)) == {second for second in seconds(times) if start <= second < end}


@given(sets)
def test_packing_loses_nothing(times: IntervalSet) -> None:
    """I6: what the ledger keeps is what it was given."""
    assert IntervalSet.from_bytes(times.to_bytes()) == times
    assert len(times.to_bytes()) == 16 * len(times)
    assert hash(IntervalSet.from_bytes(times.to_bytes())) == hash(times)


@given(sets, st.integers(-40, 80))
def test_membership(times: IntervalSet, second: int) -> None:
    """A second is in the set when one of its intervals holds it; an end is not held."""
    assert (second in times) == (second in seconds(times))


@pytest.mark.parametrize("packed", [b"1234567", bytes(8), bytes(16), IntervalSet([(1, 2)]).to_bytes() * 2])
def test_bytes_that_are_no_set_are_refused(packed: bytes) -> None:
    """Fault 39: bytes of a rotten ledger are an error, never a set."""
    with pytest.raises(ValueError, match=r"not a packed|multiple"):
        IntervalSet.from_bytes(packed)


@pytest.mark.parametrize("pair", [(1, 1), (2, 1)])
def test_an_interval_ends_after_its_start(pair: tuple[int, int]) -> None:
    """R7: an empty or reversed interval cannot exist."""
    with pytest.raises(ValueError, match="ends after"):
        IntervalSet([pair])


def test_occupied_time_is_kept_packed() -> None:
    """I12: 8 bytes an interval and no room to grow, so that thousands of columns of 2,000 slots fit one process."""
    slots = [(slot * 20, slot * 20 + 10) for slot in range(2000)]
    parts = [IntervalSet(slots[first : first + 100]) for first in range(0, 2000, 100)]
    every = IntervalSet(slots)
    for times in (every, IntervalSet.joined(parts), every - parts[7], every | IntervalSet([(5, 15)])):
        assert sys.getsizeof(times.edges()) < 2000 * 8 * 1.01


def test_it_shows_itself_and_is_not_equal_to_other_things() -> None:
    """A set is readable in a failure, and equal to sets alone."""
    assert repr(IntervalSet([(1, 2)])) == "IntervalSet([(1, 2)])"
    assert IntervalSet([(1, 2)]) != [(1, 2)]
    assert not EMPTY
