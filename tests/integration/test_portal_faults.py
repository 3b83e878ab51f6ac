"""Faults 24 to 32 and 35, made on one machine: what is not a clean answer is a fault, with what it leaves open."""

import asyncio
import socket
from datetime import timedelta
from email.utils import format_datetime
from typing import Final

import pytest

from adapters.drflex.standin import StandIn
from engine.gate import Gate
from engine.ports import KeyRefusedError
from tests.contract.portal_contract import WINDOW, hours
from tests.integration.drflex import HASTY, KEY, NAME, NOW, both, client, failure
from tests.rawserver import raw_server

# ----------------------------------------------------------------------------------------- 24, 25, 26: refusals


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        (" 0 ", 0),
        ("1.5", 1.5),
        ("-7", 0),
        ("1e9", 3600),
        ("999999999999999999999999999999999", 3600),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW - timedelta(days=9), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=9), usegmt=True), 3600),
        ("Mon, 23 Nov 2026 10:01:30 +0100", 90),
        ("Monday, 23-Nov-26 09:01:30 GMT", 90),
    ],
)
async def test_a_pause_is_taken_in_seconds(status: int, text: str, seconds: float) -> None:
    """Fault 24, I10: seconds or a date, clamped to an hour, never less than nothing."""
    async with both() as (side, portal):
        side.fail("status", status=status, retry_after=text, times=2)
        for request in ("upload", "window"):
            error = await failure(portal, request)
            assert (error.fault.code, error.fault.facts) == ("portal.busy", {"status": status})
            assert error.retry_after == seconds
            assert error.maybe_applied is ((request, status) == ("upload", 503))


@pytest.mark.parametrize("text", ["", "soon", "inf", "nan", "0x10", "Mon, 99 Nov 2026 99:00:00 GMT", "1;2", None])
async def test_a_pause_that_says_nothing(text: str | None) -> None:
    """Fault 24, I10: with garbage, or nothing, our own backoff applies; a 503 is then a 5xx as any other."""
    async with both() as (side, portal):
        side.fail("status", status=429, retry_after=text)
        error = await failure(portal)
        assert (error.fault.code, error.retry_after) == ("portal.busy", None)
        side.fail("status", status=503, retry_after=text)
        error = await failure(portal)
        assert (error.fault.code, error.retry_after, error.maybe_applied) == ("portal.server_error", None, True)


async def test_a_storm_ends() -> None:
    """Fault 25, I4: every request of the storm is one fault with its status, and the first one after it succeeds."""
    async with both() as (side, portal):
        side.fail("status", status=500, times=20)
        for _ in range(10):
            for request in ("upload", "window"):
                error = await failure(portal, request)
                assert (error.fault.code, error.fault.facts) == ("portal.server_error", {"status": 500})
                assert error.maybe_applied is (request == "upload")
        await portal.upload(NAME, WINDOW, hours(8))
        assert side.held(NAME) == hours(8)
        assert side.applied == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_until_it_is_accepted(status: int) -> None:
    """Fault 26, I10: both statuses mean the key, for both requests, and the probe tells when it is over."""
    async with both() as (side, portal):
        side.fail("status", status=status, times=2)
        for request in ("upload", "window"):
            error = await failure(portal, request)
            assert isinstance(error, KeyRefusedError)
            assert (error.fault.facts, error.maybe_applied) == ({"status": status}, False)
        assert await portal.window() == WINDOW


# ------------------------------------------------------------------------------ 27, 28: answers lost, or landing late


@pytest.mark.parametrize("kind", ["drop", "reset"])
async def test_an_answer_lost_after_the_upload_was_applied(kind: str) -> None:
    """Fault 27, I6: unknown, although the portal holds it."""
    async with both() as (side, portal):
        side.fail(kind, applied=True)  # type: ignore[arg-type]  # one of its kinds
        error = await failure(portal)
        assert (error.fault.code, error.maybe_applied) == ("portal.cut_off", True)
        assert side.held(NAME) == hours(8)


