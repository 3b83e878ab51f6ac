"""Posts ready bodies, so many at a time, as fast as it can."""

import asyncio
import sys

import uvloop

from bench.floors.post import poster


async def main(url: str, places: int, count: int, body: bytes) -> None:
    left = iter(range(count))

    async def work() -> None:
        for _ in left:
            await post()

    async with poster(url, body) as post:
        await asyncio.gather(*(work() for _ in range(places)))
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.stdin.buffer.read()))
