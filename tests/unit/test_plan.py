"""The plan never frees on doubt, never lets an addition wait, and frees what is ripe: proven by properties."""

from itertools import pairwise
from math import inf

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faults import Fault
from engine.limits import Limits
from engine.model import DAY, Instant, Occupancy, Window
from engine.plan import (
    Change,
    Hold,
    Patience,
    Standing,
    Unchanged,
    Upload,
    accepted,
    change,
    decide,
    observe,
    patience,
    release,
    sending,
    settled,
    unanswered,
)
from engine.spans import EMPTY, IntervalSet

HOUR = 3600
WINDOW = Window(Instant(0), Instant(30 * DAY))
LIMITS = Limits(interval=120.0)
NEW = Standing()
TORN = Fault("row.start_unreadable", {"column": "TK1/A", "count": 1})


def hours(*which: int) -> IntervalSet:
    return IntervalSet((hour * HOUR, (hour + 1) * HOUR) for hour in which)


def seen(*which: int, has_rows: bool = True, incomplete: Fault | None = None) -> Occupancy:
    return Occupancy(blocked=hours(*which), has_rows=has_rows, incomplete=incomplete)


class Desk:
    """One calendar whose portal accepts at once, for telling a story reading by reading."""

    def __init__(self, limits: Limits = LIMITS, standing: Standing = NEW, window: Window = WINDOW) -> None:
        self.limits, self.standing, self.window = limits, standing, window

    def read(self, sight: Occupancy, gap: float = 0.0, *, accept: bool = True) -> Change:
        self.standing = observe(self.standing, sight, self.window, gap, self.limits)
        made = change(self.standing, sight, self.window, self.limits)
        if accept:
            self.standing = accepted(sending(self.standing, made), made)
        return made


def test_additions_go_at_once_and_the_old_time_stays_until_it_is_ripe() -> None:
    """R11, I1, I3: a drag blocks the new time at once; the old one is freed by a second upload, when it is ripe."""
    desk = Desk()
    desk.read(seen(8, 9, 10, 11, 20))
    moved = desk.read(seen(8, 9, 10, 12, 20), 5.0)
    assert (moved.added, moved.held, moved.removed) == (hours(12), hours(11), EMPTY)
    assert moved.ripe_in == pytest.approx(10.0)
    assert desk.read(seen(8, 9, 10, 12, 20), 9.0).removed == EMPTY
    assert desk.read(seen(8, 9, 10, 12, 20), 1.0).removed == hours(11)


def test_what_comes_back_starts_anew() -> None:
    """I3: a time that returns is not lost; if it goes again it ripens from the beginning."""
    desk = Desk()
    for sight, gap in [(seen(8, 9), 0.0), (seen(8), 5.0), (seen(8, 9), 8.0), (seen(8), 8.0)]:
        assert desk.read(sight, gap).removed == EMPTY
    assert desk.read(seen(8), 9.0).removed == EMPTY
    assert desk.read(seen(8), 1.0).removed == hours(9)


def test_only_two_intervals_of_a_gap_count() -> None:
    """I3, fault 44: an outage, a freeze or a clock jump ripens next to nothing."""
    desk = Desk(msgspec.structs.replace(LIMITS, free_delay=600.0))
    desk.read(seen(8, 9))
    desk.read(seen(8), 1.0)
    assert desk.read(seen(8), 1e9).removed == EMPTY
    assert desk.read(seen(8), -1e9).removed == EMPTY
    assert desk.standing.clock == 241.0


def test_an_incomplete_reading_frees_nothing_and_ripens_nothing_but_blocks() -> None:
    """I1, I2: not even what was ripe is freed by it; what it does find is blocked, and counts as present."""
    desk = Desk()
    desk.read(seen(8, 9))
    desk.read(seen(8), 5.0)
    made = desk.read(seen(8, 10, incomplete=TORN), 100.0)
    assert (made.send, made.removed, made.ripe_in) == (hours(8, 9, 10), EMPTY, None)
    desk.read(seen(9, incomplete=TORN), 1.0)
    assert desk.read(seen(8), 5.0).removed == EMPTY


