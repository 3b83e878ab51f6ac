"""Faults 33 and 34, a bad day, and the key: whatever answers, memory is bounded, trust is checked, no secret shows."""

import asyncio
import logging
import os
import ssl
import sys
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Final

import aiohttp
import msgspec
import pytest
import trustme
import uvloop

from adapters.drflex.client import DrFlex
from adapters.drflex.standin import StandIn
from adapters.drflex.troubles import EVERYDAY, Trouble
from engine.model import Window
from engine.ports import PortalError
from engine.spans import IntervalSet
from tests.contract.portal_contract import HOUR, WINDOW, hours
from tests.integration.drflex import HASTY, KEY, NAME, both, client, failure
from tests.rawserver import raw_server

# ---------------------------------------------------------------------------------------------------- 33: bombs


@asynccontextmanager
async def apart(trouble: Trouble) -> AsyncIterator[str]:
    """The address of a stand-in in trouble, in a process of its own whose memory is not ours."""
    command = [sys.executable, "-m", "adapters.drflex.standin", "--port", "0", "--key", KEY]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    try:
        text = await process.stdout.readuntil(b"/window")
        url = text.decode().partition("TMEX_WINDOW_URL=")[2].removesuffix("/window")
        async with aiohttp.request("POST", f"{url}/faults", data=msgspec.json.encode(trouble)) as answer:
            assert answer.status == 200
        yield url
    finally:
        died = process.returncode
        if died is None:
            process.terminate()
        _, errors = await process.communicate()
    assert died is None, f"the stand-in died of {died}: {errors.decode()}"


@pytest.mark.slow
@pytest.mark.parametrize("request_", ["upload", "window"])
@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (Trouble(kind="gzip", size=300_000_000), "portal.not_understood"),
        (Trouble(kind="long", size=300_000_000), "portal.too_large"),
        (Trouble(kind="header", size=300_000_000), "portal.not_understood"),
        (Trouble(kind="headers"), "portal.not_understood"),
        (Trouble(kind="json", size=50_000_000), "portal.too_large"),
    ],
)
async def test_bombs_are_refused_in_bounded_memory(trouble: Trouble, code: str, request_: str) -> None:
    """Fault 33: packed, long, endless or deep, an answer costs less than 5 MB and is refused."""
    async with apart(trouble) as url, client(f"{url}/window", f"{url}/upload") as portal:
        error, peak = await costly(failure(portal, request_))
    assert error.fault.code == code
    assert peak < 5_000_000


