"""All faults at once, or settings that hold: nothing is half loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, overload

from adapters.settings import declared as d
from adapters.settings.sheet import FILE, Sheet
from adapters.settings.values import Basics, Secret, Settings, SettingsError
from engine.faults import Fault
from engine.limits import Limits


@overload
def load(environ: Mapping[str, str], *, only_state: Literal[False] = False) -> Settings: ...
@overload
def load(environ: Mapping[str, str], *, only_state: Literal[True]) -> Basics: ...
def load(environ: Mapping[str, str], *, only_state: bool = False) -> Settings | Basics:
    """All settings, or with `only_state` those that every command needs, whatever is wrong with the others.

    Raises SettingsError with all faults at once.
    """
    return _basics(environ) if only_state else _settings(read(environ))


def state_of(environ: Mapping[str, str]) -> Path:
    """The state's file, whatever is wrong with other settings. Raises SettingsError."""
    return load(environ, only_state=True).state


def faults(environ: Mapping[str, str]) -> tuple[Fault, ...]:
    """Everything that is wrong with the settings."""
    return tuple(read(environ).faults.values())


def language(environ: Mapping[str, str]) -> str:
    """The language to speak in, also of faults: `de` or `en`, whatever is wrong."""
    return _or_default(Sheet(environ, (d.LANG,)), environ, d.LANG)


def read_key(path: Path) -> Secret:
    """The key that a key file holds now. Raises SettingsError."""
    sheet = Sheet({d.API_KEY.name + FILE: str(path)}, (d.API_KEY,))
    _refuse_faulty(sheet)
    return sheet[d.API_KEY]


def read(environ: Mapping[str, str]) -> Sheet:
    """The sheet of all settings, checked against each other."""
    sheet = Sheet(environ)
    sheet.relate()
    sheet.find_unknown()
    return sheet


def _refuse_faulty(sheet: Sheet) -> None:
    if sheet.faults:
        raise SettingsError(tuple(sheet.faults.values()))


def _nothing_said(sheet: Sheet) -> bool:
    """Whether nothing is wrong but that all is missing: then the settings lie in a file that nobody loaded."""
    given = {each.name for each in sheet.given.values() if each.origin != "default"}
    missing = {"settings.missing", "settings.no_calendar"}
    return given <= {d.LANG.name} and bool(sheet.faults) and {each.code for each in sheet.faults.values()} <= missing


def _basics(environ: Mapping[str, str]) -> Basics:
    _refuse_faulty(Sheet(environ, (d.STATE,)))
    sheet = Sheet(environ, d.BASICS)
    return Basics(
        state=sheet[d.STATE],
        lang=_or_default(sheet, environ, d.LANG),
        log_format=sheet[d.LOG_FORMAT],
        log_level=_or_default(sheet, environ, d.LOG_LEVEL),
    )


def _or_default(sheet: Sheet, environ: Mapping[str, str], setting: d.Setting[str]) -> str:
    if setting.name in sheet.values:
        return sheet[setting]
    return Sheet({"LANG": environ.get("LANG", "")}, (setting,))[setting]


def _settings(sheet: Sheet) -> Settings:
    if _nothing_said(sheet):
        raise SettingsError((*sheet.faults.values(), Fault("settings.none")))
    _refuse_faulty(sheet)
    return Settings(
        state=sheet[d.STATE],
        lang=sheet[d.LANG],
        log_format=sheet[d.LOG_FORMAT],
        log_level=sheet[d.LOG_LEVEL],
        key=sheet[d.API_KEY],
        key_file=sheet.given[d.API_KEY.name].path,
        key_header=sheet[d.KEY_HEADER],
        window_url=sheet[d.WINDOW_URL],
        upload_url=sheet[d.UPLOAD_URL],
        calendars=sheet.calendars,
        source=sheet[d.SOURCE],
        practice=sheet[d.PRACTICE],
        limits=_limits(sheet),
        timeout=sheet[d.TIMEOUT],
        listen=sheet[d.LISTEN],
        stale_after=sheet[d.STALE_AFTER],
        shadow=sheet[d.SHADOW],
        history=sheet[d.HISTORY],
        file_settle=sheet[d.FILE_SETTLE],
        file_encoding=sheet[d.FILE_ENCODING],
        status_token=sheet[d.STATUS_TOKEN],
        alert_webhook=sheet[d.ALERT_WEBHOOK],
        alert_mail=sheet[d.ALERT_MAIL],
        heartbeat_url=sheet[d.HEARTBEAT_URL],
    )


def _limits(sheet: Sheet) -> Limits:
    return Limits(
        interval=sheet[d.INTERVAL],
        refresh=sheet[d.REFRESH],
        free_delay=sheet[d.FREE_DELAY],
        upload_gap=sheet[d.UPLOAD_GAP],
        upload_burst=sheet[d.UPLOAD_BURST],
        concurrency=sheet[d.CONCURRENCY],
        settle=sheet[d.SETTLE],
        backoff_max=sheet[d.BACKOFF_MAX],
        guard_percent=sheet[d.GUARD_PERCENT],
        guard_min=sheet[d.GUARD_MIN],
        guard_confirm=sheet[d.GUARD_CONFIRM],
        block_vanished=sheet[d.BLOCK_VANISHED],
        default_slot=sheet[d.DEFAULT_SLOT],
        zone=sheet[d.TIMEZONE],
        practice=sheet[d.PRACTICE],
    )
