"""What a reading would leave blocked at the portal, by the real pieces of the engine, however long it lasts."""

from typing import Final

from engine.limits import Limits
from engine.model import Complete, Failed, Reading
from engine.occupancy import occupancy
from engine.plan import Standing, change, observe
from engine.spans import IntervalSet
from tests.contract.source_contract import CLOCK, WINDOW
from tests.fuzz.target import require

LIMITS: Final = Limits()
_LASTS: Final = 5
"""So many gaps of two intervals ripen even what the guard holds."""


def left_blocked(reading: Reading, baseline: IntervalSet) -> IntervalSet:
    """What the portal blocks in the end, if it holds `baseline` and `reading` is all that is ever read."""
    if isinstance(reading, Failed):
        return baseline
    seen, standing = occupancy(reading, WINDOW, CLOCK, LIMITS), Standing(baseline=baseline)
    for _ in range(_LASTS):
        standing = observe(standing, seen, WINDOW, 2 * LIMITS.interval, LIMITS)
    return change(standing, seen, WINDOW, LIMITS).send


def nothing_freed(reading: Reading, baseline: IntervalSet, still_said: IntervalSet) -> None:
    """I1, I2: what the input still says is read; only a complete reading frees anything, and never what is said."""
    if not isinstance(reading, Failed):
        seen = occupancy(reading, WINDOW, CLOCK, LIMITS)
        require(not still_said - seen.blocked, "a row that is there was not read")
    freed = baseline - left_blocked(reading, baseline)
    require(not freed or isinstance(reading, Complete), "what is not complete freed a time")
    require(not freed & still_said, "a time was freed that the input still names")
