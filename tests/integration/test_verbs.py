"""The command as people use it, in processes of its own: asked, released, checked, and doubled."""

import asyncio
import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adapters import command
from adapters.cli import VERBS
from adapters.lock import StateLock
from adapters.settings import load
from tests.eventually import eventually
from tests.site import COLUMNS, DAY, HOURS, Site, fill, site


async def test_status_tells_since_when_each_calendar_is_right(tmp_path: Path) -> None:
    """I11: with and without a job, for people and as JSON."""
    async with site(tmp_path) as place:
        fill(place)
        before = (await place.tmex("status", "--json")).json()
        assert before["job"] == {"running": False, "on": True}
        assert [each["right_since"] for each in before["calendars"]] == [None] * len(COLUMNS)
        async with place.job():
            told = await place.tmex("status", "--json")
            adler = told.json()["calendars"][0]
            assert (adler["state"], adler["blocks"], adler["errors"]) == ("right", 4, [])
            assert adler["right_since"] is not None
            people = await place.tmex("status")
            assert people.out.startswith("The job runs.")
            assert "Dr. Adler: right; last known to be right: 0:00:0" in people.out
        after = (await place.tmex("status", "--json")).json()
        assert after["job"]["running"] is False
        assert after["calendars"][0]["right_since"] is not None


async def test_while_a_calendar_fails_the_status_counts_what_is_blocked_online(tmp_path: Path) -> None:
    """I13: what stays blocked is told with its number, not as none, while the source is away or the portal is."""
    async with site(tmp_path) as place:
        fill(place)
        source = Path(place.settings["TMEX_SOURCE"].partition("://")[2])
        async with place.job():
            await place.holds("Dr. Adler", *(f"{each}-{each[-5:-2]}30" for each in HOURS))
            source.rename(tmp_path / "away.db")

            async def fails() -> bool:
                told = (await place.tmex("status", "--json")).json()["calendars"][0]
                return bool(told["state"] == "failed")

            await eventually(fails, "the calendar fails")
            assert (await place.tmex("status", "--json")).json()["calendars"][0]["blocks"] == len(HOURS)


async def test_an_emptied_table_waits_for_a_hand_and_a_release_lets_it_go(tmp_path: Path) -> None:
    """I3, I9, fault 11: shown and asked while the job runs, without a page; exactly what was shown is let go."""
    async with site(tmp_path) as place:
        fill(place)
        fill(place, "TK1/B")
        async with place.job():
            place.erase("TK1/A")

            async def waits() -> bool:
                told = await place.tmex("status", "--json")
                return bool(told.json()["calendars"][0]["state"] == "waiting")

            await eventually(waits, "the emptied calendar waits")
            synced = await place.tmex("sync", "--calendar", "Dr. Adler", "--json")
            assert (synced.code, len(synced.json()["calendars"][0]["held"])) == (75, 4)
            asked = await place.tmex("release", "Dr. Adler")
            assert f"{DAY} 08:00–08:30" in asked.out
            assert "Nothing was let go" in asked.out
            assert len(place.portal.held("Dr. Adler")) == 4
            let_go = await place.tmex("release", "Dr. Adler", "--yes")
            assert let_go.code == 0
            await place.holds("Dr. Adler")
            assert len(place.portal.held("Dr. Busch")) == 4
            nothing = await place.tmex("release", "Dr. Busch", "--yes")
            assert "nothing waits" in nothing.out


async def test_a_release_without_a_job(tmp_path: Path) -> None:
    """I3: the same while no job runs."""
    async with site(tmp_path) as place:
        fill(place)
        await place.tmex("sync")
        place.erase("TK1/A")
        held = await place.tmex("sync", "--json")
        assert held.code == 75
        assert (await place.tmex("release", "Dr. Adler", "--yes")).code == 0
        assert not place.portal.held("Dr. Adler")
        assert (await place.tmex("sync")).code == 0
        assert (await place.tmex("release", "Nobody")).code == 2


