"""The switch, in processes of its own: what is off stays off, across restarts too, and on and off are heard at once."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.switch import Switch
from tests.eventually import eventually
from tests.site import COLUMNS, HOURS, LIMIT, Site, fill, site


async def test_off_and_on_hold_across_restarts(tmp_path: Path) -> None:
    """I8, fault 42: off during a run and after a restart no request goes out; on again syncs everything."""
    async with site(tmp_path) as place:
        async with place.job():
            for _ in range(2):
                assert (await place.tmex("-J")).code == 0

            async def off() -> bool:
                return bool((await place.tmex("status", "--json")).json()["job"] == {"running": True, "on": False})

            await eventually(off, "the job is off")
            requests = place.portal.seen("window") + place.portal.seen("upload")
            fill(place)
        process = await place.start("run")
        await eventually(off, "the restarted job is off")
        assert place.portal.seen("window") + place.portal.seen("upload") == requests
        one = await place.tmex("sync", "--calendar", "Dr. Adler", "--json")
        assert (one.code, one.json()["calendars"][0]["blocks"]) == (0, 4)
        fill(place, "TK1/B")
        for _ in range(2):
            assert (await place.tmex("+J")).code == 0
        await place.holds("Dr. Busch", *(f"{start}-{start[-5:-2]}30" for start in HOURS))
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0


BELL_ALONE = """
import sys
from adapters import mailbox
from adapters.cli import main
mailbox._WITH_BELL = 1e9
sys.exit(main(["run"]))
"""


@asynccontextmanager
async def switched(place: Site, process: asyncio.subprocess.Process) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """A job that beats, until the block ends; what it was switched to next, as its log tells."""

    async def told() -> bool:
        assert process.stderr is not None
        async for line in process.stderr:
            found = json.loads(line)
            if found["event"] == "job.switched":
                return bool(found["on"])
        raise AssertionError("the job ended")

    try:
        await eventually(place.beats, "the job beats")
        yield told
    finally:
        process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_on_and_off_reach_a_running_job_at_once(tmp_path: Path) -> None:
    """I8: by itself it looks at its switch no more here, so whatever it hears of was rung for."""
    async with site(tmp_path) as place:
        environ = dict(os.environ) | place.settings
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", BELL_ALONE, env=environ, stderr=-1)
        async with switched(place, process) as told, asyncio.timeout(LIMIT):
            for verb, on in (("off", False), ("on", True), ("off", False)):
                assert (await place.tmex(verb)).code == 0
                assert await told() is on


@pytest.mark.parametrize("bell", ["gone", "never there"])
async def test_off_without_a_bell(tmp_path: Path, bell: str) -> None:
    """I8: there can be no pipe, or it is gone, or another program turns the switch: five seconds at most."""
    async with site(tmp_path) as place:
        orders = place.state.with_name("tmex.db.orders")
        if bell == "never there":
            orders.mkdir(parents=True)
            (orders / "bell").write_text("")
        async with switched(place, await place.start("run")) as told:
            (orders / "bell").unlink()
            for on in (False, True):
                Switch(place.state).write(on=on)
                async with asyncio.timeout(5):
                    assert await told() is on


async def test_off_during_an_upload(tmp_path: Path) -> None:
    """I8, fault 42: the upload under way may end, no new one begins, and what is blocked stays blocked."""
    async with site(tmp_path) as place, place.job():
        place.portal.fail("slow", on="upload", seconds=2.0)
        fill(place)
        assert (await place.tmex("off")).code == 0
        await place.portal.wait_for(lambda all_: bool(all_.held("Dr. Adler")), limit=20)
        uploads = place.portal.applied
        fill(place, "TK1/B")
        status = (await place.tmex("status", "--json")).json()
        assert status["job"] == {"running": True, "on": False}
        assert (place.portal.applied, place.portal.overlaps) == (uploads, [])


async def test_a_switch_that_becomes_unreadable_turns_the_job_on_with_an_alarm(tmp_path: Path) -> None:
    """I8: off is only what readably says off; that nobody turned it on is said once, and who must do what."""
    async with site(tmp_path) as place:
        assert (await place.tmex("off")).code == 0
        process = await place.start("run")
        switch = place.state.with_name("tmex.db.switch")
        try:
            await eventually(place.beats, "the job beats")
            assert not place.portal.seen("window")
            switch.write_text("rotten")
            await place.portal.wait_for(lambda all_: len(all_.uploads) >= len(COLUMNS), limit=20)
            for _ in range(3):  # it looks at its switch before it answers
                assert "switch.unreadable" in (await place.tmex("status")).out
        finally:
            process.send_signal(signal.SIGTERM)
            _, log = await process.communicate()
        told = [json.loads(line) for line in log.decode().splitlines()]
        alarms = [each for each in told if each.get("code") == "switch.unreadable"]
        assert [each["event"] for each in alarms] == ["job.troubled"]


async def test_turning_on_or_off_a_job_that_is_none(tmp_path: Path) -> None:
    """I8, I13: it counts for the next job on that state, which is named; that none runs there now is said as well."""
    async with site(tmp_path) as place:
        for verb in ("off", "on"):
            ended = await place.tmex(verb, TMEX_LANG="en")
            assert ended.code == 0
            assert place.settings["TMEX_STATE"] in ended.out
            assert "none runs there" in ended.out
        async with place.job():
            for verb in ("off", "on"):
                assert "none runs there" not in (await place.tmex(verb, TMEX_LANG="en")).out
