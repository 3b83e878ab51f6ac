"""A program for a network of its own: connects to a server over TCP, lets the network vanish, watches the server."""

import asyncio
import subprocess
import sys
import time
from tempfile import TemporaryDirectory

from adapters.duria.postgres import PostgresSource
from engine.model import Complete
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.source_contract import PRACTICE, SPAN, A, heard
from tests.postgres import READER, Place, majors, server

_LIMIT = 45.0


async def main() -> None:
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    trust = {"listen_addresses": "127.0.0.1", "port": "5432"}
    with TemporaryDirectory(prefix="pg") as folder, server(majors()[-1], folder, **trust) as place:
        database = Place(place, "postgres")
        PostgresPractice(database)
        dsn = f"postgresql://{READER}@127.0.0.1/postgres?sslmode=disable"
        async with PostgresSource(dsn, PRACTICE, interval=120.0) as source, heard(source):
            assert isinstance(await source.read(A, SPAN), Complete)
            admin = await database.connect()
            ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tmex'"
            assert await admin.fetchval(ours) >= 2
            sys.stdout.write("connected\n")
            subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
            limit = time.monotonic() + _LIMIT
            while await admin.fetchval(ours):
                assert time.monotonic() < limit, "the server still holds our sessions"
                await asyncio.sleep(0.2)
            sys.stdout.write("gone\n")
            await admin.close()


if __name__ == "__main__":
    asyncio.run(main())
