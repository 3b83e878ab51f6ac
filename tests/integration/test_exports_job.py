"""The job on a folder of exports: never a part of a file, and one that is gone frees nothing until a person says so."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from adapters.mailbox import Mailbox, Order
from tests.eventually import eventually
from tests.exports import Exports, csv_file, ics_folder
from tests.site import COLUMNS, Site, site

DAY = "2026-03-09"
ADLER, BUSCH = "TK1/A", "TK1/B"
HEADER = "Kalender;Spalte;Datum;Von;Bis;Belegt;Patient\r\n"


def column(name: str, rows: int, minute: int) -> bytes:
    """An export of one column: so many appointments of five minutes, all of them at `minute` of an hour."""
    calendar, col = name.split("/")
    times = [(f"{9 + n // 96 % 20:02}.03.2026", n // 4 % 24, n % 4 * 15 + minute) for n in range(rows)]
    lines = [
        f"{calendar};{col};{day};{h:02}:{m:02}:{n // 1920:02};{h:02}:{m + 5:02};ja;Änne"
        for n, (day, h, m) in enumerate(times)
    ]
    return (HEADER + "\r\n".join(lines) + "\r\n").encode("cp1252")


@pytest.mark.slow
async def test_a_slow_writer_never_shows_a_part(tmp_path: Path) -> None:
    """Fault 18, I1, I2: a file of 2,000 rows, rewritten in flushes again and again: each upload is of a whole one."""
    practice = Exports(tmp_path / "exports", lambda *_: None)
    wholes = [column(ADLER, 1900, minute) for minute in (0, 5)]
    export = tmp_path / "exports" / "a.csv"
    others = "".join(f"{each.replace('/', ';')};09.03.2026;08:00;08:10;nein;x\r\n" for each in COLUMNS.values())
    (tmp_path / "exports" / "b.csv").write_text(HEADER + others)
    export.write_bytes(wholes[0])
    calm = {"TMEX_FREE_DELAY": "0", "TMEX_GUARD_MIN": "1000h", "TMEX_UPLOAD_BURST": "1000"}
    async with site(tmp_path, practice=practice) as place, place.job(**calm):
        for turn in range(1, 5):
            await slowly(export, wholes[turn % 2])
            await eventually(partial(_holds_whole, place, turn % 2), "the whole file is up")
        assert {len(each.blocked) for each in place.portal.uploads if each.name == "Dr. Adler"} == {1900}


async def _holds_whole(place: Site, which: int) -> bool:
    held = place.portal.held("Dr. Adler")
    return len(held) == 1900 and {start // 60 % 15 // 5 for start, _ in held} == {which}


async def slowly(path: Path, data: bytes) -> None:
    """Write in place, with pauses that are shorter than the time a file has to be still."""
    with path.open("wb") as export:
        for start in range(0, len(data), len(data) // 8):
            export.write(data[start : start + len(data) // 8])
            export.flush()
            await asyncio.sleep(0.1)


async def two_columns(place: Site) -> None:
    for name in (ADLER, BUSCH):
        place.write(name, f"{DAY} 08:00", f"{DAY} 08:30")


async def state(place: Site, name: str) -> str:
    calendars = (await place.tmex("status", "--json")).json()["calendars"]
    return str(next(each["state"] for each in calendars if each["name"] == name))


@pytest.mark.parametrize("down", [False, True], ids=["while it runs", "while it is down"])
async def test_a_vanished_export_holds_until_it_is_released(tmp_path: Path, down: bool) -> None:
    """Fault 19, I1: what it fed stays blocked, also over a restart; the other columns go on; `release` lets it go."""
    practice = Exports(tmp_path / "exports", ics_folder)
    async with site(tmp_path, practice=practice) as place:
        await two_columns(place)
        gone = tmp_path / "exports" / "TK1A.ics"
        if down:
            await place.tmex("sync")
            gone.unlink()
        async with place.job():
            if not down:
                gone.unlink()
            await eventually(lambda: _is(place, "Dr. Adler", "incomplete"), "it is reported")
            (tmp_path / "exports" / "TK1B.ics").write_bytes(
                (tmp_path / "exports" / "TK1B.ics").read_bytes().replace(b"T080000", b"T070000")
            )
            await place.holds("Dr. Busch", f"{DAY} 07:00-08:30")
            await place.holds("Dr. Adler", f"{DAY} 08:00-08:30")
            told = await place.tmex("release", "Dr. Adler", "--yes")
            assert told.code == 0, told
            assert "an export that fed it is gone" in told.out
            await place.holds("Dr. Adler")
            assert await state(place, "Dr. Adler") != "incomplete"


async def _is(place: Site, name: str, wanted: str) -> bool:
    return await state(place, name) == wanted


async def test_a_vanished_export_is_released_without_a_job(tmp_path: Path) -> None:
    """Fault 19: the same by a command alone; a later sync knows that it is gone for good."""
    async with site(tmp_path, practice=Exports(tmp_path / "exports", ics_folder)) as place:
        await two_columns(place)
        await place.tmex("sync")
        (tmp_path / "exports" / "TK1A.ics").unlink()
        told = await place.tmex("sync", "--json")
        assert (told.code, told.json()["calendars"][0]["error"]["code"]) == (75, "file.vanished")
        await place.holds("Dr. Adler", f"{DAY} 08:00-08:30")
        assert (await place.tmex("release", "Dr. Adler", "--yes")).code == 0
        await place.holds("Dr. Adler")
        assert (await place.tmex("sync", "--json")).json()["calendars"][0]["error"] is None


async def test_a_release_shows_all_that_it_lets_go(tmp_path: Path) -> None:
    """I3, fault 19: of an export that vanished while tmex was down nobody knows what it held; so all is shown."""
    async with site(tmp_path, practice=Exports(tmp_path / "exports", lambda *_: None)) as place:
        put(tmp_path / "exports" / "a.csv", "08:00;08:30")
        put(tmp_path / "exports" / "b.csv", "16:00;17:00")
        await place.tmex("sync", "--calendar", "Dr. Adler")
        (tmp_path / "exports" / "b.csv").unlink()
        told = await place.tmex("release", "Dr. Adler", "--yes")
        shown = ["Dr. Adler: these times would become free online:", "  2026-03-09 16:00–17:00"]
        assert told.out.splitlines()[1:3] == shown
        await place.holds("Dr. Adler", f"{DAY} 08:00-08:30")


async def test_a_release_of_a_vanished_export_lets_no_other_loss_go(tmp_path: Path) -> None:
    """I3, fault 19: what was lost besides, after the times were shown, waits for the guard as ever."""
    exports = tmp_path / "exports"
    async with site(tmp_path, practice=Exports(exports, lambda *_: None)) as place:
        put(exports / "a.csv", "08:00;12:00", "13:00;14:00")
        put(exports / "b.csv", "16:00;17:00")
        lines = (f"{each.replace('/', ';')};09.03.2026;08:00;08:10;nein;x\r\n" for each in COLUMNS.values())
        (exports / "c.csv").write_text(HEADER + "".join(lines))
        async with place.job():
            await place.holds("Dr. Adler", f"{DAY} 08:00-12:00", f"{DAY} 13:00-14:00", f"{DAY} 16:00-17:00")
            (exports / "b.csv").unlink()
            await eventually(lambda: _is(place, "Dr. Adler", "incomplete"), "it is reported")
            put(exports / "a.csv", "13:00;14:00")
            assert await Mailbox(place.state).send(Order("release", ["Dr. Adler"]), 30.0)
            await place.holds("Dr. Adler", f"{DAY} 08:00-12:00", f"{DAY} 13:00-14:00")
            assert await state(place, "Dr. Adler") == "guarded"


def put(export: Path, *times: str) -> None:
    """Export appointments of Dr. Adler's column, each `08:00;08:30`."""
    aside = export.with_suffix(".part")
    aside.write_text(HEADER + "".join(f"TK1;A;09.03.2026;{each};ja;x\r\n" for each in times))
    aside.replace(export)


