"""The checker of the house can fail: each of its checks passes a good house and names what is wrong in a bad one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import check_rules

# Put together, so that this file speaks of no rule that the real house does not know, and holds no path of a machine.
MISSING_RULE = "R" + "77"
ROOT_PATH = "/" + "root"
INDEX = "pyp" + "i.org/" + "simple" + "/"

GOOD = {
    "docs/rules.md": "# Rules\n\n### R1 First\n\n### R2 Second\n\n### I1 Always\n",
    "docs/use.md": "See [rules](rules.md#r1-first), [up](../README.md), [out](https://example.org/x.md), [here](#a).\n",
    "README.md": "See [use](docs/use.md).\n\n```\n[no](link.md)\n```\n",
    "engine/__init__.py": '"""Decides."""\n',
    "engine/model.py": '"""Frozen values."""\n\nimport enum\n\nimport msgspec\n\nfrom engine import other\n',
    "adapters/cli.py": "import aiohttp\n",
    "tests/unit/test_a.py": 'def test_r2_by_its_name():\n    pass\n\n\nasync def test_b():\n    """R1 holds."""\n',
    "tests/unit/test_c.py": 'class TestAlways:\n    """I1 holds."""\n',
}

Build = Callable[[dict[str, str]], Path]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """A repository with these files besides, or in place of, those of the good house."""

    def write(files: dict[str, str]) -> Path:
        for name, text in (GOOD | files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
        return tmp_path

    return write


def test_good_house_passes(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """A house in order gives one line and 0."""
    assert check_rules.main(build({})) == 0
    assert capsys.readouterr().out == "3 rules, each named by a test; 8 files in order\n"


@pytest.mark.parametrize(
    ("file", "text", "sentence"),
    [
        ("docs/rules.md", "### R1 a\n### R2 b\n### R4 d\n### I1 e\n", "docs/rules.md: the rules must be"),
        ("docs/rules.md", "### R1 a\n### R2 b\n### R2 b\n### I1 e\n", "docs/rules.md: the rules must be"),
        ("docs/rules.md", "### R1 a\n### R2 b\n", "docs/rules.md: the invariants must be"),
        ("tests/unit/test_c.py", "", "docs/rules.md: I1 is named by no test"),
        ("tests/unit/test_c.py", "# I1\ndef helper_i1():\n    'I1'\n", "docs/rules.md: I1 is named by no test"),
        ("tests/unit/test_d.py", f"# {MISSING_RULE}\n", f"tests/unit/test_d.py: speaks of {MISSING_RULE}"),
        ("engine/model.py", f'"""Holds {MISSING_RULE}."""\n', f"engine/model.py: speaks of {MISSING_RULE}"),
        ("adapters/cli.py", "x = 1\n" * 401, "adapters/cli.py: has 401 lines"),
        ("engine/plan.py", "import enum\n", "engine/plan.py: has no docstring"),
        ("engine/plan.py", '"""Plans."""\ndef f():\n    from aiohttp import web\n', "engine/plan.py: imports aiohttp"),
        ("engine/plan.py", '"""Plans."""\nimport adapters.cli\n', "engine/plan.py: imports adapters"),
        ("bench/run.txt", f"a\nfile={ROOT_PATH}/x\n", "bench/run.txt:2: holds a path of one machine"),
        ("locks/run.txt", f"a\n--extra-{'index'}-url x\n", "locks/run.txt:2: holds an address of a package index"),
        ("locks/run.txt", f"https://{INDEX}x\n", "locks/run.txt:1: holds an address of a package index"),
        ("docs/use.md", "[x](gone.md)\n", "docs/use.md: links to gone.md"),
        ("README.md", '<img src="docs/gone.svg">\n', "README.md: links to docs/gone.svg"),
    ],
)
def test_each_check_fails(
    build: Build, capsys: pytest.CaptureFixture[str], file: str, text: str, sentence: str
) -> None:
    """One thing wrong in a good house gives 1 and a sentence that names the place."""
    assert check_rules.main(build({file: text})) == 1
    assert capsys.readouterr().out.startswith(sentence)


def test_ignored_files_are_not_read(build: Build) -> None:
    """What git ignores is not committed, and is nobody's business."""
    assert check_rules.main(build({".gitignore": "/mine.txt\n", "mine.txt": f"{ROOT_PATH}/x\n"})) == 0


def test_works_without_git(build: Build, capsys: pytest.CaptureFixture[str]) -> None:
    """In an unpacked archive, where git knows nothing, every file counts but what tools leave behind."""
    root = build(
        {".venv/lib/x.py": f"# {MISSING_RULE}\n", "engine/__pycache__/x.py": "", "engine/plan.py": "import enum\n"}
    )
    (root / ".git").rename(root / ".hidden")
    assert check_rules.main(root) == 1
    assert capsys.readouterr().out.startswith("engine/plan.py: has no docstring")


def test_binary_files_are_passed_over(build: Build) -> None:
    """A picture holds no text."""
    root = build({})
    (root / "docs" / "page.png").write_bytes(b"\x89PNG\xff" + ROOT_PATH.encode())
    assert check_rules.main(root) == 0
