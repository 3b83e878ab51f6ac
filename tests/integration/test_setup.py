"""`tmex setup` asks, writes a file for its owner alone, and tries it: by a real source and a real portal."""

import asyncio
import os
import pty
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from select import select

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.setup import quoted
from tests.site import COLUMNS, KEY, LIMIT, Ended, Site, site

DAY = "2026-03-09"
SETUP = (sys.executable, "-W", "error", "-m", "adapters.cli", "setup")


async def setup(place: Site, *answers: str, file: Path) -> Ended:
    """Run the command on these answers, one a line, without any setting but the language."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(*SETUP, str(file)),
        env=kept | {"TMEX_LANG": "en"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT):
        out, err = await process.communicate("".join(f"{each}\n" for each in answers).encode())
    return Ended(process.returncode or 0, out.decode(), err.decode())


def answers(place: Site, *calendars: str) -> list[str]:
    """Everything right."""
    settings = place.settings
    asked = ["TMEX_WINDOW_URL", "TMEX_UPLOAD_URL", "TMEX_SOURCE"]
    return [KEY, *(settings[name] for name in asked), "", str(place.state), *calendars]


async def test_it_asks_writes_and_tries(tmp_path: Path) -> None:
    """I7: the columns found are offered; the file is its owner's alone, and a shell gives tmex just these settings."""
    async with site(tmp_path) as place:
        file = tmp_path / "tmex.env"
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:20")
        ended = await setup(place, *answers(place, "Dr. Adler", "", "Dr. O'Neill", ""), file=file)
        assert (ended.code, ended.err) == (0, "")
        assert KEY not in ended.out
        assert all(str(column) in ended.out for column in COLUMNS.values())
        assert "Dr. Adler" in ended.out.partition("tmex plan")[2]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        script = f"set -a; . {shlex.quote(str(file))}; set +a; {sys.executable} -m adapters.cli sync"
        process = await asyncio.create_subprocess_shell(script, stdout=asyncio.subprocess.PIPE)
        await process.communicate()
        assert process.returncode == 0
        await place.holds("Dr. Adler", f"{DAY} 08:00-08:20")
        assert {each.name for each in place.portal.uploads} == {"Dr. Adler", "Dr. O'Neill"}


async def test_nonsense_is_asked_again(tmp_path: Path) -> None:
    """One sentence for each, and the same question once more."""
    async with site(tmp_path) as place:
        file = tmp_path / "tmex.env"
        right = answers(place, "Dr. Adler", "Dr. Adler", "", "", "Dr. Adler", "", "", "")
        ended = await setup(place, right[0], "portal", "http://portal.example/w", *right[1:], file=file)
        assert ended.code == 0
        assert [line.partition("[")[2] for line in ended.err.splitlines()] == [
            *("settings.url_unusable]", "settings.url_insecure]", "settings.calendar_twice]"),
        ]


async def test_without_a_source_the_columns_are_typed(tmp_path: Path) -> None:
    """The settings are written all the same, and what is wrong with them is said."""
    async with site(tmp_path) as place:
        place.settings["TMEX_SOURCE"] = f"sqlite:///{tmp_path / 'missing.db'}"
        file = tmp_path / "tmex.env"
        ended = await setup(place, *answers(place, "", "nonsense", "", "Dr. Adler=TK1/A", ""), file=file)
        assert ended.code == 1
        assert "source.missing" in ended.err
        assert "TMEX_CALENDAR_1='Dr. Adler=TK1/A'" in file.read_text()


async def test_a_misspelt_source_is_asked_for_again(tmp_path: Path) -> None:
    """What was said before stands in brackets; the right one is asked for its columns."""
    async with site(tmp_path) as place:
        file, right = tmp_path / "tmex.env", place.settings["TMEX_SOURCE"]
        place.settings["TMEX_SOURCE"] = right + "x"
        ended = await setup(place, *answers(place, right, "Dr. Adler", "", "", ""), file=file)
        assert (ended.code, ended.err.count("[source.missing]")) == (0, 1)
        assert f"[{right}x]" in ended.out
        assert f"TMEX_SOURCE={right}\n" in file.read_text()


async def test_a_path_is_as_good_as_an_address(tmp_path: Path) -> None:
    """A file that is there is taken for SQLite, a folder for exports, whatever characters its name has; what it is
    taken for is said.
    """
    async with site(tmp_path) as place:
        file, folder = tmp_path / "tmex.env", tmp_path / "Praxis Müller 100%"
        folder.mkdir()
        shutil.copy(place.settings["TMEX_SOURCE"].partition("://")[2], folder / "kalender.db")
        place.settings["TMEX_SOURCE"] = str(folder / "kalender.db")
        ended = await setup(place, *answers(place, "Dr. Adler", "", "", ""), file=file)
        assert (ended.code, ended.err) == (0, "")
        assert f"TMEX_SOURCE='sqlite:///{tmp_path}/Praxis Müller 100%25/kalender.db'\n" in file.read_text()
        place.settings["TMEX_SOURCE"] = str(folder)
        ended = await setup(place, *answers(place, "", "Dr. Adler=TK1/A", ""), file=tmp_path / "other.env")
        assert f"files://{folder}25" in ended.out