async def test_an_upload_that_lands_late_over_a_newer_one() -> None:
    """Fault 28, I4, I6: what timed out is unknown, for it does land later; one more upload settles it."""
    async with both(HASTY) as (side, portal):
        side.fail("late", seconds=3600)
        error = await failure(portal)
        assert (error.fault.code, error.maybe_applied) == ("portal.timeout", True)
        await portal.upload(NAME, WINDOW, hours(9))
        assert side.held(NAME) == hours(9)
        side.land()
        assert side.held(NAME) == hours(8)
        await portal.upload(NAME, WINDOW, hours(9))
        assert side.held(NAME) == hours(9)
        assert side.overlaps == []


# -------------------------------------------------------------------------------------------- 29: strange bodies


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_cut_body_is_unknown(chunked: bool) -> None:
    """Fault 29, I6: shorter than it said, or without the last chunk, is no clean answer."""
    async with both() as (side, portal):
        side.fail("cut", chunked=chunked, times=2)
        for request in ("upload", "window"):
            error = await failure(portal, request)
            assert (error.fault.code, error.maybe_applied) == ("portal.cut_off", request == "upload")
        assert side.held(NAME) == hours(8)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>Bitte anmelden</html>", "text/html"),
        ("please sign in", "text/html"),
        ("", "application/xhtml+xml"),
        ("\ufeff \r\n<!DOCTYPE html>", "application/json"),
        ("<?xml version='1.0'?>", "text/plain"),
    ],
)
async def test_a_page_for_people_is_no_acceptance(body: str, content_type: str) -> None:
    """Fault 29, I6: a 200 with HTML is a proxy's page; the upload may or may not have arrived."""
    async with both() as (side, portal):
        side.fail("answer", body=body, content_type=content_type, times=2)
        for request in ("upload", "window"):
            error = await failure(portal, request)
            assert (error.fault.code, error.fault.facts) == ("portal.not_understood", {"detail": "html"})
            assert error.maybe_applied is (request == "upload")


@pytest.mark.parametrize("body", ["", "OK", '{"accepted": ', '{"accepted": "many"}', "null", "[]", "\x00"])
async def test_another_whole_answer_is_acceptance(body: str) -> None:
    """Fault 29, I6: whatever else a whole 2xx says, it accepts; but a window must be understood."""
    async with both() as (side, portal):
        side.fail("answer", body=body, content_type="text/plain", times=2)
        assert await portal.upload(NAME, WINDOW, hours(8)) is None
        assert (await failure(portal, "window")).fault.code == "portal.not_understood"


async def test_a_2xx_without_a_body_is_acceptance() -> None:
    """Fault 29, I6: 201, 202 and 204 are as good as 200."""
    async with both() as (side, portal):
        for status in (201, 202, 204):
            side.fail("status", status=status)
            assert await portal.upload(NAME, WINDOW, hours(8)) is None


@pytest.mark.parametrize("status", [404, 409, 413, 422, 451])
async def test_another_4xx_concerns_this_request_only(status: int) -> None:
    """I10: an upload is rejected; a window question that is, was not understood."""
    async with both() as (side, portal):
        side.fail("status", status=status, times=2)
        assert (await failure(portal)).fault.code == "portal.rejected"
        facts = {"detail": "status", "status": status, "address": "TMEX_WINDOW_URL"}
        assert (await failure(portal, "window")).fault.facts == facts


# ------------------------------------------------------------------------------------- 30, 31: broken connections

OK: Final = b'HTTP/1.1 200 OK\r\nContent-Length: 42\r\n\r\n{"from": "2026-11-23", "to": "2027-02-20"}'


@pytest.mark.parametrize("request_", ["upload", "window"])
async def test_keep_alive_closed_under_a_request(request_: str) -> None:
    """Fault 30, I6: unknown, and exactly one visible attempt, also where the library would send a GET again."""
    answers = [OK, None, OK]
    async with raw_server(lambda _: answers.pop(0)) as server:
        async with client(f"http://127.0.0.1:{server.port}/") as portal:
            assert await portal.window() == WINDOW
            error = await failure(portal, request_)
            assert (error.fault.code, error.maybe_applied) == ("portal.cut_off", request_ == "upload")
            assert (len(server.requests), server.connections) == (2, 1)
            assert await portal.window() == WINDOW
        assert (len(server.requests), server.connections) == (3, 2)


