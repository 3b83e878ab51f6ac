"""The pace: never within the gap, one a minute beyond a burst, later after failures; every time is passed in."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.limits import Limits
from engine.pace import Pace, backoff, failed, full, ready_at, started, succeeded, tokens

LIMITS = Limits(upload_gap=2.0, upload_burst=3)


def test_a_fresh_calendar_may_go_at_once() -> None:
    """I10: nothing holds the first upload back."""
    assert ready_at(full(LIMITS, 100.0), 100.0, LIMITS) == 100.0


def test_the_gap_holds_from_the_end_of_the_last_upload() -> None:
    """I10: never two uploads of a calendar within the gap; while one is under way it counts from its start."""
    pace = started(full(LIMITS, 0.0), 10.0, LIMITS)
    assert ready_at(pace, 10.0, LIMITS) == 12.0
    assert ready_at(succeeded(pace, 15.0), 15.0, LIMITS) == 17.0


def test_a_burst_is_followed_by_one_a_minute() -> None:
    """I10: three at once, then one a minute."""
    pace, now = full(LIMITS, 0.0), 0.0
    times = []
    for _ in range(6):
        now = ready_at(pace, now, LIMITS)
        times.append(now)
        pace = succeeded(started(pace, now, LIMITS), now)
    assert times[:3] == [0.0, 2.0, 4.0]
    assert times[3:] == pytest.approx([60.0, 120.0, 180.0])


def test_what_a_person_asks_for_waits_for_the_gap_alone() -> None:
    """I10: neither an empty bucket nor a backoff holds `tmex sync` back, and its uploads starve nobody later."""
    pace = Pace(tokens=0.0, counted=0.0, last=0.0, failures=5, not_before=900.0)
    assert ready_at(pace, 1.0, LIMITS, asked=True) == 2.0
    assert ready_at(pace, 1.0, LIMITS) == 900.0
    assert started(pace, 1.0, LIMITS).tokens == 0.0


def test_failures_back_off_and_success_ends_that() -> None:
    """I10: a failed upload waits; one that needs no retry clears the count."""
    pace = failed(full(LIMITS, 0.0), 10.0, Limits(backoff_max=60.0), Random(3))
    assert pace.failures == 1
    assert 10.0 <= pace.not_before <= 11.0
    assert succeeded(pace, 11.0) == Pace(tokens=3, counted=0.0, last=11.0)


@given(st.integers(0, 10_000), st.floats(1.0, 3600.0), st.integers())
def test_backoff_starts_at_a_second_doubles_and_is_bounded(failures: int, most: float, seed: int) -> None:
    """I10: full jitter between nothing and 1, 2, 4 … seconds, at most the limit, however many failures."""
    wait = backoff(failures, Limits(backoff_max=most), Random(seed))
    assert 0.0 <= wait <= min(most, 2.0 ** min(failures, 20))


@given(
    st.floats(0, 60),
    st.integers(1, 5),
    st.lists(st.tuples(st.floats(0, 200), st.floats(0, 40), st.booleans()), max_size=40),
)
def test_never_within_the_gap_nor_more_than_burst_and_one_a_minute(
    gap: float, burst: int, story: list[tuple[float, float, bool]]
) -> None:
    """I10: for any demand, any durations and any failures, checked over every stretch of the story."""
    limits, chance = Limits(upload_gap=gap, upload_burst=burst), Random(1)
    pace, now, begun = full(limits, 0.0), 0.0, list[float]()
    for idle, lasts, fails in story:
        now = ready_at(pace, now + idle, limits)
        assert not begun or now - begun[-1] >= gap - 1e-9
        begun.append(now)
        pace = started(pace, now, limits)
        now += lasts
        pace = failed(pace, now, limits, chance) if fails else succeeded(pace, now)
        assert 0.0 <= tokens(pace, now, limits) <= burst
    for count, first in enumerate(reversed(begun), start=1):
        assert count <= burst + (begun[-1] - first) / 60 + 1e-6
