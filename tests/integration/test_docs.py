"""The documentation is tried: the tutorial from its first line to an accepted upload, every command, every setting."""

import asyncio
import os
import re
import shlex
import socket
import sys
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

import psutil
import pytest

from adapters.cli import parsers
from adapters.settings import SETTINGS, faults
from engine.faults import FaultError
from tests.site import LIMIT

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BLOCK: Final = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
HERE_DOCUMENT: Final = re.compile(r"<<'([A-Z]+)'.*?\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
ASSIGNED: Final = re.compile(r"\b(TMEX_[A-Z0-9_]+)=('[^'\n]*'|\"[^\"\n]*\"|[^\s;'\"]+)")
NOT_HERE: Final = {"settings.missing", "settings.file_unreadable"}
"""What is wrong with a setting that is shown without the others, or with a file that this machine does not have."""
NOT_RUN: Final = {
    "apt-get install": "changes the machine",
    "git clone": "has no address yet",
    "make run": "is the demo, which has tests of its own",
}


def blocks(page: Path) -> list[str]:
    """What a reader is to type, block by block."""
    return BLOCK.findall(page.read_text("utf-8"))


def commands(text: str) -> list[str]:
    """Each call of tmex in a block, as a shell sees it, without what stands before it or behind."""
    lines = HERE_DOCUMENT.sub("", text).replace("\\\n", " ").splitlines()
    words = [
        part.strip() for line in lines for part in re.split(r"&&|\||;|[^<>0-9]&$| > | 2> ", line.partition(" #")[0])
    ]
    return [each.rstrip("& ") for each in words if re.match(r"(?:TMEX_\w+=\S+ )*tmex ", each)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_is_one(page: Path) -> None:
    """A verb or an option that is renamed makes its page wrong."""
    for block in blocks(page):
        for command in commands(block):
            words = [word for word in shlex.split(command) if not ASSIGNED.match(word)]
            with suppress(SystemExit):  # of --help
                try:
                    parsers("en")["tmex"].parse_args(words[1:])
                except FaultError:
                    assert words[1] in {"+J", "-J", "P"}, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_is_one(page: Path) -> None:
    """By the reader that the job uses: a name that does not exist, or a value that is refused, makes its page wrong."""
    for block in blocks(page):
        for name, value in ASSIGNED.findall(block):
            (plain,) = shlex.split(value.replace("$PWD", "/srv"))
            told = {fault.code for fault in faults({name: plain}) if fault.facts.get("name") == name}
            assert told <= NOT_HERE, (name, plain, told)
            assert name.removesuffix("_FILE") in {each.name for each in SETTINGS} or "CALENDAR" in name


def unasked_port() -> int:
    """A port that the system gives to nobody who does not name it, so that it stays free until it is used."""
    given = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text("ascii").split()[0])
    while True:
        port = Random().randrange(5_000, max(given, 10_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@pytest.mark.timeout(120)
@pytest.mark.parametrize("tutorial", ["tutorial.de.md", "tutorial.md"])
async def test_the_tutorial_ends_with_accepted_uploads(tmp_path: Path, tutorial: str) -> None:
    """R1, R2: every line of it, in order, in one shell; what it promises to be blocked is blocked."""
    portal, page = unasked_port(), unasked_port()
    told = blocks(ROOT / "docs" / tutorial)
    script = "\n".join(each for each in told if not any(line in each for line in NOT_RUN))
    script = script.replace("8799", str(portal)).replace("8788", str(page)).replace(". .venv/bin/activate", ":")
    script = script.replace("> portal.log &", "> portal.log &\nuntil grep -q WINDOW portal.log; do sleep 0.05; done")
    script = script.replace("kill %2 %1", f"python -c '{LOOK}' {portal}; kill %2 %1; wait")
    with (tmp_path / "told").open("wb") as told_there:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-e", "-x", "-m", "-c", script),
            cwd=tmp_path,
            env={"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=told_there,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    with suppress(TimeoutError):
        async with asyncio.timeout(2 * LIMIT):
            await process.wait()
    if process.returncode is None:
        shell = psutil.Process(process.pid)
        for each in (*shell.children(recursive=True), shell):
            each.kill()
    out = (tmp_path / "told").read_text("utf-8", "replace")
    assert process.returncode == 0, out
    assert re.findall(r"^blocked (.*)", out, re.MULTILINE) == ["Dr. Adler 10:15 11:00", "Dr. Busch 09:00"], out


LOOK: Final = (
    "import json,sys,urllib.request as r;"
    '[print("blocked",c["name"],*(s["start"][11:16] for s in c["blocked"]))'
    ' for c in json.load(r.urlopen(f"http://127.0.0.1:{sys.argv[1]}/state"))["calendars"]]'
)
