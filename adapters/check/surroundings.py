"""What lies around the job is looked at before it hurts: ways, certificates, space, clocks, rows that are missing."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from adapters.check.checker import Checker
from adapters.drflex.proxies import environment_proxy
from engine.edges import pairs
from engine.faults import Fault
from engine.model import DAY, ColumnId, Complete, Instant, Window
from engine.ports import Source
from engine.walltime import WallClock

MOST_SHOWN: Final = 5
LEAST_SPACE: Final = 100_000_000
"""Bytes; a history of many years needs less."""
SOON: Final = 21
"""Days that a certificate should still be valid."""
SHORT: Final = 7 * DAY
"""A window below it is worth a look."""
_AHEAD: Final = 400
"""Days in which the next clock change is looked for."""
_LIMIT: Final = 5.0
"""Seconds for a connection."""
_EPOCH: Final = date(1970, 1, 1)
_LAST_WEEKDAY: Final = 4


def space(checker: Checker, folder: Path) -> None:
    """Whether the state's disk has room."""
    free = shutil.disk_usage(folder).free
    if free >= LEAST_SPACE:
        checker.ok("space", megabytes=free // 1_000_000)
    else:
        checker.remark("space", "space_scant", megabytes=free // 1_000_000)


def clock_change(checker: Checker, zone: tzinfo, now: float) -> None:
    """When the clocks change next, for that is when times are doubtful (R9)."""
    begins = datetime.fromtimestamp(now, UTC)
    hours = (begins + timedelta(hours=each) for each in range(24 * _AHEAD))
    offset = begins.astimezone(zone).utcoffset()
    change = next((each for each in hours if each.astimezone(zone).utcoffset() != offset), None)
    if change is not None:
        checker.ok("clock_change", day=change.astimezone(zone).date().isoformat())


def window(checker: Checker, asked: Window, now: float) -> None:
    """Whether the period is one that patients can book in."""
    if asked.end <= now:
        checker.remark("window", "window_past")
    elif asked.end - asked.start < SHORT:
        checker.remark("window", "window_short", days=round((asked.end - asked.start) / DAY))


async def ways(checker: Checker, urls: Iterable[str], now: float) -> None:
    """How each host of the portal is reached, and for how long its certificate is valid."""
    for scheme, host, port in sorted({_place(url) for url in urls}):
        proxy = environment_proxy(f"{scheme}://{host}:{port}")
        if proxy is not None:
            checker.ok("proxy", host=host, proxy=urlsplit(proxy).hostname or "?")
            continue
        try:
            addresses = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            checker.fault("portal", Fault("portal.unreachable", {"kind": "gaierror"}))
            continue
        checker.ok("dns", host=host, addresses=len({each[4][0] for each in addresses}))
        if scheme == "https":
            await _certificate(checker, host, port, now)


def _place(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


async def _certificate(checker: Checker, host: str, port: int, now: float) -> None:
    """What is wrong with it is told by the portal's own answer; here only how long it lasts."""
    try:
        async with asyncio.timeout(_LIMIT):
            _, writer = await asyncio.open_connection(host, port, ssl=ssl.create_default_context())
    except (OSError, TimeoutError):
        return
    ends = ssl.cert_time_to_seconds(writer.get_extra_info("peercert")["notAfter"])
    writer.transport.abort()
    days = int((ends - now) // DAY)
    if days < SOON:
        checker.remark("certificate", "certificate_ends", host=host, days=days)
    else:
        checker.ok("certificate", host=host, days=days)


async def days_without_rows(
    checker: Checker, source: Source, name: str, column: ColumnId, asked: Window, clock: WallClock
) -> None:
    """For every bookable time there must be a row: on which weekdays there is none at all (R3)."""
    reading = await source.read(column, clock.around(asked))
    if not isinstance(reading, Complete):
        return
    rows, covered = reading.rows, set[int]()
    for times in (rows.occupied, rows.free):
        for start, end in pairs(times):
            covered.update(range(start // DAY, min(max(start, end - 1), start + _AHEAD * DAY) // DAY + 1))
    for each in rows.reservations:
        covered.update(range(each.first_day, each.last_day + 1) if each.last_day - each.first_day < _AHEAD else ())
    days = range(clock.wall(asked.start) // DAY, clock.wall(Instant(asked.end - 1)) // DAY + 1)
    bare = [day for day in map(_date, (day for day in days if day not in covered)) if day.weekday() <= _LAST_WEEKDAY]
    if bare:
        shown = ", ".join(day.isoformat() for day in islice(bare, MOST_SHOWN))
        checker.remark("rows", "bare_days", name=name, count=len(bare), days=shown)
    else:
        checker.ok("rows", name=name)


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)
