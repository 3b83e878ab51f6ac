"""Addresses, parsed strictly: what two parsers might read differently is refused, and a refusal repeats nothing of it.

An address shows itself without its user, password and query. Plain http is for loopback alone (I7).
"""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from adapters.settings.forms import Form, printable, refuse
from adapters.settings.values import (
    MASK,
    Address,
    FilesSource,
    Mail,
    PostgresSource,
    RefusedError,
    Secret,
    Source,
    SqliteSource,
)

_URL = re.compile(r"(?:[!$&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]|%[0-9A-Fa-f]{2}){1,2048}")
"""The characters of RFC 3986 without `#`: nothing that we send there may end in a fragment."""
_HOST_PORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(?::([0-9]{1,5}))?")
_HOST_NAME = re.compile(r"(?!.*\.[0-9]+$)(?![0-9]+$)(?=.{1,253}$)[0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63})*")
_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_MAILBOX = re.compile(r"[!#$%&'*+./0-9=?A-Z^_`a-z{|}~-]{1,64}@[0-9A-Za-z.-]{1,253}")
_SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_MAIL_PORTS: Final = {"smtps": 465, "smtp": 25}
_LAST_PORT: Final = 65_535


class Host(NamedTuple):
    """A host and its port, if one was named."""

    name: str
    port: int | None


def web(*, secret_path: bool = False) -> Form[Secret]:
    """A web address; with `secret_path` its path is no less secret than its query, as chat services have it."""

    def parse(text: str) -> Secret:
        parts = _split(text, "settings.url_unusable")
        host = _host(parts.netloc) if parts.scheme in {"https", "http"} else None
        if host is None:
            refuse("settings.url_unusable")
        if parts.scheme == "http" and not is_loopback(host.name):
            refuse("settings.url_insecure")
        return Secret(text, _shown(parts, secret_path=secret_path))

    return Form(parse, "https://…, http://localhost…")


def source() -> Form[Source]:
    """Where the practice's calendar is."""
    return Form(_source, "postgresql://…, sqlite:////absolute/path, sqlite:///relative, files:///absolute/folder")


def listen() -> Form[Address | None]:
    """`host:port`, or nothing at all."""

    def parse(text: str) -> Address | None:
        host = _host(text, least_port=0) if text else None
        if text and (host is None or host.port is None):
            refuse("settings.listen_unusable")
        return Address(host.name, host.port) if host is not None and host.port is not None else None

    return Form(parse, "127.0.0.1:8787, [::1]:8787, …")


def mail() -> Form[Mail]:
    """A mail server, and who is written to."""
    return Form(_mail, "smtps://user:password@host:465?to=…&from=…, smtp://host:25?to=…")


def is_loopback(host: str) -> bool:
    """Whether `host`, a name or an IP address without brackets, can be reached from this machine alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _split(text: str, code: str) -> SplitResult:
    try:
        return urlsplit(text) if _URL.fullmatch(text) else refuse(code)
    except ValueError:
        pass
    return refuse(code)


def _host(text: str, least_port: int = 1) -> Host | None:
    found = _HOST_PORT.fullmatch(text)
    if found is None:
        return None
    name, port = found[1].strip("[]"), None if found[2] is None else int(found[2])
    known = _is_ip(name, bracketed=found[1] != name) or (name == found[1] and _HOST_NAME.fullmatch(name))
    return Host(name, port) if known and (port is None or least_port <= port <= _LAST_PORT) else None


def _is_ip(text: str, *, bracketed: bool) -> bool:
    try:
        IPv6Address(text) if bracketed else IPv4Address(text)
    except ValueError:
        return False
    return True


def _shown(parts: SplitResult, *, secret_path: bool = False) -> str:
    """An address without its user, password and query."""
    user, _, hosts = parts.netloc.rpartition("@")
    who = ":".join(MASK for _ in user.split(":", 1)) + "@" if user else ""
    path = f"/{MASK}" if secret_path and parts.path.strip("/") else parts.path
    return f"{parts.scheme}://{who}{hosts}{path}" + (f"?{MASK}" if parts.query else "")


def _source(text: str) -> Source:
    scheme, _, rest = text.partition("://")
    match scheme.lower():
        case "sqlite":
            return SqliteSource(Path(_path(rest)))
        case "files":
            return FilesSource(Path("/" + _path("/" + rest.lstrip("/") if rest.startswith("/") else "")))
        case "postgresql" | "postgres":
            return PostgresSource(Secret(text, _shown(_postgres(text))))
        case _:
            return refuse("settings.source_unusable")


def _path(rest: str) -> str:
    """What stands behind the third slash, percent-decoded; a path with `?` or `#` in it has to write them so."""
    try:
        path = printable(unquote(rest[1:], errors="strict"), 4096)
    except (RefusedError, UnicodeError):
        path = ""
    if not path or not rest.startswith("/") or re.search(r"[?#]", rest) or _PERCENT.search(rest):
        refuse("settings.source_unusable")
    return path


def _postgres(text: str) -> SplitResult:
    """Checked so far that the driver cannot take a piece of the password for a port, a host or a database: its errors
    repeat what they do not understand.
    """
    parts = _split(text, "settings.source_unusable")
    user, _, hosts = parts.netloc.rpartition("@")
    doubtful = "@" in user or "@" in parts.path or parts.path.count("/") > 1
    known = not hosts or all(_host(each) or _is_socket(each) for each in hosts.split(","))
    if doubtful or not known or not (hosts or parts.path.strip("/") or parts.query):
        refuse("settings.source_unusable")
    if _query(parts, "settings.source_unusable").get("sslmode", "prefer") not in _SSL_MODES:
        refuse("settings.source_unusable")
    return parts


def _is_socket(host: str) -> bool:
    """A folder of Unix sockets, as in `%2Frun%2Fpostgresql`."""
    return host.upper().startswith("%2F")


def _query(parts: SplitResult, code: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(parts.query, strict_parsing=True, keep_blank_values=True)) if parts.query else {}
    except ValueError:
        pass
    return refuse(code)


def _mail(text: str) -> Mail:
    parts = _split(text, "settings.mail_unusable")
    user, _, place = parts.netloc.rpartition("@")
    host, query = _host(place), _query(parts, "settings.mail_unusable")
    to = tuple((query.pop("to", "") or unquote(parts.path.strip("/"))).split(","))
    sender = query.pop("from", to[0])
    usable = not query and "@" not in user and all(map(_MAILBOX.fullmatch, (*to, sender)))
    if host is None or parts.scheme not in _MAIL_PORTS or not usable:
        refuse("settings.mail_unusable")
    name, colon, password = user.partition(":")
    return Mail(
        host=host.name,
        port=host.port or _MAIL_PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        user=Secret(unquote(name)) if name else None,
        password=Secret(unquote(password)) if colon else None,
        sender=sender,
        to=to,
        shown=_shown(parts),
    )
