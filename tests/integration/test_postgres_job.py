"""The job on a real PostgreSQL: whatever is done to the server, the portal ends up equal, and the practice unharmed."""

import asyncio
import random
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from adapters.embedded import Server
from engine.spans import IntervalSet
from tests.contract.postgres_practice import PostgresPractice
from tests.eventually import eventually
from tests.postgres import Place, backends_standing_still, majors, server, standing_still
from tests.site import COLUMNS, Site, site

NEWEST = majors()[-1]
DAY = "2026-03-09"
CALM = {"TMEX_GUARD_MIN": "1000h", "TMEX_FREE_DELAY": "0", "TMEX_UPLOAD_BURST": "100000"}
"""Settings under which the portal follows a storm to its end without being polite."""
ROWS = """
SELECT extract(epoch FROM starts_at AT TIME ZONE 'Europe/Berlin')::int8,
       extract(epoch FROM ends_at AT TIME ZONE 'Europe/Berlin')::int8
  FROM tmex_appointments WHERE occupied AND calendar || '/' || col = $1
"""


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that may be harmed."""
    with TemporaryDirectory(prefix="pg") as folder, server(NEWEST, folder) as place:
        yield place


@pytest.fixture
def practice(own_server: Server) -> PostgresPractice:
    """The practice's own program."""
    return PostgresPractice(Place(own_server, "postgres"))


async def equal(place: Site, practice: PostgresPractice) -> None:
    """Wait until the portal holds what the database holds, in every calendar."""

    async def same() -> bool:
        connection = await practice.place.connect()
        try:
            for name, column in COLUMNS.items():
                found = [tuple(row) for row in await connection.fetch(ROWS, column)]
                if place.portal.held(name) != IntervalSet(found):
                    return False
        finally:
            await connection.close()
        return True

    await eventually(same, "the portal equals the database", limit=30)


async def storm(practice: PostgresPractice, chance: random.Random) -> None:
    """Appointments made, moved and cancelled without a pause, by a program that begins anew when it is thrown out."""
    while True:
        with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
            connection = await practice.place.connect()
            try:
                await changes(connection, chance)
            finally:
                connection.terminate()
        await asyncio.sleep(0.02)


async def changes(connection: "asyncpg.Connection[asyncpg.Record]", chance: random.Random) -> None:
    """One after another, for as long as the connection lasts."""
    while True:
        column = chance.choice(list(COLUMNS.values())).split("/")
        start = f"2026-03-{chance.randint(9, 20):02} {chance.randint(8, 17):02}:{chance.choice('03')}0"
        if chance.random() < 0.6:
            await connection.execute(
                "INSERT INTO tmex_appointments VALUES ('PRAX1', $1, $2, $3::text::timestamp,"
                " $3::text::timestamp + interval '20 minutes', true)",
                *column,
                start,
            )
        else:
            await connection.execute(
                "DELETE FROM tmex_appointments WHERE calendar = $1 AND col = $2 AND occupied"
                " AND starts_at = (SELECT max(starts_at) FROM tmex_appointments WHERE occupied"
                " AND calendar = $1 AND col = $2)",
                *column,
            )


@pytest.mark.slow
async def test_a_server_killed_in_a_storm(tmp_path: Path, practice: PostgresPractice) -> None:
    """Fault 1, fault 36, I5: again and again; after each time the portal equals the database."""
    chance, kills = random.Random(4), 4
    async with site(tmp_path, practice=practice) as place, place.job(**CALM):
        for _ in range(kills):
            storming = asyncio.create_task(storm(practice, chance))
            await asyncio.sleep(chance.uniform(0.2, 0.8))
            await asyncio.to_thread(practice.place.server.stop, signal.SIGKILL)
            await asyncio.sleep(chance.uniform(0, 0.8))
            await asyncio.to_thread(_start, practice.place.server)
            await asyncio.sleep(chance.uniform(0, 0.5))
            storming.cancel()
            await asyncio.wait([storming])
            await equal(place, practice)


def _start(place: Server) -> None:
    """As an administrator would: once more if the killed server's last processes are still there."""
    for _ in range(20):
        with suppress(OSError):
            return place.start()
    return place.start()


@pytest.mark.slow
async def test_a_backend_frozen_in_a_storm(tmp_path: Path, practice: PostgresPractice) -> None:
    """Fault 3, I11: the server's processes that serve the job stand still while the practice goes on."""
    chance = random.Random(5)
    async with (
        site(tmp_path, practice=practice) as place,
        place.job(**CALM),
        backends_standing_still(practice.place),
    ):
        storming = asyncio.create_task(storm(practice, chance))
        await asyncio.sleep(1)
        storming.cancel()
        await asyncio.wait([storming])
        await equal(place, practice)


