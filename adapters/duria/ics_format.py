"""An iCalendar export feeds one column: every event of it that is not free or called off blocks, as often as it recurs.

Single events are placed by ourselves, series by icalendar and recurring-ical-events, when a reading asks for a span. A
series that nobody can place keeps its first time blocked, and the reading is incomplete (R13).
"""

import io
from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Final

from icalendar import Calendar
from recurring_ical_events import of

from adapters.duria.charset import calendar_charset
from adapters.duria.content import ColumnBuilder, ColumnContent, Content, Expansion
from adapters.duria.csv_format import Parsed
from adapters.duria.ics_rules import MOST_STEPS, MOST_TIMES, cost
from adapters.duria.ics_series import LINE, Series
from adapters.duria.ics_sheet import Part, Sheet, sheet
from adapters.duria.ics_times import Zones, duration
from adapters.duria.rows import Place
from adapters.duria.trouble import refused, shown
from engine.faults import Fact, Fault
from engine.model import DAY, ColumnId, Rows, Wall
from engine.walltime import WallClock, WallSpan

_SLACK: Final = 32 * DAY
"""How much more than the span is expanded, so that a window that moves on finds it done."""
_HEAD: Final = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:tmex")
_EPOCH: Final = datetime(1970, 1, 1)
_NOWHERE: Final = WallSpan(Wall(0), Wall(0))

Time = tuple[Wall, Wall | None, bool, Place]


def parse_ics(data: bytes, clock: WallClock, encoding: str, name: str) -> Parsed:
    """The content of an iCalendar export. Raises ExportError."""
    found = calendar_charset(data, encoding, name)
    read = sheet(io.TextIOWrapper(io.BytesIO(data), found.encoding, newline=None), name)
    content = IcsContent(_column(read.title, name), read, clock, name)
    return Parsed(content, found.encoding, found.umlauts, tail=b"", marked=True)


