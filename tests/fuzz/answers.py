"""What others send us: the portal's answers, and the payload of PostgreSQL's notifications, which anybody may send."""

import json
import re
from contextlib import suppress
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from adapters.drflex.answers import LONGEST_PAUSE, Attempt, clock_off, retry_after
from adapters.drflex.wire import decode_accepted, decode_window
from adapters.duria.postgres_listener import _hint
from engine.faults import FaultError
from engine.model import Window
from engine.ports import Hint, PortalError
from engine.walltime import WallClock
from tests.contract.source_contract import instant
from tests.fuzz.target import CANARY, Target, no_canary, require

BERLIN: Final = WallClock(ZoneInfo("Europe/Berlin"))
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_JSON: Final = (
    *(
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b'":',
        b",",
        b"null",
        b"true",
        b"1e999",
        b"-0",
        b"\\u0000",
        b"\\ud800",
        b"\xef\xbb\xbf",
    ),
    *(b"[" * 3000, b'{"a":' * 1500, b'"from":', b'"to":', b'"accepted":', b"99999999999999999999", b"\xff", b"<html>"),
)


def check_window(data: bytes) -> None:
    """R1: a window, or one of two faults; an empty or absurd one is never a window."""
    try:
        window = decode_window(data, BERLIN)
    except FaultError as error:
        require(error.fault.code in {"portal.not_understood", "portal.window_absurd"}, "another fault")
        no_canary(error, error.fault)
        return
    require(isinstance(window, Window), "no window")
    _as_asked(data, window)


def _as_asked(data: bytes, window: Window) -> None:
    """Another reader's dates are this window."""
    with suppress(ValueError, RecursionError, OverflowError):
        asked = json.loads(data.decode("utf-8-sig"))
        if _DAY.fullmatch(asked["from"]) and _DAY.fullmatch(asked["to"]):
            first, after = date.fromisoformat(asked["from"]), date.fromisoformat(asked["to"]) + timedelta(days=1)
            around = instant(first.isoformat()), instant(after.isoformat())
            near = abs(window.start - around[0]) <= 7200 and abs(window.end - around[1]) <= 7200
            require(near, "another window than was asked for")


def check_upload(data: bytes) -> None:
    """I6, fault 29: a number or None; a page for people is no acceptance."""
    attempt = Attempt(uploads=True)
    attempt.connected = True
    doubt = attempt.doubt("application/json", data)
    if doubt is None:
        accepted = decode_accepted(data)
        require(accepted is None or 0 <= accepted < 2**31, "an absurd number")
        require(not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"), "a page was accepted")
    else:
        require(doubt.maybe_applied, "what nobody knows was taken for known")
        no_canary(doubt, doubt.fault)


def check_retry(data: bytes) -> None:
    """I10, fault 24: at most an hour, whatever a header says; and a clock that is told or not."""
    text, attempt = data.decode("utf-8", "surrogateescape"), Attempt(uploads=True)
    wait, off = retry_after(text, 1.8e9), clock_off(text, 1.8e9)
    require(wait is None or 0 <= wait <= LONGEST_PAUSE, "a pause beyond an hour")
    require(off is None or abs(off) < 1e13, "a clock beyond all clocks")
    for status in (200, 429, 503):
        refusal = attempt.refusal(status, {"Retry-After": text, "Content-Encoding": text}, 1.8e9)
        require(refusal is None or isinstance(refusal, PortalError), "no PortalError")
        if refusal is not None:
            no_canary(refusal, refusal.fault)


def check_hint(data: bytes) -> None:
    """I5: a hint for a column, or for everything; never an error in the driver's callback, which nobody would see."""
    hint = _hint(data.decode("utf-8", "surrogateescape"))
    require(isinstance(hint, Hint), "no hint")
    require(hint.column is None or hint.column.column, "a column without a name")


_WINDOWS: Final = (
    {"from": "2026-11-23", "to": "2027-02-20", "practice": CANARY},
    {"from": "2026-11-22T23:00:00Z", "to": "2027-02-20T23:00+01:00"},
    {"from": "2026-11-22T23:00:00.25Z", "to": "2028-02-29", "x": [[{}, CANARY]]},
)
_MOMENTS: Final = (
    b"2026-02-29",
    b"9999-12-31",
    b"0001-01-01",
    b"T24:00:00Z",
    b"+23:59",
    b"-0000",
    b".999999999999",
    b"Z",
)
WINDOW_TARGET: Final = Target(
    "window", check_window, tuple(json.dumps(each).encode() for each in _WINDOWS), (*_JSON, *_MOMENTS)
)
UPLOAD_TARGET: Final = Target(
    "upload", check_upload, (f'{{"accepted": 17, "who": "{CANARY}"}}'.encode(), b"", f"<p>{CANARY}".encode()), _JSON
)
RETRY_TARGET: Final = Target(
    "retry",
    check_retry,
    (b"120", b"Mon, 23 Nov 2026 08:00:00 GMT", b"1e9", b"-1", CANARY.encode()),
    (b"nan", b"inf", b"-0200", b"31 Dec 9999", b"+9999", b"1e308", b"_", "٣".encode(), b"Feb", b" 30 "),
)
HINT_TARGET: Final = Target(
    "hint",
    check_hint,
    (b"", f'{{"calendar": "Kalender", "col": "A", "days": ["2026-11-23"], "x": "{CANARY}"}}'.encode(), b'{"col": 1}'),
    (*_JSON, b'"calendar":', b'"col":'),
)
