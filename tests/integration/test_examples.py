"""The examples that say what tmex does, exact, through a real process, a real database and real HTTP."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from tests.contract.postgres_practice import PostgresPractice
from tests.contract.sqlite_practice import SqlitePractice
from tests.eventually import eventually
from tests.exports import Exports, csv_file, ics_folder
from tests.postgres import NewDatabase, majors
from tests.site import COLUMNS, Practice, Site, site

A = "TK1/A"
NINTH = "2026-03-09"


@pytest.fixture(params=["sqlite", "postgres", "csv", "ics"])
def practice(request: pytest.FixtureRequest, tmp_path: Path, new_database: NewDatabase) -> Practice:
    """The practice's own program, one after another."""
    match request.param:
        case "sqlite":
            return SqlitePractice(tmp_path / "practice.db")
        case "postgres":
            return PostgresPractice(new_database(majors()[-1]))
        case form:
            return Exports(tmp_path / "exports", csv_file if form == "csv" else ics_folder)


def rows(place: Site, column: str, *spans: str) -> None:
    """Write rows, `2026-03-09 08:00-08:10` occupied, with ` free` behind it free."""
    for each in spans:
        day, times = each.removesuffix(" free").split(" ", 1)
        start, end = times.split("-", 1)
        end = end if " " in end else f"{day} {end}"
        place.write(column, f"{day} {start}", end, occupied=not each.endswith(" free"))


def reserve(place: Site, column: str, first: str, last: str, start: str | None, end: str | None) -> None:
    with place.practice.writing() as practice:
        practice.reserve("PRAX1", *column.split("/"), first, last, start, end)


EXAMPLES = {
    "R3 only occupied rows": (
        [f"{NINTH} 08:00-08:10 free", f"{NINTH} 08:10-08:20", f"{NINTH} 08:20-08:30 free", f"{NINTH} 08:30-08:45"],
        [f"{NINTH} 08:10-08:20", f"{NINTH} 08:30-08:45"],
        2,
    ),
    "R5 several appointments": (
        [f"{NINTH} 09:00-09:10", f"{NINTH} 09:00-09:10", f"{NINTH} 09:10-09:20"],
        [f"{NINTH} 09:00-09:20"],
        3,
    ),
    "R5 extended over free rows": (
        ["2026-03-11 14:00-14:45", "2026-03-11 14:15-14:30 free", "2026-03-11 14:30-14:45 free"],
        ["2026-03-11 14:00-14:45"],
        1,
    ),
    "R6 over a weekend": (["2026-03-20 13:00-2026-03-23 08:00"], ["2026-03-20 13:00-2026-03-23 08:00"], 1),
}


@pytest.mark.parametrize("name", EXAMPLES)
async def test_what_is_blocked(tmp_path: Path, practice: Practice, name: str) -> None:
    """R3, R5, R6, R14: rows, the blocks that they make, and how many appointments they are."""
    written, blocked, count = EXAMPLES[name]
    async with site(tmp_path, practice=practice) as place:
        rows(place, A, *written)
        told = await place.tmex("sync", "--json")
        adler = told.json()["calendars"][0]
        assert (told.code, adler["appointments"], adler["blocks"]) == (0, count, len(blocked))
        await place.holds("Dr. Adler", *blocked)


async def test_a_reservation_of_two_columns_blocks_three_mornings(tmp_path: Path, practice: Practice) -> None:
    """R6: a rectangle of 16 to 18 March, 08:00 to 12:00, in columns A and C of TK1, and nowhere else."""
    async with site(tmp_path, practice=practice) as place:
        for column in (A, "TK1/C"):
            reserve(place, column, "2026-03-16", "2026-03-18", "08:00", "12:00")
        await place.tmex("sync")
        mornings = [f"2026-03-{day} 08:00-12:00" for day in (16, 17, 18)]
        for name in COLUMNS:
            await place.holds(name, *(mornings if name in {"Dr. Adler", "Dr. Conrad"} else []))


@pytest.mark.parametrize(
    ("window", "row", "blocks"),
    [
        (("2026-03-23", "2026-04-05"), "2026-03-27 09:00-09:30", ["2026-03-27T08:00Z", "2026-03-27T08:30Z"]),
        (("2026-03-23", "2026-04-05"), "2026-03-30 09:00-09:30", ["2026-03-30T07:00Z", "2026-03-30T07:30Z"]),
        (
            ("2026-10-19", "2026-11-01"),
            "2026-10-24 22:00-2026-10-25 06:00",
            ["2026-10-24T20:00Z", "2026-10-25T05:00Z"],
        ),
    ],
)
async def test_clock_changes(
    tmp_path: Path, practice: Practice, window: tuple[str, str], row: str, blocks: list[str]
) -> None:
    """R9, fault 45: nine stays nine, and the night of the clock change has nine hours."""
    async with site(tmp_path, *window, practice=practice) as place:
        rows(place, A, row)
        told = await place.tmex("sync", "--json")
        (added,) = told.json()["calendars"][0]["added"]
        utc = [await asyncio.to_thread(_utc, added[edge]) for edge in ("start", "end")]
        assert utc == blocks


