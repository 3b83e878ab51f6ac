"""The client for Dr.Flex keeps the promises of a `Portal`, and sends its key as configured and nowhere else."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from adapters.drflex.client import DrFlex, Site
from adapters.drflex.key import Key
from adapters.drflex.proxies import environment_proxy
from adapters.drflex.standin import StandIn
from engine.model import Window
from engine.ports import KeyRefusedError, Portal, PortalError
from engine.spans import IntervalSet
from engine.walltime import WallClock
from tests.contract.portal_contract import WINDOW, FarSide, PortalContract, hours
from tests.rawserver import headers, raw_server

CLOCK = WallClock(ZoneInfo("Europe/Berlin"))


def client(portal: StandIn, key: Key | None = None, timeout: float = 5.0) -> DrFlex:
    """A client that knows `portal`, and its key unless another is given."""
    site = Site(window_url=portal.window_url, upload_url=portal.upload_url, timeout=timeout)
    return DrFlex(site, key or Key(portal.key, header=portal.header), CLOCK)


class _StandInSide:
    """The far side of the contract, by the stand-in's troubles."""

    def __init__(self, portal: StandIn) -> None:
        self.portal = portal

    def held(self, name: str) -> IntervalSet:
        return self.portal.held(name)

    def ask_for(self, window: Window) -> None:
        edges = [datetime.fromtimestamp(edge, UTC).isoformat() for edge in (window.start, window.end)]
        self.portal.ask_for(*edges)

    def refuse_key(self) -> None:
        self.portal.key = "another"

    def be_busy(self, seconds: int) -> None:
        self.portal.fail("status", status=503, retry_after=str(seconds))

    def reject(self) -> None:
        self.portal.fail("status", status=422)

    def break_down(self) -> None:
        self.portal.fail("status", status=502)

    def lose_answer(self) -> None:
        self.portal.fail("drop", applied=True)

    def go_silent(self) -> None:
        self.portal.fail("stall")

    async def arrival(self) -> None:
        await self.portal.wait_for(lambda portal: portal.traffic.under_way > 0)


class TestDrFlex(PortalContract):
    """Against the stand-in, over real HTTP, with either way of sending the key; of which one takes packed uploads."""

    @pytest.fixture(params=["Authorization", "X-Api-Key"])
    async def far_side(self, request: pytest.FixtureRequest) -> AsyncIterator[FarSide]:
        """A stand-in that expects its key in that header."""
        async with StandIn("a-key", header=request.param) as portal:
            portal.takes_gzip = request.param == "X-Api-Key"
            yield _StandInSide(portal)

    @pytest.fixture
    async def portal(self, far_side: FarSide) -> AsyncIterator[Portal]:
        """The client, with a short patience."""
        assert isinstance(far_side, _StandInSide)
        async with client(far_side.portal, timeout=1.0) as portal:
            yield portal


# ------------------------------------------------------------------------------------------------- the request

ACCEPTED = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.parametrize(
    ("key", "header", "carried"),
    [
        ("a-key", "Authorization", {"Authorization": "Bearer a-key"}),
        ("a-key", "authorization", {"authorization": "Bearer a-key"}),
        ("bearer  a-key", "Authorization", {"Authorization": "Bearer a-key"}),
        ("a-key", "X-Api-Key", {"X-Api-Key": "a-key"}),
        ("Bearer a-key", "X-Api-Key", {"X-Api-Key": "Bearer a-key"}),
    ],
)
async def test_requests_carry_the_key_and_nothing_needless(key: str, header: str, carried: dict[str, str]) -> None:
    """I7, R2: the headers are these and no others: no cookie, no version, nothing that marks a repetition. A key that
    was copied with the word before it carries it once.
    """
    async with raw_server(ACCEPTED) as server:
        url = f"http://127.0.0.1:{server.port}"
        site = Site(window_url=f"{url}/w?practice=7", upload_url=f"{url}/u%20p")
        async with DrFlex(site, Key(key, header=header), CLOCK, proxy=lambda _: None) as portal:
            await portal.upload("x", WINDOW, hours(1))
            await asyncio.gather(portal.window(), return_exceptions=True)
    upload, question = server.requests
    always = {"Host": f"127.0.0.1:{server.port}", "User-Agent": "tmex", "Accept": "application/json"} | carried
    always["Accept-Encoding"] = "identity"
    length = str(len(upload.partition(b"\r\n\r\n")[2]))
    assert headers(upload) == always | {"Content-Type": "application/json", "Content-Length": length}
    assert headers(question) == always
    assert upload.startswith(b"POST /u%20p HTTP/1.1\r\n")
    assert question.startswith(b"GET /w?practice=7 HTTP/1.1\r\n")
    assert server.connections == 1


async def test_cookies_are_not_kept() -> None:
    """I7: what a portal wants remembered is forgotten."""
    answer = ACCEPTED.replace(b"Content", b"Set-Cookie: a=b; Path=/\r\nContent", 1)
    async with raw_server(answer) as server:
        url = f"http://localhost:{server.port}/"
        async with DrFlex(Site(window_url=url, upload_url=url), Key("k"), CLOCK) as portal:
            await portal.upload("x", WINDOW, hours(1))
            await portal.upload("x", WINDOW, hours(1))
    assert "Cookie" not in headers(server.requests[1])


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://portal.example/window?k=v", "portal.example:443"),
        ("http://127.0.0.1/", "127.0.0.1:80"),
        ("https://[::1]:8443/", "[::1]:8443"),
        ("https://PORTAL.example:8443", "portal.example:8443"),
    ],
)
def test_hosts_have_their_port(url: str, host: str) -> None:
    """I10: one host is one name, however the address is written."""
    portal = DrFlex(Site(window_url=url, upload_url=url), Key("k"), CLOCK)
    assert portal.window_host == portal.upload_host == host


