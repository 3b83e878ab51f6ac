"""The page before a job: what it shows comes from the job's engine, and its buttons do what the command does.

What the page needs is imported only where somebody wants one.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

import msgspec

from adapters.audience import Audience
from adapters.compose import remembered_history
from adapters.condition import Condition, of_job
from adapters.settings import Settings
from adapters.switch import Switch
from engine.runtime import Engine
from engine.walltime import WallClock

if TYPE_CHECKING:
    from adapters.status import PageServer

_MOMENT: Final = 2.0
"""Seconds that a button waits for what it began; whether it is done by then or not, it is done to its end."""
_UNDER_WAY: Final[set[asyncio.Task[object]]] = set()


def condition(engine: Engine, settings: Settings) -> Condition:
    """How the running job stands now."""
    _, trouble = Switch(settings.state).read()
    now = of_job(engine, time.time(), settings.stale_after, trouble)
    return msgspec.structs.replace(now, shadow=settings.shadow)


def page(settings: Settings) -> "PageServer | None":
    """The page, not open yet; None when nobody wants one."""
    if settings.listen is None:
        return None
    from adapters.status import PageServer  # noqa: PLC0415 - see the module's first sentences

    return PageServer(settings.listen, None if settings.status_token is None else settings.status_token.reveal())


def show(
    page: "PageServer", engine: Engine, settings: Settings, audience: Audience, switched: Callable[[bool], None]
) -> None:
    """Let the page show this engine; `switched` is told when a person turns it on or off."""
    from adapters.status import Actions, Board  # noqa: PLC0415 - see the module's first sentences

    async def switch(on: bool) -> None:  # noqa: FBT001 - as a form says it
        Switch(settings.state).write(on=on)
        switched(on)
        engine.switch(on=on)

    board = Board(
        engine,
        lambda: condition(engine, settings),
        lambda since: remembered_history(settings, since),
        WallClock(settings.limits.zone),
        settings.lang,
    )
    audience.join(board)
    page.show(
        board,
        Actions(
            sync=lambda: _briefly(engine.sync(list(engine.calendars))),
            switch=switch,
            release=lambda name, times: _briefly(engine.release(name, times)),
        ),
    )


async def _briefly(work: Coroutine[Any, Any, object]) -> None:
    task = asyncio.create_task(work)
    _UNDER_WAY.add(task)
    task.add_done_callback(_UNDER_WAY.discard)
    await asyncio.wait([task], timeout=_MOMENT)
