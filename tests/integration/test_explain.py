"""`tmex explain` and the unsafe minutes of `tmex status`, told by a real command from a real ledger."""

from pathlib import Path

from tests.eventually import eventually
from tests.site import site

DAY = "2026-03-09"


async def test_a_time_is_explained_from_its_booking_to_its_release(tmp_path: Path) -> None:
    """I13: who asks "why is Monday 08:10 blocked?" is answered beside a job and without one, also for the past."""
    async with site(tmp_path) as place:
        place.write("TK1/A", f"{DAY} 12:00", f"{DAY} 12:20", occupied=False)
        async with place.job():
            asked = ("explain", "Dr. Adler", DAY, "08:10")
            assert "nothing occupied was ever read" in (await place.tmex(*asked)).out
            place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:20")
            await place.holds("Dr. Adler", f"{DAY} 08:00-08:20")
            told = await place.tmex(*asked)
            assert (told.code, told.err) == (0, "")
            assert told.out.startswith(f"Dr. Adler, Mon {DAY} 08:10: blocked online – read as occupied.")
            place.erase("TK1/A", f"{DAY} 08:00")
            await place.holds("Dr. Adler")
        found = (await place.tmex(*asked, "--json")).json()
        assert (found["state"], found["why"]) == ("free", "freed")
        assert [each["what"] for each in found["steps"]] == ["freed", "held", "occupied"]
        read, sent, at = (found["steps"][-1][name] for name in ("read", "sent", "at"))
        assert read <= sent <= at
        past = await place.tmex(*asked, "--at", at[:16].replace("T", " "), TMEX_LANG="de")
        assert past.code == 0
        assert "Kanarienvogel" not in told.out + past.out


async def test_a_reservation_is_told_from_an_appointment(tmp_path: Path) -> None:
    """R6: what blocks is named by its kind."""
    async with site(tmp_path) as place:
        with place.practice.writing() as practice:
            practice.reserve("PRAX1", "TK1", "A", DAY, DAY, "08:00", "12:00")
        assert (await place.tmex("sync")).code == 0
        assert "reserved" in (await place.tmex("explain", "Dr. Adler", f"{DAY} 09:00")).out


async def test_what_cannot_be_explained_is_one_sentence(tmp_path: Path) -> None:
    """I13: an unknown calendar, and a time that is none."""
    async with site(tmp_path) as place:
        for words, code in ((("Niemand", "10:15"), "no_calendar"), (("Dr. Adler", "neulich"), "no_moment")):
            ended = await place.tmex("explain", *words)
            assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
            assert f"[usage.{code}]" in ended.err


async def test_unsafe_minutes_count_what_patients_could_still_book(tmp_path: Path) -> None:
    """I11: nothing before the first upload, and then each appointment until the portal has accepted it."""
    async with site(tmp_path) as place:
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:20")
        async with place.job():
            await place.holds("Dr. Adler", f"{DAY} 08:00-08:20")
            status = (await place.tmex("status", "--json")).json()
            assert status["unsafe_minutes"] == {"today": 0.0, "days_30": 0.0}
            place.portal.fail("slow", seconds=0.7, calendar="Dr. Busch")
            place.write("TK1/B", f"{DAY} 09:00", f"{DAY} 09:20")
            await place.holds("Dr. Busch", f"{DAY} 09:00-09:20")

            async def counted() -> bool:
                status = (await place.tmex("status", "--json")).json()
                busch = next(each for each in status["calendars"] if each["name"] == "Dr. Busch")
                settled = busch["unsafe_minutes"]["today"] >= 0.7 / 60 and not busch["sending"]
                return bool(settled and busch["unsafe_minutes"] == status["unsafe_minutes"])

            await eventually(counted, "counted")
            assert "Unsafe minutes: 0.0" in (await place.tmex("status")).out
