"""What people hear of a day's troubles, in virtual time: one alarm, then one all-clear, and no heartbeat in between."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from adapters.alarms.episodes import Alarm
from adapters.alarms.watch import BEAT_EVERY, Courier, Told, tend
from adapters.condition import of_job
from engine.model import ColumnId
from tests.simulation.calm import Calm, calmly
from tests.simulation.world import Faults

STALE_AFTER: Final = 300.0
MINUTE: Final = 60.0
COLUMNS: Final = {"Dr. Adler": ColumnId("TK1", "A"), "Dr. Busch": ColumnId("TK1", "B")}


class Heard:
    """People, and what they heard, at which second of the day."""

    def __init__(self) -> None:
        self.alarms: list[tuple[float, Alarm]] = []
        self.beats: list[float] = []

    def names(self) -> list[str]:
        return ["webhook"]

    async def send(self, channel: str, alarm: Alarm) -> None:
        self.alarms.append((asyncio.get_running_loop().time(), alarm))

    async def beat(self) -> None:
        self.beats.append(asyncio.get_running_loop().time())

    def told(self) -> list[tuple[str, bool]]:
        return [(alarm.fault.code, alarm.over) for _, alarm in self.alarms]

    def pauses(self) -> list[float]:
        """Between one heartbeat and the next, where that is longer than it should be."""
        gaps = (later - earlier for earlier, later in zip(self.beats, self.beats[1:], strict=False))
        return [gap for gap in gaps if gap > BEAT_EVERY + 2]


async def lived(folder: Path, world: Calm, then: Callable[[], Awaitable[None]]) -> Heard:
    """What people hear while `then` happens, half an hour after the start, and in the half hour after it."""
    heard = Heard()

    async def day() -> None:
        courier = Courier(heard, lambda _: None)
        condition = lambda: of_job(world.engine, world.wall(), STALE_AFTER)  # noqa: E731 - as the job passes it
        watching = asyncio.create_task(tend(courier, Told(folder / "tmex.db"), condition, STALE_AFTER))
        await asyncio.sleep(30 * MINUTE)
        assert len(heard.beats) in (29, 30)
        await then()
        await asyncio.sleep(30 * MINUTE)
        watching.cancel()

    await world.running(day)
    return heard


def troubled(world: Calm, **faults: float) -> Callable[[], Awaitable[None]]:
    """Twelve minutes of these faults, and a change in the midst of them."""

    async def then() -> None:
        await asyncio.sleep(7)
        world.portal.faults = world.source.faults = Faults(**faults)
        await asyncio.sleep(6 * MINUTE)
        world.take(8)
        await asyncio.sleep(6 * MINUTE)
        world.portal.faults = world.source.faults = Faults()

    return then


@calmly
async def test_a_portal_that_is_gone_for_twelve_minutes(tmp_path: Path) -> None:
    """Faults 24 and 29, I11: told once, though four questions and both calendars fail; the heartbeat pauses."""
    world = Calm(COLUMNS)
    heard = await lived(tmp_path, world, troubled(world, window_failed=1.1, upload_error=1.1))
    assert heard.told() == [("portal.server_error", False), ("portal.server_error", True)]
    (silence,) = heard.pauses()
    assert 12 * MINUTE <= silence <= 16 * MINUTE


@calmly
async def test_a_source_that_is_dead(tmp_path: Path) -> None:
    """I2, I11: all calendars are late for one reason, which is told once."""
    world = Calm(COLUMNS)
    heard = await lived(tmp_path, world, troubled(world, read_failed=1.1))
    assert heard.told() == [("source.locked", False), ("source.locked", True)]
    assert len(heard.pauses()) == 1


@calmly
async def test_a_window_that_is_stale(tmp_path: Path) -> None:
    """R1, I11: uploads go on, and somebody hears that nobody knows the period any more."""
    world = Calm(COLUMNS)
    heard = await lived(tmp_path, world, troubled(world, window_failed=1.1))
    assert heard.told() == [("portal.server_error", False), ("portal.server_error", True)]
    assert len(world.portal.uploads) >= 3


@calmly
async def test_a_key_that_is_refused(tmp_path: Path) -> None:
    """I10, I11: at once, for only a person can mend it."""
    world = Calm(COLUMNS)

    async def then() -> None:
        world.portal.refusing = True
        await asyncio.sleep(2 * MINUTE)
        assert heard_so_far(world) == "portal.key_refused"
        await asyncio.sleep(10 * MINUTE)
        world.portal.refusing = False

    heard = await lived(tmp_path, world, then)
    assert heard.told() == [("portal.key_refused", False), ("portal.key_refused", True)]
    assert len(heard.pauses()) == 1


def heard_so_far(world: Calm) -> str:
    refused = world.engine.gate.refused
    return "" if refused is None else refused.code


@calmly
async def test_a_removal_that_waits_for_a_person(tmp_path: Path) -> None:
    """I3, I11: told once, until somebody decides."""
    world = Calm(COLUMNS)
    world.practice.taken[COLUMNS["Dr. Adler"]] = set(range(8, 18))
    held = []

    async def then() -> None:
        world.practice.emptied.add(COLUMNS["Dr. Adler"])
        world.source.hint(COLUMNS["Dr. Adler"])
        await asyncio.sleep(20 * MINUTE)
        report = world.engine.calendars["Dr. Adler"].report
        assert report is not None
        held.append(report.held)
        await world.release(report.held)

    heard = await lived(tmp_path, world, then)
    assert held[0]
    assert heard.told() == [("calendar.by_hand", False), ("calendar.by_hand", True)]
    assert len(heard.pauses()) == 1
