"""Ten thousand flipped bits, one at a time, in a ledger as a practice's: each is harmless, or the ledger is set aside.

`FLIPS` says how many. SQLite itself notices few of them; the ledger's own checksums notice the rest. What is believed
is what was remembered, to the last second: nothing else is ever taken for it.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Final

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger.aside import SUFFIXES, beside
from adapters.ledger.steps import VERSION
from engine.model import ColumnId
from engine.plan import Loss, Peak, Standing
from engine.ports import CalendarRecord, ColumnRecord, Entry, LedgerError, PortalRecord, Recollection
from tests.contract.ledger_contract import EIGHT, HOUR, WINDOW, A, hours
from tests.integration.ledger_tools import set_asides

FLIPS: Final = int(os.environ.get("FLIPS", "1000"))
SEED: Final = int(os.environ.get("SEED", "39"))
PAGE: Final = 4096
TREES: Final = {2: "node of an index", 5: "node of a table", 10: "leaf of an index", 13: "leaf of a table"}
"""What the first byte of a page of a tree says; other pages go on with what is too long, or are free."""
SHELF: Final = b"of the source"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(60 + FLIPS / 20)]


def ledger_of(path: Path, now: float = EIGHT) -> SqliteLedger:
    return SqliteLedger(path, history_seconds=86_400.0, wall=lambda: now)


def standing(n: int) -> CalendarRecord:
    """Of one calendar in twelve so long that it needs pages of its own."""
    held = hours(*range(n, n + (2000 if n % 12 == 7 else 60), 2))
    losses, peaks = (Loss(float(n), hours(n + 1)),), (Peak(1.0, n * HOUR),)
    return CalendarRecord(standing=Standing(baseline=held, pending=hours(n), losses=losses, peaks=peaks), right_at=n)


def entry(at: float, n: int) -> Entry:
    """Of the history; one in a hundred is a long one."""
    return Entry(at=at, calendar=A, added=hours(*range(0, 2000 if n % 99 == 7 else 30, 2)), removed=hours(n), seconds=1)


class Grown(list[Recollection]):
    """A ledger that went through some months: all that it said since its log was begun, and all of its history."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.history: list[Entry] = []

    async def grow(self) -> None:
        """Twelve calendars, their columns, the portal, and a history of which half has gone again."""
        for first, now in ((0, EIGHT - 100_000.0), (200, float(EIGHT))):
            async with ledger_of(self.path, now) as ledger:
                for n in range(first, first + 200):
                    self.history.append(entry(now + n, n))
                    await ledger.remember(calendars={f"Dr. {n % 12}": standing(n)}, entries=(self.history[-1],))
                await ledger.shelve(SHELF)

    async def go_on(self, target: Path) -> None:
        """A few calls more, and then its process is killed: what they wrote stands in the log of `target` alone."""
        async with ledger_of(self.path) as ledger:
            self.append(await ledger.recall())
            for n in range(400, 406):
                columns = {ColumnId("TK1", f"{n % 5}"): ColumnRecord(hours(n))}
                portal = PortalRecord(WINDOW, float(n))
                await ledger.remember(calendars={f"Dr. {n % 12}": standing(n)}, columns=columns, portal=portal)
                self.append(await SqliteLedger.peek(self.path))
            copied(self.path, target)


@pytest.fixture
async def grown(tmp_path: Path) -> Grown:
    """Its files as a killed process leaves them are in `killed`, as one that ended leaves them in `ended`."""
    made = Grown(tmp_path / "grown" / "tmex.db")
    for folder in ("killed", "ended", "state"):
        (tmp_path / folder).mkdir()
    await made.grow()
    await made.go_on(tmp_path / "killed" / "tmex.db")
    copied(made.path, tmp_path / "ended" / "tmex.db")
    return made


def copied(source: Path, target: Path) -> None:
    """Database and log as they lie there; the log's index is made anew by whoever opens them."""
    for suffix in SUFFIXES[:2]:
        if beside(source, suffix).exists():
            shutil.copy(beside(source, suffix), beside(target, suffix))


