"""Asks for what the job cannot do without, writes it down for its owner's eyes alone, and tries it.

Nothing is written before the last answer; the key is never shown.
"""

import asyncio
import errno
import os
import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from getpass import getpass
from pathlib import Path
from typing import Final
from urllib.parse import quote

from adapters import command
from adapters.check import check
from adapters.compose import LookShelf, open_source
from adapters.settings import SETTINGS, Setting, faults, load
from adapters.settings.values import MASK
from adapters.streams import complain, tell
from adapters.texts import parts, say
from adapters.texts.phrasing import phrase
from engine.faults import Fault, FaultError
from engine.model import ColumnId

FILE: Final = Path("tmex.env")
"""Where the answers go, if nobody says otherwise."""
_LOOK_LIMIT: Final = 20.0
"""Seconds in which a source must have named its columns."""
_ASKED: Final = ("TMEX_API_KEY", "TMEX_WINDOW_URL", "TMEX_UPLOAD_URL", "TMEX_SOURCE", "TMEX_PRACTICE", "TMEX_STATE")
_KEY: Final = "TMEX_API_KEY"
_SOURCE: Final = "TMEX_SOURCE"
_STATE: Final = "TMEX_STATE"
_CALENDAR: Final = "TMEX_CALENDAR_1"
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+=,-")
"""What no shell, no systemd and no compose file reads as anything but itself."""


def setup(file: Path, lang: str) -> int:
    """Ask, write, try; the exit code says whether everything that was tried is right. Raises FaultError."""
    tell(phrase("setup.hello", lang, file=str(file)))
    if file.exists() and not _agrees("overwrite", lang, file=str(file)):
        tell(phrase("setup.kept", lang, file=str(file)))
        return 0
    before, answers = _before(file), {"TMEX_LANG": lang}
    for name in _ASKED:
        answers[name] = _asked(_setting(name), answers, lang, before.get(name, ""))
    answers |= _calendars(_found(answers, lang), answers, lang)
    answers |= _placed(answers)
    _write(file, answers, lang)
    tell(phrase("setup.written", lang, file=str(file)))
    code = _tried(answers, lang)
    tell("\n" + phrase("setup.mend" if code else "setup.next", lang, file=quoted(str(file.absolute()))))
    return code


def _before(file: Path) -> dict[str, str]:
    """What an earlier run wrote there; of a file that is none of ours, what can be read."""
    found = dict[str, str]()
    with suppress(OSError, UnicodeError):
        for line in file.read_text("utf-8").splitlines():
            with suppress(ValueError):  # of quotation marks that do not match
                found |= dict(each.split("=", 1) for each in shlex.split(line, comments=True) if "=" in each)
    return found


def _setting(name: str) -> Setting[object]:
    return next(each for each in SETTINGS if each.name == name)


def _asked(setting: Setting[object], known: Mapping[str, str], lang: str, before: str) -> str:
    """A usable answer, however often it takes; an empty one is what was said `before`, or the default."""
    tell("\n" + (setting.de if lang == "de" else setting.en))
    default = before or _default(setting)
    told = _told(setting, default, lang)
    while True:
        text = _line(told, secret=setting.name == _KEY) or default
        if setting.name == _SOURCE:
            text = _address(text, lang)
        wrong = _wrong(setting.name, text, known)
        if wrong is None:
            return text
        _complain(wrong, lang)


def _told(setting: Setting[object], default: str, lang: str) -> str:
    """The question, with what an answer looks like and what an empty one means; the key stays unseen (I7)."""
    secret, shape = setting.name == _KEY, setting.form.allowed
    shapes = [phrase("setup.hidden", lang)] if secret and sys.stdin.isatty() else [shape] if "…" in shape else []
    shown = MASK if secret else default
    return " ".join([setting.name, *(f"({each})" for each in shapes), *([f"[{shown}]"] if default else [])])


def _address(text: str, lang: str) -> str:
    """What a person who types a path means: the file or the folder that is there."""
    path = Path(text).expanduser().absolute()
    if not text or "://" in text or not path.exists():
        return text
    coded = "".join(f"%{ord(each):02X}" if each in "%?#" else each for each in str(path))
    taken = f"files://{coded}" if path.is_dir() else f"sqlite:///{coded}"
    tell(phrase("setup.taken", lang, source=taken))
    return taken


def _default(setting: Setting[object]) -> str:
    """The default as it is on this machine."""
    derived = setting.derive(os.environ) if setting.derive is not None else setting.default
    return derived or ""


def _wrong(name: str, text: str, known: Mapping[str, str]) -> Fault | None:
    found = faults({**known, name: text})
    return next((fault for fault in found if fault.facts.get("name") == name), None)


