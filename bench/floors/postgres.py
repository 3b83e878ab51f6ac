"""Hears a notification, and posts."""

import asyncio

import asyncpg
import uvloop

from bench.floors.post import handed, poster


async def main(dsn: str, url: str, body: bytes) -> None:
    heard = asyncio.Event()
    connection = await asyncpg.connect(dsn)
    await connection.add_listener("tmex", lambda *_: heard.set())
    async with poster(url, body) as post:
        while True:
            await post()
            await heard.wait()
            heard.clear()


if __name__ == "__main__":
    uvloop.run(main(*handed()))
