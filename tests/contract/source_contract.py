"""What every source of the practice's calendar promises, whatever it reads: one class of tests, run on each of them.

A subclass gives two fixtures: `practice`, which writes as the practice's own programs do, and `source`, which reads
what it wrote. Wall times are texts here (`2026-11-23 08:00`), and None stands for what cannot be read.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

import pytest

from engine.faults import Fault
from engine.limits import Limits
from engine.model import ColumnId, Complete, Failed, Incomplete, Instant, Occupancy, Reading, Window
from engine.occupancy import occupancy
from engine.ports import Source, SourceError
from engine.walltime import WallClock, WallSpan, wall_text
from tests.eventually import eventually

PRACTICE: Final = "PRAX1"
A: Final = ColumnId("Kalender", "A")
B: Final = ColumnId("Kalender", "B")
CANARY: Final = "Patientin-Kanarienvogel"
"""A patient's name, which stands beside every row and nowhere else."""


def instant(text: str) -> Instant:
    """A wall time in a practice whose clock shows UTC, so that wall time and instant are the same number."""
    return Instant(int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()))


WINDOW: Final = Window(instant("2026-11-23 00:00"), instant("2026-11-30 00:00"))
CLOCK: Final = WallClock(UTC)
SPAN: Final = CLOCK.around(WINDOW)


class Slot(NamedTuple):
    """A row of the grid."""

    start: str | None
    end: str | None
    occupied: bool | None = True
    column: ColumnId = A
    practice: str = PRACTICE


class Block(NamedTuple):
    """A reservation; `column` None is every column of the calendar, both times None the whole day."""

    first: str | None
    last: str | None
    opens: str | None = None
    closes: str | None = None
    calendar: str = "Kalender"
    column: str | None = "A"
    practice: str = PRACTICE


Row = Slot | Block


class Practice(Protocol):
    """Writes as the practice's own programs do: each call is seen whole or not at all, and beside each row stands
    CANARY.
    """

    async def change(self, *, remove: tuple[Row, ...] = (), add: tuple[Row, ...] = ()) -> None:
        """Take `remove` out and put `add` in, at once."""
        ...

    async def spoil(self) -> None:
        """Make the whole source unreadable, without losing a row."""
        ...

    async def mend(self) -> None:
        """Undo `spoil`."""
        ...


EIGHT: Final = Slot("2026-11-23 08:00", "2026-11-23 08:20")
NINE: Final = Slot("2026-11-23 09:00", "2026-11-23 09:20")
FREE: Final = Slot("2026-11-23 10:00", "2026-11-23 10:20", occupied=False)


async def read(source: Source, column: ColumnId = A, span: WallSpan = SPAN) -> Complete | Incomplete:
    """A reading that must not have failed."""
    reading = await source.read(column, span)
    assert not isinstance(reading, Failed), reading
    return reading


def seen(reading: Complete | Incomplete) -> Occupancy:
    """What the engine makes of it."""
    return occupancy(reading, WINDOW, CLOCK, Limits())


async def blocked(source: Source, column: ColumnId = A) -> list[str]:
    """What is blocked in the window, as `11-23 08:00–11-23 08:20`."""
    pairs = seen(await read(source, column)).blocked
    return ["–".join(wall_text(CLOCK.wall(Instant(edge)))[5:] for edge in pair) for pair in pairs]


@asynccontextmanager
async def heard(source: Source) -> AsyncIterator[list[float]]:
    """When each hint came; the first one, for having connected, is awaited here."""
    times: list[float] = []

    async def listen() -> None:
        async for hint in source.hints():
            assert hint.column in (None, A, B)
            times.append(asyncio.get_running_loop().time())
        raise AssertionError("the hints ended")

    task = asyncio.create_task(listen())
    try:
        await hint_after(times, 0)
        yield times
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait([task])


async def hint_after(times: list[float], known: int) -> None:
    """Wait for one more hint than `known`."""

    async def came() -> bool:
        return len(times) > known

    await eventually(came, "a hint")


