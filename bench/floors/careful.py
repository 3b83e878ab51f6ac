"""Hears a notification, reads the rows of the day that it names, keeps what it is about to send, and posts.

What no program can leave out that must know what changed, and must not forget what it sent: the limit of what tmex can
come to. It decides nothing, and makes no body.
"""

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg
import uvloop

from bench.floors.post import handed, poster

_READ: Final = """
SELECT string_agg(timestamp_send(starts_at) || timestamp_send(ends_at), '') FROM tmex_appointments
 WHERE practice = 'PRAX1' AND calendar = 'TK1' AND col = $1 AND occupied
   AND coalesce(greatest(starts_at, ends_at), 'infinity') >= $2::timestamp
   AND coalesce(starts_at, '-infinity') < $3::timestamp
"""
_DAY: Final = timedelta(days=1)


async def main(dsn: str, url: str, body: bytes) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener, reader = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    await listener.add_listener("tmex", lambda *told: heard.put_nowait(told[3]))
    read = await reader.prepare(_READ)
    loop = asyncio.get_running_loop()
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        db = await loop.run_in_executor(thread, _opened, f"{folder}/kept.db")
        async with poster(url, body) as post:
            await post()
            while True:
                told = json.loads(await heard.get())
                day = date.fromisoformat(told["days"][0])
                packed = await read.fetchval(told["col"], day, day + _DAY)
                await loop.run_in_executor(thread, db.execute, "INSERT OR REPLACE INTO kept VALUES (1, ?)", (packed,))
                await post()


def _opened(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; CREATE TABLE kept (key PRIMARY KEY, body)"
    )
    return db


if __name__ == "__main__":
    uvloop.run(main(*handed()))
