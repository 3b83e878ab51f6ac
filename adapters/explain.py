"""Why a time is blocked or free online, or was: told from what the ledger remembers, without a patient in it (I7).

It reads the ledger alone and touches nothing, so it works beside a job and without one.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import takewhile
from typing import Any, Final

import msgspec

from adapters.texts.phrasing import phrase, phrases
from engine.model import Instant, Window
from engine.plan import Standing
from engine.ports import Entry
from engine.spans import IntervalSet
from engine.walltime import WallClock

_MOST_STEPS: Final = 20
_ENDS: Final = {"freed", "released"}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something that befell the time, at `at` in wall-clock seconds."""

    at: float
    word: str
    """`occupied`, `reserved`, `vanished`: blocked, for this reason; `held`: no longer occupied, and waits; `back`:
    occupied again; `freed`, `released`: bookable again, by itself or by a person's hand."""
    why: str = ""
    """What it waits for: `normal`, `guarded`, `by_hand`, or a fault's code."""
    read: float | None = None
    """When the reading began that showed it first."""
    sent: float | None = None
    """When the upload left that was accepted at `at`."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How one second of a calendar stands, and how that came about, newest first."""

    calendar: str
    time: Instant
    state: str
    """`blocked`, `sending`, `waiting`, `free`, `outside` the portal's window, or `unknown`."""
    why: str
    """A step's word, what it waits for, `earlier` than the history reaches, or `never` occupied."""
    steps: tuple[Step, ...]

    def as_json(self, clock: WallClock) -> dict[str, Any]:
        """The object that `explain --json` prints."""

        def moment(at: float | None) -> str | None:
            return None if at is None else clock.isoformat(Instant(int(at)))

        return {
            "calendar": self.calendar,
            "time": clock.isoformat(self.time),
            "state": self.state,
            "why": self.why,
            "steps": [
                {"at": moment(each.at), "what": each.word, "why": each.why or None}
                | {"read": moment(each.read), "sent": moment(each.sent)}
                for each in self.steps
            ],
        }

    def lines(self, clock: WallClock, lang: str) -> list[str]:
        """The same for people: the answer, then what happened."""
        time = _local(self.time, clock)
        when = f"{phrase(f'weekday.{time.weekday()}', lang)} {time:%Y-%m-%d %H:%M}"
        answer = phrase(f"explain.{self.state}", lang, name=self.calendar, time=when, why=_reason(self.why, lang))
        return [answer, *(self._told(each, clock, lang) for each in self.steps)]

    def _told(self, step: Step, clock: WallClock, lang: str) -> str:
        at, read, sent = (each and _local(each, clock) for each in (step.at, step.read, step.sent))
        told = phrase(f"step.{step.word}", lang, why=_reason(step.why, lang))
        if read and sent:
            told += phrase(
                "step.way", lang, read=f"{read:%H:%M:%S}", sent=f"{sent:%H:%M:%S}", accepted=f"{at:%H:%M:%S}"
            )
        return f"  {at:%Y-%m-%d %H:%M:%S}  {told}"


def explain(
    calendar: str, time: Instant, standing: Standing, window: Window | None, entries: Iterable[Entry]
) -> Explanation:
    """How `time` stands in `calendar` now, of which `entries` is the history, oldest first."""
    steps = list(_steps(entries, calendar, time))
    if window is None or standing.baseline is None:
        state, why = "unknown", ""
    elif not window.start <= time < window.end:
        state, why = "outside", ""
    else:
        state, why = _state(steps, blocked=time in standing.baseline)
        if time in standing.pending and time in standing.baseline and state == "blocked":
            state = "sending"
    return Explanation(calendar=calendar, time=time, state=state, why=why, steps=tuple(steps[: -_MOST_STEPS - 1 : -1]))


def explain_past(calendar: str, time: Instant, moment: float, entries: Iterable[Entry]) -> Explanation:
    """How `time` stood in `calendar` at `moment`, in wall-clock seconds, as far as the history reaches."""
    steps = list(_steps(entries, calendar, time))
    past = list(takewhile(lambda step: step.at <= moment, steps))
    later = steps[len(past)].word if len(past) < len(steps) else ""
    if past or later:
        blocked = past[-1].word not in _ENDS if past else later in {"held", "back"} | _ENDS
        state, why = _state(past, blocked=blocked)
    else:
        state, why = "unknown", ""
    return Explanation(calendar=calendar, time=time, state=state, why=why, steps=tuple(past[: -_MOST_STEPS - 1 : -1]))


def _steps(entries: Iterable[Entry], calendar: str, time: Instant) -> Iterator[Step]:
    for each in entries:
        if each.calendar == calendar:
            yield from _steps_of(each, time)


def _steps_of(entry: Entry, time: Instant) -> Iterator[Step]:
    def first(**words: IntervalSet) -> str:
        return next((word for word, times in words.items() if time in times), "")

    if word := first(reserved=entry.reserved, vanished=entry.vanished, occupied=entry.added):
        yield Step(at=entry.at, word=word, read=entry.at - entry.seconds, sent=entry.at - entry.took)
    if word := first(released=entry.released, freed=entry.removed, held=entry.held, back=entry.back):
        yield Step(at=entry.at, word=word, why=entry.why if word in {"held", "freed"} else "")


def _state(steps: list[Step], *, blocked: bool) -> tuple[str, str]:
    """What the last of `steps` left behind, if that fits to whether the time is `blocked`; else what is left to say."""
    last = steps[-1].word if steps else ""
    if blocked != (last not in {""} | _ENDS):
        return ("blocked", "earlier") if blocked else ("free", "never")
    if last == "held":
        return "waiting", steps[-1].why
    return ("blocked" if blocked else "free"), {"back": "occupied", "": "never"}.get(last, last)


def _reason(why: str, lang: str) -> str:
    """In words; a fault's code stands for itself."""
    return phrase(f"why.{why}", lang) if f"why.{why}" in phrases("de") else f"[{why}]"


def _local(at: float, clock: WallClock) -> datetime:
    return datetime.fromtimestamp(at, clock.zone)
