"""The demo as a stranger meets it, in a real browser: two pages, a booking, a portal out of order, and all is well."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser
from playwright.async_api import Page as Tab

from tests.browser.test_page import CHROMIUM, PATIENCE, browser, says, violations
from tests.integration.test_demo import demo

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


@asynccontextmanager
async def shown(folder: Path) -> AsyncIterator[tuple[asyncio.StreamReader, list[str]]]:
    """A demo that runs: what it prints, and where its two pages are; the portal's first."""
    process = await demo(folder)
    assert process.stdout is not None
    try:
        lines = [(await process.stdout.readline()).decode() for _ in range(3)]
        yield process.stdout, re.findall(r"http://127[.0-9:]+/", "".join(lines))
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()


async def opened(where: Browser, url: str) -> Tab:
    found = await (await where.new_context(locale="en-GB")).new_page()
    found.set_default_timeout(PATIENCE)
    await found.goto(url)
    return found


async def printed(out: asyncio.StreamReader, text: str) -> str:
    """The next line that says so."""
    async with asyncio.timeout(60):
        while text not in (line := (await out.readline()).decode()):
            assert line
    return line


@pytest.mark.timeout(240)
async def test_a_stranger_sees_it_work(tmp_path: Path) -> None:
    """R2, I11: a change appears by itself; a patient books, the staff enters it; red and green again by a switch."""
    async with shown(tmp_path) as (out, (portal_url, page_url)), browser() as running:
        portal, page = await opened(running, portal_url), await opened(running, page_url)
        await says(page.locator("h1.bar"), "All is right")
        blocked = page.locator("td.number").first
        before = sum(map(int, await blocked.all_inner_texts()))
        await printed(out, "blocked after")
        assert before >= 1
        slot = portal.locator("form[action='/wish'] button").first
        await slot.click()
        await printed(out, "booked online")
        await says(portal.locator("ul"), "not yet entered")
        assert await violations(portal) == []
        await printed(out, "entered")
        await says(portal.locator("ul"), "– entered")
        await portal.get_by_role("button", name="refuses the key").click()
        await says(page.locator("h1.bar"), "the portal refuses the key")
        await portal.get_by_role("button", name="answers as it should").click()
        await page.get_by_role("button", name="Sync now").click()
        await says(page.locator("h1.bar"), "All is right")
