"""The job under a service manager: it says when it is ready, that it lives, and that it ends; and the unit is sound."""

import asyncio
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters.notify import ALIVE, READY, STOPPING, Notify
from adapters.settings import load
from adapters.settings.declared import SETTINGS
from tests.site import LIMIT, site

UNIT = Path("deploy/tmex.service")
MOST_EXPOSURE = 15
"""Tenths; systemd's own scale goes to 10.0 and calls up to 2 a good one."""
systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


class Manager:
    """What a service manager hears."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self.heard: list[str] = []

    async def hears(self, wanted: str) -> None:
        """Wait until it is told this, from now on."""
        async with asyncio.timeout(LIMIT):
            while True:
                self.heard.append((await asyncio.get_running_loop().sock_recv(self._listening, 4096)).decode())
                if self.heard[-1] == wanted:
                    return


@asynccontextmanager
async def manager(address: str) -> AsyncIterator[Manager]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.setblocking(False)
        yield Manager(listening)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Short, whatever the test's name is: socket paths are limited."""
    path = Path(f"/tmp/tmex-{tmp_path.parent.name}-{tmp_path.name[-12:]}")
    yield str(path)
    path.unlink(missing_ok=True)


async def test_it_says_that_it_is_ready_lives_and_stops(tmp_path: Path, address: str) -> None:
    """I11, I8: ready when it works, alive again and again, stopping when it was told to end, nothing after that."""
    async with manager(address) as told, site(tmp_path) as place:
        async with place.job(NOTIFY_SOCKET=address) as process:
            for wanted in (READY, ALIVE, ALIVE):
                await told.hears(wanted)
            assert told.heard[0] == READY
            process.send_signal(signal.SIGTERM)
            await told.hears(STOPPING)
        assert set(told.heard[1:-1]) == {ALIVE}


async def test_a_standby_is_ready_and_takes_over(tmp_path: Path, address: str) -> None:
    """I9: a second job is no start that hangs: its manager neither gives it up nor ends it."""
    async with site(tmp_path) as place, manager(address) as told:
        async with place.job():
            second = await place.start("run", NOTIFY_SOCKET=address)
            for wanted in (READY, ALIVE, ALIVE):
                await told.hears(wanted)
            before = len(place.portal.uploads)
        await place.portal.wait_for(lambda all_: len(all_.uploads) > before, limit=LIMIT)
        await told.hears(READY)
        second.send_signal(signal.SIGTERM)
        async with asyncio.timeout(LIMIT):
            await second.communicate()
        assert second.returncode == 0


async def test_nobody_listens(tmp_path: Path) -> None:
    """I11: a manager that is gone, or a name that is none, is nothing to the job."""
    for address in (str(tmp_path / "nobody"), str(tmp_path / ("x" * 200)), "@nobody", "\0", ""):
        Notify(address)(READY)
    async with site(tmp_path) as place, place.job(NOTIFY_SOCKET=str(tmp_path / "nobody")):
        pass


async def test_a_name_in_no_file_system(tmp_path: Path) -> None:
    """The manager may listen on an abstract socket, which is written with an @."""
    name = f"tmex-{tmp_path}"
    async with manager("\0" + name) as told:
        Notify.of({"NOTIFY_SOCKET": "@" + name})(READY, "STATUS=works")
        await told.hears(f"{READY}\nSTATUS=works")


def test_the_unit_sets_what_there_is() -> None:
    """Every setting that the unit names exists, and the key is none that a look at the process shows."""
    named = set(re.findall(r"^Environment=(TMEX_\w+?)(?:_FILE)?=", UNIT.read_text("utf-8"), re.MULTILINE))
    assert named == {"TMEX_STATE", "TMEX_API_KEY", "TMEX_SOURCE"}
    assert named <= {each.name for each in SETTINGS}
    assert "Environment=TMEX_API_KEY=" not in UNIT.read_text("utf-8")


def test_the_sample_of_its_settings_holds(tmp_path: Path) -> None:
    """A shell reads it as systemd does; with the two files beside it, tmex loads, as it stands and with all of it."""
    (tmp_path / "key").write_text("Kanarienvogel\n", "utf-8")
    (tmp_path / "source").write_text("postgresql://tmex_reader:Kanarienvogel@127.0.0.1/practice\n", "utf-8")
    sample = Path("deploy/tmex.env").read_text("utf-8")
    for number, text in enumerate((sample, sample.replace("\n#TMEX_", "\nTMEX_")), 1):
        (tmp_path / "tmex.env").write_text(text, "utf-8")
        words = ["sh", "-c", f"set -a; . {tmp_path}/tmex.env; exec env -0"]
        told = subprocess.run(words, check=True, capture_output=True, text=True, env={}).stdout
        environ = dict(each.split("=", 1) for each in told.strip("\0").split("\0"))
        files = {"TMEX_API_KEY_FILE": f"{tmp_path}/key", "TMEX_SOURCE_FILE": f"{tmp_path}/source"}
        assert len(load(environ | files | {"TMEX_STATE": f"{tmp_path}/tmex.db"}).calendars) == number


@systemd
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """No word of it is unknown to systemd or passed over; the program is the one that stands here."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("/opt/tmex/bin/tmex", sys.executable), "utf-8")
    words = ["systemd-analyze", "verify", "--man=no", str(unit)]
    ended = subprocess.run(words, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


@systemd
def test_the_unit_is_hardened() -> None:
    """I12: systemd's own score of what a service could do to the machine stays low."""
    words = ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", str(UNIT)]
    ended = subprocess.run(words, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