async def test_a_table_truncated_and_reloaded(tmp_path: Path, practice: PostgresPractice) -> None:
    """Fault 10, I3: while it is empty nothing becomes free; reloaded, with one row gone, that one does."""
    hours = [f"{DAY} {hour:02}:00" for hour in range(8, 14)]
    async with site(tmp_path, practice=practice) as place:
        for hour in hours:
            place.write("TK1/A", hour, hour[:-2] + "30")
        async with place.job():
            kept = [f"{hour}-{hour[-5:-2]}30" for hour in hours]
            await place.holds("Dr. Adler", *kept)
            uploads = len(place.portal.uploads)
            with practice.writing() as transaction:
                transaction.execute("TRUNCATE tmex_appointments")
            await asyncio.sleep(2.5)  # longer than TMEX_FREE_DELAY
            assert len(place.portal.uploads) == uploads
            with practice.writing() as transaction:
                for hour in hours[1:]:
                    row = ("PRAX1", "TK1", "A", hour, hour[:-2] + "30", 1, "")
                    transaction.execute("INSERT INTO tmex_appointments VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            await place.holds("Dr. Adler", *kept[1:])
            between = [each for each in place.portal.uploads[uploads:] if each.name == "Dr. Adler"]
            assert len(between) == 1


async def test_a_slow_refill_frees_nothing(tmp_path: Path, practice: PostgresPractice) -> None:
    """Fault 11, I3: everything gone for longer than any delay, then then row by row: the first row frees nothing."""
    hours = [f"{DAY} {hour:02}:00" for hour in range(8, 14)]
    async with site(tmp_path, practice=practice) as place:
        for hour in hours:
            place.write("TK1/A", hour, hour[:-2] + "30")
        async with place.job(TMEX_GUARD_CONFIRM="2s", TMEX_FREE_DELAY="1s"):
            kept = [f"{hour}-{hour[-5:-2]}30" for hour in hours]
            await place.holds("Dr. Adler", *kept)
            place.erase("TK1/A")
            await asyncio.sleep(3)
            place.write("TK1/A", hours[0], hours[0][:-2] + "30")
            await asyncio.sleep(1.2)
            await place.holds("Dr. Adler", *kept)
            status = (await place.tmex("status", "--json")).json()["calendars"][0]
            assert status["ripening"] or status["waiting"]


FROZEN = ["our process", "our listener's backend"]


@asynccontextmanager
async def frozen(what: str, job: Process, practice: PostgresPractice) -> AsyncIterator[None]:
    """It stands still meanwhile."""
    async with AsyncExitStack() as stack:
        if what == "our process":
            stack.enter_context(standing_still([job.pid]))
        else:
            await stack.enter_async_context(backends_standing_still(practice.place))
        yield


@pytest.mark.slow
@pytest.mark.parametrize("what", FROZEN)
async def test_the_practice_is_never_harmed(what: str, tmp_path: Path, practice: PostgresPractice) -> None:
    """I12, fault 6: with our listener standing still in whatever state, 10,000 commits of the practice succeed."""
    async with site(tmp_path, practice=practice) as place, place.job() as job:
        admin = await practice.place.connect()
        async with frozen(what, job, practice):
            for number in range(10_000):
                column = "ABC"[number % 3]
                await admin.execute("INSERT INTO tmex_appointments VALUES ('PRAX1', 'TK1', $1)", column)
        assert await admin.fetchval("SELECT count(*) FROM tmex_appointments WHERE starts_at IS NULL") == 10_000
        await admin.close()


CHECKS = {
    "relation": ("DROP TABLE tmex_reservations", 1, ["tmex_reservations", "tmex sql"]),
    "type": ("ALTER TABLE tmex_reservations ALTER first_day TYPE text", 1, ["tmex_reservations.first_day", "date"]),
    "trigger": ("DROP TRIGGER tmex_row ON tmex_appointments", 1, ["tmex_appointments", "tmex sql postgres"]),
    "role": (
        "CREATE TABLE patients (name text); GRANT SELECT ON patients TO tmex_reader",
        1,
        ["public.patients", "REVOKE SELECT ON public.patients FROM tmex_reader, PUBLIC"],
    ),
    "nothing": ("SELECT 1", 0, []),
}


@pytest.mark.parametrize("what", CHECKS)
async def test_check_says_what_is_wrong(what: str, tmp_path: Path, practice: PostgresPractice) -> None:
    """I13, fault 9: one sentence with the remedy, in German and in English."""
    breaks, code, words = CHECKS[what]
    practice.place.run(breaks)
    async with site(tmp_path, practice=practice) as place:
        for lang in ("de", "en"):
            told = await place.tmex("check", "--json", TMEX_LANG=lang)
            found = [each for each in told.json()["checks"] if each["level"] != "ok"]
            wrong = [each["text"] for each in found if each["topic"] in {"source", "columns", "changes"}]
            assert (told.code, len(wrong)) == (code, code), wrong
            assert all(word in text for text in wrong for word in words), wrong
