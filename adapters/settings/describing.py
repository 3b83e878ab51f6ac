"""The settings can be shown at any time, faulty or not, and never with a secret in them (I7)."""

from collections.abc import Mapping
from typing import Final, TypedDict

from adapters.settings.declared import API_KEY, CALENDAR, SETTINGS, STATUS_TOKEN, Setting
from adapters.settings.loading import read
from adapters.settings.sheet import Sheet
from adapters.settings.values import MASK, Mail, PostgresSource, Secret

_LEAST_TO_HIDE: Final = 4
"""Characters; a shorter key would be found by chance in every second value."""


class Row(TypedDict):
    """One line of `tmex config`, fit to be printed and to be encoded as JSON as it is."""

    name: str
    value: str
    """As given; `***` for what is secret or was not understood; empty when there is none."""
    origin: str
    """`default`, `environment` or `file`."""
    allowed: str
    """Its range as one writes it."""
    unit: str
    """What a bare number counts; empty where that says nothing."""
    fault: str | None
    """The code of what is wrong with it."""


def describe(environ: Mapping[str, str]) -> list[Row]:
    """A row for every setting and every calendar, in the order of the reference."""
    sheet = read(environ)
    rows = [_row(sheet, name, setting) for setting in SETTINGS for name in _names(sheet, setting)]
    secrets = [sheet.given[setting.name].text for setting in (API_KEY, STATUS_TOKEN) if setting.name in sheet.given]
    return [_hide(row, secrets) for row in rows]


def _names(sheet: Sheet, setting: Setting[object]) -> list[str]:
    """The setting's name; of calendars, those that are given in any way."""
    if setting is not CALENDAR:
        return [setting.name]
    return [slot for slot in sheet.slots if slot in sheet.given or slot in sheet.faults] or [setting.name]


def _row(sheet: Sheet, name: str, setting: Setting[object]) -> Row:
    given, fault = sheet.given.get(name), sheet.faults.get(name)
    value, origin = "", "default"
    if given is not None:
        value = _shown(sheet.values[name], given.text) if name in sheet.values else MASK
        origin = given.origin
    return {
        "name": name,
        "value": value,
        "origin": origin,
        "allowed": setting.form.allowed,
        "unit": setting.form.unit,
        "fault": None if fault is None else fault.code,
    }


def _shown(value: object, text: str) -> str:
    match value:
        case Secret():
            return str(value)
        case PostgresSource(dsn=dsn):
            return str(dsn)
        case Mail(shown=shown):
            return shown
        case _:
            return text


def _hide(row: Row, secrets: list[str]) -> Row:
    """`row` without a secret that was put where it does not belong, such as a key in an address."""
    for secret in secrets:
        if len(secret) >= _LEAST_TO_HIDE:
            row["value"] = row["value"].replace(secret, MASK)
    return row
