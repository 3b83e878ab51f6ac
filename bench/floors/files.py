"""Is told by the kernel that a folder changed, and posts."""

import uvloop
import watchfiles

from bench.floors.post import handed, poster


async def main(folder: str, url: str, body: bytes) -> None:
    async with poster(url, body) as post:
        await post()
        async for _ in watchfiles.awatch(folder, debounce=20, step=5, recursive=False):
            await post()


if __name__ == "__main__":
    uvloop.run(main(*handed()))
