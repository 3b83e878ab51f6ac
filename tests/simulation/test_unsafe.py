"""The measure of a sync is right by hand, and the page that shows it is what the command prints."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.spans import EMPTY, IntervalSet
from tests.simulation.day import CHANGES, COLUMNS, chronicle, day
from tests.simulation.exposed import Books, Exposure, Time, exposure, together
from tests.simulation.programs import Trouble
from tests.simulation.unsafe import KINDS, PAGE, PROGRAMS, SCENARIOS, SEEDS, Outcome, lived, markdown, row, written

pytestmark = pytest.mark.usefixtures("uncounted")
EIGHT, NINE = (8, 9), (9, 10)


def books(*times: Time) -> Books:
    return Books(frozenset(times), IntervalSet(times))


def test_an_appointment_is_exposed_until_it_is_blocked() -> None:
    """Written at 10, blocked at 70: one minute."""
    found = exposure([(0, books()), (10, books(EIGHT))], [(0, EMPTY), (70, IntervalSet([EIGHT]))], 1000)
    assert found == Exposure(60, 60, 1)


def test_each_appointment_counts_for_itself() -> None:
    """Two that touch are two, and what is cancelled counts no further."""
    told = [(0.0, books()), (10.0, books(EIGHT, NINE)), (30.0, books(NINE))]
    assert exposure(told, [(0, EMPTY), (100, IntervalSet([NINE]))], 1000) == Exposure(20 + 90, 90, 2)


def test_what_is_freed_too_early_is_exposed_again() -> None:
    """To the end of the day, if nobody mends it."""
    blocked = [(0.0, IntervalSet([EIGHT])), (50.0, EMPTY), (60.0, IntervalSet([EIGHT])), (90.0, EMPTY)]
    assert exposure([(0, books(EIGHT))], blocked, 100) == Exposure(20, 20, 1)
    assert together([Exposure(1, 1, 0), Exposure(5, 4, 2)]) == Exposure(6, 4, 2)


Moments = list[tuple[int, list[Time]]]
moments = st.lists(st.tuples(st.integers(0, 50), st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)), max_size=3)))


@given(moments, moments)
def test_who_blocks_more_is_never_worse(
    stands: list[tuple[int, list[Time]]], sent: list[tuple[int, list[Time]]]
) -> None:
    """And who blocks all that ever stood in the books is never unsafe."""

    def spans(pairs: list[Time]) -> list[Time]:
        return [(start, start + length) for start, length in pairs]

    told = [(float(at), books(*spans(pairs))) for at, pairs in sorted(stands, key=lambda each: each[0])]
    blocked = [(float(at), IntervalSet(spans(pairs))) for at, pairs in sorted(sent, key=lambda each: each[0])]
    some = exposure(told, blocked, 60.0)
    more = exposure(told, [(at, times | IntervalSet([(0, 5)])) for at, times in blocked], 60.0)
    assert more.total <= some.total
    assert exposure(told, [(0.0, IntervalSet([(0, 100)]))], 60.0) == Exposure(0, 0, 0)


def test_a_day_is_a_day() -> None:
    """The same for the same seed, with about as many changes as a practice makes, and all of it in the books."""
    assert day(3) == day(3) != day(4)
    told = day(3)
    assert CHANGES <= len(told.changes) <= 1.4 * CHANGES
    assert list(told.changes) == sorted(told.changes)
    for column in COLUMNS.values():
        (_, first), *_, (_, last) = chronicle(told, column)
        assert first.times == told.books[column] != last.times


@cache
def outcome(kind: int, program: str) -> Outcome:
    """Of the first seed."""
    return lived(SCENARIOS[kind], PROGRAMS[program], 0)


@pytest.mark.parametrize("kind", range(len(SCENARIOS)), ids=lambda kind: SCENARIOS[kind].name)
def test_tmex_is_safer_than_tmex_used_to_be(kind: int) -> None:
    """Whatever goes wrong, on the same day; I1: and what it once blocked is bookable no sooner than it is free."""
    told, looking, faithful, lazy = (outcome(kind, name).exposure.total for name in PROGRAMS)
    assert told <= looking <= faithful <= lazy


def test_the_worst_of_a_calm_day_is_the_time_of_one_request() -> None:
    """R11, I1: nothing is ever exposed for longer than it takes the portal to hear of it."""
    found = outcome(0, next(iter(PROGRAMS)))
    assert found.exposure.longest <= 2.0 + 2 * Trouble().answers_after[1]
    assert found.double == 0


def test_the_page_shows_what_the_command_prints() -> None:
    """No number stands there that it does not print; a row of it is worked out anew."""
    page = PAGE.read_text("utf-8")
    cells = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ]
    assert [each[:2] for each in cells[2:]] == [[SCENARIOS[number].name, name] for number, name in KINDS]
    if SEEDS == 5:  # as the page was written
        assert row(KINDS[0]) == cells[2]
    assert written(page, markdown(cells[2:])) == page
