"""Is told by the kernel that a SQLite file's folder changed, sees that its version did, and posts."""

import sqlite3
from pathlib import Path

import uvloop
import watchfiles

from bench.floors.post import handed, poster


async def main(path: str, url: str, body: bytes) -> None:
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    known = db.execute("PRAGMA data_version").fetchone()
    async with poster(url, body) as post:
        await post()
        async for _ in watchfiles.awatch(Path(path).parent, debounce=20, step=5, recursive=False):
            version = db.execute("PRAGMA data_version").fetchone()
            if version != known:
                known = version
                await post()


if __name__ == "__main__":
    uvloop.run(main(*handed()))
