"""What a check of the repository sees is what git would commit, so that no forgotten trial file hides or breaks it."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LEFT_BEHIND = re.compile(r"\.(?!ci$|editorconfig$|gitignore$)|__pycache__$|(build|dist)$")

Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class House:
    """The files of a repository that would be committed, as paths below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = sorted(path for path in listed(root) if (root / path).is_file())

    def under(self, *rooms: str, suffix: str) -> Iterator[Path]:
        """Files with this suffix in one of these top folders."""
        return (path for path in self.files if path.suffix == suffix and path.parts[0] in rooms)

    def text(self, path: Path) -> str:
        """A file's text; empty if it is no text, or not there."""
        try:
            return (self.root / path).read_text("utf-8")
        except (UnicodeDecodeError, FileNotFoundError):
            return ""

    def tree(self, path: Path) -> ast.Module:
        """A module's syntax."""
        return ast.parse(self.text(path), str(path))

    def tests(self) -> Iterator["Test"]:
        """Every test function and test class below tests/."""
        for path in self.under("tests", suffix=".py"):
            yield from tests_of(self.tree(path), str(path))


class Test(NamedTuple):
    """A test function, or a class of tests."""

    place: str
    """As pytest takes it: `file::Class::function`."""
    name: str
    doc: str


def listed(root: Path) -> list[Path]:
    """What git would commit; without git, as in an unpacked archive, all but what tools leave behind."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout  # noqa: S603 - ours
    except (OSError, subprocess.CalledProcessError):
        paths = (path.relative_to(root) for path in root.rglob("*"))
        return [path for path in paths if not any(LEFT_BEHIND.match(part) for part in path.parts)]
    return [Path(name) for name in answer.split("\0") if name]


def tests_of(tree: ast.AST, place: str) -> Iterator[Test]:
    """The tests below a node, those within classes and conditions too, each after the class that holds it."""
    for node in ast.iter_child_nodes(tree):
        named = isinstance(node, Named)
        inner = f"{place}::{node.name}" if isinstance(node, Named) else place
        if isinstance(node, Named) and node.name.startswith(("test_", "Test")):
            yield Test(inner, node.name, ast.get_docstring(node) or "")
        if not named or isinstance(node, ast.ClassDef):
            yield from tests_of(node, inner)
