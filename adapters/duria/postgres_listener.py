"""Whoever listens to PostgreSQL hears every committed change, or knows within seconds that it does not.

A listener goes deaf in silence: a peer that vanished, a backend that hangs, a pooler that accepts LISTEN and delivers
nothing. So it is asked every two seconds whether it lives, and proves once per interval, by an echo that goes out on
another connection, that it hears. Where it cannot hear, it polls and says so. It runs nothing but LISTEN and these
questions, and is never in a transaction: an idle one would hold the server's queue until the practice's commits fail.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from contextlib import suppress
from datetime import date
from typing import Annotated, Any, Final

import msgspec

from adapters.duria.postgres_faults import ERRORS, fault_of, passing
from adapters.duria.postgres_link import CONNECT_LIMIT, Link, Readers
from adapters.duria.postgres_schema import BENEATH, trigger_fault
from adapters.duria.relations import RELATIONS
from engine.faults import Fault
from engine.model import ColumnId, Days, joined
from engine.ports import Hint, SourceError

CHANNEL: Final = "tmex"
PULSE_EVERY: Final = 2.0
PULSE_LIMIT: Final = 2.0
"""Seconds to answer a question, or to hear the echo."""
POLL_EVERY: Final = 5.0
"""Seconds between two readings where no change can be heard."""
RETRY_EVERY: Final = 0.5
QUEUE_LIMIT: Final = 0.1
"""Share of the server's queue of notifications above which somebody should look who holds it up."""
_MOST_HINTS: Final = 1000
_EPOCH: Final = date(1970, 1, 1)
# Nobody announces that a relation was made anew, renamed or granted again, that a trigger was dropped, or that a
# replica became a primary: the entries in the catalogue tell.
_PULSE: Final = f"""{BENEATH}, entries (entry) AS (
  SELECT concat_ws(' ', 'relation', oid, pg_class.xmin) FROM beneath JOIN pg_class USING (oid)
  UNION SELECT concat_ws(' ', 'rule', r.oid, r.xmin) FROM beneath JOIN pg_rewrite r ON ev_class = beneath.oid
  UNION SELECT concat_ws(' ', 'trigger', t.oid, t.xmin) FROM beneath JOIN pg_trigger t ON tgrelid = beneath.oid
  UNION SELECT concat_ws(' ', 'function', oid, xmin) FROM pg_proc WHERE proname = 'tmex_changed'
)
SELECT pg_notification_queue_usage(), pg_is_in_recovery() || (SELECT string_agg(entry, ',' ORDER BY entry) FROM entries)
"""  # noqa: S608 - the pieces are constants


class _Payload(msgspec.Struct):
    calendar: str
    col: str
    days: Annotated[list[date], msgspec.Meta(max_length=100)] = []

    def stretch(self) -> Days | None:
        """From the first to the last day that it names; None when it names none."""
        days = [(each - _EPOCH).days for each in self.days]
        return Days(min(days), max(days)) if days else None


_PAYLOADS: Final = msgspec.json.Decoder(_Payload)


