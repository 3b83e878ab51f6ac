"""How the job and every calendar stand: one value, which the job hands out and the command shows.

The first thing it tells of a calendar is since when it is known to be right (I11).
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import reduce
from itertools import islice
from typing import Any, Final

import msgspec

from adapters.minutes import Unsafe, unsafe
from adapters.outcome import decode, encode, show_span, show_times
from adapters.texts import say
from adapters.texts.phrasing import phrase
from engine.calendar import Calendar
from engine.faults import Fault
from engine.model import ColumnId, Instant, Window
from engine.plan import Patience
from engine.ports import CalendarRecord, Entry, Recollection, Report
from engine.runtime import Engine
from engine.spans import EMPTY, IntervalSet
from engine.walltime import WallClock

_MOST_SHOWN: Final = 20
_GONE: Final = {"file.encoding_other", "file.field_gone", "file.none", "file.vanished"}


class CalendarCondition(msgspec.Struct, frozen=True, kw_only=True):
    """One calendar: `ripening` becomes free by itself, `waiting` only when a person releases it."""

    name: str
    column: str
    state: str
    """One word: right, ripening, guarded, degraded, waiting, incomplete, failed, stale, off or unknown."""
    right_at: float | None = None
    """Wall-clock seconds since when it is known to be right."""
    fresh: bool = False
    """Whether that is no longer ago than the limit, whatever else is to be said of it."""
    blocks: int = 0
    ripening: IntervalSet = EMPTY
    waiting: IntervalSet = EMPTY
    releasable: IntervalSet = EMPTY
    """What `release` would let go: what the guard or a hand holds, and all that is held for something that vanished."""
    adrift: bool = False
    sending: IntervalSet = EMPTY
    """What is occupied and the portal may lack."""
    exposed: float = 0.0
    """For how many seconds that has been so, summed over its stretches."""
    unsafe: Unsafe = Unsafe()
    faults: list[Fault] = []

    def gone(self) -> bool:
        """Whether something that fed it vanished, which `release` says is gone for good."""
        return any(map(_is_gone, self.faults))


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """The job as a whole, at `at` in wall-clock seconds."""

    at: float
    running: bool
    on: bool
    shadow: bool = False
    """Whether nothing is sent."""
    window: Window | None = None
    asked_at: float | None = None
    stale: Fault | None = None
    troubles: list[Fault] = []
    """What else is wrong with the job as a whole, and no calendar's own fault."""
    calendars: list[CalendarCondition] = []

    def counted(self, history: Iterable[Entry], clock: WallClock) -> "Condition":
        """With the unsafe minutes that `history` tells of, and those of what is exposed right now."""
        past = unsafe(history, self.at, clock)
        calendars = [
            msgspec.structs.replace(each, unsafe=past.get(each.name, Unsafe()).plus(each.exposed, each.exposed))
            for each in self.calendars
        ]
        return msgspec.structs.replace(self, calendars=calendars)

    def late(self) -> dict[str, str]:
        """The state of each calendar that fails, or was known to be right too long ago, whatever else it is in."""
        return {each.name: each.state for each in self.calendars if each.state == "failed" or not each.fresh}

    def alarming(self) -> list[Fault]:
        """Of its troubles those that do not pass by themselves."""
        return [each for each in self.troubles if each.code != "portal.paused"]

    def unsafe(self) -> Unsafe:
        """Of all calendars together."""
        return reduce(lambda sum_, each: sum_.plus(each.unsafe.today, each.unsafe.month), self.calendars, Unsafe())

    def pack(self) -> bytes:
        """As bytes for `unpack`, in another process."""
        return encode(self)

    @classmethod
    def unpack(cls, packed: bytes) -> "Condition":
        """What `pack` packed; raises msgspec.MsgspecError when it is not that."""
        return decode(packed, cls)

    def as_json(self, clock: WallClock, lang: str) -> dict[str, Any]:
        """The object that `status --json` prints."""
        return {
            "job": {"running": self.running, "on": self.on},
            "shadow": self.shadow,
            "errors": [{"code": fault.code, "text": say(fault, lang)} for fault in self.troubles],
            "window": self.window
            and {
                "from": clock.isoformat(self.window.start),
                "to": clock.isoformat(self.window.end),
                "asked": self._moment(self.asked_at, clock),
                "stale": self.stale and {"code": self.stale.code, "text": say(self.stale, lang)},
            },
            "unsafe_minutes": self.unsafe().as_json(),
            "calendars": [self._calendar(each, clock, lang) for each in self.calendars],
        }

    def lines(self, clock: WallClock, lang: str) -> list[str]:
        """The same for people."""
        told = [phrase(f"job.{self._job()}", lang)]
        told += [f"  {phrase('check.shadow', lang)}"] if self.shadow else []
        if self.window is not None:
            asked = self._ago(self.asked_at, lang)
            day = [clock.isoformat(each)[:10] for each in (self.window.start, Instant(self.window.end - 1))]
            told.append(phrase("status.window", lang, start=day[0], end=day[1], asked=asked))
        told += [f"  {say(each, lang)}" for each in ([self.stale] if self.stale else []) + self.troubles]
        for each in self.calendars:
            told += self._told(each, clock, lang)
        minutes = {name: f"{each:.2f}" for name, each in self.unsafe().as_json().items()}
        return [*told, phrase("status.unsafe", lang, **minutes)]

    def _told(self, each: CalendarCondition, clock: WallClock, lang: str) -> list[str]:
        state = each.state if self.running or each.state != "unknown" else "unwatched"
        word, since = phrase(f"word.{state}", lang), self._ago(each.right_at, lang)
        told = [phrase("status.calendar", lang, name=each.name, word=word, since=since, blocks=each.blocks)]
        told += [f"  > {show_span(*span, clock)}" for span in islice(each.sending, _MOST_SHOWN)]
        told += [f"  … {show_span(*span, clock)}" for span in each.ripening]
        told += [f"  ! {show_span(*span, clock)}" for span in each.waiting]
        return told + [f"  {say(fault, lang)}" for fault in each.faults]

    def _calendar(self, each: CalendarCondition, clock: WallClock, lang: str) -> dict[str, Any]:
        age = None if each.right_at is None else max(0, round(self.at - each.right_at))
        return {
            "name": each.name,
            "column": each.column,
            "state": each.state,
            "right_since": self._moment(each.right_at, clock),
            "age_seconds": age,
            "blocks": each.blocks,
            "unsafe_minutes": each.unsafe.as_json(),
            "sending": show_times(each.sending, clock),
            "ripening": show_times(each.ripening, clock),
            "waiting": show_times(each.waiting, clock),
            "errors": [{"code": fault.code, "text": say(fault, lang)} for fault in each.faults],
        }

    def _job(self) -> str:
        names = {(True, True): "on", (True, False): "off", (False, True): "stopped", (False, False): "stopped_off"}
        return names[self.running, self.on]

    def _ago(self, moment: float | None, lang: str) -> str:
        if moment is None:
            return phrase("status.never", lang)
        return phrase("status.ago", lang, age=str(timedelta(seconds=max(0, round(self.at - moment)))))

    @staticmethod
    def _moment(moment: float | None, clock: WallClock) -> str | None:
        return None if moment is None else clock.isoformat(Instant(int(moment)))


