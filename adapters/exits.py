"""Every fault code has one exit code, and this is the only table that knows it."""

from typing import Final

OK: Final = 0
USAGE: Final = 2
UNREADABLE: Final = 65
UNREACHABLE: Final = 69
BUG: Final = 70
UNWRITABLE: Final = 73
FAILED: Final = 75
NOT_UNDERSTOOD: Final = 76
KEY_REFUSED: Final = 77
SETTINGS: Final = 78

_CODES: Final = {
    # Notices: what they tell of is done, or will be done by itself.
    "alarm.trial": OK,
    "calendar.guarded": OK,
    "calendar.vanished": OK,
    "portal.window_stale": OK,
    "file.no_events": OK,
    "source.deaf": OK,
    "source.no_trigger": OK,
    "source.pooler": OK,
    "source.queue_filling": OK,
    "source.replica": OK,
    "source.role_other": OK,
    "source.role_wide": OK,
    # A source that is there and cannot be used is another matter than one that is not there.
    "source.hot_journal": UNREACHABLE,
    "source.locked": UNREACHABLE,
    "source.login_refused": UNREACHABLE,
    "source.missing": UNREACHABLE,
    "source.no_database": UNREACHABLE,
    "source.pooler_refuses": UNREACHABLE,
    "source.timeout": UNREACHABLE,
    "source.tls": UNREACHABLE,
    "source.too_many_connections": UNREACHABLE,
    "source.unreachable": UNREACHABLE,
    "source.wal_read_only": UNREACHABLE,
    # Exports that are not all there: the others went up.
    "file.being_written": FAILED,
    "file.vanished": FAILED,
    "file.field_gone": FAILED,
    "file.encoding_other": FAILED,
    "file.none": UNREACHABLE,
    "portal.key_refused": KEY_REFUSED,
    "portal.rejected": FAILED,
    "portal.not_understood": NOT_UNDERSTOOD,
    "portal.redirected": NOT_UNDERSTOOD,
    "portal.too_large": NOT_UNDERSTOOD,
    "portal.window_absurd": NOT_UNDERSTOOD,
    "job.bug": BUG,
    "job.address_taken": UNWRITABLE,
}
_FAMILIES: Final = {
    "calendar": FAILED,
    "column": FAILED,
    "file": UNREADABLE,
    "job": FAILED,
    "alarm": UNREACHABLE,
    "ledger": UNWRITABLE,
    "output": UNWRITABLE,
    "portal": UNREACHABLE,
    "reservation": FAILED,
    "row": FAILED,
    "settings": SETTINGS,
    "source": UNREADABLE,
    "switch": UNWRITABLE,
    "usage": USAGE,
}


def exit_code(code: str) -> int:
    """What a command ends with whose one fault has this code; a code of no known family is our bug."""
    return _CODES.get(code, _FAMILIES.get(code.partition(".")[0], BUG))
