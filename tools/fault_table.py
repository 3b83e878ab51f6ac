"""The page of faults says which test shows each fault, and can say nothing else: its last column is written here.

`python -m tools.fault_table [FOLDER]` writes it, from the docstrings of the tests (`fault 14`, `faults 18, 19 and 23`,
`faults 24 to 31`); `make check` fails while it is not current. A row that no test can show keeps its own words there,
if they begin with `not shown:`.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.house import House

PAGE = Path("docs/faults.md")
NOT_SHOWN = "not shown:"

ROW = re.compile(r"^\| ([1-9]\d*) \| (.*) \|([^|\n]*)\|$", re.MULTILINE)
NAMED = re.compile(r"\b[Ff]ault (\d+)\b|\b[Ff]aults (\d+(?:(?:, and |, | and | to )\d+)*)\b")
RANGE = re.compile(r"(\d+)(?: to (\d+))?")
PLACE = re.compile(r"`([^`]+)`")


def numbers(text: str) -> set[int]:
    """Every fault that a text names."""
    found: set[int] = set()
    for one, several in NAMED.findall(" ".join(text.split())):
        for first, last in RANGE.findall(one or several):
            found.update(range(int(first), int(last or first) + 1))
    return found


def shown(house: House) -> dict[int, list[str]]:
    """The tests that name each fault; a class that does speaks for all that it holds."""
    places: dict[int, list[str]] = {}
    for test in house.tests():
        for number in numbers(test.doc):
            held = places.setdefault(number, [])
            if not any(test.place.startswith(f"{other}::") for other in held):
                held.append(test.place)
    return places


def current(house: House) -> str:
    """The page, with its last column as the tests have it."""
    places = shown(house)

    def row(match: re.Match[str]) -> str:
        number, words, before = match.groups()
        cell = "<br>".join(f"`{place}`" for place in places.get(int(number), ()))
        kept = before.strip() if before.strip().startswith(NOT_SHOWN) else ""
        return f"| {number} | {words} | {cell or kept} |"

    return ROW.sub(row, house.text(PAGE))


def faults(house: House) -> list[int]:
    """The faults of the page, in its order."""
    return [int(number) for number, _, _ in ROW.findall(house.text(PAGE))]


def counted(house: House) -> Iterator[str]:
    """The faults are counted from 1, without a gap and without a double."""
    found = faults(house)
    if not found or found != list(range(1, len(found) + 1)):
        yield f"{PAGE}: the faults must be 1, 2, 3 … in order, each once; found {found}."


def unshown(house: House) -> Iterator[str]:
    """Every fault is named by a test, or the page says why none can be."""
    places = shown(house)
    for number, _, cell in ROW.findall(house.text(PAGE)):
        if int(number) not in places and not cell.strip().startswith(NOT_SHOWN):
            yield f"{PAGE}: fault {number} is named by no test; a test names it in its docstring."


def unheard_of(house: House) -> Iterator[str]:
    """Nothing speaks of a fault that the page does not have."""
    known = set(faults(house))
    for path in house.files:
        if path.suffix in {".py", ".md", ".toml"}:
            for number in sorted(numbers(house.text(path)) - known):
                yield f"{path}: speaks of fault {number}, which {PAGE} does not have."


def not_there(house: House) -> Iterator[str]:
    """The page names no test that does not exist."""
    places = {test.place for test in house.tests()}
    for number, _, cell in ROW.findall(house.text(PAGE)):
        for place in PLACE.findall(cell):
            if "::" in place and place not in places:
                yield f"{PAGE}: fault {number} names {place}, which does not exist: run make format."


def outdated(house: House) -> Iterator[str]:
    """The page names every test that names its fault."""
    before, after = house.text(PAGE).splitlines(), current(house).splitlines()
    for old, new in zip(before, after, strict=True):
        if old != new:
            yield f"{PAGE}: the tests of fault {new.split('|')[1].strip()} have changed: run make format."


CHECKS = (counted, unshown, unheard_of, not_there, outdated)


def main(root: Path) -> None:
    """Write the column."""
    house = House(root)
    (root / PAGE).write_text(current(house), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
