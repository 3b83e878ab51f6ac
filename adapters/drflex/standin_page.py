"""What patients see of the stand-in, as one HTML page; it shows times and calendar names only (I7).

Free times to book, what was booked and not entered yet, a week of what is blocked, and a switch to put it out of order.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from html import escape
from itertools import islice
from typing import Final, NamedTuple

from adapters.drflex.office import Office
from adapters.drflex.patients import SLOT, free_slots, not_entered, shown
from adapters.drflex.troubles import LASTING
from adapters.texts.phrasing import phrase
from engine.model import DAY, Instant, Wall
from engine.spans import IntervalSet
from engine.walltime import WallClock

_EPOCH: Final = date(1970, 1, 1)
_LATEST: Final = 15
"""How many requests are listed."""
_FREE: Final = 10
"""How many free times are offered of each calendar."""

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
form { display: inline } button { font: inherit; margin: .1rem .2rem .1rem 0; padding: .15rem .5rem; cursor: pointer }
button[aria-pressed=true] { background: #a8402f; color: #fff; border: 1px solid #a8402f; border-radius: 3px }
button[aria-pressed=true][value=none] { background: #1a7f37; border-color: #1a7f37 }
.told { padding: .6rem 1rem; background: #eef3f8; border-left: 4px solid #2f6fa8 }
table { border-collapse: collapse; font-size: .85rem } td, th { padding: .1rem .8rem .1rem 0; text-align: left }
"""

_SCRIPT: Final = """
setInterval(async () => {
  if (document.activeElement && document.activeElement.tagName === "BUTTON") return;  // somebody is about to press it
  const week = new URLSearchParams(location.search).get("week") || "";
  const answer = await fetch("/?week=" + encodeURIComponent(week));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceWith(fresh.querySelector("main"));
}, 2000);
"""


class Asked(NamedTuple):
    """What the page is asked for: the date `week`, what was just done, now in seconds since the epoch, the language."""

    week: str
    told: str
    now: float
    lang: str

    def say(self, key: str, **facts: object) -> str:
        """A phrase of the page, as HTML."""
        return escape(phrase(f"standin.{key}", self.lang, **{name: str(each) for name, each in facts.items()}))


def page(office: Office, clock: WallClock, asked: Asked) -> str:
    """The week asked for; without one, the week in which the window begins."""
    monday = _monday(asked.week) or _monday(office.asks["from"][:10]) or _EPOCH
    calendars = "".join(_calendar(office, clock, name, monday, asked.lang) for name in office.holdings.names())
    told = f'<p class="told" role="status">{asked.say(asked.told)}</p>' if asked.told in {"booked", "taken"} else ""
    return f"""<!doctype html>
<html lang="{asked.lang}"><head><meta charset="utf-8">
<title>{asked.say("title")}</title><style>{_STYLE}</style><script>{_SCRIPT}</script></head><body>
<main><h1>{asked.say("title")}</h1>{told}
<div>{_conditions(office, asked)}</div>
<h2>{asked.say("free")}</h2>{_free(office, clock, asked)}
<h2>{asked.say("booked_title", count=_waiting(office))}</h2>{_booked(office, clock, asked)}
<h2>{asked.say("week", day=f"{monday:%d.%m.%Y}")}</h2>
<p><a href="?week={monday - timedelta(7)}">← {asked.say("before")}</a> ·
<a href="?week={monday + timedelta(7)}">{asked.say("after")} →</a> ·
<span style="color:#a8402f">■</span> {asked.say("blocked")}
<span style="color:#2f6fa8">■</span> {asked.say("by_patients")}</p>
{calendars}
<h2>{asked.say("requests", start=office.asks["from"], end=office.asks["to"], uploads=office.applied)}</h2>
<table>{_requests(office, clock)}</table></main></body></html>"""


def _conditions(office: Office, asked: Asked) -> str:
    """The portal's switch; tmex should cope with every position of it."""
    now = office.condition
    buttons = "".join(
        f'<button name="condition" value="{each}" aria-pressed="{str(each == now).lower()}">{asked.say(each)}</button>'
        for each in LASTING
    )
    return f'{asked.say("portal")} <form method="post" action="/condition">{buttons}</form>'


def _free(office: Office, clock: WallClock, asked: Asked) -> str:
    return "".join(
        f'<form method="post" action="/wish"><input type="hidden" name="calendar" value="{escape(name)}">'
        f"<p><b>{escape(name)}</b> {_slots(office, clock, name, asked)}</p></form>"
        for name in office.holdings.names()
    )


def _slots(office: Office, clock: WallClock, name: str, asked: Asked) -> str:
    return "".join(
        f'<button name="start" value="{start}">{shown(clock, start, start + SLOT)}</button>'
        for start in free_slots(office, clock, name, asked.now, _FREE)
    )


def _waiting(office: Office) -> int:
    return sum(len(not_entered(office, name)) for name in office.holdings.names())


def _booked(office: Office, clock: WallClock, asked: Asked) -> str:
    """The messages that the practice gets, and which of them nobody has entered yet."""
    told = [
        f"<li>{escape(name)}, {shown(clock, start, end)} – <b>{asked.say(state)}</b></li>"
        for name in office.holdings.names()
        for state, times in (
            ("waits", not_entered(office, name)),
            ("entered", office.booked(name) - not_entered(office, name)),
        )
        for start, end in times
    ]
    return f"<ul>{''.join(told)}</ul>" if told else f"<p>{asked.say('none_booked')}</p>"


def _monday(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day - timedelta(day.weekday()) if 1900 < day.year < 9000 else None


def _calendar(office: Office, clock: WallClock, name: str, monday: date, lang: str) -> str:
    days = [monday + timedelta(number) for number in range(7)]
    names = (f"{phrase(f'weekday.{day.weekday()}', lang)} {day:%d.%m.}" for day in days)
    heads = "".join(f'<div class="head">{each}</div>' for each in names)
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
