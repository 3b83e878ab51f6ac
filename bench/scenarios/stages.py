"""The stages that a change passes, each by itself and without a wait: parse, decide, encode, remember."""

import csv
import io
import sqlite3
import struct
import time
from array import array
from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import repeat
from random import Random
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from adapters.drflex import wire
from adapters.duria import postgres, sqlite_rows
from adapters.duria.csv_format import parse_csv
from adapters.ledger.file import LedgerFile
from adapters.ledger.rows import Place
from bench.figures import Figures, Outcome, percentile
from bench.lab import Lab
from bench.practices import evening, grid
from bench.scenario import Scenario
from engine import occupancy as occupying
from engine import plan
from engine.limits import Limits
from engine.model import ColumnId, Complete, Instant, Occupancy, Rows, Window
from engine.ports import CalendarRecord
from engine.spans import IntervalSet
from engine.walltime import WallClock, WallSpan

_COLUMN: Final = ColumnId("TK1", "A")
_ZONE: Final = ZoneInfo("Europe/Berlin")
_CLOCK: Final = WallClock(_ZONE)
_LIMITS: Final = Limits(zone=_ZONE)
_HEADER: Final = "Kalender;Spalte;Datum;Von;Bis;Belegt;Patient;Grund\r\n"
_EPOCH: Final = datetime(2000, 1, 1)
_WINDOW: Final = Window(
    *(Instant(int(datetime(*day, tzinfo=_ZONE).timestamp())) for day in ((2026, 11, 23), (2027, 8, 2)))
)
_SPAN: Final = WallSpan(*_CLOCK.around(_WINDOW))
T = TypeVar("T")
Work = Callable[[T], object]


async def parse_csv_export(lab: Lab, rows: int) -> Outcome:
    """An export with German header, in cp1252; the floor is a bare pass of csv.reader over its text."""

    def bare(data: bytes) -> None:
        for _ in csv.reader(io.StringIO(data.decode("cp1252"), newline=""), delimiter=";"):
            pass

    return _compared(lab, rows, lambda data: parse_csv(data, "PRAX1", "auto", "bench.csv"), bare, repeat(export(rows)))


async def parse_packed(lab: Lab, rows: int) -> Outcome:
    """What PostgreSQL packed; the floor puts the numbers into the machine's order."""

    def bare(packed: bytes) -> None:
        array("q", packed).byteswap()

    return _compared(lab, rows, _unpacked, bare, repeat(_packed(grid(rows))))


async def parse_rows(lab: Lab, rows: int) -> Outcome:
    """Rows of SQLite's texts; the floor is `datetime.fromisoformat` for each."""
    texts = [(str(start), str(end)) for start, end in grid(rows)]
    starts, ends = ("\n".join(each) for each in zip(*texts, strict=True))
    found = [(1, rows, starts, ends, "1" * rows), (0, 1, None, None, None)]

    def bare(_: object) -> None:
        for start, end in texts:
            datetime.fromisoformat(start)
            datetime.fromisoformat(end)

    return _compared(lab, rows, lambda found: sqlite_rows.collected(found, _COLUMN, _SPAN), bare, repeat(found))


async def decide(lab: Lab, rows: int) -> Outcome:
    """A whole column in which one appointment is new: occupancy and plan; the floor merges the pairs by a sort."""
    readings = _readings(rows)
    standing = plan.Standing(baseline=_seen(next(readings)).blocked)
    pairs = list(standing.baseline or ())

    def own(reading: Complete) -> None:
        seen = _seen(reading)
        plan.decide(standing, seen, plan.change(standing, seen, _WINDOW, _LIMITS), owed=False, asked=False)

    return _compared(lab, rows, own, lambda _: IntervalSet(pairs), readings, cold=_forget)


async def encode(lab: Lab, rows: int) -> Outcome:
    """A whole column in which one interval is new; the floor is msgspec on the ready times."""
    sets = (_seen(each).blocked for each in _readings(rows))
    ready = [{"start": _local(start), "end": _local(end)} for start, end in next(sets)]

    uploads = [wire.Uploads(_CLOCK)]

    def own(blocked: IntervalSet) -> None:
        uploads[0].encode("Dr. Adler", _WINDOW, blocked)

    def forget() -> None:
        uploads[0] = wire.Uploads(_CLOCK)

    return _compared(lab, rows, own, lambda _: msgspec.json.encode(ready), sets, cold=forget)


