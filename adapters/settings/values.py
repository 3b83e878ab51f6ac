"""The settings as values: frozen, checked before they exist, and a secret never shows itself.

Durations are in seconds. What a practice has not set is None where there is no default.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.faults import Fault, FaultError
from engine.limits import Limits
from engine.model import ColumnId

MASK = "***"


class Secret:
    """A text that only `reveal` gives away; printed, logged or formatted it is what `shown` says."""

    __slots__ = ("_shown", "_value")

    def __init__(self, value: str, shown: str = MASK) -> None:
        self._value, self._shown = value, shown

    def reveal(self) -> str:
        """The text itself, for the one place that needs it."""
        return self._value

    def __str__(self) -> str:
        return self._shown

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)


class SqliteSource(msgspec.Struct, frozen=True, tag="sqlite"):
    """The practice's calendar is an SQLite file; a relative path counts from the working directory."""

    path: Path


class FilesSource(msgspec.Struct, frozen=True, tag="files"):
    """The practice's calendar is a folder of exports."""

    folder: Path


class PostgresSource(msgspec.Struct, frozen=True, tag="postgres"):
    """The practice's calendar is a PostgreSQL database."""

    dsn: Secret


Source = SqliteSource | FilesSource | PostgresSource


class Address(NamedTuple):
    """Where to listen; `host` is a name or an IP address without brackets, port 0 any free one."""

    host: str
    port: int


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """Where alarms are mailed. With `tls` the connection begins encrypted, else by STARTTLS where the server offers
    it; a password must never go over a connection that is not encrypted.
    """

    host: str
    port: int
    tls: bool
    user: Secret | None
    password: Secret | None
    sender: str
    to: tuple[str, ...]
    shown: str
    """The address as it may be printed."""

    def __repr__(self) -> str:
        return self.shown


class Basics(msgspec.Struct, frozen=True, kw_only=True):
    """What every command needs, also those that need no other setting."""

    state: Path
    lang: str
    """`de` or `en`."""
    log_format: str | None
    """`text` or `json`; None: text on a terminal, else json."""
    log_level: str
    """`debug`, `info`, `warning` or `error`."""


class Settings(Basics, frozen=True, kw_only=True):
    """All settings, each within its limits and all of them consistent. Addresses are secrets for their query's sake."""

    key: Secret
    key_file: Path | None
    """The file that the key came from: `read_key` reads it again, as the key may be renewed (I10)."""
    key_header: str
    """`Authorization` in just this spelling, or another header's name."""
    window_url: Secret
    upload_url: Secret
    calendars: Mapping[str, ColumnId]
    """The column that feeds each online calendar, by the calendar's name, in the order of their numbers (R10)."""
    source: Source
    practice: str
    limits: Limits
    timeout: float
    listen: Address | None
    """None: no page."""
    stale_after: float
    shadow: bool
    history: float
    file_settle: float
    file_encoding: str
    """`auto` or a codec's canonical name."""
    status_token: Secret | None
    alert_webhook: Secret | None
    alert_mail: Mail | None
    heartbeat_url: Secret | None


class SettingsError(FaultError):
    """The settings cannot be used; `faults` holds everything that is wrong with them, `fault` the first."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults[0].code, **faults[0].facts)
        self.faults = faults


class RefusedError(FaultError):
    """One value that is not allowed. Its facts never hold the value; whoever reads it adds the variable's name."""