def of_job(engine: Engine, at: float, stale_after: float, switch: Fault | None = None) -> Condition:
    """The condition of the running job; known to be right longer than `stale_after` ago is stale. `switch` is what is
    wrong with the one that turns it on and off.
    """
    keeper, on, now = engine.keeper, engine.gate.open, asyncio.get_running_loop().time()
    return Condition(
        at=at,
        running=True,
        on=on,
        window=keeper.window,
        asked_at=keeper.asked_at,
        stale=engine.gate.refused or keeper.trouble,
        troubles=[each for each in (switch, *_troubles(engine, now)) if each is not None],
        calendars=[
            _of_calendar(each, keeper.window, at - stale_after, now, on=on) for each in engine.calendars.values()
        ],
    )


def of_ledger(
    past: Recollection, columns: Mapping[str, ColumnId], at: float, *, on: bool, switch: Fault | None = None
) -> Condition:
    """What the ledger knows while no job runs; `switch` as in `of_job`."""
    return Condition(
        at=at,
        running=False,
        on=on,
        window=past.portal.window,
        asked_at=past.portal.asked_at,
        troubles=[] if switch is None else [switch],
        calendars=[
            _remembered(name, column, past.calendars.get(name, CalendarRecord()), past.portal.window)
            for name, column in columns.items()
        ],
    )


