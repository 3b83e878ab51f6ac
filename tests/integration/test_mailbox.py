"""An order reaches the job at once by its bell, and a little later where there is none."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters import mailbox
from adapters.mailbox import Mailbox, Order
from tests.eventually import eventually

LIMIT = 20.0
NEVER = 1e9


async def handle(order: Order) -> bytes:
    return order.verb.encode()


@asynccontextmanager
async def serving(state: Path, look: Callable[[], None] = lambda: None) -> AsyncIterator[Path]:
    """A job's side of the mailbox; the folder of its orders, once it is there."""
    job = asyncio.create_task(Mailbox(state).serve(handle, look))
    folder = state.with_name("tmex.db.orders")
    try:
        yield folder
    finally:
        job.cancel()
        await asyncio.wait([job])


async def hung(folder: Path) -> None:
    """Wait until the job has hung up its bell."""

    async def there() -> bool:
        return (folder / "bell").is_fifo()

    await eventually(there, "a bell")


async def test_the_bell_wakes_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks at nothing by itself here, so whatever is answered was rung for; the last ring too."""
    monkeypatch.setattr(mailbox, "_WITH_BELL", NEVER)
    async with serving(tmp_path / "tmex.db") as folder:
        await hung(folder)
        for verb in ("status", "sync", "release"):
            assert await Mailbox(tmp_path / "tmex.db").send(Order(verb), LIMIT) == verb.encode()
        assert [each.name for each in folder.iterdir()] == ["bell"]


async def test_a_ring_is_a_look_also_without_an_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever changed something else that the job should see rings, too; it looks first before anybody rang."""
    monkeypatch.setattr(mailbox, "_WITH_BELL", NEVER)
    looks: list[None] = []

    async def looked(times: int) -> None:
        async def so_often() -> bool:
            return len(looks) == times

        await eventually(so_often, f"{times} looks")

    async with serving(tmp_path / "tmex.db", lambda: looks.append(None)):
        await looked(1)
        for times in (2, 3):
            Mailbox(tmp_path / "tmex.db").ring()
            await looked(times)


async def test_without_a_ring_it_looks_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """I8: not every program that turns the switch rings."""
    monkeypatch.setattr(mailbox, "_WITH_BELL", 0.05)
    looks: list[None] = []

    async def looked() -> bool:
        return len(looks) > 2

    async with serving(tmp_path / "tmex.db", lambda: looks.append(None)):
        await eventually(looked, "looks that nobody rang for")


async def test_a_ring_that_nobody_hears(tmp_path: Path) -> None:
    """I8: without a job, or a folder of orders, it is nothing; no order and no bell is left behind."""
    Mailbox(tmp_path / "tmex.db").ring()
    assert not list(tmp_path.iterdir())


async def test_a_job_that_comes_later_finds_what_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody was there to hear the bell."""
    monkeypatch.setattr(mailbox, "_WITH_BELL", NEVER)

    async def sent() -> bool:
        return any(tmp_path.glob("*.orders/*.order"))

    asking = asyncio.create_task(Mailbox(tmp_path / "tmex.db").send(Order("status"), LIMIT))
    await eventually(sent, "an order")
    async with serving(tmp_path / "tmex.db"):
        assert await asking == b"status"


async def test_no_bell_can_be_hung_up(tmp_path: Path) -> None:
    """Something else lies in its place, as on a share that knows no pipes."""
    (tmp_path / "tmex.db.orders").mkdir()
    (tmp_path / "tmex.db.orders" / "bell").write_text("")
    async with serving(tmp_path / "tmex.db"):
        assert await Mailbox(tmp_path / "tmex.db").send(Order("status"), LIMIT) == b"status"


async def test_the_folder_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bell that the job listens to is gone with the old one."""
    monkeypatch.setattr(mailbox, "_WITH_BELL", 0.05)
    async with serving(tmp_path / "tmex.db") as folder:
        await hung(folder)
        folder.rename(tmp_path / "old")
        assert await Mailbox(tmp_path / "tmex.db").send(Order("status"), LIMIT) == b"status"