async def test_a_header_that_loses_a_field_frees_nothing_until_it_is_released(tmp_path: Path) -> None:
    """I1, I2, R6: a block over midnight and a reservation keep their last day; a new appointment goes up all the same
    once a person says that the export is meant so.
    """
    export = tmp_path / "exports" / "export.csv"
    async with site(tmp_path, practice=Exports(tmp_path / "exports", csv_file)) as place:
        place.write(ADLER, "2026-03-09 20:00", "2026-03-10 06:00")
        with place.practice.writing() as practice:
            practice.reserve("PRAX1", "TK1", "B", "2026-03-11", "2026-03-12", "08:00", "09:00")
        adler, busch = "2026-03-09 20:00-2026-03-10 06:00", ("2026-03-11 08:00-09:00", "2026-03-12 08:00-09:00")
        async with place.job(TMEX_GUARD_MIN="1000h"):
            await place.holds("Dr. Adler", adler)
            await place.holds("Dr. Busch", *busch)
            aside = export.with_suffix(".part")
            aside.write_bytes(export.read_bytes().replace(b"Bis_Datum", b"Ende"))
            aside.replace(export)
            await eventually(lambda: _is(place, "Dr. Adler", "incomplete"), "it is reported")
            told = await place.tmex("sync", "--json")
            assert told.code != 0
            assert told.json()["calendars"][0]["error"]["code"] == "file.field_gone"
            await place.holds("Dr. Adler", adler)
            await place.holds("Dr. Busch", *busch)
            assert (await place.tmex("release", "Dr. Adler", "--yes")).code == 0
            await place.holds("Dr. Adler", "2026-03-09 20:00-20:15")  # the default slot: no usable end is left
            await place.holds("Dr. Busch", *busch)  # the guard waits as ever, for its window holds no row


