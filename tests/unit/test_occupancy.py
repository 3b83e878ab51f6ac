"""A reading and a window give exactly the occupied minutes, compared with a set of minutes counted one by one."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.faults import Fault
from engine.limits import Limits
from engine.model import DAY, NO_END, ColumnId, Days, Instant, Occupancy, Reservation, Rows, Window
from engine.occupancy import MOST_DOUBTS, next_midnight, occupancy, taken_and_blocked, vanished
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock, wall_span

BERLIN = ZoneInfo("Europe/Berlin")
EPOCH = datetime(1970, 1, 1)
LIMITS = Limits(zone=BERLIN)
A = ColumnId("TK1", "A")


def wall(text: str) -> int:
    return int((datetime.fromisoformat(text) - EPOCH).total_seconds())


def window(start: str, end: str) -> Window:
    return Window(*(Instant(int(datetime.fromisoformat(each).timestamp())) for each in (start, end)))


MARCH = window("2026-03-02T00:00+01:00", "2026-03-30T00:00+02:00")


def rows(occupied: list[tuple[str, str | None]] = [], free: list[tuple[str, str]] = []) -> Rows:  # noqa: B006 - read only
    made = Rows(A)
    for start, end in occupied:
        made.occupied.extend((wall(start), NO_END if end is None else wall(end)))
    for start, end in free:
        made.free.extend((wall(start), wall(end)))
    return made


def see(made: Rows, through: Window = MARCH) -> Occupancy:
    return occupancy(made.reading(), through, WallClock(BERLIN), LIMITS)


def blocks(seen: Occupancy) -> list[str]:
    clock = WallClock(BERLIN)
    return [f"{clock.isoformat(Instant(a))[5:16]} {clock.isoformat(Instant(b))[5:16]}" for a, b in seen.blocked]


def test_only_occupied_rows_block() -> None:
    """R3: free rows never block, and touching ones do not join what they lie between."""
    seen = see(
        rows(
            [("2026-03-09 08:10", "2026-03-09 08:20"), ("2026-03-09 08:30", "2026-03-09 08:45")],
            [("2026-03-09 08:00", "2026-03-09 08:10"), ("2026-03-09 08:20", "2026-03-09 08:30")],
        )
    )
    assert blocks(seen) == ["03-09T08:10 03-09T08:20", "03-09T08:30 03-09T08:45"]
    assert seen.has_rows


def test_several_appointments_become_one_block() -> None:
    """R5: two at the same time and one after them are three appointments and one block."""
    twice = ("2026-03-09 09:00", "2026-03-09 09:10")
    seen = see(rows([twice, twice, ("2026-03-09 09:10", "2026-03-09 09:20")]))
    assert blocks(seen) == ["03-09T09:00 03-09T09:20"]
    assert seen.appointments == 3


def test_a_free_row_beneath_punches_no_hole() -> None:
    """R5: an extended appointment over free rows is one block."""
    seen = see(rows([("2026-03-11 14:00", "2026-03-11 14:45")], [("2026-03-11 14:15", "2026-03-11 14:30")]))
    assert blocks(seen) == ["03-11T14:00 03-11T14:45"]


def test_a_reservation_is_a_rectangle() -> None:
    """R6: three days of 08:00 to 12:00 are three blocks, one appointment, and no row of the grid."""
    made = rows()
    first = wall("2026-03-16 00:00") // DAY
    made.reservations.append(Reservation(first, first + 2, 8 * 3600, 12 * 3600))
    seen = see(made)
    assert blocks(seen) == [f"03-{day}T08:00 03-{day}T12:00" for day in (16, 17, 18)]
    assert (seen.appointments, seen.has_rows) == (1, False)


def test_a_reservation_for_ever_costs_only_its_window() -> None:
    """R6, I12: days outside the window are not even counted."""
    made = rows()
    made.reservations.append(Reservation(-719_000, 2_900_000))
    seen = see(made)
    assert seen.blocked == IntervalSet([(MARCH.start, MARCH.end)])


def test_an_appointment_over_a_weekend_is_one_block() -> None:
    """R6: an appointment may run over midnight and over several days."""
    assert blocks(see(rows([("2026-03-20 13:00", "2026-03-23 08:00")]))) == ["03-20T13:00 03-23T08:00"]


def test_the_night_of_the_clock_change_has_nine_hours() -> None:
    """R9: from 22:00 to 06:00 over the end of summer time."""
    seen = see(
        rows([("2026-10-24 22:00", "2026-10-25 06:00")]),
        window("2026-10-19T00:00+02:00", "2026-11-02T00:00+01:00"),
    )
    assert seen.blocked.total() == 9 * 3600


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-03-09 20:00", "2026-03-09 00:00", "03-09T20:00 03-10T00:00"),
        ("2026-03-09 00:00", "2026-03-09 00:00", "03-09T00:00 03-10T00:00"),
        ("2026-03-09 20:00", "2026-03-10 00:00", "03-09T20:00 03-10T00:00"),
    ],
)
def test_midnight_of_the_own_day_is_the_next_one(start: str, end: str, expected: str) -> None:
    """R8: an end of 00:00 on the start's own day is the next midnight."""
    seen = see(rows([(start, end)]))
    assert blocks(seen) == [expected]
    assert not seen.doubts