async def test_two_jobs_on_one_state(tmp_path: Path) -> None:
    """I9, I4, fault 41: the second waits as standby, nothing goes up twice at once, and it takes over in seconds."""
    async with site(tmp_path) as place, place.job() as first:
        second = await place.start("run")
        assert second.stderr is not None
        told = json.loads(await second.stderr.readline())
        assert (told["event"], "waits" in told["text"]) == ("job.standby", True)
        for start in HOURS:
            place.write("TK1/A", start, start[:-2] + "30")
            await asyncio.sleep(0.05)
        await place.holds("Dr. Adler", *(f"{start}-{start[-5:-2]}30" for start in HOURS))
        assert place.portal.overlaps == []
        uploads = len(place.portal.uploads)
        place.write("TK1/B", HOURS[0], HOURS[1])
        first.kill()
        await place.holds("Dr. Busch", f"{DAY} 08:00-09:00")
        await place.portal.wait_for(lambda all_: len(all_.uploads) >= uploads + len(COLUMNS), limit=20)
        assert place.portal.overlaps == []
        second.send_signal(signal.SIGTERM)
        _, log = await second.communicate()
        assert second.returncode == 0
        assert json.loads(log.decode().splitlines()[0])["event"] == "job.started"


async def test_without_any_setting_the_last_sentence_says_why(tmp_path: Path) -> None:
    """I13: each that is missing is named, and whoever forgot to load the file reads that at the end."""
    async with site(tmp_path) as place:
        place.settings = {"TMEX_LANG": "en"}
        for verb in ("sync", "check", "run"):
            told = await place.tmex(verb)
            *named, last = [line for line in (told.out + told.err).splitlines() if "[settings." in line]
            assert len(named) == 5
            assert "set -a; . ./tmex.env; set +a" in last


async def test_health_without_a_page(tmp_path: Path) -> None:
    """I11: it answers by the job's pulse, needs no setting but the state, and ends with 1 when nothing lives."""
    async with site(tmp_path) as place:
        assert (await place.tmex("health")).code == 1
        async with place.job():

            async def alive() -> bool:
                return (await place.tmex("health")).code == 0

            await eventually(alive, "the job is healthy")
            os.utime(place.state.with_name("tmex.db.pulse"), (0, 0))
            await eventually(alive, "it beats again")
        assert (await place.tmex("health")).code == 1  # a job that ended in order is gone at once
        pulse = place.state.with_name("tmex.db.pulse")
        pulse.touch()
        assert (await place.tmex("health")).code == 0
        os.utime(pulse, (0, 0))
        assert (await place.tmex("health")).code == 1


async def test_sql_prints_what_the_database_needs(tmp_path: Path) -> None:
    """R10: the printed SQL makes the two relations, and may be run twice."""
    async with site(tmp_path) as place:
        told = await place.tmex("sql", "sqlite")
        assert told.code == 0
        with closing(sqlite3.connect(tmp_path / "empty.db")) as practice:
            practice.executescript(told.out + told.out)


@pytest.mark.parametrize("verb", VERBS)
async def test_every_verb_has_a_help_that_teaches(tmp_path: Path, verb: str) -> None:
    """Each verb's help gives an example, and needs no settings."""
    async with site(tmp_path) as place:
        place.settings = {"TMEX_LANG": "en"}
        told = await place.tmex(verb, "--help")
        assert (told.code, f"tmex {verb}" in told.out, "Example:" in told.out) == (0, True, True)


async def test_shadow_sends_nothing(tmp_path: Path) -> None:
    """I8: it asks, reads and decides, its baseline is kept apart, and sync says skipped and ends with 0."""
    async with site(tmp_path) as place:
        fill(place)
        told = await place.tmex("sync", "--json", TMEX_SHADOW="on")
        assert (told.code, {each["state"] for each in told.json()["calendars"]}) == (0, {"skipped"})
        assert place.portal.seen("upload") == 0
        same = await place.tmex("plan", "--json", TMEX_SHADOW="on")
        assert {each["state"] for each in same.json()["calendars"]} == {"unchanged"}
        status = await place.tmex("status", TMEX_SHADOW="on")
        assert "TMEX_SHADOW is on" in status.out
        real = await place.tmex("plan", "--json")
        assert real.json()["calendars"][0]["state"] == "planned"


async def test_a_job_with_other_settings_is_found_out(tmp_path: Path) -> None:
    """I9, I13: a calendar that the running job does not know fails with a sentence, and is not passed over."""
    async with site(tmp_path) as place, place.job():
        more = {"TMEX_CALENDAR_9": "Neu=TK1/A"}
        synced = await place.tmex("sync", "--json", **more)
        told = synced.json()["calendars"]
        assert (synced.code, [each["name"] for each in told]) == (75, [*COLUMNS, "Neu"])
        assert [each["error"] and each["error"]["code"] for each in told] == [None] * 4 + ["job.other_settings"]
        alone = await place.tmex("sync", "--calendar", "Neu", **more)
        assert (alone.code, "[job.other_settings]" in alone.out) == (75, True)
        released = await place.tmex("release", "Neu", "--yes", **more)
        assert (released.code, "[job.other_settings]" in released.err) == (75, True)


