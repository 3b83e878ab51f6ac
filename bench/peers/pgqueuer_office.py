"""pgqueuer: a queue in PostgreSQL that is heard by notification; each change is a job in the same transaction."""

import asyncpg
from pgqueuer import AsyncpgDriver, Queries

from bench.peers import Office
from bench.practices import PostgresPractice

ENTRYPOINT = "upload"


async def office(place: PostgresPractice) -> Office:
    """With its tables in the practice's database."""
    await Queries(AsyncpgDriver(place.connection)).install()

    async def enqueue(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await Queries(AsyncpgDriver(connection)).enqueue(ENTRYPOINT, None)

    return Office("bench.peers.pgqueuer_worker", place.database.dsn(), enqueue)
