"""Alarms by a real job, over real HTTP and real SMTP: once when it begins, once when it is over, no patient in it."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.header import decode_header, make_header
from pathlib import Path

import trustme
from aiohttp import web

from tests.eventually import eventually
from tests.site import KEY, LIMIT, site

DAY = "2026-03-09"


class Receiver:
    """Takes what is sent to it, by the path that it was sent to."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        self.beats = 0
        self.status = 200
        self.url = ""

    async def hook(self, request: web.Request) -> web.Response:
        if self.status == 200:
            self.bodies.append(json.loads(await request.text()))
        return web.Response(status=self.status)

    async def beat(self, request: web.Request) -> web.Response:
        self.beats += 1
        return web.Response()

    async def has(self, count: int) -> None:
        """Wait for so many alarms."""

        async def came() -> bool:
            return len(self.bodies) >= count

        await eventually(came, f"{count} alarms", LIMIT)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found, app = Receiver(), web.Application()
    app.add_routes([web.post("/hook", found.hook), web.get("/beat", found.beat)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listening = web.TCPSite(runner, "127.0.0.1", 0)
    await listening.start()
    assert listening._server is not None
    sockets: list[socket.socket] = list(getattr(listening._server, "sockets", ()))
    found.url = f"http://127.0.0.1:{sockets[0].getsockname()[1]}"
    try:
        yield found
    finally:
        await runner.cleanup()


async def test_a_refused_key_is_told_once_and_so_is_its_end(tmp_path: Path) -> None:
    """I10, I11, fault 26: at once, in fields that ntfy, Uptime Kuma and a chat understand."""
    async with receiver() as people, site(tmp_path) as place:
        place.settings["TMEX_ALERT_WEBHOOK"] = f"{people.url}/hook?k=geheim"
        place.settings["TMEX_HEARTBEAT_URL"] = f"{people.url}/beat"
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:20")
        async with place.job():

            async def beaten() -> bool:
                return people.beats == 1

            await eventually(beaten, "a heartbeat", LIMIT)
            place.portal.fail("status", status=401, times=3)
            place.write("TK1/A", f"{DAY} 09:00", f"{DAY} 09:20")
            await people.has(1)
            first = people.bodies[0]
            assert (first["state"], first["code"]) == ("firing", "portal.key_refused")
            assert {"title", "message", "text", "priority", "tags", "since", "version"} <= first.keys()
            place.portal.heal()
            assert (await place.tmex("sync")).code == 0
            await people.has(2)
            assert [each["state"] for each in people.bodies] == ["firing", "resolved"]
        told = json.dumps(people.bodies)
        assert "Kanarienvogel" not in told
        assert KEY not in told


async def test_an_unreadable_switch_is_told_of_everywhere(tmp_path: Path) -> None:
    """I8, I11: the job counts as on, and whoever looks or is to be alarmed hears why; no heartbeat comes."""
    async with receiver() as people, site(tmp_path) as place:
        place.settings["TMEX_ALERT_WEBHOOK"] = f"{people.url}/hook"
        place.settings["TMEX_HEARTBEAT_URL"] = f"{people.url}/beat"
        place.write("TK1/A", f"{DAY} 08:00", f"{DAY} 08:20")
        assert (await place.tmex("off")).code == 0
        place.state.with_name("tmex.db.switch").write_text("rotten")
        assert "switch.unreadable" in (await place.tmex("status")).out
        async with place.job():
            await place.holds("Dr. Adler", f"{DAY} 08:00-08:20")
            await people.has(1)
            assert (people.bodies[0]["state"], people.bodies[0]["code"]) == ("firing", "switch.unreadable")
            assert people.beats == 0
            told = (await place.tmex("status", "--json")).json()
            assert [each["code"] for each in told["errors"]] == ["switch.unreadable"]
            assert (await place.tmex("on")).code == 0
            await people.has(2)
            assert people.bodies[1]["state"] == "resolved"


async def test_a_channel_that_takes_nothing_disturbs_nobody(tmp_path: Path) -> None:
    """I11: it is said once in the log, without its address; and the sync goes on."""
    async with receiver() as people, site(tmp_path) as place:
        people.status = 500
        place.settings["TMEX_ALERT_WEBHOOK"] = f"{people.url}/hook?k=geheim"
        place.portal.fail("status", status=401, times=2)
        process = await place.start("run")
        assert process.stderr is not None
        async with asyncio.timeout(LIMIT):
            while b"alarm.undelivered" not in (line := await process.stderr.readline()):
                assert line
                assert b"geheim" not in line
        assert b"HTTP 500" in line
        process.terminate()
        await process.communicate()
        assert process.returncode == 0


class Post:
    """A mail server that offers STARTTLS when it has a certificate, and keeps what it is told."""

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.mails: list[bytes] = []
        self.secured = 0
        self._certificate = certificate

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        offers = self._certificate is not None
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"STARTTLS" and self._certificate is not None:
                writer.write(b"220 go on\r\n")
                try:
                    await writer.start_tls(self._certificate)
                except ssl.SSLError:  # whoever called does not trust it
                    return
                self.secured, offers = self.secured + 1, False
                continue
            if word == b"DATA":
                writer.write(b"354 go on\r\n")
                self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
            offer = b"250-here\r\n250 STARTTLS\r\n" if offers else b"250 ok\r\n"
            writer.write(b"221 bye\r\n" if word == b"QUIT" else offer if word == b"EHLO" else b"250 ok\r\n")
            await writer.drain()
            if word == b"QUIT":
                break
        writer.close()


@asynccontextmanager
async def post(certificate: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Post, str]]:
    """It, and what TMEX_ALERT_MAIL names."""
    found = Post(certificate)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield found, f"smtp://127.0.0.1:{port}/?from=tmex@praxis.example&to=it@praxis.example"


async def test_a_trial_alarm_goes_by_every_way(tmp_path: Path) -> None:
    """I7, I13: webhook, heartbeat, and mail over STARTTLS with a verified certificate; each says how it went."""
    authority, certificate = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    trusted = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(trusted)
    async with receiver() as hears, post(certificate) as (office, address), site(tmp_path) as place:
        place.settings |= {"TMEX_ALERT_MAIL": address, "TMEX_ALERT_WEBHOOK": f"{hears.url}/hook"}
        place.settings["TMEX_HEARTBEAT_URL"] = f"{hears.url}/beat"
        told = await place.tmex("check", "--alarm", SSL_CERT_FILE=str(trusted))
        assert told.code == 0
        assert [told.out.count(f"The alarm by {each} was taken") for each in ("mail", "webhook", "heartbeat")] == [
            1
        ] * 3
        assert (len(office.mails), office.secured, len(hears.bodies), hears.beats) == (1, 1, 1, 1)
        assert hears.bodies[0]["code"] == "alarm.trial"
        strange = await place.tmex("check", "--alarm")  # whose certificate nobody knows
        assert strange.code == 1
        assert "(mail, SSLCertVerificationError)" in strange.out
        assert len(office.mails) == 1
        hears.status = 500
        assert "(webhook, HTTP 500)" in (await place.tmex("check", "--alarm")).out
        assert KEY not in told.out


async def test_a_trial_alarm_with_nobody_to_hear_it(tmp_path: Path) -> None:
    """A note, and no fault: whoever wants none has none."""
    async with site(tmp_path) as place:
        told = await place.tmex("check", "--alarm")
        assert told.code == 0
        assert "There is nobody to alarm" in told.out


async def test_an_alarm_comes_by_mail(tmp_path: Path) -> None:
    """I13: what happened, what holds and what to do, in the person's language."""
    async with post() as (office, address), site(tmp_path) as place:
        place.settings["TMEX_ALERT_MAIL"] = address
        place.portal.fail("status", status=401, times=3)
        process = await place.start("run", TMEX_LANG="de")

        async def came() -> bool:
            return bool(office.mails)

        await eventually(came, "a mail", LIMIT)
        process.terminate()
        await process.communicate()
    mail = message_from_bytes(office.mails[0])
    assert "Achtung" in str(make_header(decode_header(mail["Subject"])))
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert "portal.key_refused" in text.decode()
