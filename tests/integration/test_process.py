"""The job as a process that is killed, frozen, stalled and broken: afterwards the portal equals the practice."""

import asyncio
import os
import signal
import sys
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from tests.eventually import eventually
from tests.site import KEY, LIMIT, Ended, Site, site
from tests.sqlrows import SqlTransaction

DAY = "2026-03-09"


EARLY = """
import os, signal, sys
from adapters import cli
cli.load = lambda environ: os.kill(os.getpid(), signal.SIGTERM)
sys.exit(cli.main(["run"]))
"""


async def test_a_job_that_is_stopped_while_it_starts_ends_in_order(tmp_path: Path) -> None:
    """I8, fault 37: before there is a loop to hear it, as PID 1 it would be lost."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", EARLY)
    assert await process.wait() == 0


async def test_removals_ripen_and_additions_do_not_wait(tmp_path: Path) -> None:
    """I1, I3: what is new is up while what is gone still ripens."""
    async with site(tmp_path) as place:
        for hour in range(8, 12):
            place.write("TK1/A", f"{DAY} {hour:02}:00", f"{DAY} {hour:02}:30")
        async with place.job(TMEX_FREE_DELAY="3s"):
            place.erase("TK1/A", f"{DAY} 08:00")
            place.write("TK1/A", f"{DAY} 15:00", f"{DAY} 15:30")
            rest = [f"{DAY} {hour:02}:00-{hour:02}:30" for hour in (9, 10, 11, 15)]
            await place.holds("Dr. Adler", f"{DAY} 08:00-08:30", *rest)
            await place.holds("Dr. Adler", *rest)


async def test_killed_at_any_moment_it_ends_right(tmp_path: Path) -> None:
    """I6, I8, fault 36: killed again and again in a storm of changes, nothing blocked is opened, and all is right."""
    chance = Random(5)
    async with site(tmp_path) as place:
        written: list[str] = []
        for number in range(12):
            process = await place.start("run")
            drained = asyncio.create_task(process.communicate())
            await asyncio.sleep(chance.uniform(0.05, 0.9))
            start = f"{8 + number:02}:00"
            place.write("TK1/A", f"{DAY} {start}", f"{DAY} {start[:2]}:30")
            written.append(f"{DAY} {start}-{start[:2]}:30")
            await asyncio.sleep(chance.uniform(0.0, 0.2))
            process.kill()
            await drained
        async with place.job():
            await place.holds("Dr. Adler", *written)
        held = [each.blocked for each in place.portal.uploads if each.name == "Dr. Adler"]
        assert not any(before - after for before, after in pairwise(held))
        assert place.portal.overlaps == []


async def test_a_stop_during_a_stalled_upload_ends_in_time(tmp_path: Path) -> None:
    """I8, fault 37: SIGTERM ends the job within ten seconds, whatever the portal does."""
    async with site(tmp_path) as place:
        async with place.job() as process:
            place.portal.fail("stall", on="upload")
            place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 09:00")

            async def stalled() -> bool:
                return place.portal.traffic.under_way > 0

            await eventually(stalled, "an upload hangs")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                assert await process.wait() == 0
        place.portal.heal()
        async with place.job():
            await place.holds("Dr. Adler", f"{DAY} 08:00-09:00")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a process 1")
async def test_it_stops_as_process_one(tmp_path: Path) -> None:
    """I8, fault 37: as in a container, where SIGTERM is ignored unless somebody handles it."""
    async with site(tmp_path) as place:
        words = ["unshare", "-pf", "--kill-child", sys.executable, "-m", "adapters.cli", "run"]
        outer = await asyncio.create_subprocess_exec(*words, env=dict(os.environ) | place.settings, stderr=-3)
        await place.portal.wait_for(lambda all_: len(all_.uploads) >= 4, limit=LIMIT)
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text()
        os.kill(int(children.split()[0]), signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await outer.wait() == 0


async def test_a_frozen_job_reads_again_before_it_uploads(tmp_path: Path) -> None:
    """I4, fault 44: what changed during a freeze is what goes up after it."""
    async with site(tmp_path) as place, place.job() as process:
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 09:00")
        await place.holds("Dr. Adler", f"{DAY} 08:00-09:00")
        process.send_signal(signal.SIGSTOP)
        place.write("TK1/A", f"{DAY} 09:00", f"{DAY} 10:00")
        await asyncio.sleep(1.5)
        place.write("TK1/A", f"{DAY} 10:00", f"{DAY} 11:00")
        process.send_signal(signal.SIGCONT)
        await place.holds("Dr. Adler", f"{DAY} 08:00-11:00")


BUG = """
import sys
from engine.reconcile import Reconciler
async def turn(self, calendar, *, asked=False):
    raise ValueError("Erika Kanarienvogel")
