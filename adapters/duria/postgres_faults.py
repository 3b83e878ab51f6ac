"""Whatever goes wrong with PostgreSQL is one fault with a stable code; nothing of the server's own words gets through.

They would quote what stands in a view or a row, which may be a patient (I7): an error is known by its SQLSTATE alone.
"""

import ssl
from typing import Final

import asyncpg

from engine.faults import Fault

ERRORS: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, ValueError)
"""What the driver and the network raise when the source cannot be asked; a time-out is an OSError."""
LOST: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # also what the driver makes of a server's last words that come unasked
    ConnectionError,
)
"""The connection is gone, and another one may do."""

DENIED: Final = "42501"
_CODES: Final = {
    "08P01": "source.pooler_refuses",  # a server says so of a broken driver alone
    "28000": "source.login_refused",
    "28P01": "source.login_refused",
    "3D000": "source.no_database",
    "53300": "source.too_many_connections",
    DENIED: "source.denied",
    "42P01": "source.broken_view",  # our own relations are looked up before: it is one beneath a view
    "42703": "source.broken_view",
    "42804": "source.broken_view",
    "42883": "source.broken_view",
    "55P03": "source.locked",
    "57014": "source.timeout",
    "40001": "source.locked",  # a replica that has to catch up
    "XX001": "source.corrupt",
    "XX002": "source.corrupt",
}
_CLASSES: Final = {"08": "source.unreachable", "57": "source.unreachable", "22": "source.view_fails"}
_OF_SCHEMA: Final = {"42P01", "3F000", "42703", "42804", "42883", DENIED, "42809"}


def fault_of(error: BaseException) -> Fault:
    """What `error`, one of ERRORS, means."""
    match error:
        case asyncpg.PostgresError():
            state = state_of(error)
            code = _CODES.get(state) or _CLASSES.get(state[:2], "source.unreadable")
            return Fault(code, {"kind": state})
        case ssl.SSLError():
            return Fault("source.tls", {"kind": type(error).__name__})
        case TimeoutError():
            return Fault("source.timeout")
        case OSError() | asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return Fault("source.unreachable", {"kind": type(error).__name__})
        case _:
            return Fault("source.unreadable", {"kind": type(error).__name__})


def state_of(error: BaseException | None) -> str:
    """The SQLSTATE, or nothing for an error that has none."""
    return str(getattr(error, "sqlstate", None) or "")


def passing(fault: Fault) -> bool:
    """Whether the way or the server is gone, and may be back at any moment."""
    return fault.code in ("source.unreachable", "source.timeout")


def of_schema(error: BaseException | None) -> bool:
    """Whether the relations may be other ones than we take them for, so that a look at them tells more."""
    return state_of(error) in _OF_SCHEMA