def flips(whole: bytes, count: int, chance: Random) -> Iterator[tuple[int, int]]:
    """Byte and bit: every bit of the first hundred bytes, which decide how all others are read, and the rest by chance,
    as many in the pages of one kind as in those of another.
    """
    yield from ((at, bit) for at in range(100) for bit in range(8) if at * 8 + bit < count // 4)
    kinds: dict[str, list[int]] = {}
    for first in range(0, len(whole), PAGE):
        kinds.setdefault(kind_of(whole, first), []).append(first)
    for n in range(count - min(800, count // 4)):
        pages = kinds[sorted(kinds)[n % len(kinds)]]
        first = chance.choice(pages)
        yield chance.randrange(first, min(first + PAGE, len(whole))), chance.randrange(8)


def kind_of(whole: bytes, at: int) -> str:
    """What the page at this byte is for."""
    first = at // PAGE * PAGE
    return "first page" if not first else TREES.get(whole[first], "overflow or free")


async def judged(path: Path, grown: Grown) -> str:
    """What became of it: harmless, an older state of its own, refused as a newer version's, or set aside."""
    try:
        looked = await SqliteLedger.peek(path)
    except LedgerError:
        looked = None
    try:
        async with ledger_of(path) as ledger:
            past, shelf = await ledger.recall(), await ledger.shelf()
            await uses(ledger, past, grown)
    except LedgerError as error:
        # A flipped bit of the version cannot be told from a newer version: it is refused, and nothing is changed.
        if error.fault.code != "ledger.newer" or int.from_bytes(path.read_bytes()[60:64], "big", signed=True) < VERSION:
            raise
        return "refused"
    if past.news is not None:
        assert looked is None or looked in grown
        assert past == Recollection(set_aside=True, news=past.news), "half believed"
        assert set_asides(path)
        return "set aside"
    assert past in grown, "believed, and never remembered"
    assert looked == past
    assert shelf == SHELF
    return "harmless" if past == grown[-1] else "older"


async def uses(ledger: SqliteLedger, past: Recollection, grown: Grown) -> None:
    """Rot that only the history has is met by the first call that needs it, and then nothing else is forgotten."""
    with suppress(LedgerError):
        assert all(each in grown.history for each in await ledger.history(0)), "history that never was"
    new, entries = {"neu": standing(1)}, (entry(EIGHT, 999),)
    try:
        await ledger.remember(calendars=new, entries=entries)
    except LedgerError as error:
        if error.fault.code != "ledger.set_aside":
            raise
        await ledger.remember(calendars=new, entries=entries)
    assert (await ledger.recall()).calendars == {**past.calendars, **new}


async def rotted(folder: Path, grown: Grown, suffix: str, count: int) -> Counter[tuple[str, str]]:
    """How many flips of each kind of page came to what."""
    found: Counter[tuple[str, str]] = Counter()
    source, path = folder / "tmex.db", folder.with_name("state") / "tmex.db"
    whole = beside(source, suffix).read_bytes()
    for at, bit in flips(whole, count, Random(SEED)):
        rotten = bytearray(whole)
        rotten[at] ^= 1 << bit
        copied(source, path)
        beside(path, suffix).write_bytes(rotten)
        try:
            came = await judged(path, grown)
        except BaseException as error:
            error.add_note(f"bit {bit} of byte {at} of tmex.db{suffix}, seed {SEED}")
            raise
        found["log" if suffix else kind_of(whole, at), came] += 1
        for each in path.parent.iterdir():
            each.unlink()
    print(*(f"{kind}: {number} {came}" for (kind, came), number in sorted(found.items())), sep=", ")  # noqa: T201 - figures
    return found


async def test_every_flip_in_the_database_is_harmless_or_noticed(tmp_path: Path, grown: Grown) -> None:
    """I1, I6, fault 39: in pages of every kind; none is believed to say what was never remembered, or not last."""
    found = await rotted(tmp_path / "ended", grown, "", FLIPS * 4 // 5)
    kinds = {kind for kind, _ in found}
    assert kinds == {"first page", "overflow or free", *TREES.values()}
    assert {came for _, came in found} <= {"harmless", "refused", "set aside"}
    assert all(found[kind, "set aside"] for kind in kinds)


async def test_every_flip_in_the_log_leaves_what_once_was(tmp_path: Path, grown: Grown) -> None:
    """I6, faults 38 and 39: the log ends where it rotted, as after a power loss; what is left was once remembered."""
    found = await rotted(tmp_path / "killed", grown, "-wal", FLIPS // 5)
    assert {came for _, came in found} <= {"harmless", "older", "set aside"}
