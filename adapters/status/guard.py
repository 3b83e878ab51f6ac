"""Who may see the page and press its buttons: nobody from another site, nobody under a stranger's name.

A browser sends what any page makes it send. So the host it asks for must be one of ours (a name that somebody else
points at this machine is not), what changes something comes by POST from the page itself, and off the loopback a token
is asked for.
"""

import hashlib
import hmac
import ipaddress
import secrets
import socket
import threading
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

LARGEST_BODY: Final = 64 * 1024
COOKIE: Final = "tmex"
_OPEN: Final = frozenset({"/healthz", "/login", "/static/page.css"})
"""What needs no token: that the job lives, and the way in."""
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with none at all, a form's Origin is null, and its button does nothing
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Guard:
    """Lets through, or answers in the handler's place."""

    def __init__(self, host: str, token: str | None) -> None:
        """`host` is where the page listens; `token` is what must be shown, if anything."""
        self._names = {"localhost", "ip6-localhost", host.lower(), socket.gethostname().lower()}
        threading.Thread(target=self._learn_full_name, daemon=True).start()
        self._token = token
        self.form_token = secrets.token_urlsafe(24)
        """What a form of ours carries, so that no other site can make one."""

    @property
    def cookie(self) -> str:
        """What a browser shows in place of the token, so that the token itself is stored nowhere."""
        return hashlib.sha256(f"tmex page {self._token}".encode()).hexdigest()

    def admits(self, token: str) -> bool:
        """Whether this is the token."""
        return self._token is not None and _same(token, self._token)

    def shown_by(self, request: web.Request) -> bool:
        """Whether a program sent it that showed the token: it is nobody's page, and needs no form."""
        return self._token is not None and "Authorization" in request.headers

    def _learn_full_name(self) -> None:
        """A name server that is away takes many seconds to be given up; no upload is to wait for that."""
        self._names.add(socket.getfqdn().lower())

    def middleware(self) -> Middleware:
        """What stands before every handler."""

        @web.middleware
        async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
            refusal = self._refusal(request)
            try:
                answer = refusal if refusal is not None else await handler(request)
            except web.HTTPException as error:
                error.headers.update(HEADERS)
                raise
            if not answer.prepared:
                answer.headers.update(HEADERS)
            return answer

        return guarded

    def _refusal(self, request: web.Request) -> web.Response | None:
        # Who stands at a stranger's name has no token; with one, a proxy or a neighbour may call us what it likes.
        if self._token is None and not self._is_ours(request.host):
            return web.Response(status=421, text="421: this page does not go by that name\n")
        if not self._is_known(request):
            if request.method == "GET" and "text/html" in request.headers.get("Accept", ""):
                return web.Response(status=303, headers={"Location": "/login"})
            return web.Response(status=401, headers={"WWW-Authenticate": "Bearer"}, text="401: a token is needed\n")
        if request.method not in {"GET", "HEAD"} and not self._is_own(request):
            return web.Response(status=403, text="403: only this page itself may ask for that\n")
        return None

    def _is_ours(self, host: str) -> bool:
        """Whether it was asked for by one of this machine's names, or by a bare address, which nobody can redirect."""
        name = host.rsplit(":", 1)[0] if host.count(":") == 1 or host.startswith("[") else host
        name = name.strip("[]").lower().rstrip(".")
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _is_known(self, request: web.Request) -> bool:
        if self._token is None or request.path in _OPEN:
            return True
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and self.admits(token.strip()):
            return True
        return _same(request.cookies.get(COOKIE, ""), self.cookie)

    def _is_own(self, request: web.Request) -> bool:
        """Whether the page itself sent it, or a program that shows the token.

        A browser says so itself where it may; where it does not, the page's address must be the one that was asked for,
        which a proxy may have changed.
        """
        if self.shown_by(request):
            return True
        if "Sec-Fetch-Site" in request.headers:
            return request.headers["Sec-Fetch-Site"] in {"same-origin", "none"}
        origin = request.headers.get("Origin", f"http://{request.host}")
        return origin.partition("://")[2] == request.host


def _same(one: str, other: str) -> bool:
    """Whether they are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(*(each.encode("utf-8", "surrogateescape") for each in (one, other)))
