"""A worker of pgqueuer whose handler posts, and nothing else."""

import asyncpg
import uvloop
from pgqueuer import Job, PgQueuer

from bench.floors.post import handed, poster
from bench.peers.pgqueuer_office import ENTRYPOINT


async def main(dsn: str, url: str, body: bytes) -> None:
    connection = await asyncpg.connect(dsn)
    worker = PgQueuer.from_asyncpg_connection(connection)
    async with poster(url, body) as post:

        @worker.entrypoint(ENTRYPOINT)
        async def upload(_: Job) -> None:
            await post()

        await post()
        await worker.run()


if __name__ == "__main__":
    uvloop.run(main(*handed()))
