"""The command at the edges of its terminal: streams closed, readers gone, disks full, letters unknown, people asked."""

import asyncio
import os
import pty
import signal
import sys
from pathlib import Path

import pytest

from tests.site import LIMIT, Ended, Site, site

DAY = "2026-03-09"
TMEX = (sys.executable, "-W", "error", "-m", "adapters.cli")


async def shell(place: Site, how: str, *words: str, said: bytes = b"", **changes: str) -> Ended:
    """Run a command as `sh` does with `how` behind it, and `said` on its stdin."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'"$@" {how}', "sh", *TMEX, *words),
        env={"PATH": os.environ["PATH"]} | place.settings | changes,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT):
        out, err = await process.communicate(said)
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def emptied(place: Site) -> None:
    """A calendar of which everything waits for a hand."""
    place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 12:00")
    assert (await place.tmex("sync")).code == 0
    place.erase("TK1/A")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("verb", ["sync", "config", "status", "check", "--help"])
async def test_a_closed_stream_fails_no_command(tmp_path: Path, verb: str, closed: str) -> None:
    """I11: as a container's or a scheduler's start may have it; nothing is uttered where it does not belong."""
    async with site(tmp_path) as place:
        ended = await shell(place, closed, verb)
        assert (ended.code, ended.err) == (0, "")
        assert bool(ended.out) == (">&-" not in closed.replace("2>&-", ""))


async def test_a_closed_stderr_never_puts_faults_among_the_results(tmp_path: Path) -> None:
    """I13: what reads JSON from stdout finds nothing else there."""
    async with site(tmp_path) as place:
        ended = await shell(place, "2>&-", "sync", "--json", TMEX_INTERVAL="1s")
        assert ended == (78, "", "")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
async def test_the_job_runs_without_its_streams(tmp_path: Path, closed: str) -> None:
    """I11: a service manager may close any of them."""
    async with site(tmp_path) as place:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f'exec "$@" {closed}', "sh", *TMEX, "run"),
            env={"PATH": os.environ["PATH"]} | place.settings,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await place.portal.wait_for(lambda all_: len(all_.uploads) >= 4, limit=LIMIT)
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


@pytest.mark.parametrize("verb", ["sync", "config", "version", "--help", "sql sqlite"])
async def test_a_reader_that_went_away_changes_no_exit_code(tmp_path: Path, verb: str) -> None:
    """As with `| head -1`: no complaint, and the code is that of what was done."""
    async with site(tmp_path) as place:
        script = '{ sleep 0.3; "$@"; } | true; exit ${PIPESTATUS[0]}'
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", script, "sh", *TMEX, *verb.split()),
            env={"PATH": os.environ["PATH"]} | place.settings,
            stderr=asyncio.subprocess.PIPE,
        )
        _, complaint = await process.communicate()
        assert (process.returncode, complaint) == (0, b"")


async def test_a_reader_that_went_away_hides_no_failure(tmp_path: Path) -> None:
    """The code is that of the failure, also where its sentence is no longer read."""
    async with site(tmp_path) as place:
        script = '{ sleep 0.3; "$@"; } 2>&1 | true; exit ${PIPESTATUS[0]}'
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", script, "sh", *TMEX, "sync"),
            env={"PATH": os.environ["PATH"]} | place.settings | {"TMEX_INTERVAL": "1s"},
        )
        assert await process.wait() == 78


async def test_results_that_cannot_be_written_are_a_fault(tmp_path: Path) -> None:
    """I13: an empty file from a full disk must not pass for a result."""
    async with site(tmp_path) as place:
        for verb in ("sync", "config", "version", "--help", "sql sqlite"):
            ended = await shell(place, ">/dev/full", *verb.split())
            assert ended.code == 73
            assert "[output.unwritable]" in ended.err
            assert len(ended.err.splitlines()) == 1


async def test_letters_that_the_terminal_does_not_know_fail_no_command(tmp_path: Path) -> None:
    """I11: a sync that went up must not end as a failure because of a minus sign."""
    async with site(tmp_path) as place:
        await emptied(place)
        ended = await shell(place, "", "release", "Dr. Adler", "--yes", PYTHONIOENCODING="ascii", TMEX_LANG="de")
        assert (ended.code, "job.bug" in ended.err) == (0, False)
        assert (await shell(place, "", "--help", PYTHONIOENCODING="ascii", TMEX_LANG="de")).code == 0


@pytest.mark.parametrize(
    ("said", "freed"), [("n", False), ("", False), ("maybe", False), ("y", True), ("j", True), ("Ja", True)]
)
async def test_a_release_asks_whoever_is_there(tmp_path: Path, said: str, *, freed: bool) -> None:
    """I3: an answer may come through a pipe; no answer is a no, and so is what is not understood."""
    async with site(tmp_path) as place:
        await emptied(place)
        ended = await shell(place, "", "release", "Dr. Adler", said=f"{said}\n".encode() if said else b"")
        assert (ended.code, "Let them go?" in ended.out) == (0, True)
        assert bool(place.portal.held("Dr. Adler")) is not freed
        assert ("Nothing was let go" in ended.out) is not freed


async def test_a_release_waits_for_no_answer_of_nobody(tmp_path: Path) -> None:
    """I3: a pipe in which nothing lies, a closed stdin and bytes that are no letters all say no."""
    async with site(tmp_path) as place:
        await emptied(place)
        for how in ("<&-", "</dev/null", r"<<<$(printf '\377')"):
            script = f'"$@" {how}'
            process = await asyncio.create_subprocess_exec(
                *("bash", "-c", script, "sh", *TMEX, "release", "Dr. Adler"),
                env={"PATH": os.environ["PATH"]} | place.settings,
                stdout=asyncio.subprocess.PIPE,
            )
            out, _ = await process.communicate()
            assert (process.returncode, b"Nothing was let go" in out) == (0, True)
        silent = await asyncio.create_subprocess_exec(
            *(*TMEX, "release", "Dr. Adler"),
            env={"PATH": os.environ["PATH"]} | place.settings,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(LIMIT):
            assert await silent.wait() == 0
        assert place.portal.held("Dr. Adler")


async def ended(process: asyncio.subprocess.Process, person: int) -> int | str:
    """The exit code; or where it hangs, as it tells the person's terminal."""
    try:
        async with asyncio.timeout(LIMIT):
            return await process.wait()
    except TimeoutError:
        process.send_signal(signal.SIGABRT)
        await process.wait()
        return os.read(person, 100_000).decode()