@pytest.mark.parametrize("kind", ["drop", "reset"])
@pytest.mark.parametrize("request_", ["upload", "window"])
async def test_a_fresh_connection_closed_under_a_request(kind: str, request_: str) -> None:
    """Fault 30, I6: with FIN or with RST, after 50 ms: one attempt."""
    async with both() as (side, portal):
        side.fail(kind, seconds=0.05)  # type: ignore[arg-type]  # one of its kinds
        assert (await failure(portal, request_)).fault.code == "portal.cut_off"
        assert side.seen(request_) == 1


@pytest.mark.parametrize(
    ("kind", "details"), [("stall", {}), ("stall", {"body": '{"accepted": '}), ("drip", {"seconds": 0.1})]
)
async def test_the_total_timeout_ends_it(kind: str, details: dict[str, object]) -> None:
    """Fault 31, I10: silence, half an answer and a drip end alike; the one place for a request is free again."""
    gate = Gate(concurrency=1)
    async with both(HASTY) as (side, portal):
        side.fail(kind, times=2, **details)  # type: ignore[arg-type]  # one of its kinds
        for request in ("upload", "window"):
            async with gate.request():
                error = await failure(portal, request)
            assert (error.fault.code, error.fault.facts) == ("portal.timeout", {"seconds": HASTY})
            assert error.maybe_applied is (request == "upload")
        async with gate.request():
            assert await portal.window() == WINDOW


async def test_a_tls_handshake_that_never_ends() -> None:
    """Fault 31, I6: the timeout ends it too; nothing was sent, so nothing was applied."""
    silence = asyncio.Event()

    async def never(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    async with server, client(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/", timeout=HASTY) as portal:
        error = await failure(portal)
        silence.set()
    assert (error.fault.code, error.maybe_applied) == ("portal.timeout", False)


async def test_no_name_service(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fault 31, I6: an unknown host is out of reach, and nothing was applied."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "stand-in and not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    async with client("https://portal.invalid/") as portal:
        error = await failure(portal)
    assert (error.fault.code, error.fault.facts) == ("portal.unreachable", {"kind": "ClientConnectorDNSError"})
    assert not error.maybe_applied


# ------------------------------------------------------------------------------------------------ 32: redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_refused(status: int) -> None:
    """Fault 32, I7: no other host, path or scheme ever sees a request, let alone the key."""
    async with StandIn(KEY) as other, both() as (side, portal):
        for location in (
            other.upload_url,
            other.window_url,
            side.window_url,
            "http://portal.invalid/",
            "//x",
            "/window",
        ):
            for request in ("upload", "window"):
                side.fail("redirect", status=status, location=location)
                error = await failure(portal, request)
                assert (error.fault.code, error.fault.facts) == ("portal.redirected", {"status": status})
                assert not error.maybe_applied
        assert (other.seen("upload"), other.seen("window")) == (0, 0)
        assert (side.seen("upload"), side.seen("window")) == (6, 6)


# ------------------------------------------------------------------------------------------- 35: absurd windows


@pytest.mark.parametrize(
    ("start", "end", "code"),
    [
        ("2026-11-24", "2026-11-23", "portal.window_absurd"),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z", "portal.window_absurd"),
        ("2026-11-23", "2029-11-30", "portal.window_absurd"),
        ("0001-01-01", "9999-12-31", "portal.window_absurd"),
        ("2026-11-23T08:00:00", "2026-11-24T08:00:00", "portal.not_understood"),
        ("", "", "portal.not_understood"),
    ],
)
async def test_an_absurd_window_is_a_failure(start: str, end: str, code: str) -> None:
    """Fault 35, R1: it is reported as what it is, and the next good answer is taken."""
    async with both() as (side, portal):
        good = side.asks
        side.ask_for(start, end)
        assert (await failure(portal, "window")).fault.code == code
        side.asks = good
        assert await portal.window() == WINDOW


async def test_a_missing_window_is_a_failure() -> None:
    """Fault 35, R1: an answer without a window is none."""
    async with both() as (side, portal):
        side.fail("answer", body="{}")
        error = await failure(portal, "window")
        assert (error.fault.code, error.fault.facts) == ("portal.not_understood", {"detail": "shape"})
