"""A time of an iCalendar export becomes wall time of the practice, read so that nothing shrinks (R9), or None.

Floating times are the practice's own; a zone is one of the time zone database, a name that Windows gives one, or the
file's own VTIMEZONE.
"""

import re
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta, tzinfo
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
            return self._placed(_naive(match), found, zulu=match[7] == "Z", is_day=match[4] is None)
        except (ValueError, OverflowError):  # no such date, or beyond the calendar
            return None

    def zone(self, name: str) -> tzinfo | None:
        """The time zone of that name; None for one that nobody knows."""
        if name not in self._known:
            self._known[name] = self._find(name)
        return self._known[name]

    def zone_of(self, found: Property | None) -> tzinfo | None:
        """The zone in which a value is told; None for a floating time, a day, and a zone that nobody knows."""
        if found is not None and found.value.endswith("Z"):
            return UTC
        return self.zone(name) if found is not None and (name := found.params.get("TZID", "")) else None

    def local(self, value: str, name: str, zone: tzinfo) -> str:
        """A value that is told in the zone of that `name`, or floats, as it is told in `zone`, floating; what is no
        time of day stays as it is.

        Raises ValueError and OverflowError for what is in no calendar.
        """
        match = _VALUE.fullmatch(value)
        if match is None or match[4] is None:
            return value
        its = UTC if match[7] else self.zone(name) if name else None
        if its is None or its == zone:
            return value.removesuffix("Z")
        there = _naive(match).replace(tzinfo=its).astimezone(zone)
        return there.replace(tzinfo=None).isoformat().replace("-", "").replace(":", "")

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
        walls = [self.clock.wall(_instant(each)) for each in _readings(naive, zone)]
        return min(walls), max(walls)

    def after(self, start: Wall, lasts: "Duration") -> Wall:
        """When it is over: days are days, and hours are hours, of the calendar or exactly, whichever is later."""
        begun = Wall(start + lasts.days * DAY)
        exactly = self.clock.wall(Instant(self.clock.latest(begun) + lasts.seconds))
        return max(Wall(begun + lasts.seconds), exactly)

    def _find(self, name: str) -> tzinfo | None:
        plain = iana(name)
        if plain is not None:
            return plain
        part = self.own.get(name.strip().upper())
        if part is None or not all(map(_is_yearly, _rules(part))):
            return None
        try:
            zone = Timezone.from_ical(_text(part))
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


class Duration(NamedTuple):
    """Days of the calendar, and seconds beyond them."""

    days: int
    seconds: int


def duration(text: str) -> Duration | None:
    """What a DURATION says; None for one that cannot be read or is negative."""
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        return None
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return Duration(weeks * 7 + days, (hours * 60 + minutes) * 60 + seconds)


def _rules(part: Part) -> list[str]:
    return [each.value for half in part.parts for each in half.all("RRULE")]


def _is_yearly(rule: str) -> bool:
    parts = dict(each.partition("=")[::2] for each in rule.upper().split(";"))
    return parts.get("FREQ") == "YEARLY" and parts.keys() <= {"FREQ", "BYMONTH", "BYDAY", "UNTIL", "WKST", "INTERVAL"}


def _naive(match: re.Match[str]) -> datetime:
    return datetime(*(int(part or 0) for part in match.group(1, 2, 3, 4, 5, 6)))  # type: ignore[arg-type]  # six numbers


def _readings(naive: datetime, zone: tzinfo) -> list[datetime]:
    """What a wall time may mean: one time, or two where the clock is changed (R9). A zone that the library made of a
    file's own knows of no second reading of a time that is left out: the offsets of the days around it tell.
    """
    readings = [naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    if not MINYEAR < naive.year < MAXYEAR:
        return readings
    there = readings[0].astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    around = [naive + timedelta(days=days) for days in (-1, 1)] if there != naive else []
    offsets = [each.replace(tzinfo=zone).utcoffset() or timedelta() for each in around]
    return [*readings, *((naive - each).replace(tzinfo=UTC) for each in offsets)]


def _seconds(naive: datetime) -> Wall:
    return Wall((naive - _EPOCH) // _SECOND)


def _instant(aware: datetime) -> Instant:
    return Instant((aware - _EPOCH.replace(tzinfo=UTC)) // _SECOND)
