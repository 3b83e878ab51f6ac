"""The stand-in behaves as the wire assumes of Dr.Flex, sees what only a portal can see, and fails on demand."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, get_args

import aiohttp
import pytest

from adapters.drflex.patients import SLOT
from adapters.drflex.standin import StandIn
from adapters.drflex.traffic import Traffic
from adapters.drflex.troubles import KINDS, Kind
from engine.spans import EMPTY
from tests.contract.portal_contract import WINDOW, hours

NINE = {"start": "2026-11-23T09:00:00+01:00", "end": "2026-11-23T10:00:00+01:00"}
ASKED = {"from": "2026-11-23T00:00:00+01:00", "to": "2027-02-21T00:00:00+01:00"}
UPLOAD = {"calendar": "Dr. Adler"} | ASKED | {"appointments": [NINE]}
KEY = {"Authorization": "Bearer stand-in"}


@pytest.fixture
async def side() -> AsyncIterator[StandIn]:
    """A stand-in."""
    async with StandIn() as side:
        yield side


@pytest.fixture
async def http(side: StandIn) -> AsyncIterator[aiohttp.ClientSession]:
    """Whoever talks to it."""
    async with aiohttp.ClientSession(side.url) as http:
        yield http


async def said(http: aiohttp.ClientSession, method: str, path: str, **more: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
    """Status and JSON of an answer."""
    async with http.request(method, path, **more) as answer:
        return answer.status, await answer.json()


# ------------------------------------------------------------------------------------------------------ bookings


async def test_no_upload_frees_what_a_patient_booked(side: StandIn, http: aiohttp.ClientSession) -> None:
    """R2: booked times are of the portal; a snapshot without them, and one with them, leaves them booked."""
    wish = {"calendar": "Dr. Adler"} | NINE
    assert await said(http, "POST", "/book", json=wish) == (201, {})
    for appointments in ([], [NINE], []):
        status, _ = await said(http, "POST", "/upload", json=UPLOAD | {"appointments": appointments}, headers=KEY)
        assert status == 200
        assert side.booked("Dr. Adler") == hours(9)
        assert (await said(http, "POST", "/book", json=wish))[0] == 409


async def test_a_blocked_time_cannot_be_booked(side: StandIn, http: aiohttp.ClientSession) -> None:
    """R2: not even a minute of it, until an upload frees it; another calendar's is free."""
    await said(http, "POST", "/upload", json=UPLOAD, headers=KEY)
    touching = {"start": "2026-11-23T10:00+01:00", "end": "2026-11-23T11:00+01:00"}
    overlapping = {"start": "2026-11-23T09:59+01:00", "end": "2026-11-23T10:01+01:00"}
    assert (await said(http, "POST", "/book", json={"calendar": "Dr. Adler"} | overlapping))[0] == 409
    assert (await said(http, "POST", "/book", json={"calendar": "Dr. Adler"} | touching))[0] == 201
    assert (await said(http, "POST", "/book", json={"calendar": "Dr. Berg"} | NINE))[0] == 201
    assert side.booked("Dr. Adler") == hours(10)


# ----------------------------------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    "wrong",
    [
        {"appointments": [NINE, NINE]},
        {"appointments": [NINE, {"start": "2026-11-23T10:00:00+01:00", "end": "2026-11-23T11:00:00+01:00"}]},
        {"appointments": [{"start": "2026-11-23T12:00:00Z", "end": "2026-11-23T12:30:00Z"}, NINE]},
        {"appointments": [{"start": NINE["end"], "end": NINE["start"]}]},
        {"appointments": [{"start": "2026-11-22T23:30:00+01:00", "end": "2026-11-23T00:30:00+01:00"}]},
        {"appointments": [{"start": "2026-11-23T09:00:00", "end": "2026-11-23T10:00:00"}]},
        {"appointments": [NINE | {"patient": "Erika Mustermann"}]},
        {"patient": "Erika Mustermann"},
        {"from": ASKED["to"], "to": ASKED["from"]},
        {"calendar": ""},
    ],
)
async def test_what_the_wire_does_not_allow_is_refused(
    side: StandIn, http: aiohttp.ClientSession, wrong: dict[str, object]
) -> None:
    """R5, R7, I7: unsorted, touching, outside, without an offset, or with one word more than the format has."""
    assert (await said(http, "POST", "/upload", json=UPLOAD | wrong, headers=KEY))[0] == 422
    assert (side.applied, side.held("Dr. Adler")) == (0, EMPTY)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "stand-in"}, {"Authorization": "Bearer other"}])
