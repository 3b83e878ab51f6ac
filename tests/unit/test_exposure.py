"""The measure of a sync: how long what is occupied stayed bookable."""

from hypothesis import given
from hypothesis import strategies as st

from engine.exposure import Exposure, shown
from engine.spans import EMPTY, IntervalSet

EIGHT, NINE = IntervalSet([(8, 9)]), IntervalSet([(9, 10)])
TWO = IntervalSet([(8, 9), (12, 13)])


def test_each_stretch_counts_from_the_reading_that_showed_it_first() -> None:
    """Two appointments, one seen at 10 and one at 40: at 60 they were exposed for 50 and for 20 seconds."""
    exposure = shown(shown(Exposure(), EIGHT, 10.0), TWO, 40.0)
    assert exposure.seconds(60.0) == 50.0 + 20.0
    assert exposure.times() == TWO


def test_what_became_free_again_counts_for_as_long_as_it_lasted() -> None:
    """Occupied at 10, seen as free at 25: fifteen seconds, however late the next upload is accepted."""
    exposure = shown(shown(Exposure(), EIGHT, 10.0), EMPTY, 25.0)
    assert exposure.times() == EMPTY
    assert exposure.seconds(1000.0) == 15.0


def test_nothing_is_exposed_where_the_portal_lacks_nothing() -> None:
    """The common case costs nothing and counts nothing."""
    assert shown(Exposure(), EMPTY, 5.0) == Exposure()


TIMES = st.lists(st.tuples(st.integers(0, 30), st.integers(1, 3)), max_size=6).map(
    lambda pairs: IntervalSet((start, start + length) for start, length in pairs)
)


@given(st.lists(TIMES, max_size=6), TIMES)
def test_it_never_shrinks_with_time(readings: list[IntervalSet], last: IntervalSet) -> None:
    """Whatever the readings show, what was exposed stays counted, and what is open now is what the last one showed."""
    exposure, before = Exposure(), 0.0
    for second, lacking in enumerate([*readings, last]):
        exposure = shown(exposure, lacking, float(second))
        assert exposure.seconds(second) >= before - 1e-9
        before = exposure.seconds(second)
    assert exposure.times() == last
