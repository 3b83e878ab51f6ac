"""What a report has to tell besides its own fault: nothing that waits or stays bookable goes unsaid (I13)."""

from collections.abc import Iterator

from engine.faults import Fault
from engine.plan import Patience
from engine.ports import Report


def notices(report: Report, *, block_vanished: bool = False) -> tuple[Fault, ...]:
    """Removals that are doubted or wait for a hand (I3), and times that a vanished row left bookable (R12)."""
    return tuple(_notices(report, block_vanished=block_vanished))


def _notices(report: Report, *, block_vanished: bool) -> Iterator[Fault]:
    if report.held and report.patience is Patience.BY_HAND:
        yield Fault("calendar.by_hand", {"name": report.name})
    if report.held and report.patience is Patience.GUARDED:
        yield Fault("calendar.guarded", {"name": report.name})
    if report.vanished and not block_vanished:
        yield Fault("calendar.vanished", {"name": report.name})
