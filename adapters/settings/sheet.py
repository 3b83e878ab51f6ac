"""An environment becomes a sheet: of every variable a value or a fault, however many of them are wrong.

The only files that are touched are those that a variable `NAME_FILE` points to.
"""

import os
import re
import stat
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from operator import ge, gt
from pathlib import Path
from typing import Final, NamedTuple, TypeVar, cast

from adapters.settings.addresses import is_loopback
from adapters.settings.declared import (
    CALENDAR,
    INTERVAL,
    LISTEN,
    PREFIX,
    REFRESH,
    SETTINGS,
    STALE_AFTER,
    STATUS_TOKEN,
    Setting,
)
from adapters.settings.forms import LONGEST_VALUE, duration_text, refuse
from adapters.settings.values import RefusedError
from engine.faults import Fact, Fault
from engine.model import ColumnId

T = TypeVar("T")

FILE: Final = "_FILE"
_SLOT = re.compile(r"TMEX_CALENDAR_([1-9][0-9]{0,5})")
_INJECTED = re.compile(r"TMEX_PORT(_.*)?|TMEX_SERVICE_.*", re.DOTALL)
"""What orchestrators put there for a service called tmex; TMEX_PORTAL… is a mistake all the same."""
_QUOTED = re.compile(r"'.*'|\".*\"", re.DOTALL)
_EDGES: Final = " \t\r\n"
_LONGEST_NAME: Final = 100


class Given(NamedTuple):
    """A value as it was given: `name` is the variable that gave it, `origin` is `environment`, `file` or `default`."""

    name: str
    text: str
    origin: str
    path: Path | None = None


