"""What the page says: one sentence, what to do, and a row for each calendar; worked out before it becomes HTML."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from adapters import __version__
from adapters.condition import CalendarCondition, Condition
from adapters.outcome import show_span
from adapters.status import grid
from adapters.status.board import Board
from adapters.texts import say
from adapters.texts.phrasing import phrase
from engine.faults import Fault
from engine.ports import Entry
from engine.spans import IntervalSet
from engine.walltime import WallClock

_RED: Final = frozenset({"failed", "stale", "unknown"})
_YELLOW: Final = frozenset({"waiting", "incomplete", "degraded", "guarded"})
SHAPES: Final = {"green": "●", "yellow": "▲", "red": "■", "grey": "○"}
"""So that the state is seen without its colour."""
_MOST_CHANGES: Final = 50
_DAYS: Final = {"de": "%d.%m.%Y", "en": "%Y-%m-%d"}
"""How people write a day."""


def colour_of(state: str) -> str:
    """The colour of a calendar's state."""
    return "red" if state in _RED else "yellow" if state in _YELLOW else "grey" if state == "off" else "green"


def bar(condition: Condition, lang: str) -> tuple[str, str]:
    """The colour and the one sentence that says whether all is right."""
    colour, key, names = _verdict(condition)
    return colour, phrase(f"page.{key}", lang, names=", ".join(each.name for each in names) or "tmex")


def _verdict(condition: Condition) -> tuple[str, str, list[CalendarCondition]]:
    """The first of these that fits, worst first: colour, sentence, and the calendars that it is about."""
    of = {colour: [each for each in condition.calendars if colour_of(each.state) == colour] for colour in SHAPES}
    young = [each for each in of["red"] if each.state == "unknown" and each.right_at is None]
    waiting = [each for each in of["yellow"] if each.state == "waiting"]
    refused = condition.stale is not None and condition.stale.code == "portal.key_refused"
    verdicts: list[tuple[bool, tuple[str, str, list[CalendarCondition]]]] = [
        (not condition.on, ("grey", "off", [])),
        (refused, ("red", "key", [])),
        (bool(young) and len(young) == len(condition.calendars), ("yellow", "starting", [])),
        (bool(of["red"]), ("red", "red", of["red"])),
        (bool(waiting), ("yellow", "waiting", waiting)),
        (bool(of["yellow"] or condition.alarming()) or condition.stale is not None, ("yellow", "yellow", of["yellow"])),
    ]
    fine = ("grey", "shadow") if condition.shadow else ("green", "green")
    return next((verdict for fits, verdict in verdicts if fits), (*fine, []))


def view(board: Board, condition: Condition, entries: list[Entry], lang: str, monday: date | None) -> dict[str, Any]:
    """All that the template needs, by name."""
    clock, now = board.clock, datetime.fromtimestamp(condition.at, board.clock.zone)
    monday = grid.monday_of(monday or now.date())
    colour, sentence = bar(condition, lang)
    unsafe = {name: f"{each:.2f}" for name, each in condition.unsafe().as_json().items()}
    return {
        "lang": lang,
        "other": "en" if lang == "de" else "de",
        "colour": colour,
        "shape": SHAPES[colour],
        "sentence": sentence,
        "todo": _todo(condition, lang),
        "calendars": [_calendar(each, board, condition, monday, lang) for each in condition.calendars],
        "week": f"{monday:{_DAYS[lang]}}",
        "before": monday - timedelta(7),
        "after": monday + timedelta(7),
        "days": [(monday + timedelta(each), phrase(f"weekday.{each}", lang)) for each in range(7)],
        "hours": range(grid.FIRST_HOUR, grid.LAST_HOUR + 1),
        "grid": grid,
        "changes": list(_changes(entries, clock, lang)),
        "spark": _spark(entries, condition.at),
        "unsafe": unsafe,
        "on": condition.on,
        "at": f"{now:%H:%M:%S}",
        "version": __version__,
        "t": lambda key, **facts: phrase(f"page.{key}", lang, **facts),
        "word": lambda key: phrase(f"word.{key}", lang),
    }


def _calendar(
    each: CalendarCondition, board: Board, condition: Condition, monday: date, lang: str
) -> Mapping[str, Any]:
    layers = grid.Layers(board.blocked(each.name), each.sending, each.ripening, each.waiting)
    lines = grid.lines(layers, condition.window, monday, board.clock)
    colour = colour_of(each.state)
    return {
        "name": each.name,
        "column": each.column,
        "colour": colour,
        "shape": SHAPES[colour],
        "word": phrase(f"word.{each.state}", lang),
        "since": "–" if each.right_at is None else _moment(each.right_at, board.clock, lang),
        "age": _age(each.right_at, condition.at, lang),
        "blocks": each.blocks,
        "sending": len(each.sending),
        "ripening": len(each.ripening),
        "shown": ",".join(f"{start}-{end}" for start, end in each.releasable),
        "releasable": _spans(each.releasable, board.clock, lang),
        "release": bool(each.releasable) or each.adrift or each.gone(),
        "lines": lines,
        "cells": list(grid.cells(lines, monday)),
        "unsafe": f"{each.unsafe.as_json()['today']:.2f}",
    }


def _todo(condition: Condition, lang: str) -> list[tuple[str, str]]:
    """Code and sentences of all that somebody should do something about, each once."""
    faults: dict[str, Fault] = {}
    for fault in (
        condition.stale,
        *condition.troubles,
        *(fault for each in condition.calendars for fault in each.faults),
    ):
        if fault is not None:
            faults.setdefault(f"{fault.code} {sorted(fault.facts.items())}", fault)
    return [(fault.code, say(fault, lang)) for fault in faults.values()]


def _changes(entries: list[Entry], clock: WallClock, lang: str) -> Iterable[Mapping[str, Any]]:
    told = [each for each in entries if each.added or each.removed]
    for each in reversed(told[-_MOST_CHANGES:]):
        yield {
            "at": _moment(each.at, clock, lang),
            "name": each.calendar,
            "added": _spans(each.added, clock, lang),
            "removed": _spans(each.removed, clock, lang),
            "seconds": f"{each.seconds:.1f}" if each.added else "",
        }


def _spans(times: IntervalSet, clock: WallClock, lang: str) -> list[str]:
    return [show_span(*each, clock, _DAYS[lang]) for each in list(times)[:6]] + (["…"] if len(times) > 6 else [])


def _spark(entries: list[Entry], at: float) -> list[tuple[int, int, int]]:
    """How much was uploaded in each of the last 24 hours: x, height and count of each bar."""
    counts = [0] * 24
    for each in entries:
        hours = int((at - each.at) // 3600)
        if 0 <= hours < 24 and (each.added or each.removed):
            counts[23 - hours] += 1
    most = max(counts) or 1
    return [(index * 8, round(28 * count / most), count) for index, count in enumerate(counts)]


def _moment(at: float, clock: WallClock, lang: str) -> str:
    return f"{datetime.fromtimestamp(at, clock.zone):{_DAYS[lang]} %H:%M:%S}"


def _age(right_at: float | None, at: float, lang: str) -> str:
    if right_at is None:
        return phrase("status.never", lang)
    seconds = max(0, round(at - right_at))
    return f"{seconds} s" if seconds < 120 else str(timedelta(seconds=seconds))