async def costly(failing: Awaitable[PortalError]) -> tuple[PortalError, int]:
    """How it failed, and how many bytes were in use for it at the same time."""
    tracemalloc.start()
    try:
        error = await failing
        return error, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_endless_interim_answers_end_with_the_timeout(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Faults 31 and 33: "100 Continue" for ever cost no memory either, in whatever loop reads them."""

    async def run() -> tuple[PortalError, int]:
        async with apart(Trouble(kind="hundred")) as url, client(f"{url}/window", timeout=HASTY) as portal:
            return await costly(failure(portal, "window"))

    with asyncio.Runner(loop_factory=loop) as runner:
        error, peak = runner.run(run())
    assert error.fault.code == "portal.timeout"
    assert peak < 5_000_000


async def test_json_that_is_nested_too_deep() -> None:
    """Fault 33: short enough to be read, too deep to be followed: a fault for a window, and no obstacle otherwise."""
    async with both() as (side, portal):
        side.fail("json", size=100_000, times=2)
        assert (await failure(portal, "window")).fault.code == "portal.not_understood"
        assert await portal.upload(NAME, WINDOW, hours(8)) is None


# ------------------------------------------------------------------------------------------------------ 34: TLS

CA: Final = trustme.CA()
OTHER_CA: Final = trustme.CA()
LONG_AGO: Final = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AWAY: Final = datetime(2120, 1, 1, tzinfo=UTC)


def certified(certificate: trustme.LeafCert) -> ssl.SSLContext:
    """A server's context with this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(context)
    return context


def trusting(ca: trustme.CA) -> ssl.SSLContext:
    """A client's context that trusts `ca` beside the usual ones."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    return context


@pytest.mark.parametrize(
    ("certificate", "kind"),
    [
        (OTHER_CA.issue_cert("127.0.0.1"), "issuer"),
        (CA.issue_cert("portal.example"), "host"),
        (CA.issue_cert("127.0.0.2"), "host"),
        (CA.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(90)), "expired"),
        (CA.issue_cert("127.0.0.1", not_before=FAR_AWAY, not_after=FAR_AWAY), "not_yet_valid"),
    ],
    ids=["wrong CA", "wrong host", "wrong address", "expired", "not yet valid"],
)
async def test_a_certificate_that_proves_nothing(certificate: trustme.LeafCert, kind: str) -> None:
    """Fault 34, I7: no request leaves, so that nobody learns the key, and the sentence can name the reason."""
    async with StandIn(KEY, tls=certified(certificate)) as side:
        async with client(side.window_url, side.upload_url, tls=trusting(CA)) as portal:
            for request in ("upload", "window"):
                error = await failure(portal, request)
                assert (error.fault.code, error.fault.facts) == ("portal.tls", {"kind": kind})
                assert not error.maybe_applied
        assert not side.traffic.log


async def test_a_server_that_speaks_no_tls() -> None:
    """Fault 34, I7: https is never taken down to http."""
    async with StandIn(KEY) as side:
        async with client(side.upload_url.replace("http:", "https:")) as portal:
            error = await failure(portal)
        assert (error.fault.code, error.fault.facts, error.maybe_applied) == ("portal.tls", {"kind": "no_tls"}, False)
        assert not side.traffic.log


ASKS: Final = """
import asyncio, sys
from tests.integration.drflex import client
async def main():
    async with client(*sys.argv[1:]) as portal:
        print(await portal.window())
asyncio.run(main())
"""


async def test_an_own_authority_by_the_usual_variable(tmp_path: Path) -> None:
    """Fault 34: `SSL_CERT_FILE`, as it is when the process starts, names a CA; without it that CA is nobody."""
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    async with StandIn(KEY, tls=certified(CA.issue_cert("127.0.0.1"))) as side:
        async with client(side.window_url, side.upload_url) as portal:
            assert (await failure(portal)).fault.facts == {"kind": "issuer"}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", ASKS, side.window_url, side.upload_url),
            env={**os.environ, "SSL_CERT_FILE": str(tmp_path / "ca.pem")},
            stdout=asyncio.subprocess.PIPE,
        )
        told, _ = await process.communicate()
        assert told.decode().strip() == str(WINDOW)


# ---------------------------------------------------------------------------------------------------- a bad day


@pytest.mark.parametrize("seed", range(3))
async def test_on_a_bad_day_every_outcome_is_told_truly(seed: int) -> None:
    """I4, I6, faults 24 to 31: accepted means applied, "not applied" means never applied, and nothing else is said."""
    chance = Random(seed)
    accepted: list[tuple[str, IntervalSet]] = []
    denied: list[tuple[str, IntervalSet]] = []

    async def upload(name: str) -> None:
        blocked = IntervalSet((WINDOW.start + hour * HOUR, WINDOW.start + (hour + 1) * HOUR) for hour in draw(chance))
        try:
            await portal.upload(name, WINDOW, blocked)
            accepted.append((name, blocked))
        except PortalError as error:
            if not error.maybe_applied:
                denied.append((name, blocked))

    async with both(HASTY) as (side, portal):
        side.hostile(seed, likely=0.5)
        for _ in range(15):
            await asyncio.gather(*(upload(name) for name in "ABCD"))
        side.heal()
        side.land()
        applied = {(each.name, each.blocked) for each in side.uploads}
        assert applied.issuperset(accepted)
        assert applied.isdisjoint(denied)
        assert len(accepted) > 5
        await asyncio.gather(*(portal.upload(name, WINDOW, hours(8)) for name in "ABCD"))
        assert all(side.held(name) == hours(8) for name in "ABCD")
        assert side.overlaps == []
        assert side.most_under_way <= 4


def draw(chance: Random) -> list[int]:
    """Some hours, which nobody draws twice."""
    return chance.sample(range(2000), 12)


# --------------------------------------------------------------------------------------------------- no secrets

TROUBLES: Final = (
    *EVERYDAY,
    Trouble(kind="status", status=401),
    Trouble(kind="status", status=422),
    Trouble(kind="redirect", location="http://portal.invalid/"),
    Trouble(kind="header", size=100_000),
    Trouble(kind="gzip"),
    Trouble(kind="long", size=2_000_000),
    Trouble(kind="answer", body='{"from": "Kanarienvogel", "to": "Kanarienvogel"}'),
    Trouble(kind="answer", body='{"from": "Kanarienvogel"'),
)


def all_text(error: BaseException | None) -> str:
    """Everything that anybody could print of an error, and of those that it came from."""
    if error is None:
        return ""
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(error.args) + repr(vars(error))
    return text + all_text(error.__cause__) + all_text(error.__context__)


async def test_the_key_shows_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """I7, fault 50: neither key, address query nor answer is in any error, its causes, its traceback, or any log."""
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    said = []
    async with StandIn(KEY) as side:
        urls = [f"{url}?token=Kanarienvogel-Query" for url in (side.window_url, side.upload_url)]
        async with client(*urls, timeout=HASTY) as portal:
            for trouble in TROUBLES:
                side.script.waiting += [trouble, trouble]
                said += await outcomes(portal)
        async with client(*urls) as portal:
            await side.stop()
            said += await outcomes(portal)
    async with client("https://127.0.0.1:1/?token=Kanarienvogel-Query") as portal:
        said += await outcomes(portal)
    assert sum(isinstance(each, PortalError) for each in said) > 30
    text = "".join(all_text(each) for each in said if isinstance(each, BaseException)) + caplog.text
    assert "Kanarienvogel" not in text


async def outcomes(portal: DrFlex) -> list[Window | int | BaseException | None]:
    """What a question and an upload end in."""
    question, upload = portal.window(), portal.upload(NAME, WINDOW, hours(8))
    return list(await asyncio.gather(question, upload, return_exceptions=True))


async def test_the_key_of_a_broken_answer_shows_nowhere() -> None:
    """I7: the library's own error for a broken head prints the request's headers; ours does not hold it."""
    async with raw_server(b"HTTP/1.1 200 OK\r\nBroken\x00\r\n\r\n") as server:
        async with client(f"http://127.0.0.1:{server.port}/") as portal:
            error = await failure(portal)
        assert KEY.encode() in server.requests[0]
    assert error.fault.facts == {"detail": "http"}
    assert error.__context__ is None
    assert error.__cause__ is None
    assert KEY not in all_text(error)
