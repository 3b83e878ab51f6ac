"""One event is one line, with a constant name and nothing but allowed fields in it: no text of a row, a payload or a
library ever gets there (I7, fault 50).

It speaks at the first failure and at the recovery, and counts the rest, so that a bad night does not fill the disk.
"""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import isfinite
from typing import Final, TextIO, assert_never

from adapters.settings import Settings
from adapters.texts import clean, say
from adapters.texts.notices import notices
from adapters.texts.phrasing import phrase
from engine.faults import Fault
from engine.ports import Event, Noticed, Report, WindowAnswered

Field = str | int | float | bool

LEVELS: Final = ("debug", "info", "warning", "error")
_COUNTS: Final = ("calendar", "appointments", "blocks", "added", "removed", "held", "seconds")
EVENTS: Final[dict[str, tuple[str, ...]]] = {
    "calendar.uploaded": _COUNTS,
    "calendar.unchanged": _COUNTS,
    "calendar.held": _COUNTS,
    "calendar.skipped": _COUNTS,
    "calendar.planned": _COUNTS,
    "calendar.failed": ("calendar", "code", "text"),
    "calendar.recovered": ("calendar", "code", "count"),
    "calendar.noticed": ("calendar", "code", "text"),
    "calendar.cleared": ("calendar", "code"),
    "window.answered": ("start", "end", "moved"),
    "job.started": ("version", "calendars", "on"),
    "job.standby": ("text",),
    "job.switched": ("on",),
    "job.stopped": (),
    "job.troubled": ("topic", "code", "text"),
    "job.recovered": ("topic", "code", "count"),
    "page.listening": ("host", "port"),
    "library.spoke": ("logger", "kind", "count"),
}
"""Every event and the fields that it may have; what is not listed here is not written."""
_TYPES: Final[dict[str, type]] = {
    **dict.fromkeys(("calendar", "code", "text", "start", "end", "version", "topic", "host", "logger", "kind"), str),
    **dict.fromkeys(("appointments", "blocks", "added", "removed", "held", "count", "calendars", "port"), int),
    **dict.fromkeys(("moved", "on"), bool),
    "seconds": float,
}
_GOOD_STATES: Final = frozenset({"uploaded", "unchanged", "skipped", "planned"})
"""A turn that ended so, without a fault, proves that an earlier trouble is over; a held one proves nothing."""


