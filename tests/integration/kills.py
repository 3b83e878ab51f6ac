"""What is killed again and again, and what is watched meanwhile: one state, one practice, and a portal on a bad day.

A fault may block too much, never too little: the portal that stands here says so in the moment in which an upload frees
what it held and what the practice never gave back.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Final

from adapters.drflex.holdings import Upload
from adapters.drflex.stage import Reply
from adapters.drflex.standin import StandIn
from adapters.ledger import SqliteLedger
from adapters.ledger.aside import beside
from engine.spans import EMPTY
from tests.eventually import eventually
from tests.faultproxy import FaultProxy
from tests.integration.threefold import Reception, Slot, Threefold
from tests.site import COLUMNS, KEY, Site

END: Final = 10.0
"""Seconds within which a process that is told to end has ended."""
STILL: Final = 1.5
"""Seconds after which an export that was renamed into its place has been read; a database knows at once."""
JUST_NOW: Final = 0.003
"""Seconds; a ledger that was changed so lately was being written."""
CALM: Final = {
    "TMEX_GUARD_MIN": "1000h",
    "TMEX_UPLOAD_BURST": "1000000",
    "TMEX_BACKOFF_MAX": "1s",
    "TMEX_TIMEOUT": "1s",
    "TMEX_SETTLE": "2s",
}
"""Settings under which the portal follows a storm to its end without being polite, and every kind of fault has room."""


class Watched(StandIn):
    """A portal that knows the practice's own books, and judges each upload in the moment in which it is applied."""

    def __init__(self, reception: Reception) -> None:
        super().__init__(KEY, window=("2026-03-02", "2026-03-29"))
        self.wrong: list[str] = []
        """What was freed although it was taken, and had been accepted since."""
        self.strayed: set[str] = set()
        """The calendars in which the last to land was one that the portal itself had kept back (fault 28)."""
        self.patience = 0.0
        """Seconds that a change takes until the source of the day must know of it."""
        self.freed = 0
        self._reception = reception
        self._carried: dict[tuple[str, Slot], float] = {}
        """When each time was last accepted."""
        self._late = False

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        super().later(seconds, lambda: self._belatedly(do))

    def _belatedly(self, do: Callable[[], object]) -> None:
        self._late = True
        try:
            do()
        finally:
            self._late = False

    def _apply(self, upload: Upload) -> Reply:
        freed = set(self.held(upload.name)) - set(upload.blocked)
        if self._late:
            self.strayed.add(upload.name)  # what it frees is the portal's doing, and comes again after the settling
        else:
            self.strayed.discard(upload.name)
            self._judge(upload.name, freed)
        self.freed += len(freed)
        self._carried.update({(upload.name, each): time.monotonic() for each in upload.blocked})
        return super()._apply(upload)

    def _judge(self, name: str, freed: set[Slot]) -> None:
        taken = self._reception.taken[name]
        for each in freed & taken.keys():
            if self._carried[name, each] > taken[each] + self.patience:
                self.wrong.append(f"{name}: {each}, taken since {taken[each]:.3f}, was freed")


