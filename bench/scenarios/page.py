"""The status page for four calendars and one week: how long it takes, and for how long it holds up the job's loop."""

import asyncio
import http.client
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from adapters import front
from adapters.audience import Audience
from adapters.compose import assembled
from adapters.settings import load
from bench.figures import Figures, Outcome
from bench.lab import Lab
from bench.practices import SqlitePractice
from bench.programs import COLUMNS, portal, settings_of
from bench.scenario import Scenario

_PATH: Final = "/?week=2026-11-23"


async def page(lab: Lab) -> Outcome:
    """Asked for by a browser that keeps its connection; the floor is a server of the same library with a ready page."""
    with SqlitePractice(lab.folder(), 2000) as place:
        async with portal() as target:
            settings = settings_of(place.address, target, lab.folder(), COLUMNS, TMEX_LISTEN="127.0.0.1:0")
            async with _job(settings) as port:
                await target.arrivals(len(COLUMNS))
                await target.quiet(0.3)
                own, size, hold = await _asked(lab, port)
    async with _ready(size) as port:
        floor, *_ = await _asked(lab, port)
    facts = {"page_bytes": size, "longest_hold_of_the_loop_seconds": hold}
    return Outcome.against(Figures.of(own), Figures.of(floor), facts=facts)


@asynccontextmanager
async def _job(environ: dict[str, str]) -> AsyncIterator[int]:
    """As the job puts it together, in this loop; the page's port."""
    settings, audience, stop = load(environ), Audience(), asyncio.Event()
    server = front.page(settings)
    assert server is not None
    await server.open()
    try:
        async with assembled(settings, audience) as engine:
            front.show(server, engine, settings, audience, lambda _: None)
            running = asyncio.create_task(engine.run(stop))
            try:
                yield server.port
            finally:
                stop.set()
                await running
    finally:
        await server.close()


@asynccontextmanager
async def _ready(size: int) -> AsyncIterator[int]:
    """A server whose page lies ready."""
    body = b"x" * size

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="text/html")

    app = web.Application()
    app.add_routes([web.get("/", answer)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def _asked(lab: Lab, port: int) -> tuple[list[float], int, float]:
    """Seconds of each answer, its bytes, and the longest that anything else had to wait for the loop meanwhile."""
    taken, size = await asyncio.to_thread(_browse, port, lab.effort.warm_up + lab.effort.changes)
    holds: list[float] = []
    watching = asyncio.create_task(_watch(holds))
    await asyncio.to_thread(_browse, port, lab.effort.changes)
    watching.cancel()
    await asyncio.wait([watching])
    return taken[lab.effort.warm_up :], size, max(holds)


async def _watch(holds: list[float]) -> None:
    """Look at the clock in every round of the loop."""
    before = time.perf_counter()
    while True:
        await asyncio.sleep(0)
        now = time.perf_counter()
        holds.append(now - before)
        before = now


def _browse(port: int, count: int) -> tuple[list[float], int]:
    connection, taken, size = http.client.HTTPConnection("127.0.0.1", port, timeout=30), [], 0
    for _ in range(count):
        began = time.perf_counter()
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        size = len(answer.read())
        taken.append(time.perf_counter() - began)
        assert answer.status == 200, answer.status
    connection.close()
    return taken, size


SCENARIOS: Final = (
    Scenario(
        "page",
        "the status page of four calendars, asked → there",
        page,
        floor="a server of the same library whose page lies ready",
    ),
)
