"""Performs one trouble on one request, down to the bytes that no well-behaved server would write."""

import asyncio
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from typing import Final, NamedTuple

from aiohttp import web

from adapters.drflex.troubles import Trouble

_PART: Final = 65_536
"""Bytes that are made, and written, at once."""


class Reply(NamedTuple):
    """What the stand-in answers if nothing is wrong."""

    status: int
    body: bytes


class Scene(NamedTuple):
    """A request in trouble; `do` does what it asks for and gives the proper reply, `later` does it after seconds."""

    request: web.Request
    trouble: Trouble
    do: Callable[[], Reply]
    later: Callable[[float], None]


async def perform(scene: Scene) -> web.StreamResponse:
    """Let the request run into its trouble."""
    kind = scene.trouble.kind
    if scene.trouble.applied and kind not in {"slow", "drip", "cut", "late"}:
        scene.do()
    return await _HOW[kind](scene)


def plain(reply: Reply) -> web.Response:
    """The reply, well-behaved."""
    return web.Response(status=reply.status, body=reply.body, content_type="application/json")


class _Written(web.StreamResponse):
    """An answer that was written by hand, or never will be; its connection ends."""

    def __init__(self) -> None:
        super().__init__()
        self.force_close()

    async def prepare(self, request: web.BaseRequest) -> None:  # noqa: ARG002 - the library's signature
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        pass


# ---------------------------------------------------------------------------------------------- whole answers


async def _status(scene: Scene) -> web.StreamResponse:
    trouble = scene.trouble
    headers = {} if trouble.retry_after is None else {"Retry-After": trouble.retry_after}
    return web.Response(status=trouble.status, headers=headers, text=trouble.body, content_type=trouble.content_type)


async def _answer(scene: Scene) -> web.StreamResponse:
    trouble = scene.trouble
    headers = {"Content-Encoding": trouble.content_encoding} if trouble.content_encoding else {}
    return web.Response(text=trouble.body, content_type=trouble.content_type, headers=headers)


async def _redirect(scene: Scene) -> web.StreamResponse:
    trouble = scene.trouble
    status = trouble.status if 300 <= trouble.status < 400 else 307
    return web.Response(status=status, headers={"Location": trouble.location})


async def _slow(scene: Scene) -> web.StreamResponse:
    await asyncio.sleep(scene.trouble.seconds)
    return plain(scene.do())


async def _gzip(scene: Scene) -> web.StreamResponse:
    headers = {"Content-Encoding": "gzip"}
    return web.Response(body=_packed(scene.trouble.size), content_type="application/json", headers=headers)


@lru_cache(maxsize=2)
def _packed(size: int) -> bytes:
    """Valid JSON of `size` bytes, nearly all of it white space, packed without ever being there as a whole."""
    packer = zlib.compressobj(level=1, wbits=31)
    parts = (b" " * min(_PART, size - start) for start in range(0, size, _PART))
    return b"".join([packer.compress(b"{}"), *map(packer.compress, parts), packer.flush()])


# --------------------------------------------------------------------------------------------- broken answers


async def _drip(scene: Scene) -> web.StreamResponse:
    for byte in _bytes_of(scene.do()):
        await _write(scene.request, bytes([byte]))
        await asyncio.sleep(scene.trouble.seconds)
    return _Written()


async def _cut(scene: Scene) -> web.StreamResponse:
    reply = scene.do()
    if scene.trouble.chunked:
        chunk = f"{len(reply.body):x}\r\n".encode() + reply.body
        await _write(scene.request, _head(reply.status, "Transfer-Encoding: chunked") + chunk)
    else:
        await _write(scene.request, _bytes_of(reply)[: -(len(reply.body) // 2 + 1)])
    return _Written()


async def _drop(scene: Scene) -> web.StreamResponse:
    await asyncio.sleep(scene.trouble.seconds)
    return _Written()


async def _reset(scene: Scene) -> web.StreamResponse:
    await asyncio.sleep(scene.trouble.seconds)
    transport = scene.request.transport
    if transport is not None:
        # Lingering for zero seconds makes the kernel say RST in place of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return _Written()


async def _stall(scene: Scene) -> web.StreamResponse:
    if scene.trouble.body:
        await _write(scene.request, _head(200, "Content-Length: 1000000") + scene.trouble.body.encode())
    return await _for_ever()


async def _late(scene: Scene) -> web.StreamResponse:
    scene.later(scene.trouble.seconds)
    return await _for_ever()


async def _for_ever() -> web.StreamResponse:
    """Until the client goes away, which cancels the request."""
    gone: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    return await gone


# ------------------------------------------------------------------------------------------------------- bombs


async def _json(scene: Scene) -> web.StreamResponse:
    depth = scene.trouble.size
    body = b'{"accepted": 1, "from": ' + b"[" * depth + b"]" * depth + b', "to": ""}'
    return web.Response(body=body, content_type="application/json")


async def _long(scene: Scene) -> web.StreamResponse:
    size = scene.trouble.size
    return await _pour(scene, _head(200, f"Content-Length: {size}"), _blanks(size))


async def _header(scene: Scene) -> web.StreamResponse:
    return await _pour(scene, b"HTTP/1.1 200 OK\r\nX-Bomb: ", _blanks(scene.trouble.size, b"x"))


async def _headers(scene: Scene) -> web.StreamResponse:
    return await _pour(scene, b"HTTP/1.1 200 OK\r\n", _always(b"X-Bomb: x\r\n"))


async def _hundred(scene: Scene) -> web.StreamResponse:
    return await _pour(scene, b"", _always(b"HTTP/1.1 100 Continue\r\n\r\n"))


async def _blanks(size: int, what: bytes = b" ") -> AsyncIterator[bytes]:
    for start in range(0, size, _PART):
        yield what * min(_PART, size - start)


async def _always(text: bytes) -> AsyncIterator[bytes]:
    while True:
        yield text * 100


async def _pour(scene: Scene, head: bytes, parts: AsyncIterator[bytes]) -> web.StreamResponse:
    await _write(scene.request, head)
    async for part in parts:
        await _write(scene.request, part)
    return _Written()


# ------------------------------------------------------------------------------------------------------- bytes


def _head(status: int, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} OK", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode()


def _bytes_of(reply: Reply) -> bytes:
    return _head(reply.status, f"Content-Length: {len(reply.body)}") + reply.body


async def _write(request: web.Request, data: bytes) -> None:
    """Write and wait until the client has taken most of it; ends the request when it went away."""
    transport = request.transport
    if transport is None or transport.is_closing():
        raise asyncio.CancelledError
    transport.write(data)
    await request.writer.drain()


_HOW: Final[dict[str, Callable[[Scene], Awaitable[web.StreamResponse]]]] = {
    "status": _status,
    "answer": _answer,
    "redirect": _redirect,
    "slow": _slow,
    "drip": _drip,
    "cut": _cut,
    "drop": _drop,
    "reset": _reset,
    "stall": _stall,
    "late": _late,
    "gzip": _gzip,
    "json": _json,
    "long": _long,
    "header": _header,
    "headers": _headers,
    "hundred": _hundred,
}
