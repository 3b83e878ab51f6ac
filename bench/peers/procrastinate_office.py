"""procrastinate: a queue in PostgreSQL that is heard by notification; each change is a job in the same transaction."""

from typing import Final

import asyncpg
from procrastinate import App, PsycopgConnector

from bench.peers import Office
from bench.practices import PostgresPractice

TASK: Final = "upload"
# What its own library sends for a job, over the connection that the practice's program has.
_DEFER: Final = (
    f"SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('default', '{TASK}', 0, NULL, NULL, '{{}}', NULL)"
    "::procrastinate_job_to_defer_v1])"
)


async def office(place: PostgresPractice) -> Office:
    """With its tables in the practice's database."""
    async with App(connector=PsycopgConnector(conninfo=place.database.dsn())).open_async() as app:
        await app.schema_manager.apply_schema_async()

    async def enqueue(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await connection.execute(_DEFER)

    return Office("bench.peers.procrastinate_worker", place.database.dsn(), enqueue)
