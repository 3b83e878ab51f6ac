"""A worker of procrastinate whose task posts, and nothing else."""

import uvloop
from procrastinate import App, PsycopgConnector

from bench.floors.post import handed, poster
from bench.peers.procrastinate_office import TASK


async def main(dsn: str, url: str, body: bytes) -> None:
    app = App(connector=PsycopgConnector(conninfo=dsn))
    async with app.open_async(), poster(url, body) as post:

        @app.task(name=TASK)
        async def upload() -> None:
            await post()

        await post()
        await app.run_worker_async()


if __name__ == "__main__":
    uvloop.run(main(*handed()))
