"""An upload is packed where the portal's last answer said that it may be, and means the same."""

import gzip

import pytest

from adapters.drflex.client import DrFlex, Site
from adapters.drflex.key import Key
from adapters.drflex.standin import StandIn
from engine.ports import PortalError, RejectedError
from tests.contract.portal_contract import WINDOW, hours
from tests.contract.test_portal_drflex import ACCEPTED, CLOCK, client
from tests.rawserver import headers, raw_server

OFFERED = ACCEPTED.replace(b"Content", b"Accept-Encoding: gzip, deflate;q=0\r\nContent", 1)


async def test_what_is_offered_is_taken_up() -> None:
    """R2: the first upload goes as it is, the next ones are a fraction as long and hold the same."""
    async with raw_server(OFFERED) as server:
        url = f"http://127.0.0.1:{server.port}/"
        async with DrFlex(Site(window_url=url, upload_url=url), Key("k"), CLOCK, proxy=lambda _: None) as portal:
            for _ in range(2):
                await portal.upload("Dr. Adler", WINDOW, hours(*range(0, 500, 2)))
    plain, packed = map(headers, server.requests)
    plain_body, packed_body = (each.partition(b"\r\n\r\n")[2] for each in server.requests)
    assert plain | {"Content-Encoding": "gzip", "Content-Length": str(len(packed_body))} == packed
    assert "Content-Encoding" not in plain
    assert gzip.decompress(packed_body) == plain_body
    assert len(packed_body) * 5 < len(plain_body)


async def test_what_is_not_offered_is_not_done() -> None:
    """R2: most portals say nothing of it, and one that no longer says so is believed."""
    answers = iter((ACCEPTED, OFFERED, ACCEPTED, ACCEPTED))
    async with raw_server(lambda _request: next(answers)) as server:
        url = f"http://127.0.0.1:{server.port}/"
        async with DrFlex(Site(window_url=url, upload_url=url), Key("k"), CLOCK, proxy=lambda _: None) as portal:
            for _ in range(4):
                await portal.upload("Dr. Adler", WINDOW, hours(1))
    assert ["Content-Encoding" in headers(each) for each in server.requests] == [False, False, True, False]


async def test_a_portal_that_takes_it_no_longer_gets_it_as_before() -> None:
    """I4, I6: a 415 to what was packed is no verdict: nothing was applied, and the next upload goes as it is."""
    async with StandIn() as side, client(side) as portal:
        side.takes_gzip = True
        await portal.upload("Dr. Adler", WINDOW, hours(1))
        side.takes_gzip = False
        with pytest.raises(PortalError) as caught:
            await portal.upload("Dr. Adler", WINDOW, hours(2))
        assert not isinstance(caught.value, RejectedError)
        assert (caught.value.fault.facts, caught.value.maybe_applied) == ({"status": 415}, False)
        await portal.upload("Dr. Adler", WINDOW, hours(2))
        assert side.held("Dr. Adler") == hours(2)
        side.fail("status", status=415)
        with pytest.raises(RejectedError):
            await portal.upload("Dr. Adler", WINDOW, hours(3))