@pytest.mark.parametrize("end", [None, "2026-03-09 08:00", "2026-03-09 07:00", "2026-03-08 00:00"])
def test_an_unusable_end_blocks_the_default_slot(end: str | None) -> None:
    """R13: a missing end, or one not after the start, blocks the default slot, and the column is degraded."""
    seen = see(rows([("2026-03-09 08:00", end)]))
    assert blocks(seen) == ["03-09T08:00 03-09T08:15"]
    assert seen.doubts == (Fault("row.end_unusable", {"column": "TK1/A", "start": "2026-03-09 08:00"}),)
    assert seen.incomplete is None


def test_a_doubtful_row_of_a_file_is_named_by_its_line_and_doubts_are_bounded() -> None:
    """R13, I12: a row is named by file and line where there is one; a broken export names a few rows only."""
    made = rows([("2026-03-09 08:00", None)] * 100)
    made.places[0] = {"file": "a.csv", "line": 7}
    seen = see(made)
    assert seen.doubts[0] == Fault("row.end_unusable_in_file", {"file": "a.csv", "line": 7})
    assert len(seen.doubts) == MOST_DOUBTS
    assert seen.appointments == 100


def test_a_row_outside_the_window_neither_counts_nor_worries() -> None:
    """R7: what does not touch the window plays no part in it."""
    seen = see(
        rows([("2026-01-09 08:00", None), ("2026-03-30 00:00", "2026-03-30 01:00")], [("2026-01-01 08:00",) * 2])
    )
    assert seen == Occupancy()


def test_a_reading_with_an_unplaced_row_is_incomplete() -> None:
    """R13, I2: what may block and has no readable place makes the reading incomplete."""
    made = rows([("2026-03-09 08:00", "2026-03-09 08:10")])
    made.unplaced.append(Fault("row.start_unreadable", {"column": "TK1/A", "count": 1}))
    seen = see(made)
    assert seen.incomplete == made.unplaced[0]
    assert blocks(seen) == ["03-09T08:00 03-09T08:10"]


def test_a_vanished_free_row_is_noticed_until_a_row_covers_it() -> None:
    """R12: gone is where a free row was seen and neither a free nor an occupied row is any more."""
    seen = Occupancy(taken=IntervalSet([(10, 20)]), free=IntervalSet([(30, 40)]))
    assert vanished(IntervalSet([(10, 50)]), seen) == IntervalSet([(20, 30), (40, 50)])
    assert vanished(EMPTY, seen) == EMPTY


