"""What a receptionist sees and does, in a real browser: it moves by itself, buttons work, nobody is left out."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Browser, Locator, async_playwright, expect
from playwright.async_api import Page as Tab

from tests.integration.test_page import DAY, Page, page

CHROMIUM: Final = shutil.which("chromium")
ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
PATIENCE: Final = 20_000
"""Milliseconds."""
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS])
        try:
            yield opened
        finally:
            await opened.close()


@asynccontextmanager
async def tab(opened: Browser, shown: Page, *, lang: str = "de-DE", width: int = 1280) -> AsyncIterator[Tab]:
    """The page in a tab, which must not complain of anything."""
    context = await opened.new_context(locale=lang, viewport={"width": width, "height": 900})
    context.set_default_timeout(PATIENCE)
    found = await context.new_page()
    complaints: list[str] = []
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    await found.goto(shown.url("/"))
    try:
        yield found
        assert not complaints
    finally:
        await context.close()


async def says(where: Locator, text: str) -> None:
    await expect(where).to_contain_text(text, timeout=PATIENCE)


async def violations(found: Tab) -> list[Any]:
    """What axe finds wrong, by rule and place."""
    await found.evaluate(Path(AXE_FILE_PATH).read_text("utf-8"))
    told = await found.evaluate("axe.run()")
    return [(each["id"], [node["target"] for node in each["nodes"]]) for each in told["violations"]]


@pytest.mark.timeout(180)
async def test_the_page_moves_by_itself_and_its_buttons_work(tmp_path: Path) -> None:
    """I3, I8, I11: a change appears, a removal waits and is let go, off and on; in green, yellow, grey and red."""
    async with page(tmp_path, TMEX_TIMEOUT="1s") as shown, browser() as opened, tab(opened, shown) as found:
        bar = found.locator("h1.bar")
        await says(bar, "Alles in Ordnung")
        row = found.locator("tr", has=found.get_by_role("rowheader", name="Dr. Busch"))
        await expect(row.locator("td.number").first).to_have_text("0")
        shown.place.write("TK1/B", f"{DAY} 09:00", f"{DAY} 09:20")
        await expect(row.locator("td.number").first).to_have_text("1", timeout=PATIENCE)
        shown.place.write("TK1/C", f"{DAY} 08:00", f"{DAY} 14:00")
        await shown.place.holds("Dr. Conrad", f"{DAY} 08:00-14:00")
        shown.place.erase("TK1/C")
        await says(bar, "Bitte entscheiden Sie")
        assert "yellow" in (await bar.get_attribute("class") or "")
        assert await violations(found) == []
        await found.get_by_role("button", name="Dr. Conrad: diese Zeiten freigeben").click()
        await shown.place.holds("Dr. Conrad")
        await says(bar, "Alles in Ordnung")
        await found.get_by_role("button", name="Abgleich ausschalten").click()
        await says(bar, "Ausgeschaltet")
        await found.get_by_role("button", name="Abgleich einschalten").click()
        await says(bar, "Alles in Ordnung")
        shown.place.portal.fail("status", status=500, times=1000)
        shown.place.write("TK1/B", f"{DAY} 10:00", f"{DAY} 10:20")
        await says(bar, "Achtung")
        await says(found.locator(".todo"), "portal.")
        assert await found.title() == (await bar.inner_text()).strip()


@pytest.mark.timeout(120)
@pytest.mark.parametrize("lang", ["de-DE", "en-GB"])
async def test_it_fits_a_phone_and_leaves_nobody_out(tmp_path: Path, lang: str) -> None:
    """In both languages, wide and narrow: nothing sticks out, and axe finds no violation."""
    async with page(tmp_path) as shown, browser() as opened:
        for width in (360, 1280):
            async with tab(opened, shown, lang=lang, width=width) as found:
                await found.goto(shown.url(f"/?week={DAY}"))
                assert await found.locator("svg rect.blocked").count() >= 1
                assert await found.evaluate("document.documentElement.scrollWidth") <= width
                assert await violations(found) == []
