"""Seeds that once found something are told first for ever, and each proves that it would find it again."""

from pathlib import Path
from typing import Final, NamedTuple

from tests.simulation.mutants import MUTANTS, RARE, Mutant
from tests.simulation.story import tell

FILE: Final = Path(__file__).with_name("kept_seeds.txt")


class Kept(NamedTuple):
    """A seed, and the name of the wrong engine that it finds out; empty while its fault is not mended."""

    seed: int
    wrong: str


def kept(file: Path = FILE) -> list[Kept]:
    """All of them, in the file's order."""
    lines = (line.split() for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#"))
    return [Kept(int(words[0]), words[1] if len(words) > 1 else "") for words in lines]


def keep(seed: int, file: Path = FILE) -> None:
    """Have `seed` told first from now on."""
    if all(each.seed != seed for each in kept(file)):
        with file.open("a", encoding="utf-8") as lines:
            lines.write(f"{seed}\n")


def tell_or_keep(seed: int, file: Path = FILE) -> None:
    """Tell the story of `seed`, and keep the seed if an invariant breaks in it."""
    try:
        tell(seed)
    except (AssertionError, ExceptionGroup):
        keep(seed, file)
        raise


def dies(wrong: Mutant, seed: int) -> bool:
    """Whether this wrong engine breaks an invariant in the story of `seed`."""
    with wrong():
        try:
            tell(seed)
        except (AssertionError, ExceptionGroup):
            return True
    return False


def named(name: str) -> Mutant:
    """The wrong engine of this name."""
    return next(each for each in (*MUTANTS, *RARE) if each.__name__ == name)