class Once:
    """Speaks at the first failure and at the recovery, and counts what lies between."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, int]] = {}

    def failed(self, topic: str, code: str) -> int:
        """Count a failure of `topic`: how often it has been this one since the last recovery."""
        counts = self._counts.setdefault(topic, {})
        counts[code] = counts.get(code, 0) + 1
        return counts[code]

    def recovered(self, topic: str) -> dict[str, int]:
        """How often `topic` failed since its last recovery, by code; empty if it did not."""
        return self._counts.pop(topic, {})


class Journal:
    """The log, on one stream; an Observer that never fails, for a full disk must not stop the job (I8)."""

    def __init__(
        self,
        stream: TextIO,
        *,
        lang: str = "de",
        form: str | None = None,
        level: str = "info",
        block_vanished: bool = False,
        shadow: bool = False,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`form` is `text` or `json`; None: text on a terminal, else json. `wall` gives seconds since the epoch."""
        self._stream, self._lang, self._wall = stream, lang, wall
        self._write = self._text if (form or ("text" if stream.isatty() else "json")) == "text" else self._json
        self._least = LEVELS.index(level)
        self._block_vanished, self._shadow = block_vanished, shadow
        self._once = Once()
        self._noticed: dict[str, dict[object, Fault]] = {}
        self._lock = threading.Lock()

    @classmethod
    def of(cls, settings: Settings, stream: TextIO | None = None) -> "Journal":
        """The journal that `settings` ask for, on stderr."""
        return cls(
            sys.stderr if stream is None else stream,
            lang=settings.lang,
            form=settings.log_format,
            level=settings.log_level,
            block_vanished=settings.limits.block_vanished,
            shadow=settings.shadow,
        )

    def tell(self, event: Event) -> None:
        """Take note of what the engine tells, at once and without failing."""
        match event:
            case Report():
                self._report(event)
            case Noticed():
                self._trouble(event)
            case WindowAnswered(window, moved):
                level = "info" if moved else "debug"
                self.note(level, "window.answered", start=_moment(window.start), end=_moment(window.end), moved=moved)
            case _:
                assert_never(event)

    def note(self, level: str, event: str, **fields: Field) -> None:
        """Write one line, if `level` is heavy enough. An event or field that is not in EVENTS is left out."""
        if event not in EVENTS or LEVELS.index(level) < self._least:
            return
        allowed = {name: fields[name] for name in EVENTS[event] if _fits(name, fields.get(name))}
        shown = {name: clean(each, _LONGEST) if isinstance(each, str) else each for name, each in allowed.items()}
        line = self._write({"ts": _moment(self._wall(), "milliseconds"), "level": level, "event": event, **shown})
        with self._lock:
            _put(self._stream, line)

    def event(self, event: str, **fields: Field) -> None:
        """Something that the job did; what a person who sees nothing else would wonder about has its sentence."""
        sentence = {"text": phrase(event, self._lang)} if "text" in EVENTS.get(event, ()) else {}
        self.note("info", event, **fields, **sentence)

    def fault(self, fault: Fault) -> None:
        """Something that is wrong with the job and is told once, each time that it is found."""
        topic = fault.code.partition(".")[0]
        self.note("error", "job.troubled", topic=topic, code=fault.code, text=say(fault, self._lang))

    @contextmanager
    def libraries(self) -> Iterator[None]:
        """Meanwhile what libraries log comes here too: that they spoke, and of which exception, but not their words."""
        root = logging.getLogger()
        level, handlers = root.level, root.handlers
        root.setLevel(logging.WARNING)
        root.handlers = [_Libraries(self)]
        logging.captureWarnings(capture=True)
        try:
            yield
        finally:
            logging.captureWarnings(capture=False)
            root.handlers = handlers
            root.setLevel(level)

    def _report(self, report: Report) -> None:
        level = "info" if report.state == "uploaded" else "debug"
        if report.state != "failed":
            state = "skipped" if self._shadow and report.state == "uploaded" else report.state
            self.note(level, f"calendar.{state}", **_counts(report))
        if report.fault is not None:
            self._calendar_failed(report.name, report.fault)
        elif report.state in _GOOD_STATES:
            for code, count in self._once.recovered(f"calendar {report.name}").items():
                self.note("info", "calendar.recovered", calendar=report.name, code=code, count=count)
        self._notice(report)

    def _calendar_failed(self, name: str, fault: Fault) -> None:
        first = self._once.failed(f"calendar {name}", fault.code) == 1
        level = "warning" if first else "debug"
        self.note(level, "calendar.failed", calendar=name, code=fault.code, text=say(fault, self._lang))

    def _notice(self, report: Report) -> None:
        """Tell what is new among a calendar's doubts and notices, and what is over."""
        now = {_key(each): each for each in (*report.doubts, *notices(report, block_vanished=self._block_vanished))}
        if report.fault is not None and not now:
            return  # A turn that saw nothing proves nothing.
        before, self._noticed[report.name] = self._noticed.get(report.name, {}), now
        for fault in (each for key, each in now.items() if key not in before):
            text = say(fault, self._lang)
            self.note("warning", "calendar.noticed", calendar=report.name, code=fault.code, text=text)
        for code in sorted({fault.code for fault in before.values()} - {fault.code for fault in now.values()}):
            self.note("info", "calendar.cleared", calendar=report.name, code=code)

    def _trouble(self, noticed: Noticed) -> None:
        topic, fault = noticed.topic, noticed.fault
        if noticed.over:
            count = sum(self._once.recovered(topic).values())
            self.note("info", "job.recovered", topic=topic, code=fault.code, count=count)
        else:
            level = "warning" if self._once.failed(topic, fault.code) == 1 else "debug"
            self.note(level, "job.troubled", topic=topic, code=fault.code, text=say(fault, self._lang))

    @staticmethod
    def _json(fields: dict[str, Field]) -> str:
        return json.dumps(fields, ensure_ascii=False)

    @staticmethod
    def _text(fields: dict[str, Field]) -> str:
        ts, level, event, *rest = fields.items()
        told = [f"{name}={json.dumps(each, ensure_ascii=False)}" for name, each in rest if name != "text"]
        sentence = [str(each) for name, each in rest if name == "text"]
        return " ".join([str(ts[1]), f"{level[1]:<7}", str(event[1]), *told, *sentence])


class _Libraries(logging.Handler):
    """Takes what libraries log and lets nothing through but who spoke, of which exception, and how often."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal, self._once = journal, Once()

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        count = self._once.failed(record.name, kind)
        if str(count).strip("0") == "1":  # the 1st, 10th, 100th …: whoever provokes it cannot fill the disk
            level = "error" if record.levelno >= logging.ERROR else "warning"
            self._journal.note(level, "library.spoke", logger=record.name, kind=kind, count=count)


_LONGEST: Final = 2000
"""Characters of a field; a sentence with all its facts is shorter."""


def _fits(name: str, value: Field | None) -> bool:
    """Whether `value` is of the field's type; a number that JSON cannot write is not."""
    return type(value) is _TYPES[name] and (not isinstance(value, float) or isfinite(value))


def _counts(report: Report) -> dict[str, Field]:
    return {
        "calendar": report.name,
        "appointments": report.appointments,
        "blocks": report.blocks,
        "added": len(report.added),
        "removed": len(report.removed),
        "held": len(report.held),
        "seconds": round(float(report.seconds), 3),
    }


def _key(fault: Fault) -> object:
    return fault.code, tuple(sorted((name, str(fact)) for name, fact in fault.facts.items()))


def _moment(seconds: float, precision: str = "seconds") -> str:
    """Seconds since the epoch as UTC, `2026-11-23T08:00:00Z`; what no calendar holds stays a number."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return str(seconds)


def _put(stream: TextIO, line: str) -> None:
    """Write a line; a log that cannot be written any more is no reason to stop blocking times."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        stream.flush()
    except (OSError, ValueError):
        return