class Line(FaultProxy):
    """The way of one process to the portal, and the only one: whatever comes along it came from that process."""

    def __init__(self, portal: StandIn, life: int, heard: list[tuple[float, int]]) -> None:
        super().__init__(lambda: asyncio.open_connection("127.0.0.1", portal.port))
        self._life, self._heard = life, heard
        self.requests = 0

    async def _forward(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if data.startswith((b"GET ", b"POST ")):
            self._heard.append((time.monotonic(), self._life))
            self.requests += 1
        await super()._forward(data, writer)


class Life:
    """One process of the job, from its start to whatever end."""

    def __init__(self, number: int, process: asyncio.subprocess.Process, line: Line) -> None:
        self.number, self.process, self.line = number, process, line
        self.told = asyncio.create_task(process.communicate())

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        assert self.process.returncode is None, f"it ended by itself: {self.process.returncode} {await self.told}"
        self.process.kill()
        await self._over()
        assert self.process.returncode == -signal.SIGKILL, self.told.result()

    async def end(self) -> None:
        """SIGTERM: in order, in time, and with 0, unless there was nobody yet who could have heard it."""
        heard = _hears(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(END):
            await self._over()
        assert self.process.returncode in ({0} if heard else {0, -signal.SIGTERM}), self.told.result()

    async def _over(self) -> None:
        out, err = await self.told
        for word in (b"Traceback", b"job.bug", b"ledger.set_aside"):
            assert word not in out + err, err.decode()


class Arena:
    """One state, on which one process after another works, or several at once."""

    def __init__(self, site: Site, portal: Watched, practice: Threefold, reception: Reception, chance: Random) -> None:
        self.site, self.portal, self.practice, self.reception = site, portal, practice, reception
        self.chance, self.figures = chance, Counter[str]()
        self._heard: list[tuple[float, int]] = []

    @asynccontextmanager
    async def life(self, store: str) -> AsyncIterator[Life]:
        """A process that reads `store`, with a line of its own; killed if it is still there."""
        self.figures[f"lives on {store}"] += 1
        self.portal.patience = STILL if store == "files" else 0.0
        number = self.figures["lives"] = self.figures["lives"] + 1
        async with Line(self.portal, number, self._heard) as line:
            changes = {
                "TMEX_SOURCE": self.practice.stores[store].address,
                "TMEX_WINDOW_URL": f"http://127.0.0.1:{line.port}/window",
                "TMEX_UPLOAD_URL": f"http://127.0.0.1:{line.port}/upload",
                "TMEX_FREE_DELAY": self.chance.choice(["0", "1s"]),
            }
            life = Life(number, await self.site.start("run", **CALM | changes), line)
            try:
                yield life
            finally:
                with suppress(ProcessLookupError):
                    life.process.kill()
                await life.told

    @asynccontextmanager
    async def storm(self) -> AsyncIterator[None]:
        """The practice changes, and the portal has a bad day."""
        self.portal.hostile(self.chance.randrange(10**6), 0.2)
        storming = asyncio.create_task(self.reception.storm())
        try:
            yield
        finally:
            storming.cancel()
            await asyncio.wait([storming])
            self.portal.heal()
        assert storming.cancelled(), storming.exception()

    async def aim(self, life: Life) -> None:
        """Wait for a moment of one kind or another, drawn by chance."""
        match self.chance.choice(["start", "work", "work", "request", "ledger", "ledger"]):
            case "work":
                await self.meets(lambda: life.line.requests > 0, 10.0)
                await asyncio.sleep(self.chance.uniform(0, 0.7))
            case "request":
                await self.meets(lambda: life.line.requests > 0 and self.portal.traffic.under_way > 0, 3.0)
                await asyncio.sleep(self.chance.uniform(0, 0.01))
            case "ledger":
                log, times = beside(self.site.state, "-wal"), self.chance.randint(1, 12)
                for _ in range(times):
                    before = _changed_at(log)
                    await self.meets(lambda before=before: _changed_at(log) != before, 1.0)  # type: ignore[misc] # bound
            case _:
                await asyncio.sleep(self.chance.uniform(0, 1.2))

    async def meets(self, condition: Callable[[], bool], limit: float) -> None:
        """Wait for what may well not come, looking as often as possible."""
        with suppress(TimeoutError):
            async with asyncio.timeout(limit):
                while not condition():
                    await asyncio.sleep(0.0002)

    async def frozen(self, life: Life) -> None:
        """For a while the process stands still, in whatever it was about to do (fault 44)."""
        self.figures["frozen"] += 1
        life.freeze()
        await asyncio.sleep(self.chance.uniform(0.1, 1.5))
        life.thaw()
        await asyncio.sleep(self.chance.uniform(0, 0.05))

    def moment(self, life: Life) -> str:
        """What the process is doing, as far as it can be told from outside."""
        if not life.line.requests:
            return "start"
        if time.time() - _changed_at(beside(self.site.state, "-wal")) < JUST_NOW:
            return "ledger write"
        return "request" if self.portal.traffic.under_way else "work"

    async def judge(self) -> None:
        """With nobody at work: nothing was freed that was taken, and nothing is remembered that is not so."""
        assert not self.portal.wrong, self.portal.wrong
        assert not list(self.site.state.parent.glob("*.rotten-*")), "a ledger was set aside"
        past = (await SqliteLedger.peek(self.site.state)).calendars
        for name, record in past.items():
            standing, held = record.standing, self.portal.held(name)
            may_hold = (standing.baseline or EMPTY) | standing.lingering
            assert not held - may_hold, f"I1: {name}: the portal holds what the baseline lacks"
            assert not (standing.baseline or EMPTY) - standing.pending - held or name in self.portal.strayed, (
                f"I6: {name}: falsely remembered as accepted"
            )

    async def converges(self) -> None:
        """On each of the stores, the portal ends up equal to the practice, and every calendar is known to be right."""
        for store in self.practice.stores:
            async with self.life(store) as life:
                await eventually(self._equal, f"I5: the portal equals the practice on {store}", limit=30)
                await eventually(self._right, f"I11: every calendar is right on {store}", limit=30)
                await eventually(self._equal, f"I5: the portal equals the practice on {store}", limit=30)
                await life.end()
            await self.judge()

    async def _equal(self) -> bool:
        return all(self.portal.held(name) == self.reception.blocked(name) for name in COLUMNS)

    async def _right(self) -> bool:
        calendars = (await self.site.tmex("status", "--json")).json()["calendars"]
        return {each["state"] for each in calendars} == {"right"}

    def assert_one_at_a_time(self) -> None:
        """I9, I4: no process spoke to the portal any more once another one had, and no two uploads met."""
        speakers = [life for life, _ in groupby(life for _, life in sorted(self._heard))]
        assert len(speakers) == len(set(speakers)), speakers
        assert self.portal.overlaps == []
        assert self.portal.most_under_way <= 4
        self.figures["lives that were heard"] = len(speakers)

    def report(self) -> str:
        """Figures for a person."""
        more = {"changes": self.reception.changes, "uploads": self.portal.applied, "times freed": self.portal.freed}
        return ", ".join(f"{count} {what}" for what, count in (dict(sorted(self.figures.items())) | more).items())


def _changed_at(file: Path) -> float:
    with suppress(OSError):
        return file.stat().st_mtime
    return 0.0


def _hears(pid: int) -> bool:
    """Whether the process has a handler for SIGTERM by now."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
