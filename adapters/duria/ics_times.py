"""A time of an iCalendar export becomes wall time of the practice, read so that nothing shrinks (R9), or None.

Floating times are the practice's own; a zone is one of the time zone database, a name that Windows gives one, or the
file's own VTIMEZONE.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from hashlib import sha256
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from icalendar import Timezone
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from adapters.duria.ics_sheet import Part, Property
from engine.model import DAY, Instant, Wall
from engine.walltime import WallClock

_VALUE: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)(Z?))?", re.ASCII)
_DURATION: Final = re.compile(r"\+?P(?:(\d{1,5})W)?(?:(\d{1,6})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})S)?)?")
_EPOCH: Final = datetime(1970, 1, 1)
_SECOND: Final = timedelta(seconds=1)


class Moment(NamedTuple):
    """A start and an end as they may be at the earliest and the latest, in the practice's wall time."""

    earliest: Wall
    latest: Wall
    is_day: bool


class Zones:
    """The time zones that a file speaks of, and the practice's clock."""

    def __init__(self, clock: WallClock, parts: list[Part]) -> None:
        self.clock = clock
        self.own: dict[str, Part] = {each.text("TZID"): each for each in parts}
        """The file's VTIMEZONEs, by their names in capitals."""
        self._known: dict[str, tzinfo | None] = {}

    def moment(self, found: Property | None) -> Moment | None:
        """What a property such as DTSTART says; None where it cannot be read."""
        match = _VALUE.fullmatch(found.value) if found is not None else None
        if found is None or match is None:
            return None
        try:
            naive = datetime(*(int(part or 0) for part in match.group(1, 2, 3, 4, 5, 6)))  # type: ignore[arg-type]  # six numbers
            return self._placed(naive, found, zulu=match[7] == "Z", is_day=match[4] is None)
        except (ValueError, OverflowError):  # no such date, or beyond the calendar
            return None

    def zone(self, name: str) -> tzinfo | None:
        """The time zone of that name; None for one that nobody knows."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def called(self, name: str) -> str:
        """What a zone is called towards the library, which remembers the first of a name for as long as the process
        lives: one of the file's own is called by what it says.
        """
        plain, part = iana(name), self.own.get(name.strip().upper())
        if plain is not None:
            return plain.key
        return name if part is None else _own_name(part)

    def texts(self, names: set[str]) -> list[str]:
        """The file's own zones among those of these names, as they are written for the library."""
        parts = {key: self.own.get(key) for key in sorted(name.strip().upper() for name in names if iana(name) is None)}
        return [_text(_renamed(part)) for part in parts.values() if part is not None]

    def wall(self, value: date) -> tuple[Wall, Wall]:
        """What a value of the library's is in wall time, at the earliest and at the latest."""
        if not isinstance(value, datetime):
            wall = Wall((value - _EPOCH.date()).days * DAY)
            return wall, wall
        naive = value.replace(tzinfo=None)
        if value.tzinfo is None or value.tzinfo == self.clock.zone:
            wall = _seconds(naive)
            return wall, wall
        return self._both(naive, value.tzinfo)

    def _placed(self, naive: datetime, found: Property, *, zulu: bool, is_day: bool) -> Moment | None:
        name = found.params.get("TZID", "")
        if is_day or not (zulu or name):
            return Moment(_seconds(naive), _seconds(naive), is_day)
        zone = UTC if zulu else self.zone(name)
        if zone is None:
            return None
        earliest, latest = self.wall(naive.replace(tzinfo=zone))
        return Moment(earliest, latest, is_day=False)

    def _both(self, naive: datetime, zone: tzinfo) -> tuple[Wall, Wall]:
        walls = [self.clock.wall(_instant(naive.replace(tzinfo=zone, fold=fold))) for fold in (0, 1)]
        return min(walls), max(walls)

    def _find(self, name: str) -> tzinfo | None:
        plain = iana(name)
        if plain is not None:
            return plain
        part = self.own.get(name.strip().upper())
        if part is None or not all(map(_is_yearly, _rules(part))):
            return None
        try:
            zone = Timezone.from_ical(_text(_renamed(part)))
            return zone.to_tz(lookup_tzid=False) if isinstance(zone, Timezone) else None
        except Exception:  # noqa: BLE001 - whatever the library makes of a hostile zone: nobody knows it
            return None


def iana(name: str) -> ZoneInfo | None:
    """The zone of the time zone database that a TZID means."""
    plain = name.strip().strip("/")
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(plain, plain))
    except (ValueError, OSError, LookupError):  # a path, a folder, a name nobody knows
        return None


def _text(part: Part) -> str:
    """A VTIMEZONE as it is written."""
    lines = (*(each.line() for each in part.properties), *map(_text, part.parts))
    return "\r\n".join((f"BEGIN:{part.kind}", *lines, f"END:{part.kind}"))


def _own_name(part: Part) -> str:
    return f"tmex-{sha256(_text(part).encode('utf-8', 'replace')).hexdigest()}"


def _renamed(part: Part) -> Part:
    others = [each for each in part.properties if each.name != "TZID"]
    return part._replace(properties=[Property("TZID", {}, _own_name(part)), *others])


def duration(text: str) -> int | None:
    """A DURATION in seconds; None for one that cannot be read or is negative."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((weeks * 7 + days) * 24 + hours) * 3600 + minutes * 60 + seconds


def _rules(part: Part) -> list[str]:
    return [each.value for half in part.parts for each in half.all("RRULE")]


def _is_yearly(rule: str) -> bool:
    parts = dict(each.partition("=")[::2] for each in rule.upper().split(";"))
    return parts.get("FREQ") == "YEARLY" and parts.keys() <= {"FREQ", "BYMONTH", "BYDAY", "UNTIL", "WKST", "INTERVAL"}


def _seconds(naive: datetime) -> Wall:
    return Wall((naive - _EPOCH) // _SECOND)


def _instant(aware: datetime) -> Instant:
    return Instant((aware - _EPOCH.replace(tzinfo=UTC)) // _SECOND)