@pytest.mark.parametrize(("key", "code"), [("\x03", 130), ("\x04", 0)])
async def test_a_person_can_leave_the_question(tmp_path: Path, key: str, code: int) -> None:
    """I3: Ctrl-C ends it at once, Ctrl-D is a no; nothing is let go."""
    async with site(tmp_path) as place:
        await emptied(place)
        person, terminal = pty.openpty()
        process = await asyncio.create_subprocess_exec(
            # Who runs the tests in the background of a shell has it ignored, and so have its children.
            *("env", "--default-signal=INT", "setsid", "--ctty", *TMEX, "release", "Dr. Adler"),
            env={"PATH": os.environ["PATH"], "PYTHONFAULTHANDLER": "1"} | place.settings,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        )
        os.close(terminal)
        seen = b""
        while b"Let them go?" not in seen:
            seen += await asyncio.to_thread(os.read, person, 4096)
        os.write(person, key.encode())
        assert await ended(process, person) == code
        os.close(person)
        assert place.portal.held("Dr. Adler")


@pytest.mark.parametrize("words", ["", "synk", "sync --bogus", "sync --calendar", "release", "sql oracle", "run now"])
async def test_wrong_usage_is_a_fault_like_any_other(tmp_path: Path, words: str) -> None:
    """I13: one sentence in the person's language, with its code, and exit code 2."""
    async with site(tmp_path) as place:
        for lang, word in (("de", "Bitte geben Sie es so ein"), ("en", "Use it so")):
            ended = await place.tmex(*words.split(), TMEX_LANG=lang)
            assert (ended.code, ended.out, len(ended.err.splitlines())) == (2, "", 1)
            assert "[usage.wrong]" in ended.err
            assert word in ended.err
            assert "error" not in ended.err


async def test_help_speaks_german(tmp_path: Path) -> None:
    """I13: no heading is left in another language."""
    async with site(tmp_path) as place:
        for verb in ("", "sync", "release", "sql", "demo", "version"):
            told = (await place.tmex(*verb.split(), "--help", TMEX_LANG="de")).out
            assert told.startswith("Aufruf: tmex")
            assert not {"usage", "options", "positional", "show", "exit"} & set(told.replace(":", " ").split())
