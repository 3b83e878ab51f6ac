"""Of an iCalendar export only what says when and whether an event occupies is kept, and only if the file is whole.

Summaries, descriptions and names are passed over line by line (I7); no library sees them. What is not nested as a
calendar is, or does not end with END:VCALENDAR, is refused.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from adapters.duria.folder import LONGEST_LINE
from adapters.duria.trouble import refused

MOST_EVENTS: Final = 20_000
_DEEPEST: Final = 6
_LINE: Final = re.compile(r'([A-Za-z0-9-]{1,40})((?:;[^:;="]{1,40}=(?:"[^"]{0,500}"|[^:;"]{0,500}))*):(.*)', re.DOTALL)
_PARAM: Final = re.compile(r';([^:;="]+)=(?:"([^"]*)"|([^:;"]*))')
_EVENT: Final = frozenset(
    ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID", "UID", "SEQUENCE", "TRANSP", "STATUS")
)
_ZONE: Final = frozenset(("TZID", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE"))
_FOLDED: Final = _EVENT | _ZONE | {"X-WR-CALNAME"}
_KEPT: Final = {
    ("VCALENDAR",): frozenset(("X-WR-CALNAME",)),
    ("VCALENDAR", "VEVENT"): _EVENT,
    ("VCALENDAR", "VTIMEZONE"): _ZONE,
    ("VCALENDAR", "VTIMEZONE", "STANDARD"): _ZONE,
    ("VCALENDAR", "VTIMEZONE", "DAYLIGHT"): _ZONE,
}
_PARAMS: Final = frozenset(("TZID", "VALUE", "RANGE"))


class Property(msgspec.Struct, frozen=True, gc=False):
    """A property with the parameters that matter; there are so many that the collector of garbage must not see them."""

    name: str
    params: dict[str, str]
    value: str

    def line(self) -> str:
        """As it is written."""
        return "".join((self.name, *(f';{key}="{value}"' for key, value in self.params.items()), ":", self.value))


class Part(NamedTuple):
    """An event or a time zone, or one of the two halves of a zone's year."""

    kind: str
    line: int
    properties: list[Property]
    parts: "list[Part]"

    def all(self, name: str) -> list[Property]:
        """Every property of this name."""
        return [each for each in self.properties if each.name == name]

    def one(self, name: str) -> Property | None:
        """The property of this name, if there is just one."""
        found = self.all(name)
        return found[0] if len(found) == 1 else None

    def text(self, name: str) -> str:
        """Its value in capitals; empty when it is not there, or says two things."""
        found = {each.value.strip().upper() for each in self.all(name)}
        return found.pop() if len(found) == 1 else ""


class Sheet(NamedTuple):
    """All that counts of an iCalendar export."""

    title: str
    """X-WR-CALNAME of the first calendar; empty when there is none."""
    events: list[Part]
    zones: list[Part]


def sheet(lines: Iterable[str], name: str) -> Sheet:
    """What the lines of the file `name` hold. Raises ExportError."""
    reader = _Reader(name)
    for number, line in _unfolded(lines, name):
        reader.take(number, line)
    if not reader.begun:
        raise refused("file.not_a_calendar", name, line=1)
    if reader.stack:
        raise refused("file.cut_off", name)
    return reader.sheet()


def _unfolded(lines: Iterable[str], name: str) -> Iterator[tuple[int, str]]:
    """Each whole line with the number of its first one; of what is not kept only the beginning."""
    start, text = 0, ""
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if line[:1] in (" ", "\t"):
            text += line[1:] if text.partition(":")[0].partition(";")[0].upper() in _FOLDED else ""
            if len(text) > LONGEST_LINE:
                raise refused("file.line_too_long", name)
            continue
        if text:
            yield start, text
        start, text = number, line
    if text:
        yield start, text


class _Reader:
    def __init__(self, name: str) -> None:
        self._name = name
        self.stack: list[Part] = []
        self.begun = False
        self._title = ""
        self._events: list[Part] = []
        self._zones: list[Part] = []

    def take(self, number: int, line: str) -> None:
        """One whole line."""
        head = line[:60].strip().upper()
        if head.startswith("BEGIN:"):
            self._begin(number, head[6:].strip())
        elif head.startswith("END:"):
            self._end(number, head[4:].strip())
        elif not self.stack:
            if line.strip():
                raise refused("file.not_a_calendar", self._name, line=number)
        else:
            self._keep(line)

    def sheet(self) -> Sheet:
        """What was read."""
        return Sheet(self._title, self._events, self._zones)

    def _begin(self, number: int, kind: str) -> None:
        outer = tuple(each.kind for each in self.stack)
        nested = kind == "VCALENDAR" if outer else kind != "VCALENDAR"
        if nested or len(outer) >= _DEEPEST or (kind == "VEVENT" and outer != ("VCALENDAR",)):
            raise refused("file.not_a_calendar", self._name, line=number)
        self.begun = True
        self.stack.append(Part(kind, number, [], []))

    def _end(self, number: int, kind: str) -> None:
        if not self.stack or self.stack[-1].kind != kind:
            raise refused("file.not_a_calendar", self._name, line=number)
        part, outer = self.stack.pop(), tuple(each.kind for each in self.stack)
        if kind == "VEVENT":
            self._events.append(part)
        elif kind == "VTIMEZONE":
            self._zones.append(part)
        elif (*outer, kind) in _KEPT and outer:
            self.stack[-1].parts.append(part)
        if len(self._events) > MOST_EVENTS or len(self._zones) > MOST_EVENTS // 40:
            raise refused("file.too_many_rows", self._name, most=MOST_EVENTS)

    def _keep(self, line: str) -> None:
        kept = _KEPT.get(tuple(each.kind for each in self.stack))
        name = line.partition(":")[0].partition(";")[0].upper()
        if kept is None or name not in kept:
            return
        match = _LINE.fullmatch(line)
        if match is None:  # it matters, and nobody knows what it says: nor does an empty value
            self.stack[-1].properties.append(Property(name, {}, ""))
            return
        if name == "X-WR-CALNAME":
            self._title = self._title or match[3].strip()
            return
        params = {each[1].upper(): each[2] or each[3] or "" for each in _PARAM.finditer(match[2])}
        kept_params = {key: value for key, value in params.items() if key in _PARAMS}
        self.stack[-1].properties.append(Property(name, kept_params, match[3].strip()))
