"""What every `Ledger` must do; an adapter passes it by giving one fixture: a store that outlives its processes."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from math import inf
from typing import Protocol, TypedDict, Unpack

import msgspec.inspect as info
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import LONGEST_WINDOW, ColumnId, Instant, Window
from engine.plan import Loss, Peak, Standing
from engine.ports import CalendarRecord, ColumnRecord, Entry, Ledger, PaceRecord, PortalRecord, Recollection
from engine.spans import IntervalSet

EIGHT = 1_795_417_200
"""23 November 2026, 08:00 in Berlin."""
HOUR = 3600
A, B = "Dr. Adler", "Dr. Bär"
COLUMN = ColumnId("Kalender", "A")
WINDOW = Window(Instant(EIGHT), Instant(EIGHT + 90 * 24 * HOUR))


def hours(*numbers: int) -> IntervalSet:
    """Whole hours from eight on."""
    return IntervalSet((EIGHT + n * HOUR, EIGHT + (n + 1) * HOUR) for n in numbers)


def holding(*numbers: int) -> CalendarRecord:
    """A calendar whose baseline is these hours."""
    return CalendarRecord(standing=Standing(baseline=hours(*numbers)))


def changed(calendar: str, at: float, *numbers: int) -> Entry:
    """An upload that blocked these hours."""
    return Entry(at=at, calendar=calendar, added=hours(*numbers), removed=IntervalSet(), seconds=0.5)


class Store(Protocol):
    """Where ledgers live: what one process wrote, the next one finds."""

    def process(self) -> AbstractAsyncContextManager[Ledger]:
        """A ledger, as a process opens it; never two at a time."""
        ...


class Told(TypedDict, total=False):
    """What `remember` may be told."""

    calendars: dict[str, CalendarRecord]
    columns: dict[ColumnId, ColumnRecord]
    portal: PortalRecord | None
    entries: tuple[Entry, ...]


async def recalled(store: Store) -> Recollection:
    """What the next process knows."""
    async with store.process() as ledger:
        return await ledger.recall()


async def remembered(store: Store, **told: Unpack[Told]) -> None:
    """Have a process of its own write."""
    async with store.process() as ledger:
        await ledger.recall()
        await ledger.remember(**told)


# Everything that the types allow: a ledger has no opinion of what is likely.
seconds = st.integers(-(2**62), 2**62)
moments = st.floats(allow_nan=False)
spans = st.lists(st.tuples(seconds, st.integers(1, 10**9)), max_size=20).map(
    lambda pairs: IntervalSet((start, start + length) for start, length in pairs)
)
names = st.text(max_size=30)
windows = st.tuples(st.integers(-(2**40), 2**40), st.integers(1, LONGEST_WINDOW)).map(
    lambda pair: Window(Instant(pair[0]), Instant(sum(pair)))
)
standings = st.builds(
    Standing,
    baseline=st.none() | spans,
    pending=spans,
    adrift=st.booleans(),
    clock=moments,
    losses=st.lists(st.builds(Loss, since=moments | st.just(-inf), times=spans), max_size=4).map(tuple),
    peaks=st.lists(st.builds(Peak, at=moments, blocked=st.integers(0, 2**40)), max_size=4).map(tuple),
    by_hand=st.booleans(),
    released=spans,
)
paces = st.builds(PaceRecord, tokens=moments, counted=moments, last=st.none() | moments)
calendars = st.builds(CalendarRecord, standing=standings, pace=st.none() | paces, right_at=st.none() | moments)
portals = st.builds(
    PortalRecord,
    window=st.none() | windows,
    asked_at=st.none() | moments,
    paused=st.dictionaries(names, moments, max_size=3),
)
memories = st.fixed_dictionaries(
    {
        "calendars": st.dictionaries(names, calendars, max_size=4),
        "columns": st.dictionaries(st.builds(ColumnId, names, names), st.builds(ColumnRecord, spans), max_size=4),
        "portal": st.none() | portals,
        "entries": st.lists(
            st.builds(Entry, at=moments, calendar=names, added=spans, removed=spans, seconds=moments), max_size=3
        ).map(tuple),
    }
)


class LedgerContract:
    """Inherit, and override the fixture."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store."""
        raise NotImplementedError

    # ----------------------------------------------------------------------------------------- what is remembered

    async def test_a_new_ledger_knows_nothing(self, store: Store) -> None:
        """I1: no baseline is None, not an empty one; and nothing was set aside."""
        assert await recalled(store) == Recollection()

    # The store outlives the examples on purpose: what a later one does not name must stay as it was.
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(told=memories)
    async def test_what_is_told_is_what_the_next_process_knows(self, store: Store, told: Told) -> None:
        """I6: to the last interval, flag and infinity; and whatever it was not told of is as before."""
        async with store.process() as ledger:
            before = await ledger.recall()
            await ledger.remember(**told)
            now = await ledger.recall()
        assert now == Recollection(
            calendars={**before.calendars, **told["calendars"]},
            columns={**before.columns, **told["columns"]},
            portal=told["portal"] or before.portal,
        )
        assert await recalled(store) == now

    async def test_the_last_word_counts(self, store: Store) -> None:
        """I4: a record replaces the one before it, whole."""
        async with store.process() as ledger:
            await ledger.recall()
            await ledger.remember(calendars={A: holding(1, 2, 3)}, columns={COLUMN: ColumnRecord(hours(1))})
            await ledger.remember(calendars={A: CalendarRecord()}, columns={COLUMN: ColumnRecord()})
        assert await recalled(store) == Recollection(calendars={A: CalendarRecord()}, columns={COLUMN: ColumnRecord()})

    async def test_an_empty_baseline_is_not_a_missing_one(self, store: Store) -> None:
        """I1, I2: a portal that holds nothing is known, not unknown."""
        known = {A: CalendarRecord(standing=Standing(baseline=IntervalSet())), B: CalendarRecord()}
        await remembered(store, calendars=known)
        assert (await recalled(store)).calendars == known

    async def test_nothing_at_all_may_be_told(self, store: Store) -> None:
        """A turn without news is no trouble."""
        await remembered(store)
        assert await recalled(store) == Recollection()

    async def test_an_entry_alone_changes_no_record(self, store: Store) -> None:
        """The history decides nothing."""
        await remembered(store, calendars={A: holding(1)})
        await remembered(store, entries=(changed(A, EIGHT, 1),))
        assert (await recalled(store)).calendars == {A: holding(1)}

    @pytest.mark.parametrize(
        "name",
        ["", " ", "Dr. Müller-Lüdenscheidt / Prophylaxe", "a=b/c", "'; DROP TABLE kept; --", "\0", "a\0b", "🦷" * 500],
    )
    async def test_any_name_is_a_name(self, store: Store, name: str) -> None:
        """R10: names are people's own."""
        columns = {ColumnId(name, "A"): ColumnRecord(hours(1)), ColumnId("A", name): ColumnRecord(hours(2))}
        await remembered(store, calendars={name: holding(3)}, columns=columns)
        past = await recalled(store)
        assert (past.calendars, past.columns) == ({name: holding(3)}, columns)

    async def test_thousands_of_calendars(self, store: Store) -> None:
        """I12: in one call, and each of them is there afterwards."""
        many = {f"Kalender {n}": holding(*range(n % 7)) for n in range(3000)}
        await remembered(store, calendars=many)
        await remembered(store, calendars={"Kalender 7": holding(9)})
        assert (await recalled(store)).calendars == {**many, "Kalender 7": holding(9)}

    async def test_a_long_calendar(self, store: Store) -> None:
        """Three years of ten-minute slots, none of which touch."""
        year = IntervalSet((EIGHT + n * 1200, EIGHT + n * 1200 + 600) for n in range(3 * 365 * 72))
        await remembered(store, calendars={A: CalendarRecord(standing=Standing(baseline=year))})
        assert (await recalled(store)).calendars[A].standing.baseline == year

    # ------------------------------------------------------------------------------------------ how it is remembered

    async def test_words_at_once_are_heard_in_their_order(self, store: Store) -> None:
        """I4: of many calls under way the one made last is the one that stands."""
        async with store.process() as ledger, asyncio.TaskGroup() as tasks:
            await ledger.recall()
            for n in range(100):
                tasks.create_task(ledger.remember(calendars={A: holding(n), f"{n}": holding(n)}))
        past = (await recalled(store)).calendars
        assert past == {A: holding(99), **{f"{n}": holding(n) for n in range(100)}}

    @pytest.mark.parametrize("steps", range(4))
    async def test_a_cancelled_call_wrote_all_or_nothing(self, store: Store, steps: int) -> None:
        """I8: wherever a stop meets it, no half of it is there; and the ledger can still be used."""
        before = {f"{n}": holding(n) for n in range(50)}
        after = {name: holding(100) for name in before}
        async with store.process() as ledger:
            await ledger.recall()
            await ledger.remember(calendars=before)
            call = asyncio.create_task(ledger.remember(calendars=after))
            for _ in range(steps):
                await asyncio.sleep(0)
            call.cancel()
            await asyncio.wait([call])
            await ledger.remember(calendars={A: holding(1)})
        past = (await recalled(store)).calendars
        assert past in ({**before, A: holding(1)}, {**after, A: holding(1)})

    async def test_it_is_safe_before_the_call_returns(self, store: Store) -> None:
        """I6: whoever looks then sees it, without the ledger having been closed."""
        async with store.process() as ledger:
            await ledger.recall()
            await ledger.remember(calendars={A: holding(1)})
            assert (await ledger.recall()).calendars == {A: holding(1)}

    def test_records_have_no_place_for_patients(self) -> None:
        """I7: by their types they hold numbers, flags and times; the only texts are names and codes."""
        assert texts_in(CalendarRecord) == []
        assert texts_in(ColumnRecord) == ["practice"]
        assert texts_in(PortalRecord) == ["paused"]
        assert texts_in(Entry) == ["calendar", "why"]


HARMLESS = (info.IntType, info.FloatType, info.BoolType, info.NoneType)


def texts_in(kind: type) -> list[str]:
    """The fields of a record, and of the records in it, that can hold a text, as key or as value."""
    return sorted(_texts(info.type_info(kind), ""))


def _texts(kind: info.Type, field: str) -> Iterator[str]:
    parts = _parts(kind, field)
    if not parts and not isinstance(kind, HARMLESS) and kind != info.CustomType(IntervalSet):
        yield field
    for part, name in parts:
        yield from _texts(part, name)


def _parts(kind: info.Type, field: str) -> list[tuple[info.Type, str]]:
    match kind:
        case info.StructType():
            return [(each.type, each.name) for each in kind.fields]
        case info.UnionType():
            return [(each, field) for each in kind.types]
        case info.VarTupleType():
            return [(kind.item_type, field)]
        case info.DictType():
            return [(kind.key_type, field), (kind.value_type, field)]
        case _:
            return []
