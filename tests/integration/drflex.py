"""A stand-in and its client for the tests of faults: they talk real HTTP on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from ssl import SSLContext
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from adapters.drflex.client import DrFlex, Site
from adapters.drflex.key import Key
from adapters.drflex.standin import StandIn
from engine.ports import PortalError
from engine.walltime import WallClock
from tests.contract.portal_contract import WINDOW, hours

NAME: Final = "Dr. Adler"
KEY: Final = "Kanarienvogel-Schluessel"
"""The key of every client here; it must show nowhere."""
NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""What the clients' wall clock shows."""
PATIENT: Final = 30.0
"""Seconds; longer than anything takes that is not meant to time out."""
HASTY: Final = 0.5
"""Seconds of a client that is meant to give up."""


def client(
    window_url: str, upload_url: str | None = None, *, timeout: float = PATIENT, tls: SSLContext | None = None
) -> DrFlex:
    """A client of these addresses; without the second, of one address for both."""
    site = Site(window_url=window_url, upload_url=upload_url or window_url, timeout=timeout)
    return DrFlex(site, Key(KEY), WallClock(ZoneInfo("Europe/Berlin")), tls=tls, wall=NOW.timestamp)


@asynccontextmanager
async def both(timeout: float = PATIENT) -> AsyncIterator[tuple[StandIn, DrFlex]]:
    """A stand-in and its client."""
    async with StandIn(KEY) as side, client(side.window_url, side.upload_url, timeout=timeout) as portal:
        yield side, portal


async def failure(portal: DrFlex, request: str = "upload") -> PortalError:
    """How the next request, "upload" or "window", fails."""
    with pytest.raises(PortalError) as caught:
        await (portal.window() if request == "window" else portal.upload(NAME, WINDOW, hours(8)))
    return caught.value