async def test_a_second_run_offers_what_the_first_one_wrote(tmp_path: Path) -> None:
    """One wrong answer is mended without typing all of them anew; the key is used, and not shown (I7)."""
    async with site(tmp_path) as place:
        file, right = tmp_path / "tmex.env", place.settings["TMEX_WINDOW_URL"]
        place.settings["TMEX_WINDOW_URL"] = right + "x"
        ended = await setup(place, *answers(place, "Dr. Adler", "", "", ""), file=file)
        assert ended.code == 1
        ended = await setup(place, "y", "", right, "", "", "", "", "Dr. Adler", "", "", "", file=file)
        assert (ended.code, ended.err) == (0, "")
        assert f"[{right}x]" in ended.out
        assert KEY not in ended.out
        assert f"TMEX_API_KEY={KEY}\n" in file.read_text()


async def test_a_typed_calendar_is_looked_at_at_once(tmp_path: Path) -> None:
    """While the source cannot be read nobody says that it has no column; what has no column in it is asked again."""
    async with site(tmp_path) as place:
        place.settings["TMEX_SOURCE"] = f"sqlite:///{tmp_path / 'missing.db'}"
        file = tmp_path / "tmex.env"
        ended = await setup(place, *answers(place, "", "Dr. Adler", "Dr. Adler=TK1/A", ""), file=file)
        assert ended.err.count("[settings.calendar_unreadable]") == 1
        assert "cannot be read yet" in ended.out
        assert "No column was found" not in ended.out
        assert f"set -a; . {file}; set +a; tmex check" in ended.out.splitlines()[-1]


async def test_what_it_writes_holds_in_every_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service does not start where the settings were made; the last line tells how to begin."""
    monkeypatch.chdir(tmp_path)
    async with site(tmp_path) as place:
        name = Path(place.settings["TMEX_SOURCE"]).name
        place.settings["TMEX_SOURCE"], place.state = f"sqlite:///{name}", Path("state/tmex.db")
        ended = await setup(place, *answers(place, "Dr. Adler", "", "", ""), file=Path("tmex.env"))
        told = (tmp_path / "tmex.env").read_text()
        assert ended.code == 0
        assert f"TMEX_SOURCE=sqlite:///{tmp_path}/{name}\n" in told
        assert f"TMEX_STATE={tmp_path}/state/tmex.db\n" in told
        assert f"{tmp_path}/tmex.env; set +a; tmex run" in ended.out.splitlines()[-1]


async def test_an_unfinished_one_leaves_nothing(tmp_path: Path) -> None:
    """No answer, or a file that is to be kept: nothing is written, nothing is lost."""
    async with site(tmp_path) as place:
        file = tmp_path / "tmex.env"
        ended = await setup(place, *answers(place)[:3], file=file)
        assert ended.code == 2
        assert "usage.no_answer" in ended.err
        assert not file.exists()
        file.write_text("mine")
        ended = await setup(place, "n", file=file)
        assert (ended.code, file.read_text()) == (0, "mine")
        ended = await setup(place, "y", *answers(place, "A", "", "", ""), file=file)
        assert ended.code == 0
        assert "mine" not in file.read_text()
        ended = await setup(place, *answers(place, "A", "", "", ""), file=tmp_path / "nowhere" / "tmex.env")
        assert (ended.code, "output.unwritable" in ended.err) == (73, True)


async def test_at_a_terminal_the_key_is_not_echoed(tmp_path: Path) -> None:
    """I7: whoever looks over a shoulder reads no key; Ctrl-C there leaves nothing."""
    async with site(tmp_path) as place:
        file, (ours, theirs) = tmp_path / "tmex.env", pty.openpty()
        ways = ("setsid", "--ctty", "env", "--default-signal=INT")
        process = await asyncio.create_subprocess_exec(
            *(*ways, *SETUP, str(file)), stdin=theirs, stdout=theirs, stderr=theirs
        )
        os.close(theirs)
        shown = await asyncio.to_thread(_talk, ours, [(b"TMEX_API_KEY", KEY), (b"TMEX_WINDOW_URL", "\x03")])
        async with asyncio.timeout(LIMIT):
            assert await process.wait() == 130
        os.close(ours)
        assert KEY.encode() not in shown
        assert not file.exists()
        assert place.portal.uploads == []


def _talk(terminal: int, script: list[tuple[bytes, str]]) -> bytes:
    """Answer each question once it is asked; all that was shown."""
    shown = b""
    for question, said in script:
        while question not in shown or not shown.endswith(b": "):
            assert select([terminal], [], [], LIMIT)[0], shown
            shown += os.read(terminal, 4096)
        os.write(terminal, said.encode() + b"\n" * (said != "\x03"))
        shown += b"\n"
    return shown


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20))
def test_a_shell_reads_what_was_meant(value: str) -> None:
    """Whatever a name is made of."""
    script = f'value={quoted(value)}; printf %s "$value"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode() == value
