"""The stand-in's addresses: the wire's two, and those by which people and tests look in, book and make trouble."""

import time
from typing import Final

import msgspec
from aiohttp import web

from adapters.drflex.office import Office
from adapters.drflex.patients import SLOT
from adapters.drflex.stage import Reply, Scene, perform, plain
from adapters.drflex.standin_page import Asked, page
from adapters.drflex.traffic import Visit
from adapters.drflex.troubles import LASTING, Trouble
from engine.model import Instant
from engine.spans import IntervalSet
from engine.walltime import WallClock

_LONGEST_UPLOAD: Final = 64 * 1_048_576


class _Named(msgspec.Struct):
    calendar: str = ""


class _Asks(msgspec.Struct, forbid_unknown_fields=True):
    start: str = msgspec.field(name="from")
    end: str = msgspec.field(name="to")


class Desk:
    """Speaks HTTP for an `Office`; times are shown by `clock`, the page in `lang`."""

    def __init__(self, office: Office, clock: WallClock, lang: str) -> None:
        self._office, self._clock, self._lang = office, clock, lang

    def app(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=_LONGEST_UPLOAD)
        app.router.add_get("/window", self._wire, allow_head=False)
        app.router.add_put("/window", self._ask_for)
        app.router.add_post("/upload", self._wire)
        app.router.add_post("/book", self._book)
        app.router.add_get("/state", self._state)
        app.router.add_get("/faults", self._faults)
        app.router.add_post("/faults", self._fail)
        app.router.add_delete("/faults", self._heal)
        app.router.add_get("/", self._page)
        app.on_response_prepare.append(self._offer)
        app.router.add_post("/wish", self._wish)
        app.router.add_post("/condition", self._condition)
        return app

    async def _wire(self, request: web.Request) -> web.StreamResponse:
        try:
            with self._office.traffic.visit("window" if request.method == "GET" else "upload") as visit:
                response = await self._respond(request, visit)
                visit.outcome = visit.outcome or str(response.status)
                return response
        finally:
            self._office.happened()

    async def _respond(self, request: web.Request, visit: Visit) -> web.StreamResponse:
        body = await request.read()
        self._office.traffic.names(visit, _calendar_in(body))
        self._office.happened()
        trouble = self._office.script.next(visit.request, visit.calendar)

        def do() -> Reply:
            return self._office.answer(visit.request, request.headers, body, time.time())

        if trouble is None and "Content-Encoding" in request.headers and not self._office.takes_gzip:
            return plain(Reply(415, b"{}"))
        if trouble is None:
            return plain(do())
        visit.outcome = f"{trouble.kind} {trouble.status}" if trouble.kind == "status" else trouble.kind
        return await perform(Scene(request, trouble, do, lambda seconds: self._office.later(seconds, do)))

    async def _offer(self, request: web.Request, response: web.StreamResponse) -> None:
        if self._office.takes_gzip and request.path == "/upload":
            response.headers["Accept-Encoding"] = "gzip"

    async def _book(self, request: web.Request) -> web.Response:
        body = await request.read()
        reply = self._office.wish(body)
        self._office.traffic.note("book", _calendar_in(body), str(reply.status))
        self._office.happened()
        return plain(reply)

    async def _ask_for(self, request: web.Request) -> web.Response:
        try:
            asks = msgspec.json.decode(await request.read(), type=_Asks)
        except ValueError as error:
            return _json({"error": str(error)}, status=400)
        self._office.ask_for(asks.start, asks.end)
        return _json(self._office.asks)

    async def _faults(self, _request: web.Request) -> web.Response:
        return _json(self._office.script.waiting)

    async def _fail(self, request: web.Request) -> web.Response:
        try:
            troubles = msgspec.json.decode(await request.read(), type=Trouble | list[Trouble])
        except ValueError as error:
            return _json({"error": str(error)}, status=400)
        self._office.script.waiting += troubles if isinstance(troubles, list) else [troubles]
        return _json(self._office.script.waiting)

    async def _heal(self, _request: web.Request) -> web.Response:
        self._office.heal()
        return _json(self._office.script.waiting)

    async def _state(self, _request: web.Request) -> web.Response:
        office = self._office
        return _json(
            {
                "window": office.asks,
                "uploads": office.applied,
                "most_under_way": office.most_under_way,
                "overlaps": office.overlaps,
                "calendars": [self._calendar(name) for name in office.holdings.names()],
                "faults": office.script.waiting,
                "requests": list(office.traffic.log),
            }
        )

    def _calendar(self, name: str) -> dict[str, object]:
        blocked, booked = self._office.held(name), self._office.booked(name)
        return {"name": name, "blocked": self._spans(blocked), "booked": self._spans(booked)}

    def _spans(self, times: IntervalSet) -> list[dict[str, str]]:
        shown = self._clock.isoformat
        return [{"start": shown(Instant(start)), "end": shown(Instant(end))} for start, end in times]

    async def _page(self, request: web.Request) -> web.Response:
        asked = Asked(request.query.get("week", ""), request.query.get("told", ""), time.time(), self._lang)
        return web.Response(text=page(self._office, self._clock, asked), content_type="text/html")

    async def _wish(self, request: web.Request) -> web.Response:
        """A patient presses a free time on the page."""
        form = await request.post()
        name, start = str(form.get("calendar", "")), str(form.get("start", ""))
        if not start.isdecimal() or name not in self._office.holdings.names():
            raise web.HTTPBadRequest
        told = "booked" if self._office.book(name, int(start), int(start) + SLOT) else "taken"
        self._office.traffic.note("book", name, told)
        self._office.happened()
        raise web.HTTPSeeOther(f"/?told={told}")

    async def _condition(self, request: web.Request) -> web.Response:
        """A person puts the portal out of order, or in order."""
        condition = str((await request.post()).get("condition", ""))
        if condition not in LASTING:
            raise web.HTTPBadRequest
        self._office.put(condition)
        raise web.HTTPSeeOther("/")


def _calendar_in(body: bytes) -> str:
    """The calendar that a body names, right or wrong otherwise."""
    try:
        return msgspec.json.decode(body, type=_Named).calendar
    except (ValueError, RecursionError):
        return ""


def _json(content: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(content), content_type="application/json")