async def test_a_wrong_key_is_refused(side: StandIn, http: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    """I10: of question and upload alike."""
    assert (await said(http, "GET", "/window", headers=headers))[0] == 401
    assert (await said(http, "POST", "/upload", json=UPLOAD, headers=headers))[0] == 401
    assert side.applied == 0


# ------------------------------------------------------------------------------------------ what only it can see


async def test_uploads_of_one_calendar_that_overlap_are_seen(side: StandIn, http: aiohttp.ClientSession) -> None:
    """I4, I10: the tester is tested; two slow uploads of one calendar overlap, those of two calendars do not."""
    side.fail("slow", seconds=0.2, times=5)
    others = [http.post("/upload", json=UPLOAD | {"calendar": name}, headers=KEY) for name in "ABC"]
    await asyncio.gather(*others)
    assert (side.overlaps, side.most_under_way) == ([], 3)
    await asyncio.gather(*(http.post("/upload", json=UPLOAD, headers=KEY) for _ in range(2)))
    assert (side.overlaps, side.most_under_way) == (["Dr. Adler"], 3)


async def test_a_request_given_up_does_not_overlap_the_next(side: StandIn, http: aiohttp.ClientSession) -> None:
    """I4: an upload that timed out is over, also when its end and the next upload arrive together."""
    side.fail("stall")
    stalled = asyncio.create_task(said(http, "POST", "/upload", json=UPLOAD, headers=KEY))
    await side.wait_for(lambda side: side.traffic.under_way > 0)
    stalled.cancel()
    assert (await said(http, "POST", "/upload", json=UPLOAD, headers=KEY))[0] == 200
    assert stalled.cancelled()
    assert (side.overlaps, side.most_under_way) == ([], 1)


@pytest.mark.parametrize(("seconds", "overlaps"), [(0.0, []), (0.2, ["A"])])
async def test_a_client_that_goes_away_is_noticed_late(seconds: float, overlaps: list[str]) -> None:
    """I4: its upload counts beside the next one only if it stayed for longer than its end needs to arrive."""
    traffic = Traffic(keep=10)
    with suppress(asyncio.CancelledError), traffic.visit("upload") as first:
        traffic.names(first, "A")
        with traffic.visit("upload") as second:
            traffic.names(second, "A")
        await asyncio.sleep(seconds)
        raise asyncio.CancelledError
    assert traffic.overlaps == overlaps
    assert traffic.most_under_way == 1 + len(overlaps)


async def test_waiting_for_a_condition(side: StandIn, http: aiohttp.ClientSession) -> None:
    """Whoever waits is woken by what happens, and not for ever."""
    waiting = asyncio.create_task(side.wait_for(lambda side: side.applied == 2))
    for _ in range(2):
        assert not waiting.done()
        await said(http, "POST", "/upload", json=UPLOAD, headers=KEY)
    await waiting
    assert [upload.blocked for upload in side.uploads] == [hours(9), hours(9)]
    assert side.uploads[0].window == WINDOW
    with pytest.raises(TimeoutError):
        await side.wait_for(lambda side: side.applied == 3, limit=0.01)


# -------------------------------------------------------------------------------------------- looking in, by HTTP


async def test_the_state_shows_all_that_happened(side: StandIn, http: aiohttp.ClientSession) -> None:
    """What it holds, and every request with its calendar and outcome."""
    await said(http, "POST", "/upload", json=UPLOAD, headers=KEY)
    await said(http, "POST", "/book", json={"calendar": "Dr. Adler"} | NINE)
    side.fail("status", status=503, retry_after="1")
    await http.get("/window", headers=KEY)
    status, state = await said(http, "GET", "/state")
    assert status == 200
    assert state["calendars"] == [{"name": "Dr. Adler", "blocked": [NINE], "booked": []}]
    assert (state["uploads"], state["overlaps"], state["most_under_way"]) == (1, [], 1)
    requests = [(each["request"], each["calendar"], each["outcome"]) for each in state["requests"]]
    assert requests == [("upload", "Dr. Adler", "200"), ("book", "Dr. Adler", "409"), ("window", "", "status 503")]


async def test_trouble_is_made_by_http(side: StandIn, http: aiohttp.ClientSession) -> None:
    """One trouble or a list; each befalls the requests it is meant for, as often as it says; healing ends it."""
    adler = {"kind": "status", "status": 418, "on": "upload", "calendar": "Dr. Adler", "times": 2}
    assert (await said(http, "POST", "/faults", json=adler))[0] == 200
    await said(http, "POST", "/faults", json=[{"kind": "status", "status": 500}])
    statuses = []
    for calendar in ("Dr. Adler", "Dr. Berg", "Dr. Berg", "Dr. Adler", "Dr. Adler"):
        async with http.post("/upload", json=UPLOAD | {"calendar": calendar}, headers=KEY) as answer:
            statuses.append(answer.status)
    assert statuses == [418, 500, 200, 418, 200]
    await said(http, "POST", "/faults", json=adler)
    assert await said(http, "DELETE", "/faults") == (200, [])
    assert (await said(http, "POST", "/upload", json=UPLOAD, headers=KEY))[0] == 200


@pytest.mark.parametrize(
    "body", [{"kind": "magic"}, {}, [1], {"kind": "status", "status": 42}, {"kind": "drop", "x": 1}]
)
async def test_a_trouble_that_does_not_exist_is_refused(http: aiohttp.ClientSession, body: object) -> None:
    """A slip of the pen in a script is told at once."""
    status, answer = await said(http, "POST", "/faults", json=body)
    assert status == 400
    assert answer["error"]
    assert await said(http, "GET", "/faults") == (200, [])


async def test_the_window_is_moved_by_http(http: aiohttp.ClientSession) -> None:
    """R1: from the next question on."""
    moved = {"from": "2026-12-01", "to": "2027-02-28"}
    assert (await said(http, "PUT", "/window", json=moved))[0] == 200
    assert await said(http, "GET", "/window", headers=KEY) == (200, moved)


async def test_the_page_shows_a_week(side: StandIn, http: aiohttp.ClientSession) -> None:
    """I7: times and escaped calendar names, for people, in any week; the clock change does not confuse it."""
    upload = UPLOAD | {"calendar": "<Dr.> & Adler"}
    await said(http, "POST", "/upload", json=upload, headers=KEY)
    for week in ("", "2026-11-25", "2026-10-25", "nonsense", "9999-12-31", "0001-01-01"):
        async with http.get("/", params={"week": week}) as answer:
            text = await answer.text()
        assert answer.status == 200
        assert "&lt;Dr.&gt; &amp; Adler" in text
        assert ('title="09:00–10:00"' in text) is (week != "2026-10-25")


@pytest.mark.parametrize("seed", [0, 1])
def test_a_bad_day_is_the_same_for_the_same_seed(seed: int) -> None:
    """Faults 24 to 31: what hostile mode draws can be drawn again."""
    drawn = []
    for _ in range(2):
        side = StandIn()
        side.hostile(seed, likely=0.3)
        drawn.append([side.script.next("upload", "A") for _ in range(100)])
    assert drawn[0] == drawn[1]
    assert 10 < sum(each is not None for each in drawn[0]) < 60


async def test_it_runs_on_its_own_and_teaches(side: StandIn) -> None:
    """The command serves on a free port, says how to use it, and says so too when its port is taken."""
    command = [sys.executable, "-m", "adapters.drflex.standin"]
    asking = await asyncio.create_subprocess_exec(*command, "--help", stdout=asyncio.subprocess.PIPE)
    text = (await asking.communicate())[0].decode()
    assert all(word in text for word in ("TMEX_WINDOW_URL", "--hostile", "/faults", "late", "/book"))
    taken = await asyncio.create_subprocess_exec(*command, "--port", str(side.port), stderr=asyncio.subprocess.PIPE)
    text = (await taken.communicate())[1].decode()
    assert taken.returncode == 1
    assert text.startswith(f"port {side.port} cannot be used")
    assert "Traceback" not in text


def test_every_kind_of_trouble_is_explained() -> None:
    """What can be asked for stands in the help."""
    assert tuple(KINDS) == get_args(Kind)


# -------------------------------------------------------------------------------------------------------- the page


async def test_a_patient_books_on_the_page(side: StandIn, http: aiohttp.ClientSession) -> None:
    """R2: what is free is offered, what is booked is not, and counts as not entered until the practice uploads it."""
    await said(http, "POST", "/upload", json=UPLOAD | {"appointments": []}, headers=KEY)

    async def seen(path: str = "/") -> str:
        async with http.get(path) as answer:
            return await answer.text()

    html = await seen()
    starts = re.findall(r'name="start" value="([0-9]+)"', html)
    assert len(starts) == len(set(starts)) == 10
    assert "not yet entered: 0" in html
    wish = {"calendar": "Dr. Adler", "start": starts[0]}
    for told in ("Booked.", "taken meanwhile"):
        async with http.post("/wish", data=wish) as answer:
            assert told in await answer.text()
    html = await seen()
    assert f'value="{starts[0]}"' not in html
    assert "not yet entered: 1" in html
    begins, ends = (datetime.fromtimestamp(int(starts[0]) + each, UTC).isoformat() for each in (0, SLOT))
    entered = {"appointments": [{"start": begins, "end": ends}]}
    await said(http, "POST", "/upload", json=UPLOAD | entered, headers=KEY)
    html = await seen()
    assert "not yet entered: 0" in html
    assert "<b>entered</b>" in html
    nobody, never = {"calendar": "Niemand", "start": starts[1]}, {"calendar": "Dr. Adler", "start": "now"}
    for nonsense in (nobody, never, {"calendar": "Dr. Adler"}):
        async with http.post("/wish", data=nonsense) as answer:
            assert answer.status == 400


async def test_nothing_is_offered_outside_the_window(side: StandIn, http: aiohttp.ClientSession) -> None:
    """R1: a window of the past, or one that nobody understands, has no free time."""
    await said(http, "POST", "/upload", json=UPLOAD, headers=KEY)
    for asks in (("2020-01-01", "2020-02-01"), ("nonsense", "nonsense")):
        side.ask_for(*asks)
        async with http.get("/") as answer:
            assert 'name="start"' not in await answer.text()


async def test_a_person_puts_it_out_of_order_and_in_order_again(side: StandIn, http: aiohttp.ClientSession) -> None:
    """Until then every request fails in the same way."""
    for condition, status in (("error", 500), ("key", 401), ("busy", 429), ("none", 200)):
        async with http.post("/condition", data={"condition": condition}) as answer:
            assert f'value="{condition}" aria-pressed="true"' in await answer.text()
        for _ in range(3):
            async with http.get("/window", headers=KEY) as answer:
                assert answer.status == status
    async with http.post("/condition", data={"condition": "on fire"}) as answer:
        assert answer.status == 400


async def test_its_page_speaks_german() -> None:
    """Where the demo does."""
    async with StandIn(lang="de") as side, aiohttp.ClientSession(side.url) as http, http.get("/") as answer:
        html = await answer.text()
    assert '<html lang="de">' in html
    assert "wie Patienten es sehen" in html
