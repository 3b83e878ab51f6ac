"""Any environment is settings, or every fault at once; no secret shows itself, whatever is wrong with it."""

from random import Random

import pytest

from adapters.settings import SETTINGS
from tests.fuzz.environs import GOOD, SETTINGS_TARGET, check_environ
from tests.fuzz.mutate import ODD, mutated
from tests.fuzz.target import BAD, CANARY

PARTS = 2
NAMES = [*GOOD, *(each.name for each in SETTINGS), "TMEX_CALENDAR_3", "TMEX_CALENDAR_x", "TMEX_PORT", "TMEX_INTERVALL"]


def environment(chance: Random) -> dict[str, str]:
    """The good one, with some of it torn, swapped, missing, or there twice."""
    environ = dict(GOOD)
    for _ in range(chance.randint(1, 4)):
        name, other = chance.choice(NAMES), chance.choice(NAMES)
        text = environ.get(name, "").encode("utf-8", "surrogateescape")
        match chance.randrange(6):
            case 0:
                environ.pop(name, None)
            case 1:
                environ[name] = environ.get(other, "")
            case 2:
                environ[name] = chance.choice(ODD).decode("utf-8", "surrogateescape")
            case 3:
                environ[f"{name}_FILE"] = chance.choice(("/nowhere", f"/{CANARY}", "", "\x01", "/dev", "."))
            case _:
                environ[name] = mutated(text, chance, SETTINGS_TARGET.words).decode("utf-8", "surrogateescape")
    return environ


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
def test_bad_environments_are_told(part: int) -> None:
    """I7, I13: nothing uncaught, every fault with its name, nothing half loaded, no secret out."""
    chance = Random(f"settings {part}")
    for _ in range(BAD * 20 // 100 // PARTS):
        check_environ(environment(chance))
