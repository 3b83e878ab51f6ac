"""An alarm on its way: by webhook, by mail, and the heartbeat that goes out only while all is right.

Nothing but our own sentences leaves (I7); what a channel answers is a class or a status, never its words.
"""

import asyncio
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Final

import aiohttp

from adapters import __version__
from adapters.alarms.episodes import Alarm
from adapters.settings import Mail, Settings
from adapters.texts import say
from adapters.texts.phrasing import phrase

LIMIT: Final = 20.0
"""Seconds that a channel may take."""


class ChannelError(Exception):
    """A channel did not take it; `kind` is a class or a status."""

    def __init__(self, channel: str, kind: str) -> None:
        super().__init__(channel)
        self.channel, self.kind = channel, kind


class Channels:
    """The ways to people that the settings name."""

    def __init__(self, settings: Settings, http: aiohttp.ClientSession) -> None:
        self._lang, self._http = settings.lang, http
        self._webhook = settings.alert_webhook
        self._mail, self._heartbeat = settings.alert_mail, settings.heartbeat_url

    def names(self) -> list[str]:
        """Those by which an alarm goes."""
        return [name for name, address in (("webhook", self._webhook), ("mail", self._mail)) if address is not None]

    async def send(self, channel: str, alarm: Alarm) -> None:
        """Tell it by one of `names()`. Raises ChannelError."""
        title, text = self._title(alarm), say(alarm.fault, self._lang)
        if channel == "mail":
            assert self._mail is not None
            await asyncio.to_thread(_mail, self._mail, title, text)
        else:
            assert self._webhook is not None
            await self._post(channel, self._webhook.reveal(), _body(alarm, title, text))

    async def beat(self) -> None:
        """All is right. Raises ChannelError."""
        if self._heartbeat is not None:
            await self._post("heartbeat", self._heartbeat.reveal(), None)

    def _title(self, alarm: Alarm) -> str:
        return phrase("alarm.over" if alarm.over else "alarm.begins", self._lang, name=alarm.calendar or "tmex")

    async def _post(self, channel: str, url: str, body: dict[str, object] | None) -> None:
        method = "GET" if body is None else "POST"
        try:
            async with self._http.request(
                method, url, json=body, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=LIMIT)
            ) as answer:
                if answer.status >= 300:
                    raise ChannelError(channel, f"HTTP {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ChannelError(channel, type(error).__name__) from None


def _body(alarm: Alarm, title: str, text: str) -> dict[str, object]:
    """Fields that ntfy, Uptime Kuma and chats read, and our own."""
    return {
        "title": title,
        "message": text,
        "text": f"{title}: {text}",
        "priority": 3 if alarm.over else 5,
        "tags": ["white_check_mark" if alarm.over else "rotating_light"],
        "state": "resolved" if alarm.over else "firing",
        "code": alarm.fault.code,
        "calendar": alarm.calendar or None,
        "since": datetime.fromtimestamp(alarm.since, UTC).isoformat(timespec="seconds"),
        "version": __version__,
    }


def _mail(mail: Mail, title: str, text: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = title, mail.sender, ", ".join(mail.to)
    message.set_content(f"{text}\n")
    context = ssl.create_default_context()
    try:
        with (
            smtplib.SMTP_SSL(mail.host, mail.port, timeout=LIMIT, context=context)
            if mail.tls
            else smtplib.SMTP(mail.host, mail.port, timeout=LIMIT) as server
        ):
            server.ehlo()
            if not mail.tls and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            elif not mail.tls and mail.password is not None:
                raise ChannelError("mail", "unencrypted")
            if mail.user is not None and mail.password is not None:
                server.login(mail.user.reveal(), mail.password.reveal())
            server.send_message(message)
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise ChannelError("mail", type(error).__name__) from None
