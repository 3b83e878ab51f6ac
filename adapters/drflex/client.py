"""Asks the portal and uploads to it: one visible attempt each, within its time, and whatever fails is a `PortalError`.

The key goes to the two configured addresses and nowhere else: no redirect is followed, no cookie kept, no netrc read.
Answers are read to a limit and never unpacked.
"""

import asyncio
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from types import SimpleNamespace, TracebackType
from typing import Final, Self

import aiohttp
import msgspec
from yarl import URL

from adapters.drflex import wire
from adapters.drflex.answers import Attempt, clock_off, takes_gzip
from adapters.drflex.key import Key
from adapters.drflex.proxies import environment_proxy
from engine.faults import FaultError
from engine.model import Window
from engine.ports import PortalError
from engine.spans import IntervalSet
from engine.walltime import WallClock

LONGEST_ANSWER: Final = 1_048_576
"""Bytes of a body; a longer one is refused."""

_GZIP: Final = 31
"""How zlib calls that format."""
_RECEIVES: Final = 65_536
"""Bytes of an answer that may wait in the kernel."""
_HEADERS: Final = {"User-Agent": "tmex", "Accept": "application/json", "Accept-Encoding": "identity"}
_UNTIMED: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
"""One timeout of ours lies around everything, so that a drip ends too and the pool's queue is not left out."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where the portal is, and how many seconds one request may take. The addresses' queries are secret."""

    window_url: str
    upload_url: str
    timeout: float = 30.0

    def __repr__(self) -> str:
        return f"Site({_host(URL(self.window_url))}, {_host(URL(self.upload_url))})"


class DrFlex:
    """The portal of one practice, a `Portal`; to be entered with `async with` in the loop that uses it.

    `tls` is the context that verifies it, `wall` the wall clock in seconds since the epoch, `proxy` maps an address to
    its proxy or None.
    """

    def __init__(
        self,
        site: Site,
        key: Key,
        clock: WallClock,
        *,
        proxy: Callable[[str], str | None] = environment_proxy,
        tls: ssl.SSLContext | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._window_url, self._upload_url = URL(site.window_url), URL(site.upload_url)
        self.window_host, self.upload_host = _host(self._window_url), _host(self._upload_url)
        self._timeout, self._key, self._clock = site.timeout, key, clock
        self._tls, self._wall = tls, wall
        self._uploads = wire.Uploads(clock)
        self._proxies = {url: proxy(str(url)) for url in (self._window_url, self._upload_url)}
        self.clock_off: float | None = None
        """By how many seconds this machine's clock is ahead of the portal's, as its last answer's `Date` tells."""
        self._packs = False
        """Whether the last answer to an upload said that the next one may come packed."""
        self._sent: str | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # The engine counts the requests under way; a queue of the pool's own would eat their time.
            # The library has made the system's own context already, and another one takes as long as all the rest.
            connector=aiohttp.TCPConnector(limit=0, ssl=self._tls or True, socket_factory=_socket),
            headers=_HEADERS,
            timeout=_UNTIMED,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            middlewares=(_once,),
            trace_configs=[_tell_connected()],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def window(self) -> Window:
        """The window the portal asks for; raises PortalError."""
        body = await self._request("GET", self._window_url)
        try:
            return wire.decode_window(body, self._clock)
        except FaultError as error:
            raise PortalError(error.fault, maybe_applied=False) from None

    async def upload(self, name: str, window: Window, blocked: IntervalSet) -> int | None:
        """Replace what the portal holds for `name` in `window` (R2); how many intervals it says that it accepted."""
        body = self._uploads.encode(name, window, blocked)
        return wire.decode_accepted(await self._request("POST", self._upload_url, body, packed=self._packs))

    def key_renewed(self) -> bool:
        """Whether the key changed since it was last sent."""
        return self._key.current() != self._sent

    async def _request(self, method: str, url: URL, data: bytes | None = None, *, packed: bool = False) -> bytes:
        """The body of a clean answer; raises PortalError, and never inside an `except`, for a context is shown too."""
        attempt = Attempt(uploads=data is not None, packed=packed)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._attempt(attempt, method, url, data)
        except _OnceError as error:
            failure = attempt.broken(error.first, self._timeout)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            failure = attempt.broken(error, self._timeout)
        raise failure

    async def _attempt(self, attempt: Attempt, method: str, url: URL, data: bytes | None) -> bytes:
        assert self._session is not None, "a DrFlex is used inside its `async with`"
        self._sent = self._key.current()
        headers = self._key.headers(self._sent) | ({} if data is None else {"Content-Type": "application/json"})
        if attempt.packed and data is not None:
            headers["Content-Encoding"], data = "gzip", zlib.compress(data, level=1, wbits=_GZIP)
        response = await self._session.request(
            method,
            url,
            data=data,
            headers=headers,
            allow_redirects=False,
            middlewares=None if data is None else (),  # the library sends no POST a second time
            proxy=self._proxies[url],
            trace_request_ctx=attempt,
        )
        try:
            return await self._answer(attempt, response)
        finally:
            response.close()  # changes nothing for one that was read to its end

    async def _answer(self, attempt: Attempt, response: aiohttp.ClientResponse) -> bytes:
        self.clock_off = clock_off(response.headers.get("Date"), self._wall())
        if attempt.uploads:
            self._packs = takes_gzip(response.headers.get("Accept-Encoding"))
        refusal = attempt.refusal(response.status, response.headers, self._wall())
        if refusal is not None:
            raise refusal
        body = await _read(response)
        if len(body) > LONGEST_ANSWER:
            raise attempt.failed("portal.too_large")
        doubt = attempt.doubt(response.content_type, body)
        if doubt is not None:
            raise doubt
        return body


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, or a first part of it that is already too long."""
    body = bytearray()
    while len(body) <= LONGEST_ANSWER and (part := await response.content.readany()):
        body += part
    return bytes(body)


class _OnceError(Exception):
    """A request that broke off; unknown to aiohttp, which sends a GET a second time for the errors that it knows."""

    def __init__(self, first: Exception) -> None:
        super().__init__()
        self.first = first


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Exactly one visible attempt (fault 30)."""
    try:
        return await handler(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _OnceError(error) from None


def _tell_connected() -> aiohttp.TraceConfig:
    """Tells an `Attempt` that from now on bytes may leave."""
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(_connected)
    trace.on_connection_reuseconn.append(_connected)
    return trace


async def _connected(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: object) -> None:
    attempt: Attempt = context.trace_request_ctx
    attempt.connected = True


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that takes in little at a time: uvloop reads up to 8 MB at once, and the library parses all of it."""
    family, kind, protocol, *_ = address
    new = socket.socket(family, kind, protocol)
    new.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVES)
    return new


def _host(url: URL) -> str:
    return f"{url.host_subcomponent}:{url.port}"