async def remember(lab: Lab, rows: int) -> Outcome:
    """A calendar's whole record into the ledger, in one transaction; the floor writes as many bytes with sqlite3."""
    folder = lab.folder()
    file, place = LedgerFile(folder / "ledger.db"), Place("live", "calendar", "Dr. Adler")
    records = (CalendarRecord(standing=plan.Standing(baseline=_seen(each).blocked)) for each in _readings(rows))
    bare = sqlite3.connect(folder / "bare.db", isolation_level=None)
    bare.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE kept (key, body)")

    def plain(_: object) -> None:
        bare.execute("INSERT INTO kept VALUES (1, ?)", (bytes(rows * 16),))

    try:
        return _compared(lab, rows, lambda record: file.write({place: record}, (), 0.0), plain, records)
    finally:
        file.close()
        bare.close()


def export(rows: int) -> bytes:
    """A CSV export with columns that tmex does not read."""
    lines = (
        f"TK1;A;{1 + n // 100 % 28:02}.{1 + n // 2800 % 12:02}.{2026 + n // 33600};"
        f"{6 + n % 100 // 6:02}:{n % 6}0;{6 + n % 100 // 6:02}:{n % 6}9;ja;Müller, Änne;Kontrolle"
        for n in range(rows)
    )
    return (_HEADER + "\r\n".join(lines) + "\r\n").encode("cp1252")


def _readings(rows: int) -> Iterator[Complete]:
    """Readings of one column, each with one more appointment than the one before."""
    chance, known = Random(rows), grid(rows)
    while True:
        insort(known, evening(chance.randrange(100_000)))
        yield Complete(_unpacked(_packed(known)))


def _packed(times: Sequence[tuple[datetime, datetime]]) -> bytes:
    """As PostgreSQL packs them: microseconds since 2000."""
    micros = [int((each - _EPOCH).total_seconds()) * 1_000_000 for pair in times for each in pair]
    return struct.pack(f"!{len(micros)}q", *micros)


def _unpacked(packed: bytes) -> Rows:
    return postgres._collected((packed, None, None, 0, None, True), _COLUMN, _SPAN)


def _seen(reading: Complete) -> Occupancy:
    return occupying.occupancy(reading, _WINDOW, _CLOCK, _LIMITS)


def _local(instant: int) -> datetime:
    return datetime.fromtimestamp(instant, _ZONE)


def _forget() -> None:
    """As in a process that never saw this column."""
    occupying._plain.cache_clear()


def _compared(
    lab: Lab, rows: int, own: Work[T], floor: Work[T], feed: Iterator[T], *, cold: Callable[[], object] | None = None
) -> Outcome:
    """Both on what `feed` gives, in shuffled turns; `cold` makes all of a column look new, at the end."""
    taken: dict[str, list[float]] = {"own": [], "floor": []}
    work, turns = {"own": own, "floor": floor}, max(3, lab.effort.rounds * lab.effort.changes // max(1, rows // 2500))
    own(next(feed))
    for _ in lab.steps(turns):
        for name in lab.shuffled(list(work)):
            taken[name].append(_timed(work[name], next(feed)))
    told = Figures.of(taken["own"])
    facts = {"rows_per_second": rows / told.p50}
    if cold is not None:
        facts["rows_per_second_when_all_is_new"] = rows / _cold(own, feed, cold, max(3, turns // 10))
    return Outcome.against(told, Figures.of(taken["floor"]), facts=facts)


def _cold(own: Work[T], feed: Iterator[T], cold: Callable[[], object], turns: int) -> float:
    """Seconds of a turn for which nothing is known."""
    taken = []
    for _ in range(turns):
        value = next(feed)
        cold()
        taken.append(_timed(own, value))
    return percentile(taken, 50)


def _timed(work: Work[T], value: T) -> float:
    began = time.perf_counter()
    work(value)
    return time.perf_counter() - began


def _stage(name: str, run: Callable[..., Any], tells: str, floor: str, rows: int = 5000) -> Scenario:
    return Scenario(f"stages.{name}", tells, run, sizes=(300, rows), of="rows", floor=floor, quick=rows)


SCENARIOS: Final = (
    _stage("csv", parse_csv_export, "an export's bytes → rows", "csv.reader over its text", 50_000),
    _stage("postgres", parse_packed, "what PostgreSQL packed → rows", "the packed numbers in the machine's order"),
    _stage("sqlite", parse_rows, "SQLite's texts → rows", "datetime.fromisoformat"),
    _stage("decide", decide, "rows → what to send, of which one is new", "a sort and a merge of the pairs"),
    _stage("encode", encode, "what to send → a body, of which one interval is new", "msgspec on ready datetimes"),
    _stage("remember", remember, "a calendar's whole record → the ledger", "an INSERT of as many bytes"),
)