async def test_series_of_several_columns_go_up_together(tmp_path: Path) -> None:
    """R10, I5: what has to be worked out for one column makes no other one fail."""
    async with site(tmp_path, practice=Exports(tmp_path / "exports", ics_folder)) as place:
        for name in COLUMNS.values():
            calendar, column = name.split("/")
            with place.practice.writing() as practice:
                practice.reserve("PRAX1", calendar, column, DAY, "2026-03-13", "08:00", "09:00")
        told = await place.tmex("sync", "--json")
        assert told.code == 0, told
        for name in COLUMNS:
            await place.holds(name, *(f"2026-03-{day:02} 08:00-09:00" for day in range(9, 14)))


async def test_check_tells_of_each_export(tmp_path: Path) -> None:
    """R10, I13: format, encoding, rows, columns, umlauts and age, in both languages; a broken one is a fault."""
    async with site(tmp_path, practice=Exports(tmp_path / "exports", csv_file)) as place:
        with place.practice.writing() as practice:
            practice.reserve("PRAX1", "TK1", "A", DAY, DAY)  # its remark has an umlaut
        for lang, words in (("en", "umlauts are read right; 5 rows"), ("de", "Umlaute stimmen; 5 Zeilen")):
            told = await place.tmex("check", "--json", TMEX_LANG=lang)
            texts = {each["topic"]: each["text"] for each in told.json()["checks"]}
            assert told.code == 0, told
            assert texts["file"].startswith("export.csv: csv, cp1252, ")
            assert words in texts["file"]
            assert "TK1/A, TK1/B, TK1/C, TK2/D" in texts["file"]
        (tmp_path / "exports" / "broken.csv").write_bytes(b"\x00\x01")
        told = await place.tmex("check", "--json")
        (wrong,) = [each["text"] for each in told.json()["checks"] if each["level"] == "fault"]
        assert told.code == 1
        assert "broken.csv" in wrong