def test_without_a_baseline_an_incomplete_reading_uploads_nothing() -> None:
    """I1, fault 39: nothing is known of what the portal holds, so nothing may be replaced."""
    sight = seen(8, incomplete=TORN)
    made = change(Standing(), sight, WINDOW, LIMITS)
    assert decide(Standing(), sight, made, owed=True, asked=True) == Hold(made, TORN)


def test_a_ledger_set_aside_lets_an_empty_calendar_wait() -> None:
    """I6, fault 39: nothing read and nothing known waits for a person; anything read goes up."""
    adrift = Standing(adrift=True)
    empty, some = seen(), seen(8)
    held = change(adrift, empty, WINDOW, LIMITS)
    assert isinstance(decide(adrift, empty, held, owed=True, asked=False), Hold)
    assert isinstance(decide(adrift, empty, held, owed=True, asked=True), Upload)
    made = change(adrift, some, WINDOW, LIMITS)
    assert isinstance(decide(adrift, some, made, owed=True, asked=False), Upload)
    assert not accepted(adrift, made).adrift


@pytest.mark.parametrize(
    ("lost", "mood"),
    [(3, Patience.NORMAL), (4, Patience.GUARDED)],
)
def test_the_guard_wakes_above_its_percentage(lost: int, mood: Patience) -> None:
    """I3: 30 % of what was blocked is a normal day, more is not."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(*range(lost, 10)), 20.0)
    assert patience(desk.standing, seen(1), LIMITS) is mood


@pytest.mark.parametrize(("minimum", "mood"), [(4 * HOUR, Patience.GUARDED), (4 * HOUR + 1, Patience.NORMAL)])
def test_the_guard_sleeps_below_its_minimum(minimum: int, mood: Patience) -> None:
    """I3: just at the minimum it is awake, just below it is not."""
    desk = Desk(msgspec.structs.replace(LIMITS, guard_min=minimum))
    desk.read(seen(*range(5)))
    desk.read(seen(4), 20.0)
    assert patience(desk.standing, seen(1), desk.limits) is mood


def test_what_drains_away_bit_by_bit_wakes_the_guard_too() -> None:
    """I3: what was lost within the period counts, freed or not; what came back does not."""
    desk = Desk()
    desk.read(seen(*range(10)))
    for gone in range(1, 4):
        desk.read(seen(*range(gone, 10)), 20.0)
        assert desk.read(seen(*range(gone, 10)), 20.0).patience is Patience.NORMAL
    assert desk.read(seen(*range(4, 10)), 20.0).patience is Patience.GUARDED
    assert desk.read(seen(0, *range(4, 10)), 20.0).patience is Patience.NORMAL


def test_a_guarded_removal_goes_when_it_is_confirmed() -> None:
    """I3, fault 10: after the guard's time of complete readings, the calendar follows."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(9), 20.0)
    for _ in range(4):
        assert desk.read(seen(9), 120.0).removed == EMPTY
    assert desk.read(seen(9), 120.0).removed == hours(*range(9))
    for _ in range(6):
        desk.read(seen(9), 120.0)
    assert desk.standing.losses == ()


def test_little_blocked_and_no_row_is_guarded_not_by_hand() -> None:
    """I3: a window without any row waits for the guard even below its minimum."""
    desk = Desk()
    desk.read(seen(8))
    assert desk.read(seen(has_rows=False), 20.0).patience is Patience.GUARDED


def test_an_empty_window_waits_for_a_hand_however_long_it_lasts() -> None:
    """I3, fault 11: nothing is freed while no row is there, and the first row of a refill frees nothing."""
    desk = Desk()
    desk.read(seen(*range(10)))
    for _ in range(100):
        made = desk.read(seen(has_rows=False), 120.0)
        assert (made.removed, made.patience, made.ripe_in) == (EMPTY, Patience.BY_HAND, None)
    first = desk.read(seen(0), 120.0)
    assert (first.removed, first.patience) == (EMPTY, Patience.GUARDED)
    assert first.ripe_in == pytest.approx(600.0)


