"""Times as people type them."""

from datetime import datetime

import pytest

from adapters.moment import parse_moment
from engine.faults import FaultError

NOW = datetime(2026, 11, 23, 9, 30)  # a Monday


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-26 10:15", datetime(2026, 11, 26, 10, 15)),
        ("2026-11-26T10:15", datetime(2026, 11, 26, 10, 15)),
        ("26.11.2026 10:15", datetime(2026, 11, 26, 10, 15)),
        ("26.11. 10:15", datetime(2026, 11, 26, 10, 15)),
        ("4.1. 8:00", datetime(2027, 1, 4, 8, 0)),
        ("20.12. 8:00 Uhr", datetime(2026, 12, 20, 8, 0)),
        ("Do 10:15", datetime(2026, 11, 26, 10, 15)),
        ("do. 10.15", datetime(2026, 11, 26, 10, 15)),
        ("Thursday, 10:15", datetime(2026, 11, 26, 10, 15)),
        ("Mo 08:00", datetime(2026, 11, 23, 8, 0)),
        ("So 08:00", datetime(2026, 11, 29, 8, 0)),
        ("morgen 7:05", datetime(2026, 11, 24, 7, 5)),
        ("yesterday 23:59", datetime(2026, 11, 22, 23, 59)),
        ("10:15", datetime(2026, 11, 23, 10, 15)),
        (" heute 00:00 ", datetime(2026, 11, 23, 0, 0)),
        ("29.2. 10:00", datetime(2028, 2, 29, 10, 0)),
    ],
)
def test_what_is_understood(text: str, meant: datetime) -> None:
    """A day without a year is the nearest such day, a day of the week the next one, today included."""
    assert parse_moment(text, NOW if text != "29.2. 10:00" else datetime(2027, 6, 1)) == meant


@pytest.mark.parametrize(("text", "meant"), [("So 08:00", 22), ("Mo 08:00", 23), ("Di 08:00", 17), ("8:00", 23)])
def test_a_day_of_the_week_may_be_the_last_one(text: str, meant: int) -> None:
    """Of the past, the last such day; today included."""
    assert parse_moment(text, NOW, past=True) == datetime(2026, 11, meant, 8, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Do",
        "25:00",
        "10:75",
        "32.1. 10:00",
        "2026-13-01 10:00",
        "0001-01-01 0:00",
        "1.1.9999 0:00",
        "Erika 10:15",
        "x",
    ],
)
def test_what_is_not_understood(text: str) -> None:
    """I13: is a fault that says how to type it."""
    with pytest.raises(FaultError) as caught:
        parse_moment(text, NOW)
    assert caught.value.fault.code == "usage.no_moment"
