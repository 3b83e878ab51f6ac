"""A series as the library gets it: in floating times of the one zone that it recurs in.

The library takes an exception for its time in UTC as well as for its time in its own zone, and so one that fits nothing
for a time that lies the zone's offset away. Where no value has a zone, every value means one time.
"""

from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from adapters.duria.ics_sheet import Part, Property
from adapters.duria.ics_times import Zones
from engine.model import Wall

LINE: Final = "X-TMEX-LINE"
"""By it a recurrence is known for that of an event."""
_DAY: Final = len("20261123")
_MIDNIGHT: Final = "T000000"
_LAST_SECOND: Final = "T235959"


class Series:
    """Events that speak of the same thing: the thing itself, and what was changed of it."""

    def __init__(self, events: list[Part], zones: Zones) -> None:
        self.at = {each.line: each for each in events}
        """The events by the lines that they begin in."""
        self._zones = zones
        self._zone: tzinfo = zones.zone_of(events[0].one("DTSTART")) or zones.clock.zone
        self._changed = {self._local(each, each.value) for event in events for each in event.all("RECURRENCE-ID")}

    def lines(self, number: int) -> list[str]:
        """The events as they are written for the library, with `number` for their UID."""
        return [line for event in self.at.values() for line in self._event(event, number)]

    def wall(self, value: date) -> tuple[Wall, Wall]:
        """What a value of the library's is in wall time, at the earliest and at the latest."""
        return self._zones.wall(value.replace(tzinfo=self._zone) if isinstance(value, datetime) else value)

    def _event(self, event: Part, number: int) -> list[str]:
        start = event.one("DTSTART")
        begin = "" if start is None else self._local(start, start.value)
        lines = [line for each in event.properties if (line := self._written(each, begin))]
        return ["BEGIN:VEVENT", f"UID:{number}", f"{LINE}:{event.line}", *lines, "END:VEVENT"]

    def _written(self, found: Property, start: str) -> str:
        """A property's line; empty for one that is better left out."""
        values = found.value.split(",")
        match found.name:
            case "UID":
                return ""
            case "RRULE":
                return f"RRULE:{self._rule(found.value, start)}"
            case "DTEND":
                value = _end(self._local(found, found.value), start)
            case "EXDATE":  # what was moved was not called off as well
                value = ",".join(each for each in self._locals(found, values) if each not in self._changed)
            case "RDATE":
                value = ",".join(self._locals(found, values))
            case "DTSTART" | "RECURRENCE-ID":
                value = self._local(found, found.value)
            case _:
                value = found.value
        others = {key: each for key, each in found.params.items() if key != "TZID"}
        return Property(found.name, others, value).line() if value else ""

    def _locals(self, found: Property, values: list[str]) -> list[str]:
        """Each of several values, of which one may be a period: its start and its end, or how long it lasts."""
        return ["/".join(self._local(found, part) for part in each.strip().split("/")) for each in values]

    def _local(self, found: Property, value: str) -> str:
        return self._zones.local(value, found.params.get("TZID", ""), self._zone)

    def _rule(self, rule: str, start: str) -> str:
        pairs = [each.partition("=")[::2] for each in rule.strip().rstrip(";").upper().split(";")]
        return ";".join(f"{key}={self._until(value, start) if key == 'UNTIL' else value}" for key, value in pairs)

    def _until(self, value: str, start: str) -> str:
        """The last moment at which the thing may begin, as its start is written; a day counts to its end, and what
        starts once starts, whatever ended before.
        """
        until = self._zones.local(value, "", self._zone)
        if len(start) == _DAY:
            until = until[:_DAY]
        elif len(until) == _DAY:
            until += _LAST_SECOND
        return max(until, start)


def _end(end: str, start: str) -> str:
    """An end that fits its start: midnight of the start's own day is the next one (R8), and one before the start, which
    the library would take for the start, is none, so that the time is unusable (R13).
    """
    if end[:_DAY] == start[:_DAY] and _full(end).endswith(_MIDNIGHT):
        following = date.fromisoformat(end[:_DAY]) + timedelta(days=1)
        return following.isoformat().replace("-", "") + end[_DAY:]
    return end if _full(end) >= _full(start) else ""


def _full(value: str) -> str:
    return value + _MIDNIGHT * (len(value) == _DAY)
