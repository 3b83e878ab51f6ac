"""The page's server answers who may ask, and disturbs nobody: no access log, small limits.

It runs on the job's loop; what it works out is small, and is worked out when somebody looks. What only makes HTML or
metrics is imported then, too: the job is to upload first.
"""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable
from datetime import date
from importlib.resources import files
from typing import Any, Final, NamedTuple

from aiohttp import web

from adapters.settings import Address
from adapters.status.board import Board
from adapters.status.guard import COOKIE, LARGEST_BODY, Guard
from adapters.status.view import view
from adapters.texts.phrasing import phrase
from engine.spans import IntervalSet

MOST_CONNECTIONS: Final = 200
"""More are turned away at the door, so that nobody uses up what the sync needs."""
_STATIC: Final = files("adapters.status") / "static"
_COLOURS: Final = {"green": "1a7f37", "yellow": "b58100", "red": "c62828", "grey": "6b7280"}
_NEWS: Final = b"event: news\ndata: {}\n\n"
_UNHURT: Final = (ConnectionError, asyncio.CancelledError)


class Actions(NamedTuple):
    """What the buttons do; each as the command does it."""

    sync: Callable[[], Awaitable[object]]
    switch: Callable[[bool], Awaitable[object]]
    release: Callable[[str, IntervalSet], Awaitable[object]]


