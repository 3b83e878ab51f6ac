"""Looks at the job once a second, and sees to it that people hear of it; whatever fails here never reaches the sync."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Protocol

import aiohttp
import msgspec

from adapters.alarms.episodes import AT_ONCE, Alarm, right, step, troubles
from adapters.alarms.send import ChannelError, Channels
from adapters.condition import Condition
from adapters.settings import Settings
from engine.faults import Fault

LOOK_EVERY: Final = 1.0
BEAT_EVERY: Final = 60.0
TRIES: Final = (0.0, 5.0, 30.0, 120.0, 600.0)
"""Seconds between the tries of an alarm; after the last one it is given up, and the log says so."""


class Told:
    """What people were told and is still so: a file beside the state, so that a restart repeats and forgets nothing."""

    def __init__(self, state: Path) -> None:
        self._path = state.with_name(state.name + ".alarms")

    def read(self) -> dict[str, Alarm]:
        """By topic; nothing where it cannot be read, for an alarm twice is better than none."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Alarm])
        except (OSError, ValueError):
            return {}

    def write(self, told: dict[str, Alarm]) -> None:
        """Whole or not at all."""
        aside = self._path.with_name(self._path.name + ".new")
        with suppress(OSError):
            aside.write_bytes(msgspec.json.encode(told))
            aside.chmod(0o600)
            aside.replace(self._path)


class Ways(Protocol):
    """The ways to people; each raises ChannelError. See `Channels`."""

    def names(self) -> list[str]:
        """Those by which an alarm goes."""
        ...

    async def send(self, channel: str, alarm: Alarm) -> None:
        """Tell it by one of `names()`."""
        ...

    async def beat(self) -> None:
        """All is right."""
        ...


class Courier:
    """Brings alarms to people, each channel by itself; of one topic only the newest is on its way."""

    def __init__(self, channels: Ways, trouble: Callable[[Fault], None]) -> None:
        self._channels, self._trouble = channels, trouble
        self._deaf: set[str] = set()
        self._under_way: dict[tuple[str, str], asyncio.Task[object]] = {}

    def bring(self, alarm: Alarm) -> None:
        """Send it by every channel, again and again for a while where it is not taken."""
        for name in self._channels.names():
            self._begin(name, alarm.topic, self._deliver(name, alarm))

    def beat(self) -> None:
        """Say that all is right."""
        self._begin("heartbeat", "", self._once("heartbeat", self._channels.beat()))

    def _begin(self, name: str, topic: str, work: Coroutine[Any, Any, object]) -> None:
        if (before := self._under_way.pop((name, topic), None)) is not None:
            before.cancel()
        self._under_way[name, topic] = asyncio.create_task(work)

    async def _deliver(self, name: str, alarm: Alarm) -> None:
        for pause in TRIES:
            await asyncio.sleep(pause)
            if await self._once(name, self._channels.send(name, alarm)):
                return

    async def _once(self, name: str, work: Awaitable[None]) -> bool:
        """Whether it was taken; that a channel takes nothing is said once."""
        try:
            await work
        except ChannelError as error:
            if name not in self._deaf:
                self._trouble(Fault("alarm.undelivered", {"channel": name, "kind": error.kind}))
            self._deaf.add(name)
            return False
        self._deaf.discard(name)
        return True


async def watch(settings: Settings, condition: Callable[[], Condition], trouble: Callable[[Fault], None]) -> None:
    """Until it is cancelled; `trouble` is told of each channel that takes nothing."""
    async with aiohttp.ClientSession() as http:
        courier = Courier(Channels(settings, http), trouble)
        await tend(courier, Told(settings.state), condition, settings.stale_after)


async def tend(courier: Courier, store: Told, condition: Callable[[], Condition], stale_after: float) -> None:
    """Have people told what is new since what `store` knows, and of a heartbeat while all is right; until cancelled."""
    now = asyncio.get_running_loop().time
    told, began, beaten = store.read(), now(), -BEAT_EVERY
    while True:
        await asyncio.sleep(LOOK_EVERY)
        seen, at = condition(), now()
        found = troubles(seen, stale_after)
        if at - began < stale_after:
            # A job that has just begun knows nothing of before: it has the time that every calendar is given.
            found = {topic: fault for topic, fault in found.items() if topic in told or topic in AT_ONCE}
        standing, news = step(told, found, seen.at)
        if standing != told:
            told = standing
            store.write(told)
        for alarm in news:
            courier.bring(alarm)
        if at - beaten >= BEAT_EVERY and right(seen, stale_after):
            beaten = at
            courier.beat()
