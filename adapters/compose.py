"""Puts the parts together, and only that: settings become an engine with its source, its portal and its ledger."""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from random import Random
from typing import assert_never

from adapters.drflex.client import DrFlex
from adapters.duria.sqlite import SqliteSource
from adapters.ledger import SqliteLedger
from adapters.settings import FilesSource, PostgresSource, Settings
from adapters.settings import SqliteSource as SqliteAddress
from engine.faults import FaultError
from engine.model import Window
from engine.ports import Observer, Portal, Source
from engine.reconcile import World
from engine.runtime import Engine
from engine.spans import IntervalSet


class ShadowPortal:
    """Asks for the window like the real portal, and sends nothing: for a while beside TMEX."""

    def __init__(self, portal: Portal) -> None:
        self.window_host, self.upload_host = portal.window_host, portal.upload_host
        self._portal = portal

    async def window(self) -> Window:
        """The window that the real portal asks for."""
        return await self._portal.window()

    async def upload(self, name: str, window: Window, blocked: IntervalSet) -> int | None:  # noqa: ARG002 - sent nowhere
        """Sent nowhere, so accepted."""
        return None

    def key_renewed(self) -> bool:
        """Whether the key of the real portal changed."""
        return self._portal.key_renewed()


@asynccontextmanager
async def assembled(settings: Settings, observer: Observer) -> AsyncIterator[Engine]:
    """An engine that remembers what an earlier process did. Raises LedgerError; closes what it opened."""
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(open_ledger(settings))
        portal: Portal = await stack.enter_async_context(_portal(settings))
        source = await stack.enter_async_context(_source(settings))
        if settings.shadow:
            portal = ShadowPortal(portal)
        world = World(source, portal, ledger, observer, time.time, Random())  # noqa: S311 - jitter, no secret
        engine = Engine(settings.calendars, world, settings.limits)
        await engine.recall()
        yield engine
