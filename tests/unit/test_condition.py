"""How the job and its calendars stand: what is told of them hides nothing."""

from adapters.condition import CalendarCondition, Condition


def test_a_calendar_that_waits_for_a_hand_is_not_fresh_for_ever() -> None:
    """I11: what else is to be said of a calendar does not hide that it was right too long ago."""
    states = {"A": ("waiting", True), "B": ("waiting", False), "C": ("incomplete", False), "D": ("failed", True)}
    calendars = [
        CalendarCondition(name=name, column="TK1/A", state=state, right_at=1.0, fresh=fresh)
        for name, (state, fresh) in states.items()
    ]
    found = Condition(at=2.0, running=True, on=True, calendars=calendars)
    assert found.late() == {"B": "waiting", "C": "incomplete", "D": "failed"}
