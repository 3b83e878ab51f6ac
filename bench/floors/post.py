"""A client that posts one body again and again, as fast as the library allows; and what a floor is handed."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp

Post = Callable[[], Awaitable[None]]


@asynccontextmanager
async def poster(url: str, body: bytes) -> AsyncIterator[Post]:
    """Posts `body` to `url`, over one connection that stays open."""
    headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:

        async def post() -> None:
            async with session.post(url, data=body) as answer:
                await answer.read()

        yield post


def handed() -> tuple[str, str, bytes]:
    """The source's address, the portal's, and the body."""
    return sys.argv[1], sys.argv[2], sys.stdin.buffer.read()
