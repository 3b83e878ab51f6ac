"""Connections to the practice's PostgreSQL that never harm it: few, read-only, bounded in time, and quick to let go.

A connection that is in doubt is cut off without a farewell, for a server that hangs does not answer one either. Behind
a pooler a session is not ours alone: there nothing is set for longer than one transaction.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from adapters.duria.postgres_faults import ERRORS, LOST, fault_of
from engine.ports import SourceError

CONNECT_LIMIT: Final = 3.0
READ_LIMIT: Final = 6.0
"""Seconds; longer than the server's own limit, so that its answer tells the reason when it can still give one."""
MOST_READERS: Final = 4
"""Of the ten connections that the role may have; frozen ones count until the server notices."""

_LIMITS: Final = {
    "statement_timeout": "5s",
    "lock_timeout": "1s",
    "idle_in_transaction_session_timeout": "5s",
    "row_security": "off",  # a policy that would hide rows fails the reading: rows that hide would free times
}
_SESSION: Final = _LIMITS | {
    "default_transaction_read_only": "on",
    # One query is one snapshot. A repeatable-read one would be taken before the wait for a lock, and whoever waits for
    # a TRUNCATE or a table that is written anew would see it empty.
    "default_transaction_isolation": "read committed",
    "jit": "off",  # compiling a query of milliseconds takes longer than running it
    # When this machine vanishes, the server lets go of the session within half a minute.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "25000",
}
Row = Sequence[Any]


class Link:
    """One connection, and whether a pooler stands between it and the server."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self.pooled = self.replica = False
        self._prepared: dict[str, Any] = {}

    @classmethod
    async def open(cls, dsn: str) -> Self:
        """Connect to the first host that answers; raises one of ERRORS."""
        *others, last = _each_host(dsn)
        for host in others:
            with suppress(*ERRORS):
                return await cls._open(host)
        return await cls._open(last)

    @classmethod
    async def _open(cls, dsn: str) -> Self:
        # No statement outlives its query unless it is prepared below: a pooler would hand it to somebody else.
        settings = {"application_name": "tmex"}
        async with asyncio.timeout(CONNECT_LIMIT):
            link = cls(await asyncpg.connect(dsn, statement_cache_size=0, server_settings=settings))
            try:
                await link._get_to_know()
            except BaseException:
                link.cut()
                raise
        return link

    def cut(self) -> None:
        """Let go without a word."""
        self.connection.terminate()

    async def rows(self, sql: str, *values: object) -> Sequence[Row]:
        """What one query finds: one snapshot in a short read-only transaction. Raises one of ERRORS."""
        if self.pooled:
            return await self._in_transaction(sql, values)
        if sql not in self._prepared:
            # Without a name of its own a statement is planned anew each time, which takes longer than to run it.
            self._prepared[sql] = await self.connection.prepare(sql, name=f"tmex_{len(self._prepared)}")
        found: Sequence[Row] = await self._prepared[sql].fetch(*values)
        return found

    async def _get_to_know(self) -> None:
        async with self.connection.transaction():
            pid, self.replica = await self.connection.fetchrow("SELECT pg_backend_pid(), pg_is_in_recovery()")
        self.pooled = pid != self.connection.get_server_pid()
        if not self.pooled:
            await self.connection.execute("; ".join(f"SET {name} = '{value}'" for name, value in _SESSION.items()))

    async def _in_transaction(self, sql: str, values: Sequence[object]) -> Sequence[Row]:
        async with self.connection.transaction(isolation="read_committed", readonly=True):
            await self.connection.execute("; ".join(f"SET LOCAL {name} = '{value}'" for name, value in _LIMITS.items()))
            found: Sequence[Row] = await self.connection.fetch(sql, *values)
            return found


class Readers:
    """A few connections for readings, opened when they are needed and kept while they are sound."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._slots = asyncio.Semaphore(MOST_READERS)
        self._idle: list[Link] = []

    async def rows(self, sql: str, *values: object) -> Sequence[Row]:
        """What one query finds; see `Link.rows`. Raises SourceError."""
        try:
            async with self._slots, asyncio.timeout(READ_LIMIT):
                try:
                    return await self._ask(sql, values)
                except LOST:  # a connection that died while nobody looked tells it only when it is used
                    self.reset()
                    return await self._ask(sql, values)
        except ERRORS as error:
            self.reset()  # what hung or broke one of them may have reached all
            fault = fault_of(error)
            raise SourceError(fault.code, **fault.facts) from error

    def reset(self) -> None:
        """Let go of all that nobody uses now."""
        while self._idle:
            self._idle.pop().cut()

    async def _ask(self, sql: str, values: Sequence[object]) -> Sequence[Row]:
        link = self._idle.pop() if self._idle else await Link.open(self._dsn)
        try:
            found = await link.rows(sql, *values)
        except BaseException:
            link.cut()
            raise
        self._idle.append(link)
        return found


def _each_host(dsn: str) -> list[str]:
    """An address for each host that `dsn` names: the driver would wait for ever for the first one."""
    parts = urlsplit(dsn)
    user, at, hosts = parts.netloc.rpartition("@")
    if "," not in hosts:
        return [dsn]
    return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]
