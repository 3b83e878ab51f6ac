"""Puts the parts together, and only that: settings become an engine with its source, its portal and its ledger.

Of the sources only the one that is chosen is imported: its driver takes time and memory, and the others' are not used.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import TYPE_CHECKING, Protocol, Self, assert_never

from adapters.drflex.client import DrFlex, Site
from adapters.drflex.key import Key
from adapters.ledger import SqliteLedger
from adapters.settings import FilesSource as FilesAddress
from adapters.settings import PostgresSource as PostgresAddress
from adapters.settings import Settings
from adapters.settings import SqliteSource as SqliteAddress
from engine.faults import Fault
from engine.model import Window
from engine.ports import Entry, Hint, Ledger, Observer, Portal, Recollection, Source
from engine.reconcile import World
from engine.runtime import Engine
from engine.spans import IntervalSet
from engine.walltime import WallClock

if TYPE_CHECKING:
    from adapters.duria.exports import Shelf


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


class Memo:
    """A ledger for looking only: knows what an earlier process remembered, and writes nothing."""

    def __init__(self, known: Recollection) -> None:
        self._known = known

    async def recall(self) -> Recollection:
        """What was remembered when this command began."""
        return self._known

    async def remember(self, **_: object) -> None:
        """Nothing: a look leaves no trace."""


@asynccontextmanager
async def assembled(
    settings: Settings, observer: Observer, *, look_only: bool = False, source: "PracticeSource | None" = None
) -> AsyncIterator[Engine]:
    """An engine that knows what an earlier process did; with `look_only` it writes nothing. It reads `source`, or what
    the settings name. Closes what it opened.

    Raises LedgerError and FaultError.
    """
    async with AsyncExitStack() as stack:
        ledger: Ledger
        shelf: Shelf
        if look_only:
            ledger, shelf = Memo(await remembered(settings)), await looked_at(settings)
        else:
            ledger = written = await stack.enter_async_context(_ledger(settings))
            shelf = KeptShelf(written)
        practice = await stack.enter_async_context(source or open_source(settings, shelf))
        portal: Portal = await stack.enter_async_context(open_portal(settings))
        if settings.shadow:
            portal = ShadowPortal(portal)
        world = World(practice, portal, ledger, observer, time.time, Random())
        engine = Engine(settings.calendars, world, settings.limits)
        await engine.recall()
        yield engine


async def remembered(settings: Settings) -> Recollection:
    """What the ledger holds, without touching it. Raises LedgerError."""
    return await SqliteLedger.peek(settings.state, _realm(settings))


async def remembered_history(settings: Settings, since: float) -> list[Entry]:
    """The ledger's history since then, in wall-clock seconds, without touching it. Raises LedgerError."""
    return await SqliteLedger.peek_history(settings.state, since, _realm(settings))


class KeptShelf:
    """What a source wants to know after a restart, in the ledger."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self._ledger = ledger

    async def recall(self) -> bytes | None:
        """See `Shelf`."""
        return await self._ledger.shelf()

    async def keep(self, data: bytes) -> None:
        """See `Shelf`."""
        await self._ledger.shelve(data)


class LookShelf:
    """What a source kept earlier, for looking only: a look leaves no trace."""

    def __init__(self, kept: bytes | None) -> None:
        self._kept = kept

    async def recall(self) -> bytes | None:
        """See `Shelf`."""
        return self._kept

    async def keep(self, data: bytes) -> None:
        """Nothing."""


async def looked_at(settings: Settings) -> LookShelf:
    """What the source kept earlier. Raises LedgerError."""
    return LookShelf(await SqliteLedger.peek_shelf(settings.state, _realm(settings)))


class PracticeSource(Source, Protocol):
    """A source that is closed after use, and that `tmex check` can look into."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...

    async def examine(self) -> list[Fault]:
        """What should be mended, one fault of each kind. Raises SourceError."""
        ...

    def hints(self) -> AsyncGenerator[Hint, None]:
        """See `Source`; to be closed by whoever asks for less than all of them."""
        ...


def open_source(settings: Settings, shelf: "Shelf") -> PracticeSource:
    """The practice's calendar; it asks nothing until it is asked to."""
    match settings.source:
        case SqliteAddress(path):
            from adapters.duria.sqlite import SqliteSource  # noqa: PLC0415 - see the module's first sentences

            return SqliteSource(path, settings.practice)
        case PostgresAddress(dsn):
            from adapters.duria.postgres import PostgresSource  # noqa: PLC0415 - see the module's first sentences

            return PostgresSource(dsn.reveal(), settings.practice, interval=settings.limits.interval)
        case FilesAddress(folder):
            from adapters.duria.files import FilesSource  # noqa: PLC0415 - see the module's first sentences

            return FilesSource(
                folder,
                settings.practice,
                clock=WallClock(settings.limits.zone),
                settle=settings.file_settle,
                encoding=settings.file_encoding,
                shelf=shelf,
            )
        case _:
            assert_never(settings.source)


def open_portal(settings: Settings) -> DrFlex:
    """The portal; it asks nothing until it is asked to."""
    site = Site(
        window_url=settings.window_url.reveal(), upload_url=settings.upload_url.reveal(), timeout=settings.timeout
    )
    key = Key(settings.key.reveal(), file=settings.key_file, header=settings.key_header)
    return DrFlex(site, key, WallClock(settings.limits.zone))


def _ledger(settings: Settings) -> SqliteLedger:
    return SqliteLedger(settings.state, realm=_realm(settings), history_seconds=settings.history, wall=time.time)


def _realm(settings: Settings) -> str:
    """Shadow mode keeps a baseline of its own, for what it decides was never sent."""
    return "shadow" if settings.shadow else "live"
