"""A stand-in for Dr.Flex, on loopback only: keeps calendars, takes patients' bookings, and fails on demand.

`python -m adapters.drflex.standin --help` teaches its use; tests enter a `StandIn`.
"""

import argparse
import asyncio
import ssl
import sys
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from aiohttp import web

from adapters.drflex.desk import Desk
from adapters.drflex.office import Office
from adapters.drflex.troubles import KINDS
from engine.walltime import WallClock

_BERLIN = WallClock(ZoneInfo("Europe/Berlin"))


class StandIn(Office):
    """The portal of one practice, a real HTTP server on a port of loopback; `async with` starts and stops it.

    `window` is what it asks for, two dates or instants as the wire writes them; `tls` makes it speak https; `lang` is
    what its page speaks.
    """

    def __init__(
        self,
        key: str = "stand-in",
        *,
        header: str = "Authorization",
        window: tuple[str, str] = ("2026-11-23", "2027-02-20"),
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        clock: WallClock = _BERLIN,
        lang: str = "en",
    ) -> None:
        super().__init__(key, header, window)
        self.lang = lang
        self.port = port
        self._tls, self._clock = tls, clock
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def window_url(self) -> str:
        """For `TMEX_WINDOW_URL`."""
        return f"{self.url}/window"

    @property
    def upload_url(self) -> str:
        """For `TMEX_UPLOAD_URL`."""
        return f"{self.url}/upload"

    async def start(self) -> None:
        """Listen, on the same port as before if there was one."""
        # A request is cancelled when its client goes away: a stalled one is over then, as at a real portal.
        runner = web.AppRunner(
            Desk(self, self._clock, self.lang).app(), access_log=None, handler_cancellation=True, shutdown_timeout=0.2
        )
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, ssl_context=self._tls).start()
        self.port, self._runner = runner.addresses[0][1], runner

    async def stop(self) -> None:
        """Close every connection and listen no more; what has not landed by now is lost."""
        while self.landing:
            self.landing.popitem()[0].cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


# ---------------------------------------------------------------------------------------------- the command

_TEACHES = """
point tmex at it:
  TMEX_WINDOW_URL={url}/window
  TMEX_UPLOAD_URL={url}/upload
  TMEX_API_KEY={key}

look in:
  {url}/ shows what is blocked and booked, week by week; there a patient can book, and the portal be put out of order
  curl {url}/state says the same as JSON, with every request

book as a patient (201, or 409 when the time is taken):
  curl {url}/book -d '{{"calendar": "Dr. Adler", "start": "2026-11-23T08:00+01:00", "end": "2026-11-23T08:20+01:00"}}'

make trouble (one object or a list; curl -X DELETE {url}/faults heals):
  curl {url}/faults -d '{{"kind": "status", "status": 500, "times": 3}}'
  curl {url}/faults -d '{{"kind": "status", "status": 429, "retry_after": "30", "on": "upload"}}'
  curl {url}/faults -d '{{"kind": "drop", "applied": true}}'
  curl {url}/faults -d '{{"kind": "late", "seconds": 40, "calendar": "Dr. Adler"}}'

{kinds}

ask for another window, dates or instants:
  curl -X PUT {url}/window -d '{{"from": "2026-11-23", "to": "2027-02-20"}}'
"""


def _lesson(url: str, key: str) -> str:
    kinds = "\n".join(f"  {kind:9} {does}" for kind, does in KINDS.items())
    return _TEACHES.format(url=url, key=key, kinds=kinds)


def main() -> None:
    """Serve until interrupted."""
    options = _options()
    try:
        asyncio.run(_serve(options))
    except KeyboardInterrupt:
        pass
    except OSError as error:
        sys.exit(f"port {options.port} cannot be used: {error.strerror}")


def _options() -> argparse.Namespace:
    today = datetime.now(UTC).date()
    parser = argparse.ArgumentParser(
        prog="python -m adapters.drflex.standin",
        description="A stand-in for Dr.Flex on this machine: takes uploads, shows them, and fails on demand.",
        epilog=_lesson("http://127.0.0.1:8799", "stand-in"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=8799, help="on 127.0.0.1; 0 takes a free one (default: 8799)")
    add("--key", default="stand-in", help="the practice's key (default: stand-in)")
    add("--key-header", default="Authorization", help="the header that carries it (default: Authorization)")
    add("--from", dest="start", default=str(today), help="the window's first day, or an instant (default: today)")
    add("--to", dest="end", default=str(today + timedelta(89)), help="its last day, or an instant (default: 90 days)")
    add("--zone", type=_zone, default="Europe/Berlin", help="for showing times (default: Europe/Berlin)")
    add("--gzip", action="store_true", help="say that uploads may come packed")
    add("--hostile", action="store_true", help="let one request in ten fail, in any way of an ordinary bad day")
    add("--seed", type=int, default=0, help="the same seed gives the same failures (default: 0)")
    return parser.parse_args()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):  # a folder of the database is an OSError
        raise argparse.ArgumentTypeError(f"{name} is not a time zone") from None


async def _serve(options: argparse.Namespace) -> None:
    window, clock = (options.start, options.end), WallClock(options.zone)
    portal = StandIn(options.key, header=options.key_header, window=window, port=options.port, clock=clock)
    portal.takes_gzip = options.gzip
    if options.hostile:
        portal.hostile(options.seed)
    async with portal:
        sys.stdout.write(_lesson(portal.url, options.key))
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    main()