async def test_status_waits_for_a_sync_and_not_for_a_job_that_is_none(tmp_path: Path) -> None:
    """I9: what holds the state for a moment need not be the job; status tells as soon as it is over."""
    async with site(tmp_path) as place:
        assert (await place.tmex("sync")).code == 0
        with StateLock(place.state) as lock:
            assert lock.take()
            asked = asyncio.create_task(place.tmex("status", "--json"))
            await eventually(lambda: _ordered(place), "status asked")
        told = await asked
        assert (told.code, told.json()["job"]["running"]) == (0, False)


async def test_a_job_that_never_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """I13: whoever reads JSON gets the object that sync always prints, with the reason for every calendar."""
    monkeypatch.setattr(command, "ANSWER_WITHIN", 0.1)
    async with site(tmp_path) as place:
        with StateLock(place.state) as lock:
            assert lock.take()
            settings = load(place.settings)
            for as_json in (True, False):
                assert await command.sync(settings, list(COLUMNS), as_json=as_json) == 75
                told = capsys.readouterr()
                assert told.err.count("[job.no_answer]") == 1
                found = json.loads(told.out)["calendars"] if as_json else []
                assert [each["error"]["code"] for each in found] == ["job.no_answer"] * len(found)
                assert len(found) == (len(COLUMNS) if as_json else 0)


async def test_wrong_words_after_a_right_verb(tmp_path: Path) -> None:
    """I13: the usage told is that of the verb, and two ways to be told exclude each other."""
    async with site(tmp_path) as place:
        for words in (["sync", "--nope"], ["sync", "more"]):
            told = await place.tmex(*words)
            assert (told.code, "tmex sync [-h] [--json]" in told.err) == (2, True)
        assert (await place.tmex("status", "--watch", "--json")).code == 2


async def _ordered(place: Site) -> bool:
    return any(place.state.with_name("tmex.db.orders").glob("*.order"))


async def test_config_tells_origins_in_the_language(tmp_path: Path) -> None:
    """I13: people read where a setting comes from in theirs, programs the same word always."""
    async with site(tmp_path) as place:
        assert "TMEX_PRACTICE=PRAX1  [Vorgabe]" in (await place.tmex("P", TMEX_LANG="de")).out
        assert "TMEX_PRACTICE=PRAX1  [default]" in (await place.tmex("P")).out
        rows = (await place.tmex("P", "--json", TMEX_LANG="de")).json()["settings"]
        assert {each["origin"] for each in rows} == {"environment", "default"}


async def test_a_pause_that_the_portal_asked_for_is_why_nothing_goes_up(tmp_path: Path) -> None:
    """I10, I13, fault 24: with and without a job a sync says what would go up and why it does not, and is not done."""
    async with site(tmp_path) as place:
        fill(place)
        place.portal.fail("status", on="upload", status=429, retry_after="300")
        assert (await place.tmex("sync", "--calendar", "Dr. Adler")).code == 69
        for _ in range(2):
            held = await place.tmex("sync", "--json", "--calendar", "Dr. Adler")
            (calendar,) = held.json()["calendars"]
            assert (held.code, calendar["state"], calendar["error"]["code"]) == (69, "held", "portal.paused")
            assert calendar["appointments"] == calendar["blocks"] == len(calendar["added"]) > 0
            assert held.err.count("portal.window_stale") == 1
        process = await place.start("run")
        try:
            await eventually(place.beats, "the job beats")
            told = (await place.tmex("status", "--json")).json()
            assert "portal.paused" in {each["code"] for each in told["errors"]}
            held = await place.tmex("sync", "--json")
            assert (held.code, {each["state"] for each in held.json()["calendars"]}) == (69, {"held"})
        finally:
            process.send_signal(signal.SIGTERM)
            await process.communicate()


async def test_a_release_of_an_unknown_past_says_so(tmp_path: Path) -> None:
    """I6: after a ledger was lost nobody knows which times would become free; the question says that."""
    async with site(tmp_path) as place:
        fill(place)
        await place.tmex("sync")
        place.state.write_bytes(b"rotten" * 1000)
        for start in HOURS:
            place.erase("TK1/A", start)
        assert (await place.tmex("sync", "--calendar", "Labor")).code == 0
        asked = await place.tmex("release", "Dr. Adler")
        assert "whatever is blocked for it" in asked.out
        assert place.portal.held("Dr. Adler")
        assert (await place.tmex("release", "Dr. Adler", "--yes")).code == 0
        assert not place.portal.held("Dr. Adler")