class _Turned(asyncio.Protocol):
    """Who comes when the house is full."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


class PageServer:
    """Listens from `open` until `close`."""

    def __init__(self, address: Address, token: str | None) -> None:
        self._address, self._guard = address, Guard(address.host, token)
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None
        self._board: Board | None = None
        self._actions: Actions | None = None
        self._streams: set[asyncio.Task[Any]] = set()

    @property
    def host(self) -> str:
        """Where it listens, or is to."""
        return self._address.host

    @property
    def asked_port(self) -> int:
        """Where it is to listen; 0 for any port."""
        return self._address.port

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def open(self) -> None:
        """Listen. Raises OSError where somebody else does already."""
        app = web.Application(middlewares=[self._guard.middleware()], client_max_size=LARGEST_BODY)
        app.add_routes([web.get(path, handler) for path, handler in self._questions().items()])
        app.add_routes([web.post(path, handler) for path, handler in self._orders().items()])
        self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=15.0, shutdown_timeout=1.0, handler_cancellation=True
        )
        await self._runner.setup()
        serve = self._runner.server
        assert serve is not None

        def enter() -> asyncio.Protocol:
            return _Turned() if len(serve.connections) >= MOST_CONNECTIONS else serve()

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(enter, self._address.host, self._address.port)

    def show(self, board: Board, actions: Actions) -> None:
        """Have something to show from now on."""
        self._board, self._actions = board, actions

    async def close(self) -> None:
        """Listen no longer, and end what is under way."""
        if self._server is not None:
            self._server.close()
        for each in self._streams:
            each.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    def _questions(self) -> dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        return {
            "/": self._page,
            "/login": self._door,
            "/events": self._events,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._metrics,
            "/api/v1/status": self._status,
            "/icon.svg": self._icon,
            "/static/{name}": self._static,
        }

    def _orders(self) -> dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]:
        return {"/login": self._enter, "/sync": self._sync, "/switch": self._switch, "/release": self._release}

    # ---------------------------------------------------------------------------------------------------- questions

    async def _page(self, request: web.Request) -> web.Response:
        board, lang = self._shown(), self._language(request)
        condition = await board.condition()
        known = view(board, condition, await board.entries(condition.at), lang, _monday(request))
        changed = request.query.get("told") == "changed"
        answer = _html("page.html", **known, form_token=self._guard.form_token, changed=changed)
        if "lang" in request.query:
            answer.set_cookie("tmex_lang", lang, samesite="Strict", max_age=31_536_000)
        return answer

    async def _status(self, request: web.Request) -> web.Response:
        board = self._shown()
        told = (await board.condition()).as_json(board.clock, self._language(request))
        return web.Response(text=json.dumps(told, ensure_ascii=False), content_type="application/json")

    async def _healthz(self, request: web.Request) -> web.Response:  # noqa: ARG002 - every handler has the same shape
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:  # noqa: ARG002 - every handler has the same shape
        if self._board is None:
            return web.json_response({"ready": False, "why": {}}, status=503)
        condition = await self._board.condition()
        late = condition.late()
        ready = condition.on and not late and condition.window is not None
        return web.json_response({"ready": ready, "on": condition.on, "why": late}, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002 - every handler has the same shape
        from adapters.status.metrics import exposition  # noqa: PLC0415 - see the module's first sentences

        board = self._shown()
        text = exposition(board, await board.condition())
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    async def _events(self, request: web.Request) -> web.StreamResponse:
        board = self._shown()
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        answer.headers.update({"Cache-Control": "no-store"})
        await answer.prepare(request)
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            await answer.write(b"retry: 2000\n\n" + _NEWS)
            async for _ in board.news():
                await answer.write(_NEWS)
        except _UNHURT:
            pass
        finally:
            self._streams.discard(task)
        return answer

    async def _static(self, request: web.Request) -> web.Response:
        kinds = {"page.css": "text/css", "page.js": "text/javascript"}
        name = request.match_info["name"]
        if name not in kinds:
            raise web.HTTPNotFound
        return web.Response(text=(_STATIC / name).read_text("utf-8"), content_type=kinds[name])

    async def _icon(self, request: web.Request) -> web.Response:
        colour = request.query.get("colour", "grey")
        colour = colour if colour in _COLOURS else "grey"
        svg = f'<circle cx="8" cy="8" r="7" fill="#{_COLOURS[colour]}"/>'
        svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{svg}</svg>'
        return web.Response(text=svg, content_type="image/svg+xml")

    # ------------------------------------------------------------------------------------------------------- orders

    async def _door(self, request: web.Request) -> web.Response:
        return _html("login.html", **self._words(request), refused=False)

    async def _enter(self, request: web.Request) -> web.Response:
        form = await _form(request)
        if not self._guard.admits(form.get("token", "")):
            await asyncio.sleep(1)  # guessing is slow
            return _html("login.html", status=401, **self._words(request), refused=True)
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(COOKIE, self._guard.cookie, httponly=True, samesite="Strict", secure=request.secure)
        return answer

    async def _sync(self, request: web.Request) -> web.Response:
        actions, _ = await self._ordered(request)
        await actions.sync()
        return _back()

    async def _switch(self, request: web.Request) -> web.Response:
        actions, form = await self._ordered(request)
        await actions.switch(form.get("on") == "1")
        return _back()

    async def _release(self, request: web.Request) -> web.Response:
        """Lets go what was shown, and nothing that came later (I3)."""
        actions, form = await self._ordered(request)
        name = form.get("name", "")
        condition = await self._shown().condition()
        found = next((each for each in condition.calendars if each.name == name), None)
        if found is None:
            raise web.HTTPNotFound
        shown = form.get("shown", "")
        if shown != ",".join(f"{start}-{end}" for start, end in found.releasable):
            return web.Response(status=303, headers={"Location": "/?told=changed"})  # it has to be looked at first
        await actions.release(name, found.releasable)
        return _back()

    async def _ordered(self, request: web.Request) -> tuple[Actions, dict[str, str]]:
        form = await _form(request)
        own = secrets.compare_digest(form.get("form", "").encode(), self._guard.form_token.encode())
        if not own and not self._guard.shown_by(request):
            raise web.HTTPForbidden(text="403: the form is an old one; load the page again\n")
        self._shown()
        assert self._actions is not None
        return self._actions, form

    def _shown(self) -> Board:
        if self._board is None:
            raise web.HTTPServiceUnavailable(text="503: the job is about to start\n")
        return self._board

    def _words(self, request: web.Request) -> dict[str, Any]:
        lang = self._language(request)
        return {"lang": lang, "t": lambda key, **facts: phrase(f"page.{key}", lang, **facts)}

    def _language(self, request: web.Request) -> str:
        """What the person chose, else what the browser speaks, else what the settings say."""
        default = self._board.lang if self._board is not None else "de"
        asked = (request.query.get("lang", ""), request.cookies.get("tmex_lang", ""))
        spoken = [each.strip()[:2].lower() for each in request.headers.get("Accept-Language", "").split(",")]
        return next((each for each in (*asked, *spoken) if each in {"de", "en"}), default)


def _html(template: str, *, status: int = 200, **told: Any) -> web.Response:  # noqa: ANN401 - whatever it shows
    from adapters.status.drawing import drawn  # noqa: PLC0415 - see the module's first sentences

    return web.Response(text=drawn(template, told), content_type="text/html", status=status)


def _monday(request: web.Request) -> date | None:
    """The week that is asked for, if it is one that a calendar on the wall has."""
    try:
        day = date.fromisoformat(request.query.get("week", ""))
    except ValueError:
        return None
    return day if 1980 <= day.year <= 2200 else None


async def _form(request: web.Request) -> dict[str, str]:
    """What a form says; HTTPBadRequest for what is none."""
    try:
        return {name: str(value) for name, value in (await request.post()).items()}
    except (ValueError, LookupError, web.RequestPayloadError):  # its letters, its encoding, its parts, its packing
        raise web.HTTPBadRequest(text="400: this is no form\n") from None


def _back() -> web.Response:
    return web.Response(status=303, headers={"Location": "/"})
