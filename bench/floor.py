"""The least that any program must do: hears a notification, and posts a body that lies ready. A program of its own."""

import asyncio
import sys

import aiohttp
import asyncpg
import uvloop


async def main(dsn: str, url: str, body: bytes) -> None:
    heard = asyncio.Event()
    connection = await asyncpg.connect(dsn)
    await connection.add_listener("tmex", lambda *_: heard.set())
    headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
    async with aiohttp.ClientSession(headers=headers) as session:
        while True:
            async with session.post(url, data=body) as answer:
                await answer.read()
            await heard.wait()
            heard.clear()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], sys.argv[2], sys.stdin.buffer.read()))