def test_release_lets_go_what_it_showed_and_nothing_later() -> None:
    """I3: what was released goes at the next complete reading that still lacks it; what is lost later waits."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(has_rows=False), 20.0)
    desk.standing = release(desk.standing, hours(*range(5)))
    desk.read(seen(has_rows=False, incomplete=TORN), 1.0)
    made = desk.read(seen(0, has_rows=False), 1.0)
    assert made.removed == hours(1, 2, 3, 4)
    assert made.held == hours(5, 6, 7, 8, 9)
    assert desk.read(seen(has_rows=False), 1.0).removed == EMPTY


def test_a_released_time_stays_let_go_until_the_portal_has_accepted_it() -> None:
    """I3: the portal being away for a moment costs nobody a second release, not even when a row comes back."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(has_rows=False), 20.0)
    desk.standing = release(desk.standing, hours(*range(10)))
    assert desk.read(seen(has_rows=False), 1.0, accept=False).removed == hours(*range(10))
    assert [each.times for each in desk.standing.losses if each.released] == [hours(*range(10))]
    assert desk.read(seen(3), 1.0).removed == hours(*range(3), *range(4, 10))


def test_release_lets_go_nothing_that_came_back_meanwhile() -> None:
    """I1, I3: also an incomplete reading that shows a time again ends its release; if it goes once more, it ripens."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(has_rows=False), 20.0)
    desk.standing = release(desk.standing, hours(*range(5)))
    desk.read(seen(3, incomplete=TORN), 1.0)
    made = desk.read(seen(has_rows=False), 1.0)
    assert made.removed == hours(0, 1, 2, 4)


def test_what_was_released_was_lost_all_the_same() -> None:
    """I3: the guard goes on counting it, so what is lost next waits for the guard too."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(*range(5, 10)), 20.0)
    desk.standing = release(desk.standing, hours(*range(5)))
    assert desk.read(seen(*range(5, 10)), 20.0).removed == hours(*range(5))
    assert desk.read(seen(*range(6, 10)), 20.0).patience is Patience.GUARDED
    for _ in range(4):
        assert desk.read(seen(*range(6, 10)), 120.0).removed == EMPTY
    assert desk.read(seen(*range(6, 10)), 120.0).removed == hours(5)
    desk.read(seen(*range(6, 10)), 120.0)
    assert desk.standing.losses == ()


