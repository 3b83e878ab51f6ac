"""What a sync or a plan came to: one value, which the job hands to the command and the command shows to people.

Its JSON is a contract: `{"ok", "window", "calendars": [{"name", "state", …}]}`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from adapters.exits import FAILED as SOME_FAILED
from adapters.exits import KEY_REFUSED, exit_code
from adapters.texts import say
from adapters.texts.notices import notices
from adapters.texts.phrasing import phrase
from engine.faults import Fault
from engine.model import Instant, Window
from engine.plan import Patience
from engine.ports import Report
from engine.spans import IntervalSet
from engine.walltime import WallClock

T = TypeVar("T")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How every calendar fared; `stale` says why the window is not a fresh one."""

    reports: list[Report]
    window: Window | None = None
    stale: Fault | None = None
    unwritten: Fault | None = None
    """Why the ledger could not be written."""
    shadow: bool = False
    block_vanished: bool = False

    def exit(self) -> int:
        """The exit code: a fault that all share has its own, mixed ones and waiting calendars have 75."""
        codes = {_code(each) for each in self.reports if _failed(each)}
        if codes:
            return codes.pop() if len(codes) == 1 and all(map(_failed, self.reports)) else SOME_FAILED
        if any(each.fault is not None or _by_hand(each) for each in self.reports):
            return SOME_FAILED
        # A window that is merely stale stays in use; a key that is refused ends all uploads.
        if self.stale is not None and exit_code(self.stale.code) == KEY_REFUSED:
            return KEY_REFUSED
        return exit_code(self.unwritten.code) if self.unwritten else 0

    def pack(self) -> bytes:
        """As bytes for `unpack`, in another process."""
        return encode(self)

    @classmethod
    def unpack(cls, packed: bytes) -> "Outcome":
        """What `pack` packed; raises msgspec.MsgspecError when it is not that."""
        return decode(packed, cls)

    def as_json(self, clock: WallClock, lang: str) -> dict[str, Any]:
        """The object that `--json` prints."""
        ends = self.window and {"from": clock.isoformat(self.window.start), "to": clock.isoformat(self.window.end)}
        return {
            "ok": self.exit() == 0,
            "window": ends,
            "calendars": [self._calendar(each, clock, lang) for each in self.reports],
        }

    def lines(self, clock: WallClock, lang: str) -> list[str]:
        """The same for people: a line a calendar, its changes beneath, its fault or notice last."""
        return [line for each in self.reports for line in self._told(each, clock, lang)]

    def notices(self) -> list[Fault]:
        """What a person should know although it is no failure: what is doubtful, waits or vanished."""
        return [each for report in self.reports for each in self._noticed(report)]

    def _calendar(self, report: Report, clock: WallClock, lang: str) -> dict[str, Any]:
        return {
            "name": report.name,
            "state": self._state(report),
            "appointments": report.appointments,
            "blocks": report.blocks,
            "added": show_times(report.added, clock),
            "removed": show_times(report.removed, clock),
            "held": show_times(report.held, clock),
            "error": report.fault and {"code": report.fault.code, "text": say(report.fault, lang)},
        }

    def _state(self, report: Report) -> str:
        return "skipped" if self.shadow and report.state in {"uploaded", "unchanged"} else report.state

    def _told(self, report: Report, clock: WallClock, lang: str) -> list[str]:
        told = [
            phrase(
                f"state.{self._state(report)}",
                lang,
                name=report.name,
                appointments=report.appointments,
                blocks=report.blocks,
            )
        ]
        for sign, times in (("+", report.added), ("−", report.removed), ("…", report.held)):
            told += [f"  {sign} {show_span(start, end, clock)}" for start, end in times]
        faults = [report.fault] if report.fault else []
        return told + [f"  {say(each, lang)}" for each in (*faults, *self._noticed(report))]

    def _noticed(self, report: Report) -> tuple[Fault, ...]:
        return (*report.doubts, *notices(report, block_vanished=self.block_vanished))


def _failed(report: Report) -> bool:
    """Whether it did not go up."""
    return report.state in {"failed", "held"}


def _code(report: Report) -> int:
    return exit_code(report.fault.code) if report.fault else SOME_FAILED


def _by_hand(report: Report) -> bool:
    return bool(report.held) and report.patience is Patience.BY_HAND


def show_times(times: IntervalSet, clock: WallClock) -> list[dict[str, str]]:
    """`[{"start", "end"}, …]`, local time with its offset."""
    pairs: Sequence[tuple[int, int]] = list(times)
    return [{"start": clock.isoformat(Instant(a)), "end": clock.isoformat(Instant(b))} for a, b in pairs]


def show_span(start: int, end: int, clock: WallClock, day: str = "%Y-%m-%d") -> str:
    """`2026-03-09 08:00–08:20`, with the end's day where it is another one; `day` is how days are written."""
    opens, closes = (datetime.fromtimestamp(each, clock.zone) for each in (start, end))
    later = "" if opens.date() == closes.date() else f"{closes:{day}} "
    return f"{opens:{day} %H:%M}–{later}{closes:%H:%M}"


def encode(value: object) -> bytes:
    """A value as JSON for another process of this version."""
    return msgspec.json.encode(value, enc_hook=_pack)


def decode(packed: bytes, kind: type[T]) -> T:
    """What `encode` made of a `kind`; raises msgspec.MsgspecError when it is not that."""
    return msgspec.json.decode(packed, type=kind, dec_hook=_unpack)


def _pack(value: object) -> object:
    if isinstance(value, IntervalSet):
        return list(value)
    raise TypeError(type(value).__name__)


def _unpack(kind: type, value: Any) -> IntervalSet:  # noqa: ANN401 - whatever JSON holds
    if kind is IntervalSet:
        return IntervalSet((start, end) for start, end in value)
    raise TypeError(type(value).__name__)
