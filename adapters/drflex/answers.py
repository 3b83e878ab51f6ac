"""Decides what an answer of the portal means, or that there was none: what is not clearly accepted is a `PortalError`.

Nothing of an answer or of a library's error goes into one, but for a status, a class name and a word of our own. Pure.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import Final

import aiohttp

from engine.faults import Fact, Fault
from engine.ports import KeyRefusedError, PortalError, RejectedError

LONGEST_PAUSE: Final = 3600.0
"""Seconds; no `Retry-After` is taken for longer (I10)."""

_NONE: Final = re.compile(r"q *= *0(\.0*)?")
_NO_TRUST: Final = {
    9: "not_yet_valid",
    10: "expired",
    18: "issuer",
    19: "issuer",
    20: "issuer",
    21: "issuer",
    62: "host",
    64: "host",
}
"""OpenSSL's verify codes of what can be mended here: a clock, a certificate, `SSL_CERT_FILE`, an address."""


_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG"})
"""How OpenSSL calls an answer that is not encrypted."""


class Attempt:
    """One request under way, and whether any of it may have reached the portal."""

    def __init__(self, *, uploads: bool, packed: bool = False) -> None:
        self.connected = False
        self.uploads, self.packed = uploads, packed

    @property
    def maybe_applied(self) -> bool:
        """Whether an upload may have been applied, if no clean answer says that it was not (I6)."""
        return self.uploads and self.connected

    def failed(self, code: str, **facts: Fact) -> PortalError:
        """The failure of this attempt, whose outcome nobody knows."""
        return PortalError(Fault(code, facts), maybe_applied=self.maybe_applied)

    def refusal(self, status: int, headers: Mapping[str, str], wall: float) -> PortalError | None:
        """What an answer's head says against the request; None when its body has to be read."""
        if 200 <= status < 300:
            packed = headers.get("Content-Encoding", "").strip().lower() not in {"", "identity"}
            return self.failed("portal.not_understood", detail="encoding") if packed else None
        wait = retry_after(headers.get("Retry-After"), wall)
        if status == 429 or (status == 503 and wait is not None):
            return PortalError(
                Fault("portal.busy", {"status": status}),
                maybe_applied=self.maybe_applied and status == 503,
                retry_after=wait,
            )
        if 500 <= status < 600:
            return self.failed("portal.server_error", status=status)
        address = "TMEX_UPLOAD_URL" if self.uploads else "TMEX_WINDOW_URL"
        return self._declined(status) or self.failed(
            "portal.not_understood", detail="status", status=status, address=address
        )

    def _declined(self, status: int) -> PortalError | None:
        """A clear no; the upload was not applied."""
        if status in {401, 403}:
            return KeyRefusedError(Fault("portal.key_refused", {"status": status}), maybe_applied=False)
        if 300 <= status < 400:
            return PortalError(Fault("portal.redirected", {"status": status}), maybe_applied=False)
        if status == 415 and self.packed:  # it did take that a moment ago; as it is, it is another request
            return PortalError(Fault("portal.rejected", {"status": status}), maybe_applied=False)
        if 400 <= status < 500 and self.uploads:
            return RejectedError(Fault("portal.rejected", {"status": status}), maybe_applied=False)
        return None

    def doubt(self, content_type: str, body: bytes) -> PortalError | None:
        """What speaks against a whole 2xx: a page for people is a proxy's, not the portal's."""
        page = content_type in {"text/html", "application/xhtml+xml"} or body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<"
        return self.failed("portal.not_understood", detail="html") if page else None

    def broken(self, error: Exception, timeout: float) -> PortalError:
        """What an exception means: the one table from the library's errors to ours."""
        if isinstance(error, TimeoutError):
            return self.failed("portal.timeout", seconds=timeout)
        if isinstance(error, aiohttp.ClientSSLError):
            return self.failed("portal.tls", kind=_tls_kind(error))
        if not self.connected:
            return self.failed("portal.unreachable", kind=_kind(error))
        if isinstance(error, aiohttp.ClientResponseError):
            return self.failed("portal.not_understood", detail="http")
        return self.failed("portal.cut_off")


def takes_gzip(text: str | None) -> bool:
    """Whether an answer's `Accept-Encoding` says that the next request to this address may come packed (RFC 9110,
    12.5.3).
    """
    for each in (text or "").lower().split(","):
        coding, *parameters = (part.strip() for part in each.split(";"))
        if coding == "gzip":
            return not any(_NONE.fullmatch(parameter) for parameter in parameters)
    return False


def retry_after(text: str | None, wall: float) -> float | None:
    """How many seconds a `Retry-After` asks for, 0 to 3600; `wall` is now. None when it says nothing."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _seconds_until(text, wall)
    return min(max(seconds, 0.0), LONGEST_PAUSE) if isfinite(seconds) else None


def clock_off(date: str | None, wall: float) -> float | None:
    """By how many seconds `wall` is ahead of an answer's `Date`; None when it says nothing."""
    ahead = -_seconds_until(date, wall) if date is not None else float("inf")
    return ahead if isfinite(ahead) else None


def _seconds_until(text: str, wall: float) -> float:
    """The seconds until an HTTP date; infinite when it is none."""
    try:
        when = parsedate_to_datetime(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - wall
    except (ValueError, OverflowError):
        return float("inf")


def _kind(error: Exception) -> str:
    """The class that says most."""
    if type(error) is aiohttp.ClientConnectorError:
        return type(error.os_error).__name__
    return type(error).__name__


def _tls_kind(error: aiohttp.ClientSSLError) -> str:
    if isinstance(error, aiohttp.ClientConnectorSSLError) and getattr(error.os_error, "reason", "") in _NO_TLS:
        return "no_tls"
    reason = getattr(error, "certificate_error", None)
    return _NO_TRUST.get(getattr(reason, "verify_code", 0), type(error).__name__)
