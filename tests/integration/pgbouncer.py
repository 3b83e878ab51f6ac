"""A real pgbouncer before a real server."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adapters.embedded import Server
from tests.eventually import eventually
from tests.postgres import READER


def programme() -> str | None:
    """Where it is, if it is installed; Debian puts it where only administrators look."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@asynccontextmanager
async def pgbouncer(place: Server, folder: Path, mode: str, *, pool: int = 5) -> AsyncIterator[str]:
    """It pools in `mode`; yields the folder of its socket."""
    folder.mkdir()
    (folder / "users").write_text(f'"{READER}" ""\n')
    (folder / "ini").write_text(f"""
[databases]
* = host={place.folder}
[pgbouncer]
unix_socket_dir = {folder}
listen_addr =
listen_port = 5432
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = {pool}
logfile = {folder}/log
""")
    words = [programme() or "pgbouncer", "-q", f"{folder}/ini"]
    if os.geteuid() == 0:  # it refuses to run as root, too
        words = ["unshare", "--user", "--map-user=1000", "--map-group=1000", *words]
    process = await asyncio.create_subprocess_exec(*words)
    try:
        await eventually(lambda: _listens(folder / ".s.PGSQL.5432"), "pgbouncer listens")
        yield str(folder)
    finally:
        process.terminate()
        await process.wait()


async def _listens(path: Path) -> bool:
    """Whether it takes connections: the socket is there a moment before."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
