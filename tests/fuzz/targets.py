"""Every parser of tmex by its name: what reads something that somebody else wrote."""

from importlib import import_module
from typing import Final

from tests.fuzz.target import Target

TARGETS: Final = {
    "csv": "tests.fuzz.exports:CSV_TARGET",
    "ics": "tests.fuzz.exports:ICS_TARGET",
    "rows": "tests.fuzz.rows:ROWS_TARGET",
    "window": "tests.fuzz.answers:WINDOW_TARGET",
    "upload": "tests.fuzz.answers:UPLOAD_TARGET",
    "retry": "tests.fuzz.answers:RETRY_TARGET",
    "hint": "tests.fuzz.answers:HINT_TARGET",
    "settings": "tests.fuzz.environs:SETTINGS_TARGET",
    "ledger": "tests.fuzz.stored:LEDGER_TARGET",
    "key": "tests.fuzz.stored:KEY_TARGET",
}
"""Where each of them stands; only what is searched is loaded."""


def found(name: str) -> Target:
    """The target of that name, or of that place."""
    module, _, attribute = TARGETS.get(name, name).partition(":")
    target = getattr(import_module(module), attribute)
    assert isinstance(target, Target), "the name of a target"
    return target
