"""How long times that are occupied stay bookable online: from the reading that first showed them until the portal
accepted them.

Pure. It decides nothing; it is the measure by which a sync is judged. Each stretch counts by itself, whatever its
length: it is one appointment that somebody else may book as well.
"""

import msgspec

from engine.spans import IntervalSet


class Open(msgspec.Struct, frozen=True):
    """Times that the portal may lack, all first shown by the reading that began at `since`, by the loop's clock."""

    since: float
    times: IntervalSet

    def seconds(self, now: float) -> float:
        """How long they have been exposed, summed over stretches."""
        return len(self.times) * max(0.0, now - self.since)


class Exposure(msgspec.Struct, frozen=True):
    """What is exposed now, oldest first, and what was and became free again without ever being blocked."""

    open: tuple[Open, ...] = ()
    past: float = 0.0
    """Seconds, summed over stretches, of what became free again: they count with the next upload."""

    def times(self) -> IntervalSet:
        """All that the portal may lack."""
        return IntervalSet(pair for each in self.open for pair in each.times)

    def seconds(self, now: float) -> float:
        """Summed over stretches, up to `now`."""
        return self.past + sum(each.seconds(now) for each in self.open)


def shown(exposure: Exposure, lacking: IntervalSet, began: float) -> Exposure:
    """What is exposed after a reading that began at `began`, when the portal may lack `lacking` of what is occupied."""
    kept, past, new = [], exposure.past, lacking
    for each in exposure.open:
        kept.append(Open(each.since, each.times & lacking))
        past += Open(each.since, each.times - lacking).seconds(began)
        new -= each.times
    return Exposure(tuple(each for each in (*kept, Open(began, new)) if each.times), past)