def _troubles(engine: Engine, now: float) -> Iterator[Fault | None]:
    """The ledger's, the source's, and a pause that the portal asked for."""
    yield engine.reconciler.memory.trouble
    yield from (note for note in engine.source_notes() if note.code == "source.queue_filling")
    yield engine.gate.pause_left(engine.reconciler.upload_host, now)


def _of_calendar(
    calendar: Calendar, window: Window | None, horizon: float, now: float, *, on: bool
) -> CalendarCondition:
    report, exposure = calendar.report, calendar.exposure
    if report is None:
        state = "unknown" if on else "off"
        return CalendarCondition(
            name=calendar.name, column=str(calendar.column), state=state, right_at=calendar.right_at
        )
    by_hand = report.patience is Patience.BY_HAND
    return CalendarCondition(
        name=report.name,
        column=str(report.column),
        state=_state(report, calendar.right_at, horizon) if on else "off",
        right_at=calendar.right_at,
        fresh=calendar.right_at is not None and calendar.right_at >= horizon,
        blocks=_held_online(calendar, window) if report.state == "failed" else report.blocks,
        ripening=EMPTY if by_hand else report.held,
        waiting=report.held if by_hand else EMPTY,
        releasable=_releasable(report),
        sending=exposure.times(),
        exposed=0.0 if calendar.right_at is None else exposure.seconds(now),
        adrift=calendar.standing.adrift and calendar.standing.baseline is None,
        faults=[*([report.fault] if report.fault else []), *report.doubts],
    )


def _releasable(report: Report) -> IntervalSet:
    """Of what vanished in an earlier life nobody knows what it held: it is among all that is held."""
    vanished = report.fault is not None and _is_gone(report.fault)
    return report.held if vanished or report.patience is not Patience.NORMAL else EMPTY


def _is_gone(fault: Fault) -> bool:
    return fault.code in _GONE


def _held_online(calendar: Calendar, window: Window | None) -> int:
    """How many times are blocked online, as far as it is known, whatever was meant to be."""
    return len(calendar.standing.confirmed(window)) if window else 0


def _state(report: Report, right_at: float | None, horizon: float) -> str:
    """The worst word that fits."""
    words = {
        "failed": report.state == "failed" or (report.fault is not None and report.fault.code == "portal.paused"),
        "waiting": report.state == "held" or (bool(report.held) and report.patience is Patience.BY_HAND),
        "incomplete": report.fault is not None,
        "stale": right_at is None or right_at < horizon,
        "degraded": bool(report.doubts),
        "guarded": bool(report.held) and report.patience is Patience.GUARDED,
        "ripening": bool(report.held),
    }
    return next((word for word, fits in words.items() if fits), "right")


def _remembered(name: str, column: ColumnId, record: CalendarRecord, window: Window | None) -> CalendarCondition:
    held = window.clip(record.standing.baseline or EMPTY) if window else EMPTY
    lost = EMPTY
    for each in record.standing.losses:
        lost = lost | each.times
    waits = lost & held
    return CalendarCondition(
        name=name,
        column=str(column),
        state="unknown",
        right_at=record.right_at,
        blocks=len(held),
        ripening=EMPTY if record.standing.by_hand else waits,
        waiting=waits if record.standing.by_hand else EMPTY,
    )