DAYS = ["2026-03-28", "2026-03-29", "2026-03-30", "2026-10-24", "2026-10-25", "2026-10-26"]
moments = st.tuples(st.sampled_from(DAYS), st.integers(0, 95)).map(
    lambda each: wall(each[0] + " 00:00") + each[1] * 900
)
spans = st.tuples(moments, st.integers(-2, 120)).map(lambda each: (each[0], each[0] + each[1] * 900))
rectangles = st.tuples(st.sampled_from(DAYS), st.integers(0, 3), st.integers(0, 95), st.integers(1, 96)).map(
    lambda each: Reservation(
        wall(each[0] + " 00:00") // DAY,
        wall(each[0] + " 00:00") // DAY + each[1],
        each[2] * 900,
        max(each[2] + 1, each[3]) * 900,
    )
)


def minutes(start: int, end: int) -> set[int]:
    """The quarter hours of UTC that a wall time range may cover, by either reading, counted the slow way."""

    def readings(shown: int) -> list[int]:
        local = EPOCH + timedelta(seconds=shown)
        return [int(local.replace(tzinfo=BERLIN, fold=fold).timestamp()) for fold in (0, 1)]

    return set(range(min(readings(start)), max(readings(end)), 900))


@given(st.lists(spans, max_size=8), st.lists(spans, max_size=4), st.lists(rectangles, max_size=3), st.data())
def test_occupancy_is_the_set_of_occupied_minutes(
    occupied: list[tuple[int, int]], free: list[tuple[int, int]], reserved: list[Reservation], data: st.DataObject
) -> None:
    """R3, R5, R6, R7, R8, R9, R13: exact against a set of quarter hours in UTC, clock changes included."""
    made = Rows(A)
    expected: set[int] = set()
    for start, end in occupied:
        made.occupied.extend((start, end))
        midnight = start - start % DAY
        usable = end if end > start else midnight + DAY if end == midnight else start + LIMITS.default_slot
        expected |= minutes(start, usable)
    for pair in free:
        made.free.extend(pair)
    for each in reserved:
        made.reservations.append(each)
        for day in range(each.first_day, each.last_day + 1):
            expected |= minutes(day * DAY + each.from_second, day * DAY + each.to_second)
    start = (
        data.draw(st.sampled_from(sorted(expected) or [wall("2026-03-28 00:00")])) - data.draw(st.integers(0, 9)) * 900
    )
    through = Window(Instant(start), Instant(start + data.draw(st.integers(1, 300)) * 900))
    seen = see(made, through)
    got = {second for a, b in seen.blocked for second in range(a, b, 900)}
    assert got == {second for second in expected if through.start <= second < through.end}
    quick = taken_and_blocked(made, through, WallClock(BERLIN), LIMITS)
    assert quick in (None, (seen.taken, seen.blocked))
    assert quick is not None or any(next_midnight(*each) is None for each in occupied)


ANYWHERE = st.sampled_from([BERLIN, ZoneInfo("America/Havana"), ZoneInfo("Atlantic/Azores"), ZoneInfo("Asia/Beirut")])
"""In the last three clocks change at midnight, or right before it."""
CHANGES = st.sampled_from(
    ["2026-03-08", "2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25", "2026-10-31", "2026-11-01"]
)


@given(ANYWHERE, CHANGES, st.integers(-1, 1), st.integers(0, 95), st.integers(1, 200))
def test_the_days_of_a_row_are_enough_to_see_it(
    zone: ZoneInfo, change: str, days: int, first: int, length: int
) -> None:
    """I1: whatever the clock does, what a row blocks lies in the part of the window that its own days are."""
    start = wall(f"{change} 00:00") + days * DAY + first * 900
    end = start + length * 900
    made, clock = Rows(A), WallClock(zone)
    made.occupied.extend((start, end))
    through = Window(Instant(start - 90 * DAY), Instant(end + 90 * DAY))
    named = Days(start // DAY, end // DAY)
    part = clock.within(through, named)
    assert part is not None
    assert wall_span(named).start <= start < end <= wall_span(named).end
    limits = Limits(zone=zone)
    assert taken_and_blocked(made, part, clock, limits) == taken_and_blocked(made, through, clock, limits)
