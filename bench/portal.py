"""A portal that does nothing but take uploads: prints its port, then when each body was there, by the system's clock.

A program of its own, so that what it costs is not counted as tmex's. Times are `time.monotonic()`, which all processes
of a machine share. With `--gzip` its answers say that uploads may come packed.
"""

import asyncio
import sys
import time

WINDOW = b'{"from": "2026-11-23", "to": "2027-08-01"}'


_OFFER = b"Accept-Encoding: gzip\r\n" if "--gzip" in sys.argv else b""


def _answer(body: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n"
    return head % (_OFFER, len(body)) + body


class Portal(asyncio.Protocol):
    """Understands just as much HTTP as our own clients speak."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._buffer[:end]).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
            if len(self._buffer) < end + 4 + length:
                return
            self._take(head, length, time.monotonic())
            del self._buffer[: end + 4 + length]

    def _take(self, head: bytes, length: int, at: float) -> None:
        if head.startswith(b"get "):
            self._transport.write(_answer(WINDOW))
            return
        self._transport.write(_answer(b"{}"))
        sys.stdout.write(f"{at!r} {length}\n")
        sys.stdout.flush()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Portal, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
