"""A proxy for TCP that misbehaves on demand: silent, cut, deaf in one ear. It stands between tmex and a real server."""

import asyncio
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Final, Self

_CHUNK: Final = 65536
Opener = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


class FaultProxy:
    """Forwards to what `opener` opens; an async context manager. Its faults may be changed while it runs."""

    def __init__(self, opener: Opener) -> None:
        self._opener = opener
        self.silent = False
        """Takes everything and gives nothing, in both directions, like a peer whose cable was pulled."""
        self.refusing = False
        """Cuts each new connection at once."""
        self.cut_answers_after: int | None = None
        """Cuts a connection after so many bytes of its next answers."""
        self.swallow: bytes = b""
        """Types of PostgreSQL's messages that never arrive, as in b"A" for notifications."""
        self.connections = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Cut every connection, without a farewell."""
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self._writers.add(writer)
        try:
            if not self.refusing:
                await self._between(reader, writer)
        except asyncio.CancelledError:
            pass  # the proxy ends
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _between(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await self._opener()
        try:
            pumps = {
                asyncio.create_task(self._requests(reader, forth)),
                asyncio.create_task(self._answers(back, writer)),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for each in pumps:
                    each.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            forth.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                await self._forward(data, writer)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        messages = _Messages()
        with suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                if self.swallow:
                    data = b"".join(each for each in messages.whole(data) if each[:1] not in self.swallow)
                if self.cut_answers_after is not None:
                    await self._forward(data[: self.cut_answers_after], writer)
                    self.cut_answers_after -= min(len(data), self.cut_answers_after)
                    if not self.cut_answers_after:
                        self.cut_answers_after = None
                        return
                else:
                    await self._forward(data, writer)

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.silent:
            writer.write(data)
            await writer.drain()


class _Messages:
    """Takes the server's side of PostgreSQL's protocol apart."""

    def __init__(self) -> None:
        self._rest = b""

    def whole(self, data: bytes) -> Iterator[bytes]:
        """The messages that are whole by now."""
        self._rest += data
        while len(self._rest) >= 5:
            (length,) = struct.unpack("!I", self._rest[1:5])
            if len(self._rest) < length + 1:
                return
            message, self._rest = self._rest[: length + 1], self._rest[length + 1 :]
            yield message
