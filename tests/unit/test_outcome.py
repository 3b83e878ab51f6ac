"""How a sync, a plan or a release ends: one exit code for all that befell its calendars."""

import pytest

from adapters.outcome import Outcome
from engine.faults import Fault
from engine.model import ColumnId
from engine.plan import Patience
from engine.ports import Report
from engine.spans import EMPTY, IntervalSet

HELD = IntervalSet([(0, 600)])


def report(state: str, code: str | None = None, *, held: bool = False, patience: Patience = Patience.NORMAL) -> Report:
    fault = None if code is None else Fault(code)
    times = HELD if held else EMPTY
    return Report(name="A", column=ColumnId("TK1", "A"), state=state, fault=fault, held=times, patience=patience)


@pytest.mark.parametrize(
    ("reports", "code"),
    [
        ([], 0),
        ([report("uploaded"), report("unchanged"), report("planned"), report("skipped")], 0),
        ([report("failed", "portal.server_error")] * 2, 69),
        ([report("failed", "portal.server_error"), report("uploaded")], 75),
        ([report("failed", "portal.server_error"), report("failed", "portal.key_refused")], 75),
        ([report("failed", "portal.key_refused")] * 2, 77),
        ([report("failed", "portal.busy"), report("held", "portal.busy")], 69),
        ([report("held", "portal.busy")] * 2, 69),
        ([report("held", "calendar.adrift")], 75),
        ([report("held")], 75),
        ([report("uploaded", "file.cut_off")], 75),
        ([report("uploaded", held=True, patience=Patience.GUARDED)], 0),
        ([report("uploaded", held=True, patience=Patience.BY_HAND)], 75),
    ],
)
def test_one_exit_code_for_all(reports: list[Report], code: int) -> None:
    """I13: a common fault has its own code, mixed ones and what waits have 75, what the guard holds has 0."""
    assert Outcome(reports=reports).exit() == code


@pytest.mark.parametrize(("stale", "code"), [("portal.timeout", 0), ("portal.key_refused", 77)])
def test_a_stale_window_is_a_notice_but_a_refused_key_is_not(stale: str, code: int) -> None:
    """R1, I10: also for a plan, which sends nothing that the portal could refuse."""
    assert Outcome(reports=[report("unchanged")], stale=Fault(stale)).exit() == code