class SourceContract:
    """The promises of `engine.ports.Source`."""

    async def test_an_occupied_row_blocks_and_a_free_one_does_not(self, practice: Practice, source: Source) -> None:
        """R3: free rows are told apart from occupied ones, and seen."""
        await practice.change(add=(EIGHT, FREE))
        rows = (await read(source)).rows
        assert list(rows.occupied) == [instant("2026-11-23 08:00"), instant("2026-11-23 08:20")]
        assert list(rows.free) == [instant("2026-11-23 10:00"), instant("2026-11-23 10:20")]

    async def test_deleting_a_free_row_frees_and_blocks_nothing(self, practice: Practice, source: Source) -> None:
        """R3: the reading without it blocks the same."""
        await practice.change(add=(EIGHT, FREE))
        await practice.change(remove=(FREE,))
        assert await blocked(source) == ["11-23 08:00–11-23 08:20"]

    async def test_no_weekday_and_no_hour_is_left_out(self, practice: Practice, source: Source) -> None:
        """R4: a Sunday night counts like any other time."""
        await practice.change(add=(Slot("2026-11-29 03:00", "2026-11-29 03:30"),))
        assert await blocked(source) == ["11-29 03:00–11-29 03:30"]

    async def test_a_reservation_is_a_rectangle(self, practice: Practice, source: Source) -> None:
        """R6: Monday to Wednesday, 08:00 to 12:00 is three blocks."""
        await practice.change(add=(Block("2026-11-23", "2026-11-25", "08:00", "12:00"),))
        assert await blocked(source) == [f"11-{day} 08:00–11-{day} 12:00" for day in (23, 24, 25)]

    async def test_a_reservation_without_times_is_the_whole_day(self, practice: Practice, source: Source) -> None:
        """R6: without a doubt."""
        await practice.change(add=(Block("2026-11-24", "2026-11-25"),))
        assert await blocked(source) == ["11-24 00:00–11-26 00:00"]
        assert (await read(source)).rows.doubts == []

    @pytest.mark.parametrize("midnight", ["24:00", "00:00"])
    async def test_a_reservation_may_end_at_midnight(self, midnight: str, practice: Practice, source: Source) -> None:
        """R8: both ways to write the end of the day are the same and beyond doubt."""
        await practice.change(add=(Block("2026-11-24", "2026-11-24", "18:00", midnight),))
        assert await blocked(source) == ["11-24 18:00–11-25 00:00"]
        assert (await read(source)).rows.doubts == []

    async def test_a_reservation_of_no_column_is_one_of_every_column(self, practice: Practice, source: Source) -> None:
        """R6: of the calendar it names, and of no other; it makes no column exist (R10)."""
        other = ColumnId("Anderer", "A")
        every = Block("2026-11-24", "2026-11-24", "08:00", "09:00", column=None)
        await practice.change(add=(every, EIGHT._replace(column=B), EIGHT._replace(column=other)))
        assert await blocked(source, A) == ["11-24 08:00–11-24 09:00"]
        assert await blocked(source, B) == ["11-23 08:00–11-23 08:20", "11-24 08:00–11-24 09:00"]
        assert await blocked(source, other) == ["11-23 08:00–11-23 08:20"]
        assert await source.columns() == (other, B)

    async def test_a_reservation_for_ever_is_read(self, practice: Practice, source: Source) -> None:
        """R6: the first and the last day of the calendar are days like any other."""
        await practice.change(add=(Block("0001-01-01", "9999-12-31", "13:00", "13:30"),))
        assert len(await blocked(source)) == 7

    async def test_an_appointment_may_last_for_days(self, practice: Practice, source: Source) -> None:
        """R6: over midnight and over several days it is one block."""
        await practice.change(add=(Slot("2026-11-23 22:00", "2026-11-25 06:00"),))
        assert await blocked(source) == ["11-23 22:00–11-25 06:00"]

    async def test_midnight_of_the_own_day_is_the_next_midnight(self, practice: Practice, source: Source) -> None:
        """R8: an end of 00:00 on the start's own day."""
        await practice.change(add=(Slot("2026-11-23 22:00", "2026-11-23 00:00"),))
        assert await blocked(source) == ["11-23 22:00–11-24 00:00"]

    async def test_what_reaches_into_the_span_is_not_left_out(self, practice: Practice, source: Source) -> None:
        """R7: rows that begin before it, end after it, or hold it whole; what misses it may be left out."""
        span = WallSpan(CLOCK.wall(instant("2026-11-24 00:00")), CLOCK.wall(instant("2026-11-25 00:00")))
        touching = (
            Slot("2026-11-20 08:00", "2026-11-24 00:01"),
            Slot("2026-11-24 23:59", "2026-11-28 00:00"),
            Slot("2026-11-01 00:00", "2026-12-24 00:00"),
            Slot("2026-11-24 00:00", "2026-11-25 00:00"),
        )
        missing = (Slot("2025-11-24 08:00", "2025-11-24 09:00"), Slot("2027-11-24 08:00", "2027-11-24 09:00"))
        await practice.change(add=touching + missing)
        edges = iter((await read(source, A, span)).rows.occupied)
        expected = {(instant(slot.start or ""), instant(slot.end or "")) for slot in touching}
        assert expected <= set(zip(edges, edges, strict=True))

    async def test_another_practice_is_never_read(self, practice: Practice, source: Source) -> None:
        """R10: neither its rows nor its columns."""
        theirs = (EIGHT._replace(practice="PRAX2"), Block("2026-11-23", "2026-11-23", practice="PRAX2"))
        await practice.change(add=(*theirs, NINE._replace(column=B)))
        assert await source.columns() == (B,)
        assert not (await read(source, A)).rows.exists
        assert await blocked(source, A) == []

    async def test_names_are_compared_exactly(self, practice: Practice, source: Source) -> None:
        """R10: case counts, and quotes, percent signs and umlauts are letters."""
        names = ["a", "A", "A%", "O'Brien", 'B"; --', "Ärztin"]
        slots = [Slot(f"2026-11-23 0{hour}:00", f"2026-11-23 0{hour}:30") for hour in range(len(names))]
        columns = [ColumnId("Kalender", name) for name in names]
        await practice.change(add=tuple(s._replace(column=c) for s, c in zip(slots, columns, strict=True)))
        assert await source.columns() == tuple(sorted(columns))
        for hour, column in enumerate(columns):
            assert await blocked(source, column) == [f"11-23 0{hour}:00–11-23 0{hour}:30"]

    @pytest.mark.parametrize(
        "row",
        [FREE, EIGHT, Slot("1999-01-01 08:00", "1999-01-01 09:00"), Block("1999-01-01", "1999-01-01")],
        ids=["free", "occupied", "long ago", "reserved"],
    )
    async def test_any_row_makes_a_column_exist(self, row: Row, practice: Practice, source: Source) -> None:
        """R10: free or occupied, in either relation, on any day."""
        await practice.change(add=(EIGHT._replace(column=B),))
        assert not (await read(source)).rows.exists
        await practice.change(add=(row,))
        assert (await read(source)).rows.exists
        assert await source.columns() == (A, B)

    async def test_an_empty_column_is_a_complete_reading(self, practice: Practice, source: Source) -> None:
        """I2: empty is neither failed nor incomplete."""
        await practice.change(add=(EIGHT._replace(column=B),))
        reading = await source.read(A, SPAN)
        assert isinstance(reading, Complete)
        assert not reading.rows.occupied

    @pytest.mark.parametrize("end", [None, "2026-11-23 08:00", "2026-11-23 07:00"])
    async def test_an_unusable_end_blocks_from_the_start(
        self, end: str | None, practice: Practice, source: Source
    ) -> None:
        """R13: the default slot, and the column is degraded."""
        await practice.change(add=(Slot("2026-11-23 08:00", end),))
        reading = await read(source)
        assert isinstance(reading, Complete)
        assert seen(reading).blocked.total() == Limits().default_slot
        assert [doubt.code.removesuffix("_in_file") for doubt in seen(reading).doubts] == ["row.end_unusable"]

    async def test_an_occupied_row_without_start_makes_it_incomplete(self, practice: Practice, source: Source) -> None:
        """R13, I2: what may block and has no place is counted, and what was read blocks all the same."""
        await practice.change(add=(EIGHT, Slot(None, "2026-11-23 09:00"), Slot(None, None, occupied=None)))
        reading = await read(source)
        assert isinstance(reading, Incomplete)
        assert reading.reason.code.startswith("row.start_unreadable")
        assert await blocked(source) == ["11-23 08:00–11-23 08:20"]

    async def test_a_free_row_without_start_is_nothing(self, practice: Practice, source: Source) -> None:
        """R13, R3: it could not block anything."""
        await practice.change(add=(EIGHT, Slot(None, "2026-11-23 09:00", occupied=False)))
        assert isinstance(await source.read(A, SPAN), Complete)

    async def test_neither_occupied_nor_free_is_occupied(self, practice: Practice, source: Source) -> None:
        """R13: with a doubt that says where."""
        await practice.change(add=(EIGHT._replace(occupied=None),))
        reading = await read(source)
        assert isinstance(reading, Complete)
        assert await blocked(source) == ["11-23 08:00–11-23 08:20"]
        assert [doubt.code.removesuffix("_in_file") for doubt in reading.rows.doubts] == ["row.occupied_unreadable"]

    async def test_a_reservation_without_a_day_makes_it_incomplete(self, practice: Practice, source: Source) -> None:
        """R13, I2: one without a column does so to every column."""
        await practice.change(add=(EIGHT, EIGHT._replace(column=B), Block(None, None, "08:00", "09:00", column=None)))
        for column in (A, B):
            reading = await read(source, column)
            assert isinstance(reading, Incomplete)
            assert reading.reason.code.startswith("reservation.day_unreadable")

    @pytest.mark.parametrize("last", ["2026-11-24", "2027-11-24"])
    async def test_a_reservation_without_its_first_day_makes_it_incomplete(
        self, last: str, practice: Practice, source: Source
    ) -> None:
        """R13, I1: nobody knows which days before its last one it holds; that one is blocked all the same."""
        await practice.change(add=(EIGHT, Block(None, last, "08:00", "09:00")))
        reading = await read(source)
        assert isinstance(reading, Incomplete)
        assert reading.reason.code.startswith("reservation.day_unreadable")
        known = ["11-24 08:00–11-24 09:00"] if last == "2026-11-24" else []
        assert await blocked(source) == ["11-23 08:00–11-23 08:20", *known]

    @pytest.mark.parametrize("last", [None, "2026-11-22"])
    async def test_a_reservation_without_a_usable_last_day_is_its_first(
        self, last: str | None, practice: Practice, source: Source
    ) -> None:
        """R13: with a doubt."""
        await practice.change(add=(Block("2026-11-24", last, "08:00", "09:00"),))
        reading = await read(source)
        assert isinstance(reading, Complete)
        assert await blocked(source) == ["11-24 08:00–11-24 09:00"]
        assert [doubt.code.removesuffix("_in_file") for doubt in reading.rows.doubts] == ["reservation.end_unusable"]

    @pytest.mark.parametrize(
        ("opens", "closes", "expected"),
        [
            ("08:00", None, "11-24 08:00–11-25 00:00"),
            (None, "09:00", "11-24 00:00–11-24 09:00"),
            ("12:00", "12:00", "11-24 00:00–11-25 00:00"),
            ("22:00", "06:00", "11-24 00:00–11-25 00:00"),
        ],
    )
    async def test_a_reservation_with_doubtful_times_gets_the_widest(
        self, opens: str | None, closes: str | None, expected: str, practice: Practice, source: Source
    ) -> None:
        """R13: and says so."""
        await practice.change(add=(Block("2026-11-24", "2026-11-24", opens, closes),))
        reading = await read(source)
        assert await blocked(source) == [expected]
        assert [doubt.code.removesuffix("_in_file") for doubt in reading.rows.doubts] == ["reservation.time_unreadable"]

    async def test_an_unreadable_source_is_a_failed_reading(self, practice: Practice, source: Source) -> None:
        """I2: never an empty one; and it is read again as soon as it can be."""
        await practice.change(add=(EIGHT,))
        await practice.spoil()
        reading: Reading = await source.read(A, SPAN)
        assert isinstance(reading, Failed)
        with pytest.raises(SourceError) as caught:
            await source.columns()
        assert caught.value.fault == reading.reason
        await practice.mend()
        assert await blocked(source) == ["11-23 08:00–11-23 08:20"]

    async def test_one_reading_is_one_moment(self, practice: Practice, source: Source) -> None:
        """I2, R11: an appointment that is moved to and fro is read in one place, never in none and never in both."""
        await practice.change(add=(EIGHT,))
        here, there = EIGHT, Block("2026-11-23", "2026-11-23", "09:00", "09:20")
        moved: tuple[Row, Row] = (here, there)
        for _ in range(10):
            writing = asyncio.create_task(practice.change(remove=moved[:1], add=moved[1:]))
            while not writing.done():
                assert len(await blocked(source)) == 1
            await writing
            moved = (moved[1], moved[0])

    async def test_a_hint_comes_at_once_and_for_each_change(self, practice: Practice, source: Source) -> None:
        """I5: for a new row, a changed one, a removed one, and a reservation."""
        block = Block("2026-11-24", "2026-11-24")
        changes: list[tuple[tuple[Row, ...], tuple[Row, ...]]] = [
            ((), (EIGHT,)),
            ((EIGHT,), (NINE,)),
            ((), (block,)),
            ((NINE, block), ()),
        ]
        async with heard(source) as hints:
            for remove, add in changes:
                known = len(hints)
                await practice.change(remove=remove, add=add)
                await hint_after(hints, known)

    async def test_the_last_of_many_changes_is_hinted(self, practice: Practice, source: Source) -> None:
        """I5, fault 20: whoever reads after each hint ends up with the truth, without a tick."""
        async with heard(source) as hints:
            for day in range(1, 29):
                await practice.change(add=(Slot(f"2026-11-{day:02} 08:00", f"2026-11-{day:02} 08:20"),))
            read_at = [0]
            found = [0]

            async def all_read() -> bool:
                if read_at[0] != len(hints):
                    read_at[0] = len(hints)
                    found[0] = len(await blocked(source))
                return found[0] == 6

            await eventually(all_read, "a hint after the last change")

    async def test_hints_outlive_the_source(self, practice: Practice, source: Source) -> None:
        """I5: a source that was lost and is back is hinted, for nobody knows what was missed."""
        await practice.change(add=(EIGHT,))
        async with heard(source) as hints:
            await practice.spoil()
            assert isinstance(await source.read(A, SPAN), Failed)
            known = len(hints)
            await practice.mend()
            await hint_after(hints, known)

            async def back() -> bool:
                return isinstance(await source.read(A, SPAN), Complete)

            await eventually(back, "the source is read again")

    async def test_reading_is_no_change(self, practice: Practice, source: Source) -> None:
        """I5, I12: our own readings do not wake us up, for as long as they go on; a change does."""
        loop = asyncio.get_running_loop()
        async with heard(source) as hints:
            until = loop.time() + 0.5
            while loop.time() < until:
                await blocked(source)
                await source.columns()
            known = len(hints)
            assert known <= 2, "at most one besides the first, for what the readings opened"
            await practice.change(add=(EIGHT,))
            await hint_after(hints, known)

    async def test_no_patient_gets_through(
        self, practice: Practice, source: Source, caplog: pytest.LogCaptureFixture
    ) -> None:
        """I7, fault 50: neither rows nor faults nor logs hold what stands beside the times."""
        caplog.set_level(0)
        bad: tuple[Row, ...] = (EIGHT, FREE, Slot("2026-11-23 11:00", None), Slot(None, None), Block(None, None))
        await practice.change(add=bad)
        reading = await read(source)
        await practice.spoil()
        failed = await source.read(A, SPAN)
        faults: list[Fault] = [*seen(reading).doubts, *reading.rows.unplaced, reading.rows.unplaced[0]]
        assert isinstance(failed, Failed)
        assert CANARY not in f"{faults} {failed} {reading.rows.places}"
        assert CANARY not in caplog.text