def _found(answers: dict[str, str], lang: str) -> tuple[ColumnId, ...] | None:
    """The columns of the source. While it cannot be asked, its address is asked for again; None where that stays the
    same, for it may come to be later.
    """
    while True:
        try:
            return asyncio.run(_columns(answers))
        except TimeoutError:
            complain(say(Fault("source.timeout"), lang))
        except FaultError as error:
            complain(say(error.fault, lang))
        before = answers[_SOURCE]
        answers[_SOURCE] = _asked(_setting(_SOURCE), answers, lang, before)
        if answers[_SOURCE] == before:
            return None


def _placed(answers: Mapping[str, str]) -> dict[str, str]:
    """Addresses that are right wherever the job is started."""
    scheme, _, path = answers[_SOURCE].partition(":///")
    placed = {_STATE: str(Path(answers[_STATE]).absolute())}
    if scheme == "sqlite" and not path.startswith("/"):
        placed[_SOURCE] = f"sqlite:///{quote(str(Path.cwd()))}/{path}"
    return placed


def _calendars(columns: tuple[ColumnId, ...] | None, answers: Mapping[str, str], lang: str) -> dict[str, str]:
    """Which online calendars there are, and what feeds each; at least one."""
    key = "unread" if columns is None else "columns" if columns else "no_columns"
    tell("\n" + phrase(f"setup.{key}", lang, found=", ".join(map(str, columns or ()))))
    while True:
        chosen = _offered(columns, lang) if columns else _typed(lang)
        named = {f"TMEX_CALENDAR_{number}": each for number, each in enumerate(chosen, 1)}
        wrong = [each for each in faults({**answers, **named}) if "CALENDAR" in str(each.facts.get("name"))]
        if not wrong:
            return named
        for each in wrong:
            _complain(each, lang)


def _offered(columns: tuple[ColumnId, ...], lang: str) -> list[str]:
    names = [(_line(phrase("setup.name", lang, column=str(column))), column) for column in columns]
    return [f"{name}={column}" for name, column in names if name]


def _typed(lang: str) -> list[str]:
    told = list[str]()
    while text := _line(phrase("setup.calendar", lang)):
        wrong = _wrong(_CALENDAR, text, {})
        if wrong is None:
            told.append(text)
        else:
            _complain(wrong, lang)
    return told


async def _columns(answers: Mapping[str, str]) -> tuple[ColumnId, ...]:
    """The columns that the source has. Raises FaultError, and TimeoutError for one that does not answer."""
    settings = load({**answers, "TMEX_CALENDAR_1": "online=calendar/column"})
    async with asyncio.timeout(_LOOK_LIMIT), open_source(settings, LookShelf(None)) as source:
        return await source.columns()


def _complain(fault: Fault, lang: str) -> None:
    """Say what is wrong with an answer; the question follows anew, and nothing runs that it could have stopped."""
    complain(f"{parts(fault, lang).what} [{fault.code}]")


def _line(told: str, *, secret: bool = False) -> str:
    """What a person types, or the next line of a pipe. Raises FaultError where there is none."""
    try:
        if secret and sys.stdin.isatty():
            return getpass(f"{told}: ").strip()
        tell(f"{told}: ", end="" if sys.stdin.isatty() else "\n")
        line = sys.stdin.readline()
    except EOFError:
        line = ""
    if not line:
        raise FaultError("usage.no_answer", question=told.partition(" ")[0])
    return line.strip()


def _agrees(key: str, lang: str, **facts: str) -> bool:
    return _line(phrase(f"setup.{key}", lang, **facts)).lower() in {"j", "ja", "y", "yes"}


def _write(file: Path, answers: Mapping[str, str], lang: str) -> None:
    """Whole or not at all, and never readable for anybody else. Raises FaultError."""
    lines = [f"# {line}" for line in phrase("setup.comment", lang, file=quoted(str(file.absolute()))).splitlines()]
    lines += [f"{name}={quoted(value)}" for name, value in answers.items()]
    aside = file.with_name(file.name + ".new")
    try:
        aside.unlink(missing_ok=True)
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
            out.write("\n".join([*lines, ""]))
        aside.replace(file)
    except OSError as error:
        kind = errno.errorcode.get(error.errno or 0, "OSError")
        raise FaultError("output.unwritable", kind=kind) from None


def quoted(value: str) -> str:
    """`value` as shells, systemd and compose read it alike."""
    if value and set(value) <= _PLAIN:
        return value
    if "'" not in value:
        return f"'{value}'"
    return '"' + "".join(f"\\{each}" if each in '\\"$`' else each for each in value) + '"'


def _tried(answers: Mapping[str, str], lang: str) -> int:
    """What `check` and, if all is well, `plan` say with these settings."""
    settings = load(answers)
    tell("\n" + phrase("setup.check", lang))
    checker = asyncio.run(check(answers, lang))
    tell("\n".join(checker.lines()))
    if not checker.passed():
        return 1
    tell("\n" + phrase("setup.plan", lang))
    return asyncio.run(command.plan(settings, as_json=False))