class IcsContent(Content):
    """The events of one column; its series are expanded for the spans that are asked for."""

    def __init__(self, column: ColumnId, read: Sheet, clock: WallClock, name: str) -> None:
        super().__init__()
        self._name, self._zones = shown(name), Zones(clock, read.zones)
        self._series: list[list[Part]] = []
        self._expansion = Expansion(_NOWHERE, ColumnContent(named=True))
        single = self.column(column)
        single.named = True
        for events in _grouped(read.events):
            if any(each.all("RRULE") or each.all("RDATE") or each.all("RECURRENCE-ID") for each in events):
                self._series.append(events)
            else:
                for event in events:
                    self._single(single, event)
        self.count = len(read.events)
        self.close()

    def stale(self, span: WallSpan) -> bool:
        """Whether `expand` must come before a reading of `span`."""
        done = self._expansion.span
        return bool(self._series) and not (done.start <= span.start and span.end <= done.end)

    def expand(self, span: WallSpan) -> Expansion:
        """The series, expanded for `span`; may take seconds, and belongs into a thread."""
        wide = WallSpan(Wall(span.start - _SLACK), Wall(span.end + _SLACK))
        content = ColumnBuilder(next(iter(self.columns)))
        content.named = True
        steps = times = 0
        safe = []
        for events in self._series:
            spent = self._cost(events, wide)
            if spent is None or steps + spent[0] > MOST_STEPS or times + spent[1] > MOST_TIMES:
                self._give_up(content, events)
                continue
            steps, times = steps + spent[0], times + spent[1]
            safe.append(events)
        self._expand_all(content, safe, wide)
        return Expansion(wide, content.close())

    def take_up(self, expansion: Expansion) -> None:
        """Have the next pourings add it."""
        self._expansion = expansion

    def pour(self, column: ColumnId, rows: Rows, span: WallSpan) -> None:
        """Add to `rows` what the export holds of `column`."""
        super().pour(column, rows, span)
        if column in self.columns:
            self._expansion.content.pour(rows, span)

    def _single(self, content: ColumnBuilder, event: Part) -> None:
        occupied = _occupied(event)
        if occupied is None:
            return
        place: Place = {"file": self._name, "line": event.line}
        begin = self._zones.moment(event.one("DTSTART"))
        if begin is None:
            content.collector.appointment(None, None, occupied, place=place)
            return
        end = self._end(event, begin.latest, is_day=begin.is_day)
        content.collector.appointment(begin.earliest, end, occupied, place=place)

    def _end(self, event: Part, start: Wall, *, is_day: bool) -> Wall | None:
        """When an event is over that starts at `start` at the latest; None where it does not say so readably."""
        lasts, ends = event.all("DURATION"), event.all("DTEND")
        if lasts and not ends:
            told = [duration(each.value) for each in lasts]
            known = [self._zones.after(start, each) for each in told if each is not None]
            return max(known) if len(known) == len(told) else None
        if ends:
            end = self._zones.moment(event.one("DTEND"))
            return None if end is None else end.latest
        return Wall(start + DAY) if is_day else None

    def _cost(self, events: list[Part], span: WallSpan) -> tuple[int, int] | None:
        steps, times = 0, 0
        first = span.start - max(0, *map(self._length, events))
        for event in events:
            start = self._zones.moment(event.one("DTSTART"))
            if start is None or not self._understood(event):
                return None
            times += sum(each.value.count(",") + 1 for each in event.all("RDATE")) + 1
            for rule in event.all("RRULE"):
                found = cost(rule.value, start.earliest, first, span.end)
                if found is None:
                    return None
                steps, times = steps + found.steps, times + found.times
        return steps, times

    def _length(self, event: Part) -> int:
        """How many seconds it lasts: as long before a span may one begin that touches it."""
        start = self._zones.moment(event.one("DTSTART"))
        end = None if start is None else self._end(event, start.latest, is_day=start.is_day)
        return 0 if start is None or end is None else end - start.earliest

    def _understood(self, event: Part) -> bool:
        """Whether every zone that the event names is known, its end is one, and it says all its further dates."""
        ends = not event.all("DTEND") or self._zones.moment(event.one("DTEND")) is not None
        lasts = not event.all("DURATION") or duration(event.all("DURATION")[0].value) is not None
        dates = all(each.value for each in event.all("RDATE"))
        return ends and lasts and dates and all(self._zones.zone(name) is not None for name in _zones(event))

    def _expand_all(self, content: ColumnBuilder, series: list[list[Part]], span: WallSpan) -> None:
        """All at once, or, if that fails, one by one, so that one bad series takes no other along."""
        try:
            self._add(content, self._occurrences(series, span))
        except Exception:  # noqa: BLE001 - whatever the libraries make of a hostile series: it is named, not believed
            if len(series) <= 1:
                for events in series:
                    self._give_up(content, events)
                return
            for events in series:
                self._expand_all(content, [events], span)

    def _occurrences(self, series: list[list[Part]], span: WallSpan) -> list[Time]:
        told = [Series(events, self._zones) for events in series]
        lines = [line for number, each in enumerate(told) for line in each.lines(number)]
        calendar = Calendar.from_ical("\r\n".join((*_HEAD, *lines, "END:VCALENDAR", "")))
        # Their own zones' clocks may be ahead of the practice's, or behind it.
        edges = _EPOCH + timedelta(seconds=span.start - 2 * DAY), _EPOCH + timedelta(seconds=span.end + 2 * DAY)
        found: list[Time] = []
        for each in of(calendar).between(*edges):
            occupied = _occupied_text(str(each.get("STATUS", "")), str(each.get("TRANSP", "")))
            if occupied is not None:
                line = int(each[LINE])
                start, end = self._recurrence(told[int(each["UID"])], line, each["DTSTART"].dt, each["DTEND"].dt)
                found.append((start, end, occupied, {"file": self._name, "line": line}))
        return found

    def _recurrence(self, series: Series, line: int, start: date, end: date) -> tuple[Wall, Wall]:
        """One time of a series; how long it lasts the library counts on the wall's clock alone."""
        (earliest, latest), over = series.wall(start), series.wall(end)[1]
        lasts = [each for found in series.at[line].all("DURATION") if (each := duration(found.value)) is not None]
        if lasts and end - start == timedelta(*lasts[0]):
            over = max(over, self._zones.after(latest, lasts[0]))
        return earliest, over

    def _add(self, content: ColumnBuilder, found: list[Time]) -> None:
        for start, end, occupied, place in found:
            content.collector.appointment(start, end, occupied, place=place)

    def _give_up(self, content: ColumnBuilder, events: list[Part]) -> None:
        """Nobody knows when these events recur: what they say themselves is blocked, and the reading is incomplete."""
        for event in events:
            if _occupied(event) is not False:
                self._single(content, event)
        facts: dict[str, Fact] = {"file": self._name, "line": events[0].line}
        if any(_occupied(event) for event in events):
            content.unplace(Fault("file.recurrence_refused", facts))


def _zones(event: Part) -> set[str]:
    """The zones that it names."""
    return {name for each in event.properties if (name := each.params.get("TZID"))}


def _column(title: str, name: str) -> ColumnId:
    plain = title.replace("\\,", ",").replace("\\;", ";").replace("\\\\", "\\")
    for text, cut in ((plain, "/"), (name.rpartition(".")[0], "--")):
        calendar, _, column = (each.strip() for each in text.rpartition(cut))
        if calendar and column:
            return ColumnId(calendar, column)
    raise refused("file.no_column", name)


def _grouped(events: list[Part]) -> list[list[Part]]:
    """The events that speak of the same thing. Where several claim to be the thing itself, each stands for itself."""
    same: dict[str, list[Part]] = defaultdict(list)
    for event in events:
        same[event.all("UID")[0].value if event.all("UID") else f"\n{event.line}"].append(event)
    groups = []
    for each in same.values():
        masters = [event for event in each if not event.all("RECURRENCE-ID")]
        changes = [event for event in each if event.all("RECURRENCE-ID")]
        groups += [[master, *changes] for master in masters] or [[change] for change in changes]
    return groups


def _occupied(event: Part) -> bool | None:
    """Whether an event blocks; None for one that was called off."""
    return _occupied_text(event.text("STATUS"), event.text("TRANSP"))


def _occupied_text(status: str, transparent: str) -> bool | None:
    return None if status.upper() == "CANCELLED" else transparent.upper() != "TRANSPARENT"