def test_by_hand_lasts_as_long_as_no_row_is_there() -> None:
    """I3: what is left after a release, or in a window that shrank, waits for a hand too, however little it is."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(has_rows=False), 20.0)
    desk.standing = release(desk.standing, hours(*range(9)))
    assert desk.read(seen(has_rows=False), 20.0).removed == hours(*range(9))
    for _ in range(10):
        made = desk.read(seen(has_rows=False), 120.0)
        assert (made.held, made.removed, made.patience) == (hours(9), EMPTY, Patience.BY_HAND)


def test_the_guard_measures_against_the_most_of_just_the_period_in_which_it_counts() -> None:
    """I3: at the very end of the period both what was lost and what was blocked before still count."""
    desk = Desk()
    desk.read(seen(*range(10)))
    desk.read(seen(*range(3, 10)), 120.0)
    for _ in range(4):
        desk.read(seen(*range(3, 10)), 120.0)
    assert desk.read(seen(*range(3, 10)), 120.0).patience is Patience.NORMAL


def test_nobody_knows_when_in_its_time_a_reading_saw_what_it_saw() -> None:
    """I3: a removal ripens from the end of the first reading that lacked it to the beginning of the last one."""
    standing = Standing(baseline=hours(8, 9))
    standing = observe(standing, seen(8), WINDOW, 0.0, LIMITS, lasted=4.0)
    assert change(standing, seen(8), WINDOW, LIMITS).ripe_in == pytest.approx(10.0)
    standing = observe(standing, seen(8), WINDOW, 13.9, LIMITS, lasted=4.0)
    assert change(standing, seen(8), WINDOW, LIMITS).removed == EMPTY
    standing = observe(standing, seen(8), WINDOW, 0.2, LIMITS)
    assert change(standing, seen(8), WINDOW, LIMITS).removed == hours(9)


def test_without_a_delay_a_removal_goes_at_once() -> None:
    """I3: `TMEX_FREE_DELAY=0`, however long the reading took."""
    eager = msgspec.structs.replace(LIMITS, free_delay=0.0)
    standing = observe(Standing(baseline=hours(8, 9)), seen(8), WINDOW, 0.0, eager, lasted=4.0)
    assert change(standing, seen(8), WINDOW, eager).removed == hours(9)


def test_a_window_that_moves_on_removes_nothing() -> None:
    """R2, R14, I3: what leaves the window is no removal, the baseline outside stays, and moving alone sends nothing."""
    desk = Desk()
    desk.read(seen(1, 40))
    desk.window = Window(Instant(DAY), Instant(31 * DAY))
    standing = observe(desk.standing, seen(40), desk.window, 10.0, LIMITS)
    made = change(standing, seen(40), desk.window, LIMITS)
    assert (made.added, made.removed, made.held) == (EMPTY, EMPTY, EMPTY)
    assert decide(standing, seen(40), made, owed=False, asked=False) == Unchanged(made)
    assert accepted(standing, made).baseline == hours(1, 40)


def test_what_ended_long_before_the_window_is_forgotten() -> None:
    """I1, I12: 400 days before the window nothing is kept."""
    standing = Standing(baseline=hours(0, 24), pending=hours(0))
    later = Window(Instant(401 * DAY), Instant(402 * DAY))
    made = change(standing, seen(), later, LIMITS)
    assert accepted(standing, made).baseline == hours(24)
    assert accepted(standing, made).pending == EMPTY


def test_unchanged_is_silent_unless_owed_or_asked() -> None:
    """R14: equal means that the set to send is the baseline and that the portal has accepted it."""
    desk = Desk()
    made = desk.read(seen(8))
    same = change(desk.standing, seen(8), WINDOW, LIMITS)
    assert isinstance(decide(desk.standing, seen(8), same, owed=False, asked=False), Unchanged)
    assert isinstance(decide(desk.standing, seen(8), same, owed=True, asked=False), Upload)
    assert isinstance(decide(desk.standing, seen(8), same, owed=False, asked=True), Upload)
    unsure = sending(Standing(baseline=EMPTY), made)
    again = change(unsure, seen(8), WINDOW, LIMITS)
    assert again.added == hours(8)
    assert isinstance(decide(unsure, seen(8), again, owed=False, asked=False), Upload)


def test_a_calendar_never_sent_is_sent_even_when_empty() -> None:
    """R14, I6: an empty calendar is a fact that the portal has to be told."""
    made = change(Standing(), seen(), WINDOW, LIMITS)
    assert isinstance(decide(Standing(), seen(), made, owed=False, asked=False), Upload)


def test_what_may_land_late_beyond_the_window_is_sent_when_the_window_gets_there() -> None:
    """I6, fault 28: an old upload of a wider window may undo what the settling upload does not reach."""
    standing = Standing(baseline=hours(1, 40))
    later = Window(Instant(DAY), Instant(31 * DAY))
    doubted = settled(standing, IntervalSet([(0, 31 * DAY)]), later)
    assert change(doubted, seen(40), later, LIMITS).added == EMPTY
    assert change(doubted, seen(1, 40), WINDOW, LIMITS).added == hours(1)
    assert doubted.confirmed(WINDOW) == hours(40)


def test_what_may_linger_beyond_the_window_is_freed_when_the_window_gets_there() -> None:
    """I1, I6: an old upload that landed late holds times again that were freed since; the baseline knows them."""
    later = Window(Instant(DAY), Instant(31 * DAY))
    old = change(Standing(), seen(1, 40), WINDOW, LIMITS)
    standing = unanswered(sending(Standing(), old), old)
    new = change(Standing(), seen(41), WINDOW, LIMITS)
    standing = accepted(sending(standing, new), new)
    assert (standing.baseline, standing.lingering) == (hours(41), hours(1, 40))
    standing = settled(standing, IntervalSet([(0, 30 * DAY)]), later)
    assert (standing.baseline, standing.lingering) == (hours(1, 41), EMPTY)
    assert change(standing, seen(1, 41), WINDOW, LIMITS).added == hours(1)


def test_a_ledger_that_cannot_be_written_frees_nothing() -> None:
    """I6, fault 40: what is ripe stays blocked, what is new is blocked."""
    desk = Desk()
    desk.read(seen(8, 9))
    desk.read(seen(8), 1.0)
    standing = observe(desk.standing, seen(8, 10), WINDOW, 20.0, LIMITS)
    assert change(standing, seen(8, 10), WINDOW, LIMITS, may_free=False).send == hours(8, 9, 10)
    assert change(standing, seen(8, 10), WINDOW, LIMITS).send == hours(8, 10)


which = st.sets(st.integers(0, 8), max_size=9)
readings = st.builds(
    lambda blocked, rows, whole: seen(*blocked, has_rows=rows or bool(blocked), incomplete=None if whole else TORN),
    which,
    st.booleans(),
    st.booleans(),
)
steps = st.lists(st.tuples(readings, st.floats(0, 500), st.booleans(), st.integers(0, 1)), max_size=25)
tuned = st.builds(
    lambda delay, percent, least, confirm: Limits(
        free_delay=delay, guard_percent=percent, guard_min=least, guard_confirm=confirm
    ),
    st.sampled_from([0.0, 10.0, 300.0]),
    st.sampled_from([1, 30, 100]),
    st.sampled_from([0, HOUR, 4 * HOUR]),
    st.sampled_from([0.0, 120.0, 600.0]),
)


@given(tuned, steps)
def test_nothing_but_time_and_complete_readings_frees(
    limits: Limits, story: list[tuple[Occupancy, float, bool, int]]
) -> None:
    """I1, I3, R2: whatever is read, every addition is sent at once, what was read is never freed, and a time is freed
    only after the delay has passed on complete readings that all lacked it.
    """
    standing, gone_for = Standing(baseline=EMPTY), dict.fromkeys(range(9), inf)
    for sight, gap, accept, moved in story:
        window = Window(Instant(moved * HOUR), Instant((moved + 8) * HOUR))
        sight = msgspec.structs.replace(sight, blocked=window.clip(sight.blocked))  # noqa: PLW2901 - the view of it
        before = window.clip(standing.baseline or EMPTY)
        standing = observe(standing, sight, window, gap, limits)
        made = change(standing, sight, window, limits)
        for hour in range(9):
            present = bool(hours(hour) & sight.blocked)
            counted = 0.0 if sight.incomplete else min(gap, 2 * limits.interval)
            fresh = gone_for[hour] == -1.0 and not sight.incomplete
            gone_for[hour] = -1.0 if present else 0.0 if fresh else max(-1.0, gone_for[hour] + counted * (not fresh))
            if hours(hour) & made.removed:
                assert gone_for[hour] >= limits.free_delay - 1e-6
        assert not sight.blocked - made.send
        assert not before - made.send - made.removed
        assert made.removed == EMPTY or sight.incomplete is None
        assert made.held | made.removed == before - sight.blocked
        standing = sending(standing, made)
        assert not made.send - (standing.baseline or EMPTY)
        if accept:
            standing = accepted(standing, made)
            assert window.clip(standing.baseline or EMPTY) == made.send


@given(steps)
def test_bounded_memory_of_losses(story: list[tuple[Occupancy, float, bool, int]]) -> None:
    """I12: what is remembered of removals never overlaps and never outgrows the readings that found them."""
    desk = Desk()
    for sight, gap, _, _ in story:
        desk.read(sight, gap)
        total = sum(each.times.total() for each in desk.standing.losses)
        union = EMPTY
        for each in desk.standing.losses:
            union = union | each.times
        assert union.total() == total
        peaks = desk.standing.peaks
        assert all(a.blocked > b.blocked for a, b in pairwise(peaks))
