"""`python -m tests.browser.shots`: pictures of the real page, made by the real job, into docs/pictures."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.browser.test_page import browser, says, tab
from tests.integration.test_page import DAY, Page, page

PICTURES: Final = Path(__file__).parents[2] / "docs" / "pictures"
WORKDAY: Final = ("08:00-08:20", "08:40-09:20", "10:00-10:30", "11:00-12:00", "14:00-15:40", "16:20-17:00")


def fill(shown: Page) -> None:
    """Some appointments of a week, as a practice has them."""
    with shown.place.practice.writing() as practice:
        for number, column in enumerate(("TK1/A", "TK1/B", "TK1/C", "TK2/D")):
            for day in range(5):
                for start, end in (each.split("-") for each in WORKDAY[(number + day) % 3 :: 1 + (number + day) % 2]):
                    date = f"2026-03-{9 + day:02}"
                    practice.insert("PRAX1", column, f"{date} {start}", f"{date} {end}")
            practice.insert("PRAX1", column, "2026-03-13 18:00", "2026-03-13 18:20", occupied=False)


async def shots(folder: Path) -> None:
    """Green, waiting and red; the last one on a phone, in English."""
    async with page(folder, TMEX_TIMEOUT="1s") as shown, browser() as opened:
        fill(shown)
        await shown.place.portal.wait_for(lambda all_: len(all_.held("Labor")) > 5, limit=20)
        await shown.shows("All is right")
        async with tab(opened, shown, width=1100) as found:
            await found.goto(shown.url(f"/?week={DAY}"))
            await says(found.locator("h1.bar"), "Alles in Ordnung")
            await found.screenshot(path=PICTURES / "green.png", full_page=True)
            shown.place.erase("TK1/C")
            await says(found.locator("h1.bar"), "Bitte entscheiden Sie")
            await found.screenshot(path=PICTURES / "waiting.png", full_page=True)
        shown.place.portal.fail("status", status=503, times=1000)
        shown.place.write("TK1/A", f"{DAY} 17:20", f"{DAY} 17:40")
        async with tab(opened, shown, lang="en-GB", width=360) as found:
            await says(found.locator("h1.bar"), "Attention")
            await found.screenshot(path=PICTURES / "red-phone.png", clip={"x": 0, "y": 0, "width": 360, "height": 900})


def main() -> int:
    """Make them all."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        asyncio.run(shots(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
