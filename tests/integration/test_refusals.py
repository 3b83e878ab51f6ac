"""What tmex refuses to start with, and a disk that fills up under it: one sentence each, and nothing is freed."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.site import LIMIT, Site, site

DAY = "2026-03-09"
NO_ZONES = """
import sys
sys.modules["tzdata"] = None
from adapters.cli import main
sys.exit(main(["run"]))
"""


async def test_all_faults_of_the_settings_are_told_at_once(tmp_path: Path) -> None:
    """I13: each by its variable and its range, before any request is sent, for every verb that needs settings."""
    async with site(tmp_path) as place:
        wrong = {
            "TMEX_INTERVAL": "59s",
            "TMEX_GUARD_PERCENT": "101",
            "TMEX_TIMEZONE": "Europe/Berlino",
            "TMEX_UPLOAD_URL": "http://portal.example/upload",
            "TMEX_CALENDAR_2": "Dr. Adler=TK1/B",
            "TMEX_INTERVALL": "60s",
        }
        for verb in ("sync", "plan", "run", "status", "check"):
            ended = await place.tmex(verb, **wrong)
            told = (ended.out + ended.err).splitlines()
            assert ended.code == (1 if verb == "check" else 78)
            for name in wrong:
                assert any(name in line for line in told), (verb, name)
            assert any("60s – 24h" in line for line in told)
        assert place.portal.seen("window") + place.portal.seen("upload") == 0


async def test_a_state_that_names_a_folder(tmp_path: Path) -> None:
    """I6, I13: one sentence that says so and names a file, for each verb that works on it; the folder is left alone."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    async with site(tmp_path) as place:
        for verb in ("sync", "run", "plan"):
            ended = await place.tmex(verb, TMEX_STATE=str(folder))
            assert (ended.code, "[ledger.folder]" in ended.err, f"{folder}/tmex.db" in ended.err) == (73, True, True)
            assert len(ended.err.strip().splitlines()) == 1
        assert not list(folder.iterdir())
        assert not list(tmp_path.glob("a folder.*"))
        assert place.portal.seen("upload") == 0


async def test_a_state_that_names_a_pipe(tmp_path: Path) -> None:
    """I6, I8: what is no file is nobody's ledger, and is not set aside as a rotten one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    async with site(tmp_path) as place:
        for verb in ("sync", "run", "plan", "status"):
            ended = await place.tmex(verb, TMEX_STATE=str(pipe))
            assert (ended.code, "[ledger.no_file]" in ended.err, str(pipe) in ended.err) == (73, True, True), verb
            assert len(ended.err.strip().splitlines()) == 1
        assert pipe.is_fifo()
        assert list(tmp_path.glob("pipe*")) == [pipe]


async def test_without_time_zone_data_it_does_not_start(tmp_path: Path) -> None:
    """R9, fault 46: no guess about the clock change is better than a wrong one."""
    async with site(tmp_path) as place:
        environ = dict(os.environ) | place.settings | {"PYTHONTZPATH": ""}
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", NO_ZONES, env=environ, stderr=-1)
        async with asyncio.timeout(LIMIT):
            _, err = await process.communicate()
        assert process.returncode == 78
        assert b"[settings.no_zone_data]" in err or b"TMEX_TIMEZONE" in err
        assert place.portal.seen("window") == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
async def test_a_full_disk_stops_no_addition_and_frees_nothing(tmp_path: Path) -> None:
    """I6, fault 40: it goes on blocking, keeps what was removed, says so, and recovers when there is room again."""
    async with site(tmp_path) as place:
        for hour in range(8, 14):
            place.write("TK1/A", f"{DAY} {hour:02}:00", f"{DAY} {hour:02}:30")
        place.state.parent.mkdir()
        mount = f"mount -t tmpfs -o size=400k tmpfs {place.state.parent} && exec {sys.executable} -m adapters.cli run"
        process = await asyncio.create_subprocess_exec(
            *("unshare", "-m", "sh", "-c", mount), env=dict(os.environ) | place.settings, stderr=-1
        )
        await place.portal.wait_for(lambda all_: len(all_.uploads) >= 4, limit=LIMIT)
        filler = Path("/proc", str(process.pid), "root", *place.state.parent.parts[1:], "filler")
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(512))
        await _until_said(process, place, "ledger.unwritable")
        place.erase("TK1/A", f"{DAY} 08:00")
        place.write("TK1/B", f"{DAY} 08:00", f"{DAY} 09:00")
        await place.holds("Dr. Busch", f"{DAY} 08:00-09:00")
        kept = place.portal.held("Dr. Adler").total()
        place.write("TK1/A", f"{DAY} 19:00", f"{DAY} 19:30")

        async def added() -> bool:
            return place.portal.held("Dr. Adler").total() == kept + 1800

        await eventually(added, "an addition on a full disk")
        filler.unlink()
        place.write("TK1/A", f"{DAY} 19:30", f"{DAY} 20:00")

        async def freed() -> bool:
            return place.portal.held("Dr. Adler").total() == kept + 3600 - 1800

        await eventually(freed, "the removal after there was room again")
        process.send_signal(signal.SIGTERM)
        await process.communicate()
        assert process.returncode == 0


async def _until_said(process: asyncio.subprocess.Process, place: Site, code: str) -> None:
    """Make additions until the journal says `code`."""
    assert process.stderr is not None
    for number in range(60):
        place.write("TK1/A", f"{DAY} 16:{number:02}", f"{DAY} 17:00")
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    line = await process.stderr.readline()
                    if json.loads(line).get("code") == code:
                        return
    raise AssertionError(f"nothing was said of {code}")
