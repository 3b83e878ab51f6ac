"""How a value is written: a form takes any text and gives a value within its limits, or refuses it without repeating
it.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Generic, NoReturn, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from adapters.settings.values import RefusedError, Secret
from engine.model import ColumnId

T_co = TypeVar("T_co", covariant=True)

LONGEST_VALUE: Final = 8192
"""Characters; no header, name or address that works is longer."""
_LONGEST_NAME: Final = 200
_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_DURATION = re.compile(r"(0|[1-9][0-9]{0,11})(ms|s|m|h|d)?")
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_ASCII = re.compile(r"[\x20-\x7e]+")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name by RFC 9110."""
_JOINERS: Final = "\u200c\u200d"
_RESERVED: Final = frozenset(
    {
        *("accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "cookie"),
        *("expect", "host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that shape the request itself: a key in one of them would break it or change its meaning."""
ENCODINGS: Final = ("utf-8", "cp1252", "cp850", "cp437", "cp858", "cp1250", "iso8859-1", "iso8859-15")
_NO_IANA_NAME: Final = ("right/", "posix/", "posixrules", "localtime", "Factory")
"""What zone folders hold besides; `right/` counts leap seconds and would shift every time by half a minute."""


class Form(msgspec.Struct, Generic[T_co], frozen=True):
    """`parse` gives a value or raises RefusedError; `allowed` is its range as one writes it, in no language."""

    parse: Callable[[str], T_co]
    allowed: str
    unit: str = ""


def duration(least: str, most: str, allowed: str = "") -> Form[float]:
    """A length of time, in seconds; a bare number counts seconds."""
    low, high = _milliseconds(least), _milliseconds(most)

    def parse(text: str) -> float:
        return within(_milliseconds(text), low, high) / 1000

    return Form(parse, allowed or f"{least} – {most}", "s")


def whole_seconds(least: str, most: str) -> Form[int]:
    """The same, where a fraction of a second means nothing."""
    low, high = _milliseconds(least), _milliseconds(most)

    def parse(text: str) -> int:
        seconds, rest = divmod(within(_milliseconds(text), low, high), 1000)
        return seconds if not rest else refuse()

    return Form(parse, f"{least} – {most}", "s")


def number(least: int, most: int, unit: str = "") -> Form[int]:
    """A whole number in plain digits, without sign, exponent or leading zero."""

    def parse(text: str) -> int:
        return within(int(text), least, most) if _NUMBER.fullmatch(text) else refuse()

    return Form(parse, f"{least} – {most}", unit)


def choice(*words: str) -> Form[str]:
    """One of a few words, in any case."""

    def parse(text: str) -> str:
        return text.lower() if text.isascii() and text.lower() in words else refuse()

    return Form(parse, ", ".join(words))


def switch() -> Form[bool]:
    """`on` or `off`; what looks like a third answer is refused, not guessed."""
    word = choice("on", "off")
    return Form(lambda text: word.parse(text) == "on", word.allowed)


def name() -> Form[str]:
    """A name of DURIA's or of the portal's."""
    return Form(printable, f"1 – {_LONGEST_NAME}", "characters")


def printable(text: str, most: int = _LONGEST_NAME) -> str:
    """`text`, if nothing in it could break a line, a terminal or an encoder."""
    if not 0 < len(text) <= most or any(map(_unprintable, text)):
        refuse()
    return text


def key() -> Form[Secret]:
    """What can stand in a header's value."""

    def parse(text: str) -> Secret:
        return Secret(text) if _ASCII.fullmatch(text) else refuse("settings.key_unusable")

    return Form(parse, "≥ 1 ASCII")


def token(least: int) -> Form[Secret]:
    """The same, and too long to be guessed."""

    def parse(text: str) -> Secret:
        return Secret(text) if len(text) >= least and _ASCII.fullmatch(text) else refuse("settings.token_unusable")

    return Form(parse, f"≥ {least} ASCII")


def header() -> Form[str]:
    """A header's name; `Authorization` always in this spelling."""

    def parse(text: str) -> str:
        if not _TOKEN.fullmatch(text) or len(text) > _LONGEST_NAME or text.lower() in _RESERVED:
            refuse("settings.header_unusable")
        return "Authorization" if text.lower() == "authorization" else text

    return Form(parse, "Authorization, X-Api-Key, …")


def encoding() -> Form[str]:
    """`auto`, or a way to write German text that practices use."""

    def parse(text: str) -> str:
        found = text.lower() if text.lower() == "auto" else _codec(text)
        return found if found in {"auto", *ENCODINGS} else refuse()

    return Form(parse, ", ".join(("auto", *ENCODINGS)))


def file() -> Form[Path]:
    """The path of a file; it is looked at by whoever opens it."""

    def parse(text: str) -> Path:
        path = Path(printable(text, LONGEST_VALUE))
        return path if path.name not in ("", "..") and not text.endswith("/") else refuse()

    return Form(parse, "/var/lib/tmex/tmex.db, …")


def zone() -> Form[ZoneInfo]:
    """An IANA time zone."""
    return Form(_zone, "Europe/Berlin, Europe/Zurich, …")


def calendar() -> Form[tuple[str, ColumnId]]:
    """`online name=calendar/column`: the last `=` splits, then the last `/`."""
    return Form(_calendar, "Dr. Adler=TK1/A")


def within(amount: int, least: int, most: int) -> int:
    """`amount`, if it lies within its limits, both inclusive."""
    return amount if least <= amount <= most else refuse()


def refuse(code: str = "settings.not_allowed") -> NoReturn:
    """Raise the RefusedError that tells the code and nothing of the value."""
    raise RefusedError(code)


def derived_lang(environ: Mapping[str, str]) -> str:
    """The language that `LANG` speaks, if tmex does."""
    return "en" if re.match(r"en(?![a-z])", environ.get("LANG", "")) else "de"


def derived_state(environ: Mapping[str, str]) -> str | None:
    """Where state belongs by the XDG rules, by which a relative path does not count; None without a home."""
    for folder, below in ((environ.get("XDG_STATE_HOME"), ""), (environ.get("HOME"), ".local/state")):
        if folder and folder.startswith("/"):
            return str(Path(folder, below, "tmex", "tmex.db"))
    return None


def duration_text(seconds: float) -> str:
    """`seconds` as a setting would say it, in the largest unit that fits, such as `2m`."""
    amount = round(seconds * 1000)
    units = [(text, size) for text, size in _MILLISECONDS.items() if amount % size == 0]
    text, size = units[-1] if amount else ("s", 1)
    return f"{amount // size}{text}"


def _milliseconds(text: str) -> int:
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _MILLISECONDS[found[2] or "s"] if found else refuse()


def _unprintable(character: str) -> bool:
    """Controls, line and paragraph ends, and what no encoder takes; a no-break space and the two signs that
    join or part letters may well belong to a name.
    """
    return character not in _JOINERS and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Cn", "Zl", "Zp"}


def _codec(text: str) -> str:
    try:
        return codecs.lookup(text).name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,30}", text) else ""
    except LookupError:
        return ""


def _zone(text: str) -> ZoneInfo:
    """The zone; where there are no zones at all, that is what has to be said (fault 46)."""
    found = None if text.startswith(_NO_IANA_NAME) else _find_zone(text)
    if found is not None:
        return found
    return refuse("settings.zone_unknown" if _find_zone("Europe/Berlin") else "settings.zone_data_missing")


def _find_zone(text: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return None


def _calendar(text: str) -> tuple[str, ColumnId]:
    online, _, target = text.rpartition("=")
    group, _, column = target.rpartition("/")
    try:
        parts = [printable(each.strip()) for each in (online, group, column)]
    except RefusedError:
        parts = []
    return (parts[0], ColumnId(parts[1], parts[2])) if parts else refuse("settings.calendar_unreadable")