class Sheet:
    """What an environment says; a value may be taken from it only while nothing is wrong with it."""

    def __init__(self, environ: Mapping[str, str], settings: tuple[Setting[object], ...] = SETTINGS) -> None:
        self.given: dict[str, Given] = {}
        """By the setting's name; a calendar's by its own, such as TMEX_CALENDAR_2."""
        self.values: dict[str, object] = {}
        self.faults: dict[str, Fault] = {}
        """By the same names, and by those of unknown variables."""
        self.calendars: dict[str, ColumnId] = {}
        self.slots: list[str] = []
        """The variables that could name a calendar, in the order of their numbers."""
        self._environ = environ
        for setting in settings:
            if setting is CALENDAR:
                self._fill_calendars()
            else:
                self._fill(setting)

    def __getitem__(self, setting: Setting[T]) -> T:
        return cast("T", self.values.get(setting.name))

    def relate(self) -> None:
        """Check what depends on another setting; a default gives way, what was given does not."""
        if INTERVAL.name in self.values:
            self._against_interval(REFRESH, ge, 1, "settings.shorter_than")
            self._against_interval(STALE_AFTER, gt, 2, "settings.not_longer_than")
        address = self[LISTEN]
        if address is not None and not is_loopback(address.host) and STATUS_TOKEN.name not in self.given:
            error = RefusedError("settings.token_missing", other=LISTEN.name)
            self.faults.setdefault(STATUS_TOKEN.name, _told(error, STATUS_TOKEN.name, STATUS_TOKEN))

    def find_unknown(self) -> None:
        """Every name that looks like one of ours and is none is a fault: a mistyped limit must not go unnoticed."""
        known = {setting.name for setting in SETTINGS} - {CALENDAR.name}
        known |= {name + FILE for name in known}
        for name in sorted(self._environ):
            base = name.removesuffix(FILE)
            ours = name in known or _SLOT.fullmatch(base) or _INJECTED.fullmatch(name)
            if name.startswith(PREFIX) and not ours:
                self.faults[name] = _unknown(name, known)

    def _fill(self, setting: Setting[object]) -> None:
        given = self._look_up(setting.name, setting)
        if given is None and setting.name not in self.faults:
            given = self._default(setting)
        if given is not None:
            self._take(setting.name, given, setting)

    def _take(self, name: str, given: Given, setting: Setting[object]) -> None:
        self.given[name] = given
        try:
            if len(given.text) > LONGEST_VALUE:
                refuse("settings.too_long")
            if _QUOTED.fullmatch(given.text):
                refuse("settings.quoted")
            self.values[name] = setting.form.parse(given.text)
        except RefusedError as error:
            self.faults[name] = _told(error, given.name, setting)

    def _default(self, setting: Setting[object]) -> Given | None:
        text = setting.default if setting.derive is None else setting.derive(self._environ)
        if text is not None:
            return Given(setting.name, text, "default")
        if setting.required or setting.derive is not None:
            code = "settings.missing" if setting.required else "settings.no_state_place"
            empty = {"file": setting.name + FILE} if self._environ.get(setting.name + FILE) else {}
            self.faults[setting.name] = _told(RefusedError(code, **empty), setting.name, setting)
        return None

    def _fill_calendars(self) -> None:
        found = (_SLOT.fullmatch(name.removesuffix(FILE)) for name in self._environ)
        numbers = {each[0]: int(each[1]) for each in found if each}
        self.slots = sorted(numbers, key=numbers.__getitem__)
        owners: dict[str, str] = {}
        for slot in self.slots:
            given = self._look_up(slot, CALENDAR)
            if given is not None:
                self._take(slot, given, CALENDAR)
                self._map(slot, owners)
        if not owners and not any(slot in self.faults for slot in self.slots):
            self.faults[CALENDAR.name] = _told(RefusedError("settings.no_calendar"), CALENDAR.name, CALENDAR)

    def _map(self, slot: str, owners: dict[str, str]) -> None:
        if slot not in self.values:
            return
        online, column = cast("tuple[str, ColumnId]", self.values[slot])
        if online in owners:
            error = RefusedError("settings.calendar_twice", other=owners[online])
            self.faults[slot] = _told(error, self.given[slot].name, CALENDAR)
        else:
            owners[online] = slot
            self.calendars[online] = column

    def _look_up(self, name: str, setting: Setting[object]) -> Given | None:
        """What was given under `name`, or in the file that `name` with `_FILE` points to."""
        plain, path = self._environ.get(name), (self._environ.get(name + FILE) or "").strip(_EDGES)
        text = None if plain is None else plain.strip(_EDGES)
        said = bool(text) or (setting.keeps_empty and text is not None)
        if said and path:
            self.faults[name] = _told(RefusedError("settings.given_twice", other=name + FILE), name, setting)
        elif said and text is not None:
            return Given(name, text, "environment")
        elif path:
            return self._look_into(Path(path), name, setting)
        return None

    def _look_into(self, path: Path, name: str, setting: Setting[object]) -> Given | None:
        try:
            text = read_text(path).strip(_EDGES)
        except RefusedError as error:
            self.faults[name] = _told(error, name + FILE, setting)
            return None
        return Given(name + FILE, text, "file", path) if text or setting.keeps_empty else None

    def _against_interval(
        self, setting: Setting[float], fits: Callable[[float, float], bool], stretch: int, code: str
    ) -> None:
        interval, value = self[INTERVAL], self.values.get(setting.name)
        if not isinstance(value, float):
            return
        given = self.given[setting.name]
        if given.origin == "default":
            self.values[setting.name] = max(value, stretch * interval)
            self.given[setting.name] = given._replace(text=duration_text(self[setting]))
        elif not fits(value, interval):
            error = RefusedError(code, other=INTERVAL.name, least=duration_text(interval))
            self.faults[setting.name] = _told(error, given.name, setting)


def read_text(path: Path) -> str:
    """The text of a small ordinary file; RefusedError by the kind of trouble, never by its path or content: somebody
    may have put the secret itself where its path belongs.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                kind = "NotAFile"
            else:
                return file.read(LONGEST_VALUE * 4 + 1).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        kind = type(error).__name__
    raise RefusedError("settings.file_unreadable", kind=kind)


def _without_waiting(path: str, flags: int) -> int:
    """A pipe that nobody writes to must not stop the start."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _told(error: RefusedError, name: str, setting: Setting[object]) -> Fault:
    facts: dict[str, Fact] = {"name": name, "allowed": setting.form.allowed}
    return Fault(error.fault.code, facts | error.fault.facts)


def _unknown(name: str, known: set[str]) -> Fault:
    number = re.search(r"[1-9][0-9]{0,5}", name)
    slot = f"TMEX_CALENDAR_{number[0] if number else 1}"
    bare = {each.removeprefix(PREFIX): each for each in known | {slot, slot + FILE}}
    like = get_close_matches(name.upper()[:_LONGEST_NAME].removeprefix(PREFIX), sorted(bare), n=1)
    shown = name[:_LONGEST_NAME].encode("ascii", "backslashreplace").decode()
    if like:
        return Fault("settings.unknown_name_like", {"name": shown, "like": bare[like[0]]})
    return Fault("settings.unknown_name", {"name": shown})
