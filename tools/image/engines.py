"""Two ways to build and run one image: a container engine, or buildah and what the kernel offers.

Both run it as a practice should: read-only, without rights, as the user that the image names. Every path that is handed
in is bound to the same path inside.
"""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

TAG: Final = "tmex"
STATE: Final = "/var/lib/tmex"
"""The image's volume."""


class Run(NamedTuple):
    """How to run something in the image."""

    words: Sequence[str]
    """None: what the image does by itself."""
    state: Path
    env: Mapping[str, str] = {}
    reads: Sequence[Path] = ()
    """Folders that it may read."""
    writes: Sequence[Path] = ()
    """Folders that it may write, if the file system lets it."""
    program: str = ""
    """In place of the image's own."""


class Engine(Protocol):
    """Builds the image and runs it."""

    def build(self, arguments: Mapping[str, str]) -> None:
        """The image, from the Dockerfile with these build arguments."""
        ...

    def megabytes(self) -> float:
        """How large the image is, its base included."""
        ...

    def command(self, run: Run, name: str) -> list[str]:
        """What starts it; it ends with the exit code of what runs inside."""
        ...

    def terminate(self, process: int, name: str) -> None:
        """Send SIGTERM to process 1 of what `process` started."""
        ...


class Docker:
    """Docker, or podman, which takes the same words."""

    def __init__(self, program: str) -> None:
        self._program = program

    def build(self, arguments: Mapping[str, str]) -> None:
        """See `Engine`."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        subprocess.run([self._program, "build", *given, "--tag", TAG, "."], check=True)  # noqa: S603 - our own words

    def megabytes(self) -> float:
        """See `Engine`."""
        return int(told(self._program, "image", "inspect", "--format", "{{.Size}}", TAG)) / 1e6

    def command(self, run: Run, name: str) -> list[str]:
        """See `Engine`. The host's network, since the portal that stands in listens on the loopback."""
        words = [self._program, "run", "--rm", "--name", name, "--read-only", "--network=host", "--cap-drop=ALL"]
        words += ["--security-opt=no-new-privileges", f"--volume={run.state}:{STATE}"]
        words += [f"--volume={each}:{each}:ro" for each in run.reads]
        words += [f"--volume={each}:{each}" for each in run.writes]
        words += [f"--env={name}={value}" for name, value in run.env.items()]
        words += [f"--entrypoint={run.program}"] if run.program else []
        return [*words, TAG, *run.words]

    def terminate(self, process: int, name: str) -> None:  # noqa: ARG002 - the engine knows it by its name
        """See `Engine`."""
        told(self._program, "kill", "--signal=TERM", name)


# A process 1 of its own, on a root that is read-only from here on; then this shell is gone.
_INSIDE: Final = """
set -eu
mount --make-rprivate /
mount --bind "$ROOT" "$ROOT"
bound() { mkdir -p "$ROOT$2"; mount --bind "$1" "$ROOT$2"; mount -o "remount,bind,$3" "$ROOT$2"; }
for each in $READS; do bound "$each" "$each" ro; done
for each in $WRITES; do bound "$each" "$each" rw; done
bound "$STATE" "$VOLUME" rw
bound /dev /dev rw
mount -t proc proc "$ROOT/proc"
mount -o remount,bind,ro "$ROOT"
exec setpriv --no-new-privs env --ignore-environment "$@"
"""


class Buildah:
    """Buildah without a daemon, as root; the image runs in namespaces made by util-linux."""

    def __init__(self, folder: Path) -> None:
        """`folder` keeps its storage."""
        self._words = ["buildah", f"--root={folder}/storage", f"--runroot={folder}/run", "--storage-driver=vfs"]

    def build(self, arguments: Mapping[str, str]) -> None:
        """See `Engine`."""
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        how = ["bud", "--quiet", "--isolation=chroot", "--format=docker", *given, f"--tag={TAG}", "."]
        subprocess.run([*self._words, *how], check=True)  # noqa: S603 - our own words

    def imported(self, archive: Path, name: str) -> str:
        """A root file system as a base image; its name."""
        container = told(*self._words, "from", "scratch")
        told(*self._words, "add", "--quiet", container, str(archive), "/")
        told(*self._words, "commit", "--quiet", "--rm", container, name)
        return f"localhost/{name}"

    def asked(self, image: str, *words: str) -> str:
        """What a command in an image answers."""
        container = told(*self._words, "from", image)
        try:
            return told(*self._words, "run", "--isolation=chroot", container, "--", *words)
        finally:
            told(*self._words, "rm", container)

    def megabytes(self) -> float:
        """See `Engine`."""
        (found,) = json.loads(told(*self._words, "images", "--json", TAG))
        number, unit = found["size"].split()
        return float(number) * {"KB": 0.001, "MB": 1.0, "GB": 1000.0}[unit]

    def command(self, run: Run, name: str) -> list[str]:  # noqa: ARG002 - it needs no name to be found by
        """See `Engine`."""
        config, root = self._config, self._root
        spaces = {"ROOT": str(root), "STATE": str(run.state), "VOLUME": STATE}
        spaces |= {"READS": " ".join(map(str, run.reads)), "WRITES": " ".join(map(str, run.writes))}
        user, group = config["User"].split(":")
        own = {**dict(each.split("=", 1) for each in config["Env"]), **run.env}
        program = [run.program] if run.program else config["Entrypoint"]
        inside = ["unshare", f"--root={root}", f"--wd={config['WorkingDir']}", f"--setgid={group}", f"--setuid={user}"]
        inside += ["--", *program, *(run.words or config["Cmd"])]
        outside = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "sh", "-c", _INSIDE, "sh"]
        return ["env", *_pairs(spaces), *outside, *_pairs(own), shutil.which("unshare") or inside[0], *inside[1:]]

    def terminate(self, process: int, name: str) -> None:  # noqa: ARG002 - it needs no name to be found by
        """See `Engine`."""
        (child,) = Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()
        os.kill(int(child), signal.SIGTERM)

    @cached_property
    def _config(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(told(*self._words, "inspect", "--type=image", TAG))["Docker"]["config"]

    @cached_property
    def _root(self) -> Path:
        """A copy of the image's files, to throw away; without any shell, since the image must need none."""
        root = Path(told(*self._words, "mount", told(*self._words, "from", TAG)))
        for shell in ("sh", "bash", "dash"):
            (root / "usr/bin" / shell).unlink(missing_ok=True)
        return root

    def cleared(self) -> None:
        """Throw away the copies."""
        told(*self._words, "rm", "--all")


def told(*words: str) -> str:
    """What a command prints. Raises CalledProcessError."""
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()  # noqa: S603 - our own words


def _pairs(env: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in env.items()]
