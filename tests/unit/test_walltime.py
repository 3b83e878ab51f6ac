"""Wall time becomes instants: nine o'clock stays nine o'clock, and a doubtful time blocks its widest reading."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import DAY, Instant, Wall, Window
from engine.walltime import WallClock, wall_text

BERLIN = ZoneInfo("Europe/Berlin")
EPOCH = datetime(1970, 1, 1)
ZONES = ["Europe/Berlin", "UTC", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kathmandu"]


def wall(text: str) -> Wall:
    return Wall(int((datetime.fromisoformat(text) - EPOCH).total_seconds()))


def instant(text: str) -> Instant:
    return Instant(int(datetime.fromisoformat(text).timestamp()))


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_a_doubtful_time_gets_its_widest_reading(day: str) -> None:
    """R9: 02:15 to 02:45 blocks 00:15Z to 01:45Z on either clock-change Sunday in Berlin."""
    clock = WallClock(BERLIN)
    assert clock.earliest(wall(f"{day} 02:15")) == instant(f"{day}T00:15+00:00")
    assert clock.latest(wall(f"{day} 02:45")) == instant(f"{day}T01:45+00:00")


@pytest.mark.parametrize(("day", "hour"), [("2026-03-28", 8), ("2026-03-29", 7), ("2026-10-24", 7), ("2026-10-25", 8)])
def test_nine_stays_nine(day: str, hour: int) -> None:
    """R9, fault 45: nine in the morning is nine in the morning on each side of a clock change."""
    clock = WallClock(BERLIN)
    expected = instant(f"{day}T{hour:02}:00+00:00")
    assert clock.earliest(wall(f"{day} 09:00")) == clock.latest(wall(f"{day} 09:00")) == expected
    assert clock.isoformat(expected).startswith(f"{day}T09:00:00+0")


@pytest.mark.parametrize(("day", "quarters"), [("2026-03-29", 92), ("2026-06-01", 96), ("2026-10-25", 100)])
def test_days_have_92_96_or_100_quarter_hours(day: str, quarters: int) -> None:
    """R9, fault 45: a day is as long as its clock changes make it."""
    clock, start = WallClock(BERLIN), wall(f"{day} 00:00")
    assert clock.latest(Wall(start + DAY)) - clock.earliest(start) == quarters * 900


@given(st.sampled_from(ZONES), st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)))
def test_both_readings_of_a_wall_time_lie_between_earliest_and_latest(name: str, local: datetime) -> None:
    """R9: the earlier reading for a start, the later for an end, for every zone and day."""
    zone = ZoneInfo(name)
    local = local.replace(microsecond=0)
    shown = Wall(int((local - EPOCH).total_seconds()))
    readings = [int(local.replace(tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)]
    clock = WallClock(zone)
    assert clock.earliest(shown) == min(readings)
    assert clock.latest(shown) == max(readings)


@given(
    st.sampled_from(ZONES),
    st.one_of(st.integers(0, 2**31), st.sampled_from([wall("2026-03-28 12:00"), wall("2026-10-24 12:00")])),
    st.lists(st.integers(0, 30 * DAY), min_size=1, max_size=8),
)
def test_a_steady_stretch_has_but_one_reading(name: str, first: int, after: list[int]) -> None:
    """R9: where one offset is said to hold, no time of its days has another one; and most weeks have one."""
    clock = WallClock(ZoneInfo(name))
    offset = clock.steady(first, first + max(after))
    if offset is not None:
        for each in after:
            assert clock.earliest(Wall(first + each)) == clock.latest(Wall(first + each)) == first + each - offset
    assert clock.steady(wall("2026-06-01 00:00"), wall("2026-06-08 00:00")) is not None


def test_a_clock_change_is_not_steady_nor_is_a_year() -> None:
    """R9, fault 45: a week with a clock change in it, and a row that lasts for ever, are looked at time by time."""
    clock = WallClock(BERLIN)
    assert clock.steady(wall("2026-10-20 00:00"), wall("2026-10-27 00:00")) is None
    assert clock.steady(wall("2026-06-01 00:00"), wall("9999-12-31 23:59")) is None
    assert clock.steady(wall("2026-06-01 00:00"), wall("2026-06-30 00:00")) == 7200


@given(st.sampled_from(ZONES), st.integers(0, 2**31))
def test_the_wall_shows_what_the_zone_says(name: str, second: int) -> None:
    """R9: an instant lies between the two readings of what the clock then shows."""
    clock = WallClock(ZoneInfo(name))
    shown = clock.wall(Instant(second))
    assert clock.earliest(shown) <= second <= clock.latest(shown)
    assert datetime.fromisoformat(clock.isoformat(Instant(second))).timestamp() == second


def test_nothing_outside_the_span_around_a_window_touches_it() -> None:
    """R7, R9: the span that a source is asked for is wider than the window by more than any offset."""
    clock = WallClock(BERLIN)
    window = Window(instant("2026-03-29T00:00+00:00"), instant("2026-03-30T00:00+00:00"))
    span = clock.around(window)
    assert clock.latest(span.start) < window.start - DAY
    assert clock.earliest(span.end) > window.end + DAY


def test_a_zone_that_knows_no_offset_counts_as_utc() -> None:
    """R9: a zone is whatever the standard library takes for one."""

    class Nowhere(tzinfo):
        def utcoffset(self, _: datetime | None) -> timedelta | None:
            return None

        dst = utcoffset

        def tzname(self, _: datetime | None) -> str | None:
            return None

    assert WallClock(Nowhere()).earliest(Wall(77)) == 77
    assert WallClock(UTC).earliest(Wall(77)) == 77


@pytest.mark.parametrize("name", ["Europe/Berlin", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_ends_of_the_calendar_have_instants(name: str) -> None:
    """R9, R13: `9999-12-31 23:59` is how programs write that something has no end."""
    clock = WallClock(ZoneInfo(name))
    for local in (datetime.min, datetime.max):  # noqa: DTZ901 - wall time
        edge = Wall((local - EPOCH) // timedelta(seconds=1))
        assert abs(clock.earliest(edge) - edge) < DAY
        assert abs(clock.latest(edge) - edge) < DAY


def test_wall_time_is_written_as_people_do() -> None:
    """R13: a row is named by its start."""
    assert wall_text(wall("2026-11-23 08:00")) == "2026-11-23 08:00"
