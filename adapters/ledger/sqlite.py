"""The engine's memory in a SQLite file beside the job: what a call wrote is safe from a killed process when it returns.

A file that rotted is set aside and a new one begun, so that nothing is half believed; a disk that is full or away is an
answer, and the next call tries again.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self, TypeVar

from adapters.ledger.aside import set_aside
from adapters.ledger.file import LedgerFile, look, look_back
from adapters.ledger.judging import RottenError, judged, unwritable
from adapters.ledger.rows import MARK, Place, column_key, column_of
from adapters.ledger.thread import DaemonThread
from adapters.ledger.upgrading import outdated, upgrade
from engine.faults import Fault
from engine.model import ColumnId
from engine.ports import (
    Ahead,
    CalendarRecord,
    ColumnRecord,
    Entry,
    LedgerError,
    PortalRecord,
    Recollection,
    caught_up,
)

T = TypeVar("T")

GIVE_UP_AFTER: Final = 5.0
"""Seconds; a disk that hangs longer counts as one that cannot be written."""
UPGRADED_WITHIN: Final = 600.0
"""Seconds for the copy of a large ledger on a slow disk, once after an upgrade."""


class _Wish:
    """What one call wants to have written, and its answer."""

    def __init__(self, records: dict[Place, Any], entries: tuple[Entry, ...]) -> None:
        self.records, self.entries = records, entries
        self.written: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class SqliteLedger:
    """A `Ledger` at `path`; `realm` keeps the shadow's baseline apart. An async context manager."""

    def __init__(self, path: Path, *, realm: str = "live", history_seconds: float, wall: Callable[[], float]) -> None:
        """`wall` gives seconds since the epoch; entries older than `history_seconds` are forgotten."""
        self._path, self._realm, self._history, self._wall = path, realm, history_seconds, wall
        self._file: LedgerFile | None = None
        self._known: dict[Place, Any] = {}
        """Every record of every realm as last read or written: the engine's own values, so it costs little."""
        self._wishes: deque[_Wish] = deque()
        """What is to be written next, oldest first; while the disk writes, what comes meanwhile gathers here."""
        self._thread = DaemonThread("ledger")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._do(self._close)
        except LedgerError:
            pass  # a disk that hangs keeps no one from leaving; what was committed stays
        finally:
            self._thread.shutdown()

    async def recall(self) -> Recollection:
        """Everything, of an earlier schema too; raises LedgerError where the state cannot be used at all."""
        if await self._do(self._is_outdated):
            await self._do(self._upgrade, within=UPGRADED_WITHIN)
        return await self._do(self._recall)

    async def remember(
        self,
        *,
        calendars: Mapping[str, CalendarRecord] = {},
        columns: Mapping[ColumnId, ColumnRecord] = {},
        portal: PortalRecord | None = None,
        ahead: Mapping[str, Ahead] = {},
        entries: tuple[Entry, ...] = (),
    ) -> None:
        """Write all of it in one transaction, or nothing; raises LedgerError. See `Ledger`.

        What was given up or cancelled may still be written a little later: never in part, never after a later one.
        """
        records: dict[Place, Any] = {self._place("calendar", name): each for name, each in calendars.items()}
        records |= {place: None for place in (self._place("ahead", name) for name in calendars) if self._knows(place)}
        records |= {self._place("ahead", name): each for name, each in ahead.items()}
        records |= {self._place("column", column_key(column)): each for column, each in columns.items()}
        if portal is not None:
            records[self._place("portal", "")] = portal
        await self._write_down(records, entries)

    async def shelf(self) -> bytes | None:
        """What `shelve` was given last; None when nothing ever was. Raises LedgerError."""
        if self._file is None:
            await self.recall()
        kept: bytes | None = self._known.get(self._place("shelf", ""))
        return kept

    async def shelve(self, data: bytes) -> None:
        """Keep what the source wants to know after a restart; raises LedgerError."""
        await self._write_down({self._place("shelf", ""): data}, ())

    async def history(self, since: float, calendar: str | None = None) -> list[Entry]:
        """The entries since that wall-clock time, of one calendar or of all, oldest first; raises LedgerError."""
        found = await self._do(lambda: self._opened().history(self._realm, since))
        return [each for each in found if calendar in {None, each.calendar}]

    @staticmethod
    async def peek(path: Path, realm: str = "live") -> Recollection:
        """What a ledger holds, without touching it; nothing where there is none. Raises LedgerError."""
        return _recollection(await _peeked(path, lambda: look(path)), realm, None)

    @staticmethod
    async def peek_shelf(path: Path, realm: str = "live") -> bytes | None:
        """What a ledger's shelf holds, without touching it. Raises LedgerError."""
        kept: bytes | None = (await _peeked(path, lambda: look(path))).get(Place(realm, "shelf", ""))
        return kept

    @staticmethod
    async def peek_history(path: Path, since: float, realm: str = "live") -> list[Entry]:
        """The entries of a ledger's history since that wall-clock time, oldest first, without touching it. Raises
        LedgerError.
        """
        return await _peeked(path, lambda: look_back(path, realm, since))

    async def _write_down(self, records: dict[Place, Any], entries: tuple[Entry, ...]) -> None:
        """In one transaction with all that waits by then: a thousand calendars that change at once need few of them."""
        wish = _Wish(records, entries)
        self._wishes.append(wish)
        if len(self._wishes) == 1:  # whoever takes the first takes all
            self._thread.post(self._grant)
        try:
            await _within(self._path, wish.written)
        except BaseException:
            with suppress(ValueError):  # what is given up before its turn came is not written any more
                self._wishes.remove(wish)
            raise

    async def _do(self, work: Callable[[], T], within: float | None = None) -> T:
        return await _within(self._path, self._thread.do(work), within)

    def _is_outdated(self) -> bool:
        with suppress(RottenError), judged(self._path):  # what is rotten is for _recall to set aside
            return outdated(self._path)
        return False

    def _upgrade(self) -> None:
        with suppress(RottenError), judged(self._path):
            upgrade(self._path)

    def _recall(self) -> Recollection:
        news = None
        try:
            self._known = self._open()
        except RottenError:
            news = self._begin_anew()
        return _recollection(self._known, self._realm, news)

    def _grant(self) -> None:
        """Write all that waits, and tell those who wait for it."""
        wishes, records, failure = list[_Wish](), dict[Place, Any](), None
        with suppress(IndexError):
            while True:
                wishes.append(self._wishes.popleft())
        for each in wishes:
            records |= each.records
        try:
            if wishes:
                self._remember(records, tuple(entry for each in wishes for entry in each.entries))
        except BaseException as error:  # noqa: BLE001 - it belongs to all of them
            failure = error
        if wishes:
            self._thread.tell(wishes[0].written.get_loop(), lambda: _answer(wishes, failure))

    def _remember(self, records: dict[Place, Any], entries: tuple[Entry, ...]) -> None:
        try:
            fits = self._file is not None and self._file.is_current()
            self._write(records if fits else self._lacking(records), entries)
        except RottenError:
            news = self._begin_anew()
            raise LedgerError(news.code, **news.facts) from None
        self._known.update(records)

    def _lacking(self, records: dict[Place, Any]) -> dict[Place, Any]:
        """What the file that is there now lacks of all that we know; it may be new, or an older copy."""
        there = self._open()
        self._known = there | self._known
        return {place: each for place, each in (self._known | records).items() if there.get(place) != each}

    def _begin_anew(self) -> Fault:
        """Set the rotten file aside, and put all that we know for certain into a new one."""
        self._close()
        with judged(self._path):
            news = set_aside(self._path, self._wall())
        self._write(self._lacking({}), ())
        return news

    def _write(self, records: dict[Place, Any], entries: tuple[Entry, ...]) -> None:
        """A file that failed is opened anew the next time, for nobody knows what it lacks."""
        history = [(self._realm, each) for each in entries]
        try:
            self._opened().write(records, history, self._wall() - self._history)
        except BaseException:
            self._close()
            raise

    def _opened(self) -> LedgerFile:
        if self._file is None:
            self._open()
        assert self._file is not None
        return self._file

    def _open(self) -> dict[Place, Any]:
        """Open the file that is there now, and tell what it holds."""
        self._close()
        file = LedgerFile(self._path)
        try:
            found = file.read()
        except BaseException:
            file.close()
            raise
        self._file = file
        return found

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _knows(self, place: Place) -> bool:
        return self._known.get(place) is not None

    def _place(self, kind: str, key: str) -> Place:
        return Place(self._realm, kind, key)


