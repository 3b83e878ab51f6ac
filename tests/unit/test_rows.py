"""Times are read as they are written or not at all, and rows that cannot be read block too much, never too little."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.duria.rows import UNREADABLE, RowCollector
from adapters.duria.walltext import Clock, clock_of, day_of, end_of, start_of
from engine.faults import Fault
from engine.model import DAY, NO_END, ColumnId, Complete, Incomplete, Reservation, Rows, Wall
from engine.occupancy import MOST_DOUBTS
from engine.walltime import WallSpan

EPOCH = datetime(1970, 1, 1)
A = ColumnId("Kalender", "A")
SPAN = WallSpan(Wall(20_000 * DAY), Wall(20_100 * DAY))
NOON = Wall(20_050 * DAY + DAY // 2)

anything = (
    st.none() | st.integers() | st.floats() | st.binary() | st.text() | st.datetimes() | st.lists(st.text(), max_size=2)
)
nearly_times = st.from_regex(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]?[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]*)?)?\s?", fullmatch=True
)
nearly_days = st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]", fullmatch=True)


def seconds(moment: datetime) -> int:
    """Wall seconds, rounded down."""
    return (moment - EPOCH) // timedelta(seconds=1)


def collected(*rows: tuple[int | None, int | None, bool | None]) -> Rows:
    """What becomes of appointments: start, end, occupied."""
    collector = RowCollector(A, SPAN)
    for start, end, occupied in rows:
        collector.appointment(None if start is None else Wall(start), None if end is None else Wall(end), occupied)
    return collector.rows(exists=True)


def reserved(first: int | None, last: int | None, opens: int | None = None, closes: int | None = None) -> Rows:
    """What becomes of a reservation."""
    collector = RowCollector(A, SPAN)
    collector.reservation(first, last, opens, closes)
    return collector.rows(exists=True)


class TestTimes:
    """`walltext`: the text of a time is a number or None."""

    @given(anything | nearly_times | nearly_days)
    def test_no_value_raises(self, value: object) -> None:
        """R13: whatever stands in a field is a number or None."""
        assert {type(read(value)) for read in (start_of, end_of, day_of)} <= {int, type(None)}
        assert isinstance(clock_of(value), Clock | None)

    @given(
        st.datetimes(), st.sampled_from(" T"), st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"])
    )
    def test_valid_times_are_read_as_datetime_reads_them(self, moment: datetime, sep: str, precision: str) -> None:
        """R9: a fraction counts downwards for a start and upwards for an end."""
        text = moment.isoformat(sep, precision)
        same = datetime.fromisoformat(text)
        assert start_of(text) == seconds(same)
        assert end_of(text) == seconds(same + timedelta(microseconds=999_999))
        assert day_of(text[:10]) == seconds(same) // DAY
        assert clock_of(text[11:]) == Clock(seconds(same) % DAY, seconds(same) % DAY + bool(same.microsecond))

    @given(nearly_times)
    def test_what_datetime_refuses_is_unreadable(self, text: str) -> None:
        """R13: impossible dates and times are no times; the one exception is 24:00."""
        try:
            expected = seconds(datetime.fromisoformat(text[:26])) if "24:" not in text else start_of(text)
        except ValueError:
            assert start_of(text) is None
        else:
            assert start_of(text) in (expected, None)

    @given(nearly_days)
    def test_a_day_is_a_day_of_the_calendar(self, text: str) -> None:
        """R13: 30 February is none."""
        try:
            expected = date.fromisoformat(text).toordinal() - EPOCH.toordinal()
        except ValueError:
            assert day_of(text) is None
        else:
            assert day_of(text) == expected

    @given(st.times())
    def test_a_time_of_day_is_read_as_time_reads_it(self, moment: time) -> None:
        """R6: in seconds of the day."""
        whole = moment.hour * 3600 + moment.minute * 60 + moment.second
        assert clock_of(moment.isoformat()) == Clock(whole, whole + bool(moment.microsecond))

    @pytest.mark.parametrize("text", ["24:00", "24:00:00", "24:00:00.000"])
    def test_24_00_is_the_end_of_the_day(self, text: str) -> None:
        """R8: also on the last day there is."""
        assert clock_of(text) == Clock(DAY, DAY)
        assert end_of(f"2026-11-23 {text}") == start_of("2026-11-24 00:00")
        assert end_of(f"9999-12-31 {text}") == seconds(datetime(9999, 12, 31)) + DAY

    @pytest.mark.parametrize(
        "text",
        [
            "", " ", "2026-11-23", "2026-11-23 ", "2026-11-23 8:00", "2026-11-23 08", "2026-11-23  08:00",
            "2026-11-23 08:00 ", " 2026-11-23 08:00", "2026-11-23 08:00Z", "2026-11-23 08:00+01:00",
            "2026-11-23 08:00:00,5", "2026-11-23t08:00", "2026-11-23_08:00", "23.11.2026 08:00", "20261123 08:00:00",
            "2026-11-23 24:01", "2026-11-23 24:00:01", "2026-11-23 24:00:00.1", "2026-11-23 25:00",
            "2026-11-23 08:60", "2026-11-23 08:00:60", "2026-02-30 08:00", "2026-13-01 08:00", "2026-00-01 08:00",
            "0000-01-01 08:00", "-001-01-01 08:00", "2026-11-23 08:00\0", "2026-11-23 08:00\n", "2026-11-23 08:00:",
            "2026-11-23 08:00:00.", "٢٠٢٦-١١-٢٣ ٠٨:٠٠", "2026-11-23 08:00:00." + "0" * 40,
        ],
    )  # fmt: skip
    def test_other_texts_are_unreadable(self, text: str) -> None:
        """R13: nothing is guessed."""
        assert start_of(text) is None
        assert end_of(text) is None
        assert clock_of(text[11:]) is None or start_of(f"2026-11-23 {text[11:]}") is not None


class TestAppointments:
    """`RowCollector.appointment`: what may block does, and what has no place is counted."""

    def test_rows_are_kept_as_occupied_or_free(self) -> None:
        """R3: and nothing else is kept of them."""
        rows = collected((NOON, NOON + 60, True), (NOON + 60, NOON + 120, False))
        assert [*rows.occupied] == [NOON, NOON + 60]
        assert [*rows.free] == [NOON + 60, NOON + 120]
        assert isinstance(rows.reading(), Complete)

    def test_a_row_without_end_is_kept(self) -> None:
        """R13: the engine gives it one."""
        assert [*collected((NOON, None, True)).occupied] == [NOON, NO_END]

    def test_what_is_neither_occupied_nor_free_is_occupied(self) -> None:
        """R13: with a doubt that names column and start."""
        rows = collected((NOON, NOON + 60, None))
        assert [*rows.occupied] == [NOON, NOON + 60]
        assert rows.doubts == [Fault("row.occupied_unreadable", {"column": "Kalender/A", "start": "2024-11-23 12:00"})]

    def test_rows_without_start_are_counted(self) -> None:
        """R13, I2: those that may be occupied make the reading incomplete, by one fault."""
        reading = collected((None, NOON, True), (None, None, None), (None, NOON, False)).reading()
        assert isinstance(reading, Incomplete)
        assert reading.rows.unplaced == [Fault("row.start_unreadable", {"column": "Kalender/A", "count": 2})]

    def test_doubts_are_bounded(self) -> None:
        """I12: a broken table of thousands of rows names the first few."""
        rows = collected(*((NOON + 60 * n, NOON + 60 * n + 60, None) for n in range(5000)))
        assert len(rows.doubts) == MOST_DOUBTS
        assert len(rows.occupied) == 10_000

    @given(
        st.integers(SPAN.start - 3 * DAY, SPAN.end + 3 * DAY),
        st.none() | st.integers(SPAN.start - 3 * DAY, SPAN.end + 3 * DAY),
    )
    def test_only_what_misses_the_span_is_left_out(self, start: int, end: int | None) -> None:
        """R7, R13: whatever end the engine makes up for the row, at most a day after its start."""
        last = max(start + DAY, start if end is None else end)
        if start < SPAN.end and last > SPAN.start:
            assert collected((start, end, True)).occupied[0] == start

    def test_far_away_rows_are_no_doubt(self) -> None:
        """R13: a row of ten years ago degrades nothing."""
        assert collected((0, 60, None), (SPAN.end, SPAN.end + 60, None)).doubts == []

    def test_the_last_moment_of_time_can_be_named(self) -> None:
        """R13: a row of the year 9999 that cannot be read is a doubt, not an error."""
        last = end_of("9999-12-31 24:00")
        assert last is not None
        collector = RowCollector(A, WallSpan(Wall(0), Wall(last + DAY)))
        collector.appointment(last, None, None)
        assert collector.rows(exists=True).doubts[0].facts["start"] == "9999-12-31 23:59"


class TestReservations:
    """`RowCollector.reservation`: the widest rectangle that the fields allow."""

    def test_a_rectangle_is_kept(self) -> None:
        """R6: days and daily times."""
        assert reserved(20_050, 20_052, 3600, 7200).reservations == [Reservation(20_050, 20_052, 3600, 7200)]

    @pytest.mark.parametrize(
        ("opens", "closes", "times", "doubtful"),
        [
            (None, None, (0, DAY), False),
            (3600, 0, (3600, DAY), False),
            (0, 0, (0, DAY), False),
            (3600, DAY, (3600, DAY), False),
            (3600, None, (3600, DAY), True),
            (None, 7200, (0, 7200), True),
            (None, 0, (0, DAY), True),
            (UNREADABLE, 7200, (0, 7200), True),
            (3600, UNREADABLE, (3600, DAY), True),
            (UNREADABLE, None, (0, DAY), True),
            (UNREADABLE, UNREADABLE, (0, DAY), True),
            (7200, 7200, (0, DAY), True),
            (7200, 3600, (0, DAY), True),
            (DAY, DAY, (0, DAY), True),
            (DAY, 3600, (0, DAY), True),
        ],
    )
    def test_doubtful_times_get_the_widest_reading(
        self, opens: int | None, closes: int | None, times: tuple[int, int], doubtful: bool
    ) -> None:
        """R8, R13: midnight is beyond doubt, both times missing is the whole day."""
        rows = reserved(20_050, 20_050, opens, closes)
        assert rows.reservations == [Reservation(20_050, 20_050, *times)]
        doubt = Fault("reservation.time_unreadable", {"column": "Kalender/A", "day": "2024-11-23"})
        assert rows.doubts == [doubt] * doubtful

    @pytest.mark.parametrize("last", [None, 20_040])
    def test_without_a_usable_last_day_it_is_its_first(self, last: int | None) -> None:
        """R13: with a doubt, named by the day."""
        rows = reserved(20_050, last)
        assert rows.reservations == [Reservation(20_050, 20_050)]
        assert rows.doubts == [Fault("reservation.end_unusable", {"column": "Kalender/A", "day": "2024-11-23"})]

    def test_without_a_first_day_it_is_its_last_and_incomplete(self) -> None:
        """R13, I1: nobody knows which days before it are reserved, too."""
        reading = reserved(None, 20_050).reading()
        assert isinstance(reading, Incomplete)
        assert reading.rows.reservations == [Reservation(20_050, 20_050)]
        assert not reading.rows.doubts

    def test_one_that_is_over_needs_no_first_day(self) -> None:
        """R7, R13: what ended before the span cannot block in it."""
        assert isinstance(reserved(None, SPAN.start // DAY - 1).reading(), Complete)
        assert isinstance(reserved(None, SPAN.start // DAY).reading(), Incomplete)

    def test_no_day_makes_the_reading_incomplete(self) -> None:
        """R13, I2: counted in one fault."""
        reading = reserved(None, None, 3600, 7200).reading()
        assert isinstance(reading, Incomplete)
        assert reading.reason == Fault("reservation.day_unreadable", {"column": "Kalender/A", "count": 1})

    @given(st.integers(-800_000, 3_000_000), st.integers(0, 3_000_000))
    def test_only_what_misses_the_span_is_left_out(self, first: int, length: int) -> None:
        """R7: a reservation that touches the span is kept as it is, however long."""
        last = first + length
        kept = bool(reserved(first, last).reservations)
        assert kept == (first * DAY < SPAN.end and (last + 1) * DAY > SPAN.start)

    @given(*[st.none() | st.integers(19_990, 20_110)] * 2, *[st.none() | st.integers(UNREADABLE, DAY)] * 2)
    def test_any_numbers_make_a_reservation_or_a_fault(
        self, first: int | None, last: int | None, opens: int | None, closes: int | None
    ) -> None:
        """R13: never an error, and nothing that may touch the span is lost without a word."""
        rows = reserved(first, last, opens, closes)
        touches = first is not None and last is not None and first * DAY < SPAN.end and last * DAY >= SPAN.start
        assert rows.reservations or rows.unplaced or not touches


def test_a_span_beyond_all_days_is_no_error() -> None:
    """R1: absurd windows are refused elsewhere; here they only leave nothing over."""
    collector = RowCollector(A, WallSpan(Wall(10**15), Wall(10**15 + DAY)))
    collector.appointment(NOON, Wall(NOON + 60), True)
    assert not collector.rows(exists=True).occupied
