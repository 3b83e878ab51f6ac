"""`tmex check` tries what the job needs and says what to do: right, to be noted, or at fault."""

import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.site import COLUMNS, Site, site

TODAY = datetime.now(ZoneInfo("Europe/Berlin")).date()


def weekdays(place: Site, days: range) -> None:
    """A free row on each of these days from today on, in every column."""
    for column in COLUMNS.values():
        for each in days:
            day = TODAY + timedelta(each)
            place.write(column, f"{day} 08:00", f"{day} 08:10", occupied=False)


async def test_check_finds_everything_right(tmp_path: Path) -> None:
    """I13: each thing that the job needs is tried and told, and nothing is uploaded."""
    async with site(tmp_path) as place:
        place.portal.ask_for(str(TODAY), str(TODAY + timedelta(9)))
        weekdays(place, range(10))
        assert (await place.tmex("sync")).code == 0
        uploads = place.portal.seen("upload")
        told = await place.tmex("check", "--json")
        assert told.code == 0
        found = {each["topic"]: each["level"] for each in told.json()["checks"]}
        assert set(found.values()) == {"ok"}
        tried = {"settings", "state", "switch", "zone", "source", "columns", "changes", "portal", "clock"}
        assert set(found) == tried | {"space", "clock_change", "dns", "last_right", "rows"}
        assert place.portal.seen("upload") == uploads


async def test_check_tells_what_will_hurt_some_day(tmp_path: Path) -> None:
    """R1, R3, R12: a period that is over or short, weekdays without a row, a free row that is gone, TMEX beside us."""
    async with site(tmp_path) as place:
        first = await place.tmex("check")
        assert first.code == 0
        assert "a period that is over" in first.out
        assert "TMEX -J" in first.out
        place.portal.ask_for(str(TODAY), str(TODAY + timedelta(4)))
        weekdays(place, range(10))
        assert (await place.tmex("sync")).code == 0
        place.erase("TK1/A")
        weekdays(place, range(5, 10))
        place.write("TK1/A", f"{TODAY} 20:00", f"{TODAY} 20:10", occupied=False)
        told = (await place.tmex("check")).out
        assert "5 days only" in told
        assert "Dr. Adler: free rows have vanished" in told
        assert re.search(r"Dr. Adler: [234] weekdays of the period have no row", told)
        assert "Dr. Busch: every weekday" in told
        assert "Last known to be right" in told


async def test_check_finds_what_is_wrong_and_says_who_must_do_what(tmp_path: Path) -> None:
    """I13: a wrong key, an unknown column and a key file that others may read; people are told in lines."""
    async with site(tmp_path) as place:
        key = tmp_path / "key"
        key.write_text("wrong")
        key.chmod(0o644)
        del place.settings["TMEX_API_KEY"]
        told = await place.tmex("check", TMEX_API_KEY_FILE=str(key), TMEX_CALENDAR_4="Labor=TK2/X")
        assert told.code == 1
        assert "[portal.key_refused]" in told.out
        assert "[column.unknown]" in told.out
        assert "note     The file of TMEX_API_KEY_FILE can be read by other users too" in told.out
        gone = await place.tmex("check", TMEX_API_KEY="x", TMEX_SOURCE="sqlite:////nowhere/p.db", TMEX_INTERVAL="5")
        assert (gone.code, gone.out.count("FAULT")) == (1, 1)


async def test_check_says_what_is_not_as_a_person_meant_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I13: nothing of this practice, a path that depends on where one stands, a folder in place of the state's file."""
    monkeypatch.chdir(tmp_path)
    async with site(tmp_path) as place:
        other = await place.tmex("check", TMEX_PRACTICE="PRAX2")
        assert "note     The source can be read, but holds nothing of the practice PRAX2" in other.out
        assert "found: –." in other.out
        name = Path(place.settings["TMEX_SOURCE"]).name
        moved = await place.tmex("check", TMEX_SOURCE=f"sqlite:///{name}", TMEX_STATE="state/tmex.db")
        assert moved.code == 0
        assert f"note     TMEX_SOURCE means {tmp_path}/{name} here" in moved.out
        assert f"note     TMEX_STATE means {tmp_path}/state/tmex.db here" in moved.out
        folder = await place.tmex("check", TMEX_STATE=str(tmp_path / "state"))
        assert (folder.code, "[ledger.folder]" in folder.out) == (1, True)
        assert not (tmp_path / "state.lock").exists()


async def test_check_says_that_nothing_will_be_sent(tmp_path: Path) -> None:
    """I8: a job that is off, or that runs for show, looks like one that works; a rotten switch is a fault."""
    async with site(tmp_path) as place:
        assert (await place.tmex("off")).code == 0
        told = await place.tmex("check", "--json", TMEX_SHADOW="on")
        found = {each["topic"]: each["level"] for each in told.json()["checks"]}
        assert (told.code, found["switch"], found["shadow"]) == (0, "note", "note")
        assert "does not run and is off" in (await place.tmex("status")).out
        place.state.with_name("tmex.db.switch").write_text("rotten")
        told = await place.tmex("check")
        assert (told.code, "[switch.unreadable]" in told.out) == (1, True)


async def test_check_tells_of_doubtful_rows(tmp_path: Path) -> None:
    """R13, I13: what is only taken for occupied, and umlauts that can be read in two ways, before anything goes up."""
    folder = tmp_path / "exports"
    folder.mkdir()
    tomorrow = TODAY + timedelta(1)
    lines = ("kalender;spalte;datum;von;bis;belegt", f"TK1;MÜ;{tomorrow};8:00;8:30;belegt", "")
    (folder / "k.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    async with site(tmp_path) as place:
        for slot in [each for each in place.settings if "CALENDAR" in each]:
            del place.settings[slot]
        told = await place.tmex("check", TMEX_SOURCE=f"files://{folder}", TMEX_CALENDAR_1="Dr. Müller=TK1/MÜ")
        assert told.code == 0
        assert "note     In file k.csv the row in line 2 does not say readably whether it is occupied" in told.out
        assert "note     k.csv: whether its umlauts are read right is not certain (cp1252; columns: TK1/MÜ)" in told.out