async def _peeked(path: Path, work: Callable[[], T]) -> T:
    """Have `work` look at the ledger at `path`, on a thread of its own."""
    thread = DaemonThread("ledger-look")
    try:
        return await _within(path, thread.do(work))
    finally:
        thread.shutdown()


async def _within(path: Path, answer: Awaitable[T], limit: float | None = None) -> T:
    """Wait for what a thread does with the ledger at `path`, no longer than is bearable."""
    try:
        async with asyncio.timeout(limit or GIVE_UP_AFTER):
            return await answer
    except TimeoutError:
        raise unwritable(path, "timeout") from None
    except RottenError:
        raise LedgerError("ledger.rotten", file=path.name) from None


def _answer(wishes: Iterable[_Wish], failure: BaseException | None) -> None:
    for each in wishes:
        if each.written.done():
            continue
        if failure is None:
            each.written.set_result(None)
        else:
            each.written.set_exception(failure)


def _recollection(known: Mapping[Place, Any], realm: str, news: Fault | None) -> Recollection:
    ours = {place: each for place, each in known.items() if place.realm == realm}
    calendars = {place.key: each for place, each in ours.items() if place.kind == "calendar"}
    ahead = {place.key: each for place, each in ours.items() if place.kind == "ahead"}
    return Recollection(
        calendars={name: caught_up(each, ahead.get(name)) for name, each in calendars.items()},
        columns={column_of(place.key): each for place, each in ours.items() if place.kind == "column"},
        portal=ours.get(Place(realm, "portal", ""), PortalRecord()),
        set_aside=MARK in known,
        news=news,
    )
