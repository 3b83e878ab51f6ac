"""The page, its JSON, health and metrics, by a real job and real HTTP: what it shows, and whom it turns away."""

import asyncio
import re
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.settings import Address
from adapters.status import PageServer
from tests.eventually import eventually
from tests.site import COLUMNS, KEY, LIMIT, STATUS, Site, site

DAY = "2026-03-09"
TOKEN = "ein-langes-Kennwort"
PAGES = ("/", f"/?week={DAY}", "/?lang=en", "/api/v1/status", "/healthz", "/readyz", "/metrics", "/login")


class Page(NamedTuple):
    """A site whose job shows its page."""

    place: Site
    port: int
    http: aiohttp.ClientSession

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """Its status and its text."""
        async with self.http.get(self.url(path), headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> int:
        """As the page's own form does, unless `headers` say otherwise."""
        async with self.http.post(self.url(path), data=form or {}, headers=headers, allow_redirects=False) as answer:
            return answer.status

    async def press(self, path: str, **form: str) -> int:
        """Press a button of the page as it is now."""
        return await self.post(path, {"form": await self.field("form"), **form})

    async def field(self, name: str) -> str:
        """What stands in a hidden field."""
        _, html = await self.get("/")
        found = re.search(rf'name="{name}" value="([^"]*)"', html)
        assert found is not None
        return found[1]

    async def shows(self, text: str) -> None:
        """Wait until the page says so."""

        async def seen() -> bool:
            return text in (await self.get("/", **{"Accept-Language": "en"}))[1]

        await eventually(seen, f"the page shows {text}")


@asynccontextmanager
async def page(folder: Path, **changes: str) -> AsyncIterator[Page]:
    """A job with its page, that has synced once."""
    async with site(folder) as place:
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:20")
        place.write("TK1/A", f"{DAY} 12:00", f"{DAY} 12:20", occupied=False)
        place.settings["TMEX_LISTEN"] = "127.0.0.1:0"
        async with place.job(**changes), aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            shown = Page(place, await place.page_port(), http)
            await shown.shows("All is right")
            yield shown


async def test_it_shows_how_every_calendar_stands(tmp_path: Path) -> None:
    """I11, I13: one sentence, each calendar with the time since which it is right, in the language asked for."""
    async with page(tmp_path) as shown:
        for lang, sentence in (("de", "Alles in Ordnung"), ("en", "All is right")):
            status, html = await shown.get("/", **{"Accept-Language": f"{lang}-XX,fr;q=0.5"})
            assert status == 200
            assert sentence in html
            assert f'<html lang="{lang}">' in html
            assert all(name in html for name in COLUMNS)
        assert (await shown.get("/?lang=en", **{"Accept-Language": "de"}))[1].count("All is right") >= 1


async def test_its_json_is_that_of_the_command(tmp_path: Path) -> None:
    """I11: one documented shape, whoever asks."""
    async with page(tmp_path) as shown:
        async with shown.http.get(shown.url("/api/v1/status"), headers={"Accept-Language": "en"}) as answer:
            told = await answer.json()
        command = (await shown.place.tmex("status", "--json")).json()
        STATUS.validate(told)
        assert told.keys() == command.keys()
        assert [each.keys() for each in told["calendars"]] == [each.keys() for each in command["calendars"]]
        assert told["job"] == {"running": True, "on": True}


async def test_health_is_about_the_job_and_readiness_about_the_calendars(tmp_path: Path) -> None:
    """I11, fault 50: a portal that is gone is no reason to start the job again, but one to send nobody there."""
    async with page(tmp_path, TMEX_STALE_AFTER="61s", TMEX_INTERVAL="60s", TMEX_TIMEOUT="1s") as shown:
        assert (await shown.get("/readyz"))[0] == 200
        shown.place.portal.fail("status", status=500, times=1000)
        shown.place.write("TK1/B", f"{DAY} 09:00", f"{DAY} 09:20")

        async def late() -> bool:
            return (await shown.get("/readyz"))[0] == 503

        await eventually(late, "not ready", LIMIT)
        assert (await shown.get("/healthz")) == (200, "ok\n")
        assert "Dr. Busch" in (await shown.get("/readyz"))[1]
        await shown.shows("Attention")
        shown.place.portal.heal()
        await shown.shows("All is right")


async def test_on_trial_nobody_is_told_that_times_are_blocked(tmp_path: Path) -> None:
    """I8, I13: with TMEX_SHADOW neither the page nor the log claims what was never sent."""
    async with site(tmp_path) as place:
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:20")
        async with place.running(TMEX_LISTEN="127.0.0.1:0", TMEX_SHADOW="on"), aiohttp.ClientSession() as http:
            shown = Page(place, await place.page_port(), http)
            await shown.shows("On trial")
            assert (await shown.get("/readyz"))[0] == 200
            assert (await shown.get("/api/v1/status"))[1].count('"shadow": true') == 1
        log = "".join(place.log)
        assert (log.count("calendar.skipped"), log.count("calendar.uploaded")) == (len(COLUMNS), 0)


async def test_a_silent_name_server_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """I5: the page, and with it the first upload, waits not for the machine's full name; it is known once it comes."""
    answered = threading.Event()
    monkeypatch.setattr(socket, "getfqdn", lambda: "theke.praxis.example" if answered.wait(LIMIT) else "")
    server = PageServer(Address("127.0.0.1", 0), None)
    await server.open()
    async with aiohttp.ClientSession() as http:

        async def known() -> bool:
            headers = {"Host": "theke.praxis.example"}
            async with http.get(f"http://127.0.0.1:{server.port}/healthz", headers=headers) as answer:
                return answer.status == 200

        assert not await known()
        answered.set()
        await eventually(known, "it goes by its full name")
    await server.close()


async def test_a_stranger_is_turned_away(tmp_path: Path) -> None:
    """I7, fault 50: another site's name, another site's form, a form without our mark, a question that would change."""
    async with page(tmp_path) as shown:
        assert (await shown.get("/", Host="praxis.example"))[0] == 421
        assert (await shown.get("/", Host=f"localhost:{shown.port}"))[0] == 200
        form = {"form": await shown.field("form"), "on": "0"}
        assert await shown.post("/switch", form, Origin="https://evil.example") == 403
        assert await shown.post("/switch", form, **{"Sec-Fetch-Site": "cross-site"}) == 403
        assert await shown.post("/switch", {"on": "0"}) == 403
        for path in ("/sync", "/switch", "/release"):
            assert (await shown.get(path))[0] == 405
        assert (await shown.get("/static/../server.py"))[0] == 404
        status = (await shown.place.tmex("status", "--json")).json()
        assert status["job"]["on"] is True


async def test_its_headers_let_nothing_in_from_outside(tmp_path: Path) -> None:
    """I7: no script but its own, no frame around it, nothing kept in a cache."""
    async with page(tmp_path) as shown, shown.http.get(shown.url("/")) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert not re.search(r'(src|href)="(https?:)?//', await answer.text())


async def test_a_flood_does_not_reach_the_sync(tmp_path: Path) -> None:
    """I12, fault 50: five hundred idle connections and a body of 100 MB, while a change goes up."""
    async with page(tmp_path) as shown:
        idle = []
        for _ in range(500):
            try:
                idle.append(await asyncio.open_connection("127.0.0.1", shown.port))
            except OSError:
                break

        async def endless() -> AsyncIterator[bytes]:
            for _ in range(1600):
                yield b"x" * 65_536

        shown.place.write("TK1/B", f"{DAY} 09:00", f"{DAY} 09:20")
        await shown.place.holds("Dr. Busch", f"{DAY} 09:00-09:20")
        for _, writer in idle:
            writer.close()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            async with shown.http.post(shown.url("/sync"), data=endless(), headers=headers) as answer:
                assert answer.status == 413
        except aiohttp.ClientError:
            pass  # it hung up before it had all: as good an answer
        assert (await shown.get("/healthz"))[0] == 200


@asynccontextmanager
async def locked(folder: Path, listen: str) -> AsyncIterator[Page]:
    """A job whose page asks for a token."""
    async with site(folder) as place:
        place.settings |= {"TMEX_LISTEN": listen, "TMEX_STATUS_TOKEN": TOKEN}
        async with place.job(), aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            yield Page(place, await place.page_port(), http)


async def test_off_the_loopback_a_token_is_asked_for(tmp_path: Path) -> None:
    """I7: health alone needs none; a person signs in once, a program shows it each time."""
    async with locked(tmp_path, "0.0.0.0:0") as shown:
        assert (await shown.get("/healthz"))[0] == 200
        assert (await shown.get("/api/v1/status"))[0] == 401
        assert (await shown.get("/", Accept="text/html"))[0] == 303
        assert (await shown.get("/metrics", Authorization=f"Bearer {TOKEN}"))[0] == 200
        assert (await shown.get("/metrics", Authorization="Bearer falsch"))[0] == 401
        assert await shown.post("/sync", Authorization=f"Bearer {TOKEN}") == 303
        assert await shown.post("/login", {"token": "falsch"}) == 401
        assert await shown.post("/login", {"token": TOKEN}) == 303
        assert (await shown.get("/"))[0] == 200
        cookies = list(shown.http.cookie_jar)
        assert cookies
        assert all(TOKEN not in cookie.value for cookie in cookies)


async def test_behind_a_proxy_or_beside_a_neighbour(tmp_path: Path) -> None:
    """I7: who has the token calls it by any name, a browser signs in through TLS, and another site does nothing."""
    async with locked(tmp_path, "127.0.0.1:0") as shown:
        assert (await shown.get("/metrics", Host="tmex:8787", Authorization=f"Bearer {TOKEN}"))[0] == 200
        assert (await shown.get("/metrics", Host="tmex.praxis.example"))[0] == 401
        proxied = {"Origin": "https://tmex.praxis.example", "Sec-Fetch-Site": "same-origin"}
        foreign = proxied | {"Sec-Fetch-Site": "cross-site"}
        assert await shown.post("/login", {"token": TOKEN}, **foreign) == 403
        assert await shown.post("/login", {"token": TOKEN}, **proxied) == 303
        form = {"form": await shown.field("form"), "on": "1"}
        assert await shown.post("/switch", form, **foreign) == 403
        assert await shown.post("/switch", form, Origin="https://evil.example") == 403
        assert await shown.post("/switch", form, **proxied) == 303


FORM = b"Content-Type: application/x-www-form-urlencoded"
UNREADABLE = [
    (b"GET / HTTP/1.1", [b"Cookie: tmex=\xc3\xa4"], b"", 401),
    (b"GET / HTTP/1.1", [b"Authorization: Bearer \xc3\xa4\xff"], b"", 401),
    (b"POST /login HTTP/1.1", [FORM], b"token=\xff\xfea", 400),
    (b"POST /login HTTP/1.1", [FORM + b"; charset=utf-16"], b"abc", 400),
    (b"POST /login HTTP/1.1", [FORM + b"; charset=nonsense"], b"abc", 400),
    (b"POST /login HTTP/1.1", [b"Content-Type: multipart/form-data"], b"abc", 400),
    (b"POST /login HTTP/1.1", [b"Content-Type: multipart/form-data; boundary=x"], b"abc", 400),
    (b"POST /login HTTP/1.1", [FORM, b"Content-Encoding: gzip"], b"abc", 400),
    (b"POST /sync HTTP/1.1", [FORM, b"Content-Encoding: gzip", b"Authorization: x"], b"abc", 401),
]


async def test_what_nobody_can_read_is_refused(tmp_path: Path) -> None:
    """I11, fault 50: letters that are none, a form that is none, a packing that is none: not our fault."""
    async with locked(tmp_path, "127.0.0.1:0") as shown:
        for first, headers, body, status in UNREADABLE:
            told = (first, b"Host: localhost", b"Connection: close", b"Content-Length: %d" % len(body), *headers)
            reader, writer = await asyncio.open_connection("127.0.0.1", shown.port)
            writer.write(b"\r\n".join((*told, b"", body)))
            async with asyncio.timeout(LIMIT):
                answer = await reader.read()
            assert answer.split()[1] == b"%d" % status, (told, answer[:200])
            assert b"X-Content-Type-Options: nosniff" in answer
            writer.close()


async def test_without_a_token_to_show_one_is_no_form(tmp_path: Path) -> None:
    """I7, fault 50: a header that anybody can send opens nothing."""
    async with page(tmp_path) as shown:
        assert await shown.post("/switch", {"on": "0"}, Authorization="Bearer x") == 403


def documented() -> list[tuple[str, str]]:
    """Every series of the reference, and what it tells."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text("utf-8")
    return re.findall(r"^\| `(\w+)[^`]*` \| \w+ \| (.*) \|$", page, re.MULTILINE)


async def test_metrics_are_all_there_from_the_start(tmp_path: Path) -> None:
    """I7, I11: every series, of every calendar; and they count."""
    async with page(tmp_path) as shown:
        text = (await shown.get("/metrics"))[1]
        before = {each.name: each for each in text_string_to_metric_families(text)}
        assert re.findall(r"^# HELP (\S+) (.*)$", text, re.MULTILINE) == documented()
        assert {"tmex_on", "tmex_calendar_age_seconds", "tmex_turns", "tmex_exposure_seconds"} <= before.keys()
        turns = {(each.labels["calendar"], each.labels["outcome"]) for each in before["tmex_turns"].samples}
        assert {(name, outcome) for name in COLUMNS for outcome in ("uploaded", "failed")} <= turns
        shown.place.write("TK1/B", f"{DAY} 09:00", f"{DAY} 09:20")
        await shown.place.holds("Dr. Busch", f"{DAY} 09:00-09:20")

        async def counted() -> bool:
            families = text_string_to_metric_families((await shown.get("/metrics"))[1])
            found = {(each.name, each.labels.get("calendar")): each.value for f in families for each in f.samples}
            return found["tmex_exposure_seconds_count", None] >= 1 and found["tmex_calendar_blocked", "Dr. Busch"] == 1

        await eventually(counted, "counted")


async def test_its_buttons_do_what_the_command_does(tmp_path: Path) -> None:
    """I3, I8: off stays off, on syncs at once, and a release lets go what was shown and nothing else."""
    async with page(tmp_path) as shown:
        assert await shown.press("/switch", on="0") == 303
        await shown.shows("Switched off")
        assert (await shown.place.tmex("status", "--json")).json()["job"]["on"] is False
        assert await shown.press("/switch", on="1") == 303
        await shown.shows("All is right")
        uploads = len(shown.place.portal.uploads)
        assert await shown.press("/sync") == 303
        await shown.place.portal.wait_for(lambda all_: len(all_.uploads) >= uploads + len(COLUMNS), limit=LIMIT)
        shown.place.write("TK1/C", f"{DAY} 08:00", f"{DAY} 14:00")
        await shown.place.holds("Dr. Conrad", f"{DAY} 08:00-14:00")
        shown.place.erase("TK1/C")
        await shown.shows("Dr. Conrad waits for your release")
        waiting = await shown.field("shown")
        assert await shown.press("/release", name="Dr. Conrad", shown="1-2") == 303
        assert "Nothing was let go" in (await shown.get("/?told=changed", **{"Accept-Language": "en"}))[1]
        assert shown.place.portal.held("Dr. Conrad")
        assert await shown.press("/release", name="Dr. Conrad", shown=waiting) == 303
        await shown.place.holds("Dr. Conrad")
        assert await shown.press("/release", name="Niemand", shown="") == 404


async def test_what_is_new_is_announced(tmp_path: Path) -> None:
    """I11: the page need not ask again and again."""
    async with page(tmp_path) as shown, shown.http.get(shown.url("/events")) as stream:
        assert stream.content_type == "text/event-stream"
        shown.place.write("TK1/B", f"{DAY} 09:00", f"{DAY} 09:20")
        async with asyncio.timeout(LIMIT):
            while b"event: news" not in await stream.content.readline():
                continue


async def test_nothing_of_a_patient_nor_a_key_is_ever_shown(tmp_path: Path) -> None:
    """I7, fault 50: on no page, in no number, in no answer to a stranger."""
    async with page(tmp_path) as shown:
        for path in PAGES:
            _, text = await shown.get(path)
            assert "Kanarienvogel" not in text, path
            assert KEY not in text, path


async def test_a_second_job_waits_for_the_page_s_address(tmp_path: Path) -> None:
    """I9, fault 51: though it works on another state; it says so, and takes over when the first one is gone."""
    async with page(tmp_path / "one") as shown, site(tmp_path / "two") as other:
        other.settings["TMEX_LISTEN"] = f"127.0.0.1:{shown.port}"
        process = await other.start("run")
        assert process.stderr is not None
        async with asyncio.timeout(LIMIT):
            while b"job.address_taken" not in (line := await process.stderr.readline()):
                assert line
        assert b"(EADDRINUSE)" in line
        assert not other.portal.uploads
        assert (await other.tmex("sync")).code == 0  # its state is nobody's meanwhile
        process.terminate()
        async with asyncio.timeout(LIMIT):
            await process.communicate()
        assert process.returncode == 0


@pytest.mark.parametrize("week", ["2026-03-23", "2026-03-29", "nonsense", "9999-12-31", "0001-01-01"])
async def test_any_week_can_be_looked_at(tmp_path: Path, week: str) -> None:
    """R9: also the one in which the clocks change, and none that is no week."""
    async with page(tmp_path) as shown:
        status, html = await shown.get(f"/?week={week}")
        assert status == 200
        assert html.count("<figure>") == len(COLUMNS)


@pytest.mark.parametrize(("lang", "day"), [("de", "23.03.2026"), ("en", "2026-03-23")])
async def test_days_are_written_as_people_do(tmp_path: Path, lang: str, day: str) -> None:
    """I13: at the reception nobody reads a day backwards."""
    async with page(tmp_path) as shown:
        _, html = await shown.get("/?week=2026-03-25", **{"Accept-Language": lang})
        assert day in html.partition('<h2 id="week">')[2].partition("</h2>")[0]
