"""What a script must do to upload a column once: import, connect, read, ask for the window, encode and post."""

import asyncio
import sys

import aiohttp
import asyncpg
import msgspec
import uvloop

from bench.floors.post import poster

_READ = """
SELECT starts_at AT TIME ZONE 'Europe/Berlin', ends_at AT TIME ZONE 'Europe/Berlin' FROM tmex_appointments
 WHERE practice = 'PRAX1' AND calendar = 'TK1' AND col = 'D' AND occupied ORDER BY starts_at
"""


async def main(dsn: str, portal: str) -> None:
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(_READ)
    async with aiohttp.ClientSession() as session, session.get(f"{portal}/window") as answer:
        window = msgspec.json.decode(await answer.read())
    times = [{"start": start, "end": end} for start, end in rows]
    body = msgspec.json.encode({"calendar": "Labor", **window, "appointments": times})
    async with poster(f"{portal}/upload", body) as post:
        await post()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
