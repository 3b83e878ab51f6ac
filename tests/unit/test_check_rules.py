"""The checker of the house can fail: each of its checks passes a good house and names what is wrong in a bad one."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import check_rules, fault_table

# Put together, so that this file speaks of no rule that the real house does not know, and holds no path of a machine.
MISSING_RULE = "R" + "77"
MISSING_FAULT = "fault " + "77"
ROOT_PATH = "/" + "root"
INDEX = "pyp" + "i.org/" + "simple" + "/"

GOOD = {
    "docs/rules.md": "# Rules\n\n### R1 First\n\n### R2 Second\n\n### I1 Always\n",
    "docs/faults.md": (
        "| # | fault | does | shown by |\n| --- | --- | --- | --- |\n"
        "| 1 | fire | waits | `tests/unit/test_f.py::TestFire`<br>`tests/unit/test_f.py::test_fire` |\n"
        "| 2 | flood | waits | `tests/unit/test_f.py::TestWater::test_rain` |\n"
    ),
    "docs/use.md": "See [rules](rules.md#r1-first), [up](../README.md), [out](https://example.org/x.md), [here](#a).\n",
    "README.md": "See [use](docs/use.md).\n\n```\n[no](link.md)\n```\n",
    "engine/__init__.py": '"""Decides."""\n',
    "engine/model.py": '"""Frozen values."""\n\nimport enum\n\nimport msgspec\n\nfrom engine import other\n',
    "adapters/cli.py": "import aiohttp\n",
    "tests/unit/test_a.py": 'def test_r2_by_its_name():\n    pass\n\n\nasync def test_b():\n    """R1 holds."""\n',
    "tests/unit/test_f.py": (
        'class TestFire:\n    """Fault 1."""\n    def test_a(self):\n        """Fault 1, by its class."""\n\n\n'
        'class TestWater:\n    async def test_rain(self):\n        """R1, faults 2\n        and 2: all of it."""\n\n\n'
        'def test_fire():\n    """Fault 1."""\n'
    ),
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
    assert capsys.readouterr().out == "3 rules and 2 faults, each named by a test; 10 files in order\n"


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
        ("docs/faults.md", "| 1 | a | b | not shown: c |\n", "tests/unit/test_f.py: speaks of fault 2, which"),
        ("docs/faults.md", "Nothing.\n", "docs/faults.md: the faults must be 1, 2, 3"),
        (
            "docs/faults.md",
            GOOD["docs/faults.md"] + "| 4 | a | b | not shown: c |\n",
            "docs/faults.md: the faults must",
        ),
        ("docs/faults.md", GOOD["docs/faults.md"] + "| 2 | a | b | c |\n", "docs/faults.md: the faults must"),
        (
            "docs/faults.md",
            GOOD["docs/faults.md"] + "| 3 | a | b |  |\n",
            "docs/faults.md: fault 3 is named by no test",
        ),
        ("tests/unit/test_f.py", "def test_fire(): 'Fault 1.'\n", "docs/faults.md: fault 2 is named by no test"),
        ("tests/unit/test_d.py", f'"""{MISSING_FAULT}"""\n', f"tests/unit/test_d.py: speaks of {MISSING_FAULT}"),
        ("engine/model.py", f'"""As {MISSING_FAULT.title()}."""\n', f"engine/model.py: speaks of {MISSING_FAULT}"),
        ("tests/unit/test_g.py", "def test_g(): 'Fault 2.'\n", "docs/faults.md: the tests of fault 2 have changed"),
        (
            "docs/faults.md",
            GOOD["docs/faults.md"].replace("::test_rain", "::test_gone"),
            "docs/faults.md: fault 2 names tests/unit/test_f.py::TestWater::test_gone, which does not exist",
        ),
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


def test_the_column_is_written(build: Build) -> None:
    """What the tests say is what the page says, however it was before; what is not shown keeps its reason."""
    page = GOOD["docs/faults.md"] + "| 3 | a | b | not shown: no such machine |\n"
    root = build(
        {"docs/faults.md": page.replace("::TestWater", "::TestAir").replace("| `tests/unit/test_f.py::TestF", "|")}
    )
    assert check_rules.main(root) == 1
    fault_table.main(root)
    assert (root / "docs" / "faults.md").read_text("utf-8") == page
    assert check_rules.main(root) == 0


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Fault 1, fault 36, I5: again", {1, 36}),
        ("faults 18, 19", {18, 19}),
        ("I1, faults 5, 7 and 9: 12 of them", {5, 7, 9}),
        ("faults 24 to 26 and 35", {24, 25, 26, 35}),
        ("I6, faults 1 to 3, and 5.", {1, 2, 3, 5}),
        ("fault 14, 500 times", {14}),
        ("fault\n    14", {14}),
        ("no default 14, no faults, no fault14, no faulty 3", set()),
    ],
)
def test_how_faults_are_named(text: str, named: set[int]) -> None:
    """One by one, in lists and in ranges; what follows a single one is no fault."""
    assert fault_table.numbers(text) == named