def test_secrets_are_not_shown() -> None:
    """I7: the key, and the addresses' queries, do not show when an object is printed."""
    site = Site(window_url="https://portal.example/?token=s3cret", upload_url="https://u:s3cret@portal.example/")
    assert "s3cret" not in repr([site, Key("s3cret"), DrFlex(site, Key("s3cret"), CLOCK)])


# ----------------------------------------------------------------------------------------------------- the key


async def test_a_renewed_key_file_is_used_with_the_next_request(tmp_path: Path) -> None:
    """I10, fault 26: after a refusal a new key is noticed, sent, and then no longer new."""
    file = tmp_path / "key"
    file.write_text("old\n")
    async with StandIn("new") as side, client(side, Key("old", file=file)) as portal:
        with pytest.raises(KeyRefusedError):
            await portal.window()
        assert not portal.key_renewed()
        file.with_name("next").write_text("new\n")
        file.with_name("next").replace(file)
        assert portal.key_renewed()
        assert await portal.window() == WINDOW
        assert not portal.key_renewed()


def unreadable(file: Path) -> None:
    """A link that leads nowhere; rights would not stop root."""
    file.unlink()
    file.symlink_to(file.with_name("nowhere"))


def fifo(file: Path) -> None:
    """A pipe that nobody writes to: opening it would wait for ever."""
    file.unlink()
    os.mkfifo(file)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: file.unlink(),
        unreadable,
        fifo,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b" \r\n"),
        lambda file: file.write_bytes(b"\xff\xfe\x00"),
        lambda file: file.write_bytes(b"two\nlines"),
        lambda file: file.write_bytes(b"k" * 100_000),
    ],
)
def test_a_key_file_without_a_key_keeps_the_old_one(spoil: Callable[[Path], object], tmp_path: Path) -> None:
    """I10: what is no key is not sent, and a usable file is taken up again."""
    file = tmp_path / "key"
    file.write_text("old")
    key = Key("old", file=file)
    assert key.current() == "old"
    spoil(file)
    assert key.current() == "old"
    file.unlink(missing_ok=True)
    file.write_text("\tnew\r\n")
    assert key.current() == "new"


# ----------------------------------------------------------------------------------------------------- proxies


@pytest.mark.parametrize(
    ("url", "variables", "proxy"),
    [
        ("https://portal.example/", {}, None),
        ("https://portal.example/", {"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://portal.example/", {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ("https://portal.example/", {"http_proxy": "http://proxy:3128"}, None),
        ("https://portal.example/", {"all_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ("https://portal.example/", {"all_proxy": "socks5://proxy:1080"}, None),
        ("https://portal.example/", {"https_proxy": "http://p:1", "all_proxy": "socks5://p:2"}, "http://p:1"),
        ("https://portal.example/", {"https_proxy": "http://p:1", "no_proxy": "example"}, None),
        ("https://portal.example:8443/", {"https_proxy": "http://p:1", "no_proxy": "portal.example:8443"}, None),
        ("https://portal.example/", {"https_proxy": "http://p:1", "no_proxy": "other.example"}, "http://p:1"),
        ("http://127.0.0.1:8799/", {"http_proxy": "http://p:1"}, None),
        ("http://localhost:8799/", {"http_proxy": "http://p:1"}, None),
        ("http://[::1]:8799/", {"http_proxy": "http://p:1"}, None),
    ],
)
def test_the_usual_proxy_variables(
    url: str, variables: dict[str, str], proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I7: proxies are those of the environment; loopback is direct, for no proxy may see a key in the clear."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert environment_proxy(url) == proxy


def through(port: int) -> Callable[[str], str]:
    """Every address is reached by the proxy on this port."""
    return lambda _url: f"http://user:pass@127.0.0.1:{port}"


async def test_a_proxy_that_refuses_is_not_the_portal() -> None:
    """I7, I10, R1: a proxy's own 403 or 407 refuses no key, nothing was applied, and it was told no key."""
    for refusal in (b"403 Forbidden", b"407 Proxy Authentication Required"):
        answer = b"HTTP/1.1 " + refusal + b"\r\nContent-Length: 0\r\n\r\n"
        async with raw_server(answer) as proxy:
            site = Site(window_url="https://portal.example/w?t=s3cret", upload_url="https://portal.example/u")
            async with DrFlex(site, Key("s3cret"), CLOCK, proxy=through(proxy.port)) as portal:
                with pytest.raises(PortalError) as caught:
                    await portal.upload("Dr. Adler", WINDOW, hours(1))
                await asyncio.gather(portal.window(), return_exceptions=True)
        assert caught.value.fault.code == "portal.unreachable"
        assert caught.value.fault.facts == {"kind": "ClientHttpProxyError"}
        assert type(caught.value) is PortalError
        assert not caught.value.maybe_applied
        assert len(proxy.requests) == 2
        assert all(request.startswith(b"CONNECT portal.example:443 ") for request in proxy.requests)
        assert b"s3cret" not in b"".join(proxy.requests)


async def test_a_portal_beyond_reach(unused_tcp_port: int) -> None:
    """I6, R1: where nobody listens nothing was applied."""
    url = f"http://127.0.0.1:{unused_tcp_port}/"
    async with DrFlex(Site(window_url=url, upload_url=url), Key("k"), CLOCK) as portal:
        for request in (portal.window(), portal.upload("x", WINDOW, hours(1))):
            with pytest.raises(PortalError) as caught:
                await request
            assert caught.value.fault.code == "portal.unreachable"
            assert caught.value.fault.facts == {"kind": "ConnectionRefusedError"}
            assert not caught.value.maybe_applied
