"""Builds the image, prints its size, and tries it: `python -m tools.image`, or `make image`.

Docker or podman build on `python:3.11-slim`, or on what `--base` names. Where neither runs, buildah builds on a Debian
that mmdebstrap makes, from wheels that pip fetches out here by its own configuration: no registry is asked.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from adapters import __version__
from tools.image.engines import TAG, Buildah, Docker, Engine

FOLDER: Final = Path("build/image")
WHEELS: Final = Path("locks/wheels")
_PIP: Final = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX")
_PYTHON: Final = ("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
_DEBIAN: Final = (
    "mmdebstrap",
    "--quiet",
    "--variant=minbase",
    "--include=usr-is-merged,python3,python3-venv,ca-certificates",
    "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)


def main() -> int:
    """Build and try it; the exit code."""
    asked = _arguments()
    kind = asked.engine or _engine()
    if kind is None:
        print("Nothing here can build an image: start Docker or podman, or as root: apt install buildah mmdebstrap.")
        return 1
    engine = engine_of(kind)
    arguments = _labels()
    if asked.base:
        arguments["BASE"] = asked.base
    elif isinstance(engine, Buildah):
        arguments |= _own_base(engine, asked.suite)
    arguments |= {name: os.environ[name] for name in _PIP if name in os.environ and name not in arguments}
    engine.build(arguments)
    print(f"{TAG}: {engine.megabytes():.0f} MB, built by {kind}")
    return 0 if asked.no_smoke else _smoke(engine, kind)


def engine_of(kind: str) -> Engine:
    """The engine of this name."""
    return Buildah(FOLDER.resolve()) if kind == "buildah" else Docker(kind)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.image", description=__doc__)
    parser.add_argument("--engine", choices=("docker", "podman", "buildah"), help="in place of the first that runs")
    parser.add_argument("--base", help="the base image, in place of python:3.11-slim or of a Debian made here")
    parser.add_argument("--suite", default="bookworm", help="which Debian is made here (default: %(default)s)")
    parser.add_argument("--no-smoke", action="store_true", help="build it, and do not try it")
    return parser.parse_args()


def _engine() -> str | None:
    """The first that works here: an engine may be installed and yet not run."""
    for program in ("docker", "podman"):
        if shutil.which(program) and _works(program, "info") and (program == "docker" or os.geteuid() != 0):
            return program
    return "buildah" if os.geteuid() == 0 and shutil.which("buildah") and shutil.which("mmdebstrap") else None


def _works(*words: str) -> bool:
    return subprocess.run(words, check=False, capture_output=True).returncode == 0  # noqa: S603 - our own words


def _labels() -> dict[str, str]:
    git = subprocess.run(["git", "rev-parse", "HEAD"], check=False, capture_output=True, text=True)  # noqa: S607 - whichever git there is
    return {"VERSION": __version__, "REVISION": git.stdout.strip()}


def _own_base(engine: Buildah, suite: str) -> dict[str, str]:
    """A base made here, and its packages fetched out here: neither needs a registry."""
    archive = FOLDER / f"{suite}.tar"
    if not archive.exists():
        print(f"making a Debian {suite} for the base: a minute or two")
        FOLDER.mkdir(parents=True, exist_ok=True)
        fresh = archive.with_suffix(".new")
        subprocess.run([*_DEBIAN, "--format=tar", suite, str(fresh)], check=True)  # noqa: S603 - our own words
        fresh.rename(archive)
    base = engine.imported(archive, f"{TAG}-base")
    _fetch(engine.asked(base, *_PYTHON))
    return {"BASE": base, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/src/locks/wheels"}


def _fetch(python: str) -> None:
    """Every locked package as a wheel for this Python, from where pip is configured to look."""
    shutil.rmtree(WHEELS, ignore_errors=True)
    how = [f"--python-version={python}", "--only-binary=:all:", "--require-hashes", f"--dest={WHEELS}", "-qq"]
    locks = ["--requirement=locks/build.txt", "--requirement=locks/image.txt"]
    subprocess.run([sys.executable, "-m", "pip", "download", *how, *locks], check=True)  # noqa: S603 - our own words


def _smoke(engine: Engine, kind: str) -> int:
    """See it run: the tests that need the image."""
    words = [sys.executable, "-m", "pytest", "-v", "-n0", "--no-header", "--capture=no", "tests/image/smoke.py"]
    try:
        return subprocess.run(words, check=False, env=dict(os.environ) | {"IMAGE_ENGINE": kind}).returncode  # noqa: S603 - our own words
    finally:
        if isinstance(engine, Buildah):
            engine.cleared()


if __name__ == "__main__":
    sys.exit(main())
