"""Whatever a portal answers over real HTTP is an acceptance beyond doubt, or a failure that says what is known."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from random import Random
from typing import NamedTuple

import pytest

from adapters.drflex.client import DrFlex
from engine.faults import FaultError
from engine.model import Window
from engine.ports import PortalError
from tests.contract.portal_contract import WINDOW, hours
from tests.fuzz.answers import UPLOAD_TARGET, WINDOW_TARGET
from tests.fuzz.mutate import ODD, mutated
from tests.fuzz.target import BAD, CANARY, no_canary, require
from tests.integration.drflex import KEY, NAME, client
from tests.rawserver import content_length

PARTS = 2
STATUSES = (200, 200, 200, 201, 204, 206, 299, 301, 307, 400, 401, 403, 404, 418, 429, 500, 502, 503, 599, 600, 999)
TYPES = ("application/json", "application/json", "text/html", "text/plain", "", CANARY, "application/json; charset=x")
WAITS = (
    "1",
    "-1",
    "1e9",
    "nan",
    CANARY,
    "",
    "Mon, 23 Nov 2026 09:00:05 GMT",
    "Mon, 99 Nov 2026 09:00:05 GMT",
    "1" * 4000,
)


class Answer(NamedTuple):
    """What is written back, and what it is if its head was left alone."""

    data: bytes
    status: int
    whole: bool
    sound: bool
    """Whether the head is as it was made."""


def answer(good: bytes, words: tuple[bytes, ...], chance: Random) -> Answer:
    """A bad answer, now and then a good one."""
    body = good if chance.random() < 0.2 else mutated(good, chance, words)
    status, kind = chance.choice(STATUSES), chance.choice(TYPES)
    more = chance.choice(
        ("", f"Retry-After: {chance.choice(WAITS)}\r\n", "Content-Encoding: gzip\r\n", f"X: {CANARY}\r\n")
    )
    length = len(body) + chance.choice((0, 0, 0, 0, 1, 1000))
    ends = f"Content-Length: {length}\r\nConnection: close\r\n\r\n"
    head = f"HTTP/1.1 {status} {CANARY}\r\nContent-Type: {kind}\r\n{more}{ends}"
    sound = chance.random() < 0.7
    torn = (
        head.encode()
        if sound
        else mutated(head.encode(), chance, (*ODD, b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0 100 "))
    )
    return Answer(torn + body, status, whole=length == len(body), sound=sound)


class Portal:
    """Writes one answer after the other, each on a connection of its own, which it closes."""

    def __init__(self) -> None:
        self.next = b""
        self.heard = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(content_length(head))
            self.heard += 1
            writer.write(self.next)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def portal() -> AsyncIterator[tuple[Portal, DrFlex]]:
    """A portal that answers as it is told, and the real client."""
    told = Portal()
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, client(f"http://127.0.0.1:{port}/x?token={CANARY}") as asks:
        yield told, asks


def told(error: PortalError) -> None:
    """I7: neither the answer nor the key is in a failure, nor in what it came from."""
    no_canary(error, error.fault, error.__cause__, error.__context__)
    require(KEY not in f"{error!r} {error.fault!r}", "the key got out")
    require(error.retry_after is None or 0 <= error.retry_after <= 3600, "a pause beyond an hour")


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
async def test_bad_answers_to_an_upload(part: int) -> None:
    """I6, I7, faults 24 and 29: accepted is a whole 2xx that is no page; a clear no was not applied; all else may have
    been, and one request is one request.
    """
    chance = Random(f"upload {part}")
    async with portal() as (side, asks):
        for number in range(BAD * 3 // 100 // PARTS):
            bad = answer(chance.choice(UPLOAD_TARGET.seeds), UPLOAD_TARGET.words, chance)
            side.next = bad.data
            try:
                accepted = await asks.upload(NAME, WINDOW, hours(8))
            except PortalError as error:
                told(error)
                if bad.sound and not error.maybe_applied:
                    require(300 <= bad.status < 500, "what nobody knows was taken for refused")
            else:
                require(accepted is None or 0 <= accepted < 2**31, "an absurd number")
                if bad.sound:
                    clean = 200 <= bad.status < 300 and (bad.whole or bad.status == 204)
                    require(clean and b"Content-Encoding" not in bad.data, "accepted without a clean answer")
            assert side.heard == number + 1


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
async def test_bad_answers_to_the_question_for_the_window(part: int) -> None:
    """R1, I7, faults 24, 29 and 35: a window that was asked for, or a failure; never an uncaught error."""
    chance = Random(f"window {part}")
    async with portal() as (side, asks):
        for _ in range(BAD * 2 // 100 // PARTS):
            bad = answer(chance.choice(WINDOW_TARGET.seeds), WINDOW_TARGET.words, chance)
            side.next = bad.data
            try:
                window = await asks.window()
            except PortalError as error:
                told(error)
                require(isinstance(error, FaultError), "no fault")
            else:
                require(isinstance(window, Window), "no window")
                require(not bad.sound or (200 <= bad.status < 300 and bad.whole), "a window out of an unclean answer")


def test_a_good_answer_is_among_them() -> None:
    """Fault 29: or the tests above would refuse everything and prove nothing."""
    chance = Random("good")
    made = [answer(UPLOAD_TARGET.seeds[0], (), chance) for _ in range(300)]
    assert any(
        each.sound and each.whole and each.status == 200 and UPLOAD_TARGET.seeds[0] in each.data for each in made
    )
    assert json.loads(UPLOAD_TARGET.seeds[0])["accepted"] == 17
