"""A server on loopback that writes the bytes it is told to write, and keeps the requests that came in."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

Answer = bytes | None
"""What a request is answered; None closes its connection."""


class RawServer:
    """`answer` maps a whole request, head and body, to what is written back; connections stay open."""

    def __init__(self, answer: Callable[[bytes], Answer]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0
        self._answer = answer

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while answer := self._answer(await self._request(reader)):
                writer.write(answer)
                await writer.drain()
        writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        request = head + await reader.readexactly(content_length(head))
        self.requests.append(request)
        return request


def content_length(head: bytes) -> int:
    """How long the body of a request with this head is."""
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return int(lengths[0]) if lengths else 0


def headers(request: bytes) -> dict[str, str]:
    """A request's headers."""
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


@asynccontextmanager
async def raw_server(
    answer: bytes | Callable[[bytes], Answer], tls: ssl.SSLContext | None = None
) -> AsyncIterator[RawServer]:
    """A running `RawServer`; bytes are its answer to every request."""
    server = RawServer((lambda _request: answer) if isinstance(answer, bytes) else answer)
    running = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = running.sockets[0].getsockname()[1]
    async with running:
        yield server