class Listener:
    """Turns notifications into hints, for as long as `hints` is iterated."""

    def __init__(self, dsn: str, readers: Readers, *, interval: float) -> None:
        self._dsn, self._readers, self._interval = dsn, readers, interval
        # Its own connection: behind readings that hang, the echo would wait, and with it the question who is deaf.
        self._voice = Readers(dsn)
        self.notes: tuple[Fault, ...] = ()
        """Why it polls, and what else should be looked at; what was last known while the connection is lost."""

    async def hints(self) -> AsyncGenerator[Hint, None]:
        """One after each (re)connect and each loss, then one for each column that changed."""
        inbox = _Inbox()
        listening = asyncio.create_task(self._listen(inbox))
        listening.add_done_callback(lambda _: inbox.put(Hint()))
        try:
            while True:
                for hint in await inbox.take():
                    yield hint
                if listening.done():
                    listening.result()  # raises: it ends by a bug alone
        finally:
            listening.cancel()
            await asyncio.wait([listening])
            self._voice.reset()

    async def _listen(self, inbox: "_Inbox") -> None:
        told = False
        while True:
            session = _Session(inbox)
            pause = await self._once(session)
            # Once for each loss, so that a reading tells what is wrong; from then on readings have their own backoff.
            if session.begun or not told:
                inbox.put(Hint())
            told = True
            await asyncio.sleep(pause)

    async def _once(self, session: "_Session") -> float:
        """Listen until that ends; for how many seconds to leave the server alone."""
        try:
            await self._hold(session)
        except (*ERRORS, SourceError) as error:
            fault = error.fault if isinstance(error, SourceError) else fault_of(error)
            # What is refused now will be refused again in half a second: rather as seldom as a poll, and as one.
            if not passing(fault):
                session.begun = session.opened
                if session.opened:
                    self._note(Fault("source.deaf"))
                return POLL_EVERY
        return RETRY_EVERY

    async def _hold(self, session: "_Session") -> None:
        """Listen until the connection is lost, in doubt, or deaf."""
        self._voice.reset()
        link = await Link.open(self._dsn)
        try:
            session.opened = True
            _, before = await self._pulse(link)
            reason = await self._prove(link, session)
            # What was opened before the loss may be as dead as what was lost.
            self._readers.reset()
            session.begun = True
            self._note(reason)
            session.inbox.put(Hint())
            await self._watch(link, session, reason, before)
        finally:
            link.cut()

    async def _prove(self, link: Link, session: "_Session") -> Fault | None:
        """Begin to listen; why nothing can be heard, or None once it was."""
        if link.replica:
            return Fault("source.replica")
        async with asyncio.timeout(PULSE_LIMIT):
            link.connection.add_termination_listener(session.end)
            await link.connection.add_listener(session.echo, session.hear)
        if not await self._echoes(session, CONNECT_LIMIT + PULSE_LIMIT):
            return await self._give_up(link)
        async with asyncio.timeout(PULSE_LIMIT):
            await link.connection.add_listener(CHANNEL, session.hear)
            return await trigger_fault(link)

    async def _give_up(self, link: Link) -> Fault:
        """Do not leave a session that others use through the pooler listening, if it can be had back."""
        if not link.pooled:
            return Fault("source.deaf")
        async with asyncio.timeout(PULSE_LIMIT):
            await link.connection.execute("UNLISTEN *")
        return Fault("source.pooler")

    async def _echoes(self, session: "_Session", limit: float) -> bool:
        """Whether it hears within `limit` seconds what another connection says. SourceError if that may not speak."""
        session.heard.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                await self._voice.rows(f'NOTIFY "{session.echo}"')
                await session.heard.wait()
        return session.heard.is_set()

    async def _watch(self, link: Link, session: "_Session", reason: Fault | None, before: object) -> None:
        """Ask every two seconds, prove once per interval; returns when it is better to begin anew."""
        now = asyncio.get_running_loop().time
        proven = polled = now()
        # At even seconds, as the job's own look is, so that both are one wake-up.
        while not await session.lost_within(PULSE_EVERY - now() % PULSE_EVERY):
            usage, shape = await self._pulse(link)
            self._note(reason, usage)
            if shape != before:
                return  # other relations or triggers: they may announce nothing
            # What would be late at the next question is due now.
            if reason is not None and now() - polled > POLL_EVERY - PULSE_EVERY:
                polled = now()
                session.inbox.put(Hint())
            if now() - proven > self._interval - PULSE_EVERY:
                proven = now()
                if reason is not None or not await self._echoes(session, PULSE_LIMIT):
                    return  # it may hear by now, or is deaf

    async def _pulse(self, link: Link) -> tuple[float, object]:
        """Whether the connection lives: how full the queue is, and what the relations are now."""
        async with asyncio.timeout(PULSE_LIMIT):
            [(usage, shape)] = await link.rows(_PULSE, list(RELATIONS))
        return usage, shape

    def _note(self, reason: Fault | None, usage: float = 0.0) -> None:
        filling = Fault("source.queue_filling", {"percent": round(usage * 100)}) if usage > QUEUE_LIMIT else None
        self.notes = tuple(each for each in (reason, filling) if each is not None)


class _Inbox:
    """Hints that nobody took yet: each column once, however often it changed (I5)."""

    def __init__(self) -> None:
        self._hints: dict[ColumnId | None, Days | None] = {}
        self._any = asyncio.Event()

    def put(self, hint: Hint) -> None:
        """Leave a hint."""
        if len(self._hints) >= _MOST_HINTS:
            self._hints.clear()
            hint = Hint()
        self._hints[hint.column] = joined(self._hints.get(hint.column, hint.days), hint.days)
        self._any.set()

    async def take(self) -> list[Hint]:
        """All of them, one at least; one for everything stands for all."""
        await self._any.wait()
        self._any.clear()
        hints, self._hints = self._hints, {}
        return [Hint()] if None in hints else [Hint(*each) for each in hints.items()]


class _Session:
    """What is heard on one connection."""

    def __init__(self, inbox: _Inbox) -> None:
        self.inbox = inbox
        self.echo = f"{CHANNEL}_echo_{secrets.token_hex(8)}"
        """A channel that nobody else knows."""
        self.heard = asyncio.Event()
        self.opened = False
        """Whether there was a connection."""
        self.begun = False
        """Whether it came as far as to be of use."""
        self._lost = asyncio.Event()

    def hear(self, _connection: object, _pid: int, channel: str, payload: Any) -> None:  # noqa: ANN401 - the driver's
        """A notification came."""
        if channel == self.echo:
            self.heard.set()
        else:
            self.inbox.put(_hint(payload))

    def end(self, _connection: object) -> None:
        """The connection is gone."""
        self._lost.set()

    async def lost_within(self, seconds: float) -> bool:
        """Whether the connection goes in that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._lost.wait()
        return self._lost.is_set()


def _hint(payload: str) -> Hint:
    """Anybody may notify: what is not understood says that something changed."""
    try:
        found = _PAYLOADS.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return Hint()
    return Hint(ColumnId(found.calendar, found.col), found.stretch()) if found.col else Hint()
