"""The environment becomes settings, or a list of all that is wrong with it; no secret shows itself on the way (I7).

Every variable is declared once, in `declared`. Faults are codes and facts, never values; sentences are made elsewhere.
"""

from adapters.settings.addresses import is_loopback
from adapters.settings.declared import SETTINGS, Setting
from adapters.settings.describing import Row, describe
from adapters.settings.loading import faults, language, load, read_key, state_of
from adapters.settings.values import (
    MASK,
    Address,
    Basics,
    FilesSource,
    Mail,
    PostgresSource,
    Secret,
    Settings,
    SettingsError,
    Source,
    SqliteSource,
)

__all__ = [
    "MASK",
    "SETTINGS",
    "Address",
    "Basics",
    "FilesSource",
    "Mail",
    "PostgresSource",
    "Row",
    "Secret",
    "Setting",
    "Settings",
    "SettingsError",
    "Source",
    "SqliteSource",
    "describe",
    "faults",
    "is_loopback",
    "language",
    "load",
    "read_key",
    "state_of",
]
