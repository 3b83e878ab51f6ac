"""The portal's own doing, without its server: checks the key, answers the window, takes uploads and bookings.

An upload replaces what was blocked for its calendar in its window, and never frees what a patient booked (R2).
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Self

import msgspec

from adapters.drflex.holdings import Holdings, Upload, read_upload, read_wish
from adapters.drflex.stage import Reply
from adapters.drflex.traffic import Traffic
from adapters.drflex.troubles import LASTING, Kind, Script, Trouble
from engine.spans import EMPTY, IntervalSet

_KEEP = 10_000
"""How many log lines, and uploads with their bodies, are kept."""


class Office:
    """One practice's portal. `asks` is the window that it asks for, as the wire writes it."""

    def __init__(self, key: str, header: str, window: tuple[str, str]) -> None:
        self.key, self.header = key, header
        self.asks = {"from": window[0], "to": window[1]}
        self.takes_gzip = False
        """Whether answers to uploads say that these may come packed; where not, packed ones are refused."""
        self.uploads: list[Upload] = []
        """The latest uploads that were applied, oldest first."""
        self.applied = 0
        """How many uploads were applied, ever."""
        self.holdings, self.script, self.traffic = Holdings(), Script(), Traffic(_KEEP)
        self.landing: dict[asyncio.TimerHandle, Callable[[], object]] = {}
        """What was left unanswered and will be applied yet."""
        self._changed = asyncio.Event()

    def held(self, name: str) -> IntervalSet:
        """What is blocked for calendar `name`."""
        return self.holdings.blocked.get(name, EMPTY)

    def booked(self, name: str) -> IntervalSet:
        """What patients booked in calendar `name`."""
        return self.holdings.booked.get(name, EMPTY)

    def book(self, name: str, start: int, end: int) -> bool:
        """A patient books `[start, end)`, seconds since the epoch; False when it is not free."""
        return self.holdings.book(name, IntervalSet([(start, end)]))

    @property
    def overlaps(self) -> list[str]:
        """The calendars of which two uploads were under way at once; must stay empty (I4)."""
        return self.traffic.overlaps

    @property
    def most_under_way(self) -> int:
        """The most requests that were under way at once (I10)."""
        return self.traffic.most_under_way

    def seen(self, request: str) -> int:
        """How many requests for "window" or "upload" ended, in whatever way."""
        return sum(logged.request == request for logged in self.traffic.log)

    def ask_for(self, start: str, end: str) -> None:
        """Ask for another window from now on."""
        self.asks = {"from": start, "to": end}

    def fail(self, kind: Kind, **details: Any) -> None:  # noqa: ANN401 - the fields of Trouble, checked right here
        """Let requests run into trouble; `details` are the fields of `Trouble`."""
        self.script.waiting.append(msgspec.convert({"kind": kind} | details, Trouble))

    def hostile(self, seed: int, likely: float = 0.1) -> None:
        """Let any request fail with probability `likely`; the same seed gives the same troubles."""
        self.script.hostile(seed, likely)

    def heal(self) -> None:
        """No more trouble from now on."""
        self.script.heal()

    @property
    def condition(self) -> str:
        """Which of LASTING it is in; "none" where it is in none of them."""
        waiting = {each.kind: each.status for each in self.script.waiting}
        lasting = ((name, each) for name, each in LASTING.items() if each is not None)
        return next((name for name, each in lasting if waiting.get(each.kind) == each.status), "none")

    def put(self, condition: str) -> None:
        """Into one of LASTING, and out of every other trouble."""
        self.heal()
        trouble = LASTING[condition]
        self.script.waiting += [] if trouble is None else [trouble]

    async def wait_for(self, condition: Callable[[Self], bool], limit: float = 5.0) -> None:
        """Until `condition` holds, looked at whenever something happened; TimeoutError after `limit` seconds."""
        async with asyncio.timeout(limit):
            while not condition(self):
                await self._changed.wait()

    def happened(self) -> None:
        """Wake up whoever waits for a condition."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def later(self, seconds: float, do: Callable[[], object]) -> None:
        """Let an upload land after `seconds`."""
        loop = asyncio.get_running_loop()
        handle: asyncio.TimerHandle = loop.call_later(seconds, lambda: self._land(handle))
        self.landing[handle] = do

    def land(self) -> None:
        """Let everything that is still to land, land now."""
        for handle in list(self.landing):
            self._land(handle)

    def _land(self, handle: asyncio.TimerHandle) -> None:
        handle.cancel()
        self.landing.pop(handle)()
        self.happened()

    def answer(self, request: str, headers: Mapping[str, str], body: bytes, at: float) -> Reply:
        """What a request for "window" or "upload" is answered, when nothing goes wrong; an upload is applied."""
        expected = f"Bearer {self.key}" if self.header.lower() == "authorization" else self.key
        if headers.get(self.header) != expected:
            return _said(401, error="key")
        if request == "window":
            return _said(200, **self.asks)
        try:
            upload = read_upload(body, at)
        except (ValueError, RecursionError) as error:
            return _said(422, error=str(error))
        return self._apply(upload)

    def wish(self, body: bytes) -> Reply:
        """A patient's booking: 201, or 409 when the time is taken."""
        try:
            name, wanted = read_wish(body)
        except (ValueError, RecursionError) as error:
            return _said(400, error=str(error))
        return _said(201) if self.holdings.book(name, wanted) else _said(409, error="taken")

    def _apply(self, upload: Upload) -> Reply:
        self.holdings.replace(upload)
        self.applied += 1
        self.uploads.append(upload)
        del self.uploads[:-_KEEP]
        self.happened()
        return _said(200, accepted=len(upload.blocked))


def _said(status: int, **content: object) -> Reply:
    return Reply(status, msgspec.json.encode(content))