def _utc(text: str) -> str:
    with sqlite3.connect(":memory:") as clock:
        (shown,) = clock.execute("SELECT strftime('%Y-%m-%dT%H:%MZ', ?)", (text,)).fetchone()
    return str(shown)


async def test_a_window_of_dates_or_of_instants_is_the_same(tmp_path: Path, practice: Practice) -> None:
    """R1: 9 to 13 March, or the instants at which these days begin and end."""
    bodies = []
    for number, window in enumerate([(NINTH, "2026-03-13"), ("2026-03-08T23:00Z", "2026-03-13T23:00Z")]):
        async with site(tmp_path / str(number), *window, practice=practice) as place:
            rows(place, A, f"{NINTH} 00:00-01:00", "2026-03-13 23:00-2026-03-14 01:00", "2026-03-08 23:00-23:30")
            await place.tmex("sync", "--calendar", "Dr. Adler")
            bodies.append(place.portal.uploads[0].body)
            await place.holds("Dr. Adler", f"{NINTH} 00:00-01:00", "2026-03-13 23:00-2026-03-14 00:00")
    assert bodies[0] == bodies[1]


async def test_what_changes_nothing_online_sends_nothing(tmp_path: Path, practice: Practice) -> None:
    """R3, R14: a free row deleted, a note changed, an appointment split in two: no upload."""
    async with site(tmp_path, practice=practice) as place:
        rows(place, A, f"{NINTH} 08:00-08:10 free", f"{NINTH} 10:00-10:20")
        async with place.job():
            uploads = len(place.portal.uploads)
            place.erase(A, f"{NINTH} 08:00")
            with place.practice.writing() as transaction:
                transaction.rename_patients("Max Kanarienvogel")
            with place.practice.writing() as transaction:
                transaction.erase(A, f"{NINTH} 10:00")
                for start, end in (("10:00", "10:10"), ("10:10", "10:20")):
                    transaction.insert("PRAX1", A, f"{NINTH} {start}", f"{NINTH} {end}")
            place.write("TK2/D", f"{NINTH} 12:00", f"{NINTH} 13:00")
            await place.holds("Labor", f"{NINTH} 12:00-13:00")
            assert [each.name for each in place.portal.uploads[uploads:]] == ["Labor"]


async def test_a_drag_opens_nothing_in_between(tmp_path: Path, practice: Practice) -> None:
    """R11, I1: deleted, 200 ms later inserted elsewhere, another row added in between: 10:15 to 10:30 never opens."""
    async with site(tmp_path, practice=practice) as place:
        rows(place, A, f"{NINTH} 10:00-10:30", *(f"{NINTH} {hour}:00-{hour}:30" for hour in (13, 14, 15)))
        async with place.job():
            place.erase(A, f"{NINTH} 10:00")
            await asyncio.sleep(0.1)
            place.write(A, f"{NINTH} 16:00", f"{NINTH} 16:30")
            await asyncio.sleep(0.1)
            place.write(A, f"{NINTH} 10:15", f"{NINTH} 10:45")
            afternoon = [f"{NINTH} {hour}:00-{hour}:30" for hour in (13, 14, 15, 16)]
            await place.holds("Dr. Adler", f"{NINTH} 10:15-10:45", *afternoon)
            tenth = 1773047700  # 2026-03-09 10:15 in Berlin
            mine = [each for each in place.portal.uploads if each.name == "Dr. Adler"]
            assert all(second in each.blocked for each in mine for second in range(tenth, tenth + 900, 60))


async def test_two_hundred_rows_in_a_second(tmp_path: Path, practice: Practice) -> None:
    """I10, fault 5: the first block is up at once, the last soon after the last row, in at most five uploads."""
    async with site(tmp_path, practice=practice) as place, place.job(TMEX_UPLOAD_GAP="2s"):
        await asyncio.sleep(2)  # the gap after the upload at start
        uploads = len(place.portal.uploads)

        def many() -> None:
            for number in range(200):
                day, minute = 9 + number // 100, number % 100
                start = f"2026-03-{day:02} {8 + minute // 10:02}:{minute % 10 * 6:02}"
                place.write(A, start, start[:-1] + str(int(start[-1]) + 1))

        writing = asyncio.create_task(asyncio.to_thread(many))
        await place.portal.wait_for(lambda all_: bool(all_.held("Dr. Adler")), limit=3)
        await writing

        async def all_up() -> bool:
            return len(place.portal.held("Dr. Adler")) == 200

        await eventually(all_up, "all rows are up", limit=5)
        assert len(place.portal.uploads) - uploads <= 5


async def test_rows_of_another_practice_never_go_up(tmp_path: Path, practice: Practice) -> None:
    """R10: neither appointments nor reservations of another practice in the same column."""
    async with site(tmp_path, practice=practice) as place:
        with place.practice.writing() as transaction:
            transaction.insert("PRAX2", A, f"{NINTH} 08:00", f"{NINTH} 09:00")
            transaction.reserve("PRAX2", "TK1", None, NINTH, NINTH)
        told = await place.tmex("sync", "--json")
        assert [each["appointments"] for each in told.json()["calendars"]] == [0, 0, 0, 0]
        assert not place.portal.held("Dr. Adler")