Reconciler.turn = turn
from adapters.cli import main
sys.exit(main(["run"]))
"""


async def test_a_bug_ends_the_process_in_one_sentence(tmp_path: Path) -> None:
    """I11, I7, fault 49: it never hangs, has its exit code, and tells kind and place, but no value."""
    async with site(tmp_path) as place:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", BUG), env=dict(os.environ) | place.settings, stdout=-1, stderr=-1
        )
        async with asyncio.timeout(10):
            out, err = await process.communicate()
        assert process.returncode == 70
        assert b"[job.bug]" in err
        assert b"ValueError" in err
        assert b"Traceback" not in err
        assert b"Kanarienvogel" not in out + err


async def test_a_rotten_ledger_is_set_aside_and_everything_goes_up(tmp_path: Path) -> None:
    """I6, fault 39: noise in place of the ledger is no reason to stop; an empty calendar waits for a person."""
    async with site(tmp_path) as place:
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 09:00")
        await place.tmex("sync")
        place.state.write_bytes(b"rotten" * 4096)
        told = await place.tmex("sync", "--json")
        assert told.code == 0
        assert "[ledger.set_aside]" in told.err
        assert len(list(place.state.parent.glob("tmex.db.rotten-*"))) == 1


async def outcome(place: Site, *words: str, **changes: str) -> tuple[int, Ended]:
    ended = await place.tmex(*words, **changes)
    assert "Traceback" not in ended.err
    return ended.code, ended


async def test_every_exit_code(tmp_path: Path) -> None:
    """I13: 0, 2, 65, 69, 73, 75, 76, 77 and 78, each with one sentence that ends in its stable code."""
    async with site(tmp_path) as place:
        broken = tmp_path / "broken.db"
        broken.write_bytes(b"no database" * 1000)
        (tmp_path / "empty.db").touch()
        fresh = tmp_path / "fresh" / "tmex.db"
        cases = [
            (2, "[usage.no_calendar]", ("sync", "--calendar", "Nobody"), {}),
            (65, "[source.not_a_database]", ("sync",), {"TMEX_SOURCE": f"sqlite:///{broken}"}),
            (65, "[source.no_relation]", ("sync",), {"TMEX_SOURCE": f"sqlite:///{tmp_path / 'empty.db'}"}),
            (69, "[source.missing]", ("sync",), {"TMEX_SOURCE": f"sqlite:///{tmp_path / 'gone.db'}"}),
            (
                69,
                "[portal.unreachable]",
                ("sync",),
                {"TMEX_WINDOW_URL": "http://127.0.0.1:9/w", "TMEX_STATE": str(fresh)},
            ),
            (69, "[portal.unreachable]", ("sync",), {"TMEX_UPLOAD_URL": "http://127.0.0.1:9/upload"}),
            (73, "[ledger.unlockable]", ("sync",), {"TMEX_STATE": "/proc/tmex.db"}),
            (75, "[column.unknown]", ("sync",), {"TMEX_CALENDAR_4": "Labor=TK2/X"}),
            (77, "[portal.key_refused]", ("sync",), {"TMEX_API_KEY": "wrong"}),
            (78, "[settings.not_allowed]", ("sync",), {"TMEX_INTERVAL": "59s"}),
        ]
        assert (await place.tmex("nonsense")).code == 2
        for code, sentence, words, changes in cases:
            got, ended = await outcome(place, *words, **changes)
            assert (got, sentence in ended.out + ended.err) == (code, True), ended
        place.portal.fail("answer", on="window", times=2, body='{"from": "gestern"}')
        got, ended = await outcome(place, "sync", TMEX_STATE=str(tmp_path / "other" / "tmex.db"))
        assert got == 76, ended
        assert (await outcome(place, "sync"))[0] == 0


async def test_an_incomplete_reading_blocks_and_frees_nothing(tmp_path: Path) -> None:
    """R13, I2: without a baseline nothing goes up; with one, what is new does, and the exit code says so."""
    async with site(tmp_path) as place:
        place.write("TK1/A", "heute frueh", f"{DAY} 09:00")
        got, ended = await outcome(place, "sync", "--calendar", "Dr. Adler", "--json")
        assert (got, ended.json()["calendars"][0]["error"]["code"]) == (75, "row.start_unreadable")
        assert place.portal.seen("upload") == 0
        place.erase("TK1/A", "heute frueh")
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:30")
        assert (await place.tmex("sync")).code == 0
        place.erase("TK1/A", f"{DAY} 08:00")
        place.write("TK1/A", "heute frueh", f"{DAY} 09:00")
        place.write("TK1/A", f"{DAY} 11:00", f"{DAY} 11:30")
        got, _ = await outcome(place, "sync", "--json")
        assert got == 75
        await place.holds("Dr. Adler", f"{DAY} 08:00-08:30", f"{DAY} 11:00-11:30")


async def test_nothing_of_a_patient_and_no_key_gets_out(tmp_path: Path) -> None:
    """I7, fault 50: canaries in every other column, in broken values and in the key are nowhere but at the source."""
    canary = "Kanarienvogel"
    async with site(tmp_path) as place:
        with place.practice.writing() as practice:
            assert isinstance(practice, SqlTransaction)
            for values in (
                ("PRAX1", "TK1", "A", f"{DAY} 08:00", f"{DAY} 09:00", 1, canary),
                ("PRAX1", "TK1", "A", f"{canary}\n1", f"{DAY} 09:00", 1, canary),
                ("PRAX1", "TK1", "A", f"{DAY} 10:00", canary, canary, canary),
                (canary, canary, canary, canary, canary, canary, canary),
            ):
                practice.execute("INSERT INTO tmex_appointments VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            day = ("PRAX1", "TK1", "B", canary, canary, canary, canary, canary)
            practice.execute("INSERT INTO tmex_reservations VALUES (?, ?, ?, ?, ?, ?, ?, ?)", day)
        secret = {"TMEX_UPLOAD_URL": f"{place.portal.upload_url}?token={canary}"}
        ended = [await place.tmex(*words) for words in (("plan",), ("sync",), ("config",), ("check",), ("status",))]
        ended.append(await place.tmex("sync", TMEX_SOURCE=f"postgresql://u:{canary}@h/db", TMEX_INTERVAL=canary))
        ended.append(await place.tmex("config", "--json", **secret))
        process = await place.start("run")
        await asyncio.sleep(1)
        process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
        told = "".join(each.out + each.err for each in ended) + out.decode() + err.decode()
        assert canary not in told
        assert KEY not in told
        for each in place.portal.uploads:
            assert canary.encode() not in each.body
        for file in place.state.parent.rglob("*"):
            assert not file.is_file() or canary.encode() not in file.read_bytes(), file
