"""No rule without a test, and no house rule that only people watch: prints one sentence for each one broken.

`python -m tools.check_rules [FOLDER]` ends with 1 if there is anything to say.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tools import fault_table, reference
from tools.house import House

RULES = Path("docs/rules.md")
MAX_LINES = 400
ENGINE_MAY_IMPORT = {"engine", "msgspec"} | sys.stdlib_module_names

NUMBER = re.compile(r"\b[RI][1-9]\d?\b")
DEFINITION = re.compile(r"^### ([RI])([1-9]\d?)\b", re.MULTILINE)
# Written so that this file does not find itself.
MACHINE = {
    "a path of one machine": re.compile(r"(?<![\w.\-])/(?:work|root)\b(?![\w-])"),
    "an address of a package index": re.compile(
        r"pyp[i]\b|\bsimple[/]|^--(?:extra-)?index[-]url|^--find[-]links", re.MULTILINE
    ),
}
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:|#|/")


def defined(house: House) -> list[tuple[str, int]]:
    """Every rule and invariant that docs/rules.md defines in a heading such as `### R1 Window first`."""
    return [(kind, int(number)) for kind, number in DEFINITION.findall(house.text(RULES))]


def numbering(house: House) -> Iterator[str]:
    """Rules and invariants are each counted from 1, without a gap and without a double."""
    numbers = defined(house)
    for kind, word in (("R", "rules"), ("I", "invariants")):
        found = [number for letter, number in numbers if letter == kind]
        if not found or found != list(range(1, len(found) + 1)):
            yield f"{RULES}: the {word} must be {kind}1, {kind}2, {kind}3 … in order, each once; found {found}."


def named_by_tests(house: House) -> set[str]:
    """Every number in the name or the docstring of a test."""
    names: set[str] = set()
    for test in house.tests():
        names.update(NUMBER.findall(test.doc))
        names.update(part.upper() for part in test.name.split("_") if NUMBER.fullmatch(part.upper()))
    return names


def untested(house: House) -> Iterator[str]:
    """Every rule and every invariant is named by a test."""
    named = named_by_tests(house)
    for kind, number in defined(house):
        if f"{kind}{number}" not in named:
            yield f"{RULES}: {kind}{number} is named by no test; a test names it in its name or its docstring."


def undefined(house: House) -> Iterator[str]:
    """Nothing speaks of a rule that does not exist."""
    known = {f"{kind}{number}" for kind, number in defined(house)}
    for path in house.files:
        if path.suffix in {".py", ".md", ".toml", ".sql", ".html"}:
            for name in sorted(set(NUMBER.findall(house.text(path))) - known):
                yield f"{path}: speaks of {name}, which {RULES} does not define."


def too_long(house: House) -> Iterator[str]:
    """A file that needs scrolling for ever is two files."""
    for path in house.under("engine", "adapters", suffix=".py"):
        lines = house.text(path).count("\n")
        if lines > MAX_LINES:
            yield f"{path}: has {lines} lines, at most {MAX_LINES} are allowed: make two rooms of it."


def no_guarantee(house: House) -> Iterator[str]:
    """A module of the engine says first what it guarantees."""
    for path in house.under("engine", suffix=".py"):
        if not ast.get_docstring(house.tree(path)):
            yield f"{path}: has no docstring; its first sentence is the module's guarantee."


def foreign_imports(house: House) -> Iterator[str]:
    """The engine knows the standard library and msgspec."""
    for path in house.under("engine", suffix=".py"):
        for name in sorted(imported(house.tree(path)) - ENGINE_MAY_IMPORT):
            yield f"{path}: imports {name}; the engine knows the standard library and msgspec only."


def imported(tree: ast.Module) -> set[str]:
    """The top packages that a module imports, wherever the import stands."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0] if not node.level else "engine")
    return names


def machine_traces(house: House) -> Iterator[str]:
    """What is committed works on every machine."""
    for path in house.files:
        text = house.text(path)
        for what, pattern in MACHINE.items():
            if match := pattern.search(text):
                line = text.count("\n", 0, match.start()) + 1
                yield f"{path}:{line}: holds {what} ({match.group()})."


def broken_links(house: House) -> Iterator[str]:
    """A link to a file of the repository leads there."""
    for path in house.files:
        if path.suffix == ".md":
            for target in sorted(relative_links(house.text(path))):
                if not (house.root / path.parent / target).exists():
                    yield f"{path}: links to {target}, which does not exist."


def relative_links(text: str) -> set[str]:
    """The files a page links to, without anchors; what stands in a code block is no link."""
    links = {a or b for a, b in LINK.findall(FENCE.sub("", text))}
    return {link.partition("#")[0] for link in links if not ABSOLUTE.match(link)}


CHECKS: tuple[Callable[[House], Iterator[str]], ...] = (
    numbering,
    untested,
    undefined,
    too_long,
    no_guarantee,
    foreign_imports,
    machine_traces,
    broken_links,
    *fault_table.CHECKS,
    *reference.CHECKS,
)


def main(root: Path) -> int:
    """Print every broken rule; 1 if there is one."""
    house = House(root)
    broken = [sentence for check in CHECKS for sentence in check(house)]
    rules, faults = len(defined(house)), len(fault_table.faults(house))
    good = f"{rules} rules and {faults} faults, each named by a test; {len(house.files)} files in order"
    print(*broken or [good], sep="\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
