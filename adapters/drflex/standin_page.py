"""A week of what the stand-in holds, as one HTML page without a script; it shows times and calendar names only (I7)."""

from collections.abc import Iterator
from datetime import date, timedelta
from html import escape
from itertools import islice
from typing import Final

from adapters.drflex.office import Office
from engine.model import DAY, Instant, Wall
from engine.spans import IntervalSet
from engine.walltime import WallClock

_EPOCH: Final = date(1970, 1, 1)
_LATEST: Final = 15
"""How many requests are listed."""

_STYLE: Final = """
body { font: 15px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1c1c1c }
h1 { font-size: 1.3rem } h2 { font-size: 1.05rem; margin: 1.6rem 0 .4rem }
.week { display: grid; grid-template-columns: 3rem repeat(7, 1fr); gap: 3px }
.day { position: relative; height: 15rem; background: #f1f4f1; border-radius: 3px }
.head { text-align: center; font-size: .85rem }
.hours { position: relative; height: 15rem; font-size: .75rem; color: #555 }
.hours span { position: absolute; right: .3rem; transform: translateY(-50%) }
.blocked, .booked { position: absolute; left: 0; right: 0; border-radius: 2px; min-height: 2px }
.blocked { background: #a8402f } .booked { background: #2f6fa8; left: 25% }
table { border-collapse: collapse; font-size: .85rem } td, th { padding: .1rem .8rem .1rem 0; text-align: left }
"""


def page(office: Office, clock: WallClock, week: str) -> str:
    """The week that contains the date `week`; without one, the week in which the window begins."""
    monday = _monday(week) or _monday(office.asks["from"][:10]) or _EPOCH
    calendars = "".join(_calendar(office, clock, name, monday) for name in office.holdings.names())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">
<title>Stand-in for Dr.Flex</title><style>{_STYLE}</style></head><body>
<h1>Stand-in for Dr.Flex</h1>
<p>Asks for {escape(office.asks["from"])} to {escape(office.asks["to"])}. {office.applied} uploads applied.
<span style="color:#a8402f">■</span> blocked by uploads <span style="color:#2f6fa8">■</span> booked by patients</p>
<p><a href="?week={monday - timedelta(7)}">← week before</a> · <b>{monday:%d.%m.%Y}</b> ·
<a href="?week={monday + timedelta(7)}">week after →</a></p>
{calendars or "<p>Nothing was uploaded or booked yet.</p>"}
<h2>Latest requests</h2><table><tr><th>time</th><th>request</th><th>calendar</th><th>outcome</th></tr>
{_requests(office, clock)}</table></body></html>"""


def _monday(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day - timedelta(day.weekday()) if 1900 < day.year < 9000 else None


def _calendar(office: Office, clock: WallClock, name: str, monday: date) -> str:
    days = [monday + timedelta(number) for number in range(7)]
    heads = "".join(f'<div class="head">{day:%a %d.%m.}</div>' for day in days)
    hours = "".join(f'<span style="top:{hour / 0.24:.1f}%">{hour:02}</span>' for hour in range(3, 24, 3))
    blocked, booked = office.held(name), office.booked(name)
    bars = "".join(
        f'<div class="day">{_bars(blocked, clock, day, "blocked")}{_bars(booked, clock, day, "booked")}</div>'
        for day in days
    )
    return f'<h2>{escape(name)}</h2><div class="week"><div></div>{heads}<div class="hours">{hours}</div>{bars}</div>'


def _bars(times: IntervalSet, clock: WallClock, day: date, kind: str) -> str:
    """What of `times` lies on `day`, at the height of its wall time."""
    midnight = (day - _EPOCH).days * DAY
    start, end = clock.earliest(Wall(midnight)), clock.latest(Wall(midnight + DAY))
    return "".join(_bar(a - midnight, b - midnight, kind) for a, b in _shown(times.clip(start, end), clock))


def _shown(times: IntervalSet, clock: WallClock) -> Iterator[tuple[int, int]]:
    return ((clock.wall(Instant(start)), clock.wall(Instant(end - 1)) + 1) for start, end in times)


def _bar(start: int, end: int, kind: str) -> str:
    top, height = start / DAY * 100, (end - start) / DAY * 100
    return f'<div class="{kind}" style="top:{top:.2f}%;height:{height:.2f}%" title="{_hour(start)}–{_hour(end)}"></div>'


def _hour(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def _requests(office: Office, clock: WallClock) -> str:
    rows = islice(reversed(office.traffic.log), _LATEST)
    return "".join(
        f"<tr><td>{clock.isoformat(Instant(int(row.at)))[11:19]}</td><td>{row.request}</td>"
        f"<td>{escape(row.calendar)}</td><td>{escape(row.outcome) or 'client went away'}</td></tr>"
        for row in rows
    )
