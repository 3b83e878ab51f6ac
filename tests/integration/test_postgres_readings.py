"""A reading of a real PostgreSQL holds every row, or fails: whatever the tables, types, policies and settings are."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from adapters.duria.postgres import _READ, PostgresSource
from engine.faults import Fault
from engine.model import ColumnId, Complete, Failed
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.source_contract import CANARY, EIGHT, NINE, PRACTICE, SPAN, A, blocked
from tests.integration.pgbouncer import pgbouncer
from tests.integration.test_postgres_ways import needs_pgbouncer
from tests.postgres import READER, SCRIPT, NewDatabase, Place, majors

BOTH = ["11-23 08:00–11-23 08:20", "11-23 09:00–11-23 09:20"]
RELOADS = {
    "reloaded": "TRUNCATE tmex_appointments; INSERT INTO tmex_appointments TABLE kept",
    "written anew": "ALTER TABLE tmex_appointments ALTER patient TYPE varchar(100)",
    "deleted and filled": "DELETE FROM tmex_appointments; INSERT INTO tmex_appointments TABLE kept",
    "swapped": """CREATE TABLE fresh (LIKE tmex_appointments); INSERT INTO fresh TABLE kept;
        GRANT SELECT ON fresh TO tmex_reader; DROP TABLE tmex_appointments;
        ALTER TABLE fresh RENAME TO tmex_appointments""",
}


@pytest.fixture(params=majors(), ids=lambda major: f"in {major}")
def place(request: pytest.FixtureRequest, new_database: NewDatabase) -> Place:
    """An empty database."""
    return new_database(request.param)


async def reload(practice: PostgresPractice, how: str, source: PostgresSource) -> None:
    """The practice is in the middle of it when a reading comes, which waits for the lock."""
    await practice.change(add=(EIGHT, NINE))
    await practice.execute("CREATE TABLE kept AS TABLE tmex_appointments")
    assert await blocked(source) == BOTH
    admin = await practice.place.connect()
    try:
        async with admin.transaction():
            await admin.execute(RELOADS[how])
            reading = asyncio.create_task(blocked(source))
            await asyncio.sleep(0.3)
        assert await reading == BOTH
    finally:
        await admin.close()


@pytest.mark.parametrize("how", RELOADS)
async def test_a_reading_never_sees_a_reload_half_way(how: str, place: Place) -> None:
    """I2, fault 10: who waited for a TRUNCATE or a rewritten table sees it full. (An older snapshot
    would see it empty.)
    """
    practice = PostgresPractice(place)
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        await reload(practice, how, source)


@needs_pgbouncer
async def test_nor_through_a_pooler(place: Place) -> None:
    """I2, fault 10: the same where a reading is a transaction of several statements."""
    practice = PostgresPractice(place)
    with TemporaryDirectory(prefix="pb") as folder:
        async with pgbouncer(place.server, Path(folder) / "b", "transaction") as socket:
            dsn = f"postgresql://{READER}@/{place.name}?host={socket}"
            async with PostgresSource(dsn, PRACTICE, interval=120.0) as source:
                await reload(practice, "reloaded", source)


POLICIES = {
    "the relation": ("ALTER TABLE tmex_appointments ENABLE ROW LEVEL SECURITY;", "tmex_appointments"),
    "with a policy": (
        """ALTER TABLE tmex_appointments ENABLE ROW LEVEL SECURITY;
        CREATE POLICY few ON tmex_appointments FOR SELECT USING (ends_at < '2026-11-23 08:30');""",
        "tmex_appointments",
    ),
    "beneath a view": (
        """ALTER TABLE tmex_appointments RENAME TO termine; ALTER TABLE termine ENABLE ROW LEVEL SECURITY;
        ALTER TABLE termine FORCE ROW LEVEL SECURITY; CREATE POLICY nobody ON termine USING (false);
        DROP ROLE IF EXISTS {0}; CREATE ROLE {0}; GRANT SELECT ON termine TO {0};
        CREATE VIEW tmex_appointments AS TABLE termine; ALTER VIEW tmex_appointments OWNER TO {0};
        GRANT SELECT ON tmex_appointments TO tmex_reader""",
        "termine",
    ),
    "of whoever asks": (
        """ALTER TABLE tmex_appointments RENAME TO termine; ALTER TABLE termine ENABLE ROW LEVEL SECURITY;
        CREATE VIEW tmex_appointments WITH (security_invoker) AS TABLE termine;
        GRANT SELECT ON termine, tmex_appointments TO tmex_reader""",
        "termine",
    ),
}


@pytest.mark.parametrize("where", POLICIES)
async def test_rows_that_hide_are_no_reading(where: str, place: Place) -> None:
    """I1, I2, fault 9: a policy that shows fewer rows would free times: nothing is read, and it is named."""
    practice = PostgresPractice(place)
    await practice.change(add=(EIGHT, NINE))
    policy, table = POLICIES[where]
    wanted = Fault("source.rows_hidden", {"relation": table})
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        assert await blocked(source) == BOTH
        place.run(policy.format(f"owner_{place.name}"))
        try:
            assert await source.read(A, SPAN) == Failed(wanted)
            if table == "tmex_appointments":
                assert wanted in await source.examine()
        finally:
            if "{0}" in policy:
                place.run("DROP OWNED BY {0}; DROP ROLE {0}".format(f"owner_{place.name}"))


async def test_a_view_of_the_owner_may_stand_over_policies(place: Place) -> None:
    """I1: row security that does not bind the view's owner hides nothing from us."""
    practice = PostgresPractice(place)
    await practice.change(add=(EIGHT, NINE))
    place.run("""ALTER TABLE tmex_appointments RENAME TO termine; ALTER TABLE termine ENABLE ROW LEVEL SECURITY;
        CREATE VIEW tmex_appointments AS TABLE termine; GRANT SELECT ON tmex_appointments TO tmex_reader""")
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        assert await blocked(source) == BOTH


TYPES = ["varchar(40)", "char(40)", "name", "short_text", "citext"]


@pytest.mark.parametrize("kind", TYPES)
async def test_any_kind_of_text_will_do(kind: str, place: Place) -> None:
    """R10: names of other text types are found, exactly as they are written, and both relations may differ in them."""
    place.run(SCRIPT + "DROP INDEX tmex_appointments_by_end; CREATE DOMAIN short_text AS varchar(40);")
    if kind == "citext":
        admin = await place.connect()
        there = await admin.fetchval("SELECT count(*) FROM pg_available_extensions WHERE name = 'citext'")
        await admin.close()
        if not there:
            pytest.skip("this installation has no citext")
        place.run("CREATE EXTENSION citext")
    practice = PostgresPractice(place)
    for field in ("practice", "calendar", "col"):
        place.run(f"ALTER TABLE tmex_appointments ALTER {field} TYPE {kind}")
    place.run(f"""INSERT INTO tmex_appointments VALUES
        ('PRAX1', 'Kalender', 'A', '2026-11-23 08:00', '2026-11-23 08:20', true),
        ('PRAX1', 'kalender', 'a', '2026-11-23 10:00', '2026-11-23 10:20', true);
        INSERT INTO tmex_reservations VALUES ('PRAX1', 'Kalender', NULL, '2026-11-23', '2026-11-23', '09:00', '09:20');
        UPDATE tmex_appointments SET patient = '{CANARY}'""")
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        assert await blocked(source) == BOTH
        assert await source.columns() == (ColumnId("Kalender", "A"), ColumnId("kalender", "a"))
        assert [each.code for each in await source.examine()] == []


SETTINGS = {
    "DateStyle": "'SQL, DMY'",
    "TimeZone": "'Pacific/Kiritimati'",
    "row_security": "on",
    "default_transaction_isolation": "'serializable'",
    "standard_conforming_strings": "off",
    "bytea_output": "'escape'",
    "extra_float_digits": "-15",
    "enable_indexscan": "off",
}


async def test_settings_of_the_database_change_no_reading(place: Place) -> None:
    """R9, I2: whatever the administrator chose as the defaults, the same rows are read at the same wall times."""
    practice = PostgresPractice(place)
    place.run("""CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC;
        CREATE TABLE evil.tmex_appointments (LIKE public.tmex_appointments);
        CREATE FUNCTION evil.timestamp_send(timestamp) RETURNS bytea LANGUAGE sql AS $$SELECT ''::bytea$$;""")
    for name, value in SETTINGS.items():
        place.run(f"ALTER DATABASE {place.name} SET {name} = {value}")
    place.run(f"ALTER DATABASE {place.name} SET search_path = evil, public")
    await practice.change(add=())
    place.run(
        "SET search_path = public; INSERT INTO tmex_appointments VALUES"
        " ('PRAX1', 'Kalender', 'A', timestamp '2026-11-23 08:00', timestamp '2026-11-23 08:20', true),"
        " ('PRAX1', 'Kalender', 'A', timestamp '2026-11-23 09:00', timestamp '2026-11-23 09:20', true)"
    )
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        assert await blocked(source) == BOTH


MOMENTS = {
    "for ever": ("-infinity", "infinity", ["11-23 00:00–11-30 00:00"]),
    "from before our era": ("0044-03-15 12:00 BC", "2026-11-23 08:20", ["11-23 00:00–11-23 08:20"]),
    "to the end of all times": ("2026-11-29 08:00", "294276-12-31 23:59:59", ["11-29 08:00–11-30 00:00"]),
    "parts of a second": ("2026-11-23 08:00:00.999999", "2026-11-23 08:19:59.000001", [BOTH[0]]),
    "an end before our era": ("2026-11-23 08:00", "0044-03-15 12:00 BC", ["11-23 08:00–11-23 08:15"]),
    "never": ("infinity", "infinity", []),
    "long ago": ("-infinity", "-infinity", []),
}


@pytest.mark.parametrize("when", MOMENTS)
async def test_times_beyond_our_calendar(when: str, place: Place) -> None:
    """R7, R13: what Python cannot hold is clipped, and blocks what it covers."""
    practice = PostgresPractice(place)
    start, end, wanted = MOMENTS[when]
    place.run(f"INSERT INTO tmex_appointments VALUES ('PRAX1', 'Kalender', 'A', '{start}', '{end}', true)")
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        assert await blocked(source) == wanted


async def test_tables_made_of_others(place: Place) -> None:
    """R10: a partitioned table and one that others inherit from are read whole, and names may hold anything."""
    odd = ColumnId('Dr. "O\'Neill" \\ Größe 🦷', "Spalte\n1; DROP")
    place.run("""
        CREATE TABLE tmex_appointments (practice text, calendar text, col text, starts_at timestamp, ends_at timestamp,
                                        occupied boolean, patient text) PARTITION BY RANGE (starts_at);
        CREATE TABLE early PARTITION OF tmex_appointments FOR VALUES FROM (MINVALUE) TO ('2026-11-23 08:30');
        CREATE TABLE late PARTITION OF tmex_appointments DEFAULT;
        CREATE TABLE tmex_reservations (practice text, calendar text, col text, first_day date, last_day date,
                                        from_time time, to_time time, patient text);
        CREATE TABLE holidays () INHERITS (tmex_reservations);""")
    practice = PostgresPractice(place)
    await practice.change(add=(EIGHT._replace(column=odd), NINE._replace(column=odd)))
    place.run("INSERT INTO holidays SELECT practice, calendar, col, '2026-11-24', '2026-11-24' FROM tmex_appointments")
    async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
        assert await blocked(source, odd) == [*BOTH, "11-24 00:00–11-25 00:00"]
        assert await source.columns() == (odd,)
        assert isinstance(await source.read(ColumnId("a\0b", "c"), SPAN), Failed | Complete)


COLUMNS = """INSERT INTO tmex_appointments (practice, calendar, col, starts_at, ends_at, occupied)
    SELECT 'PRAX1', 'TK1', col, start, start + interval '20 minutes', true
      FROM unnest(ARRAY['A', 'B', 'C', 'D']) WITH ORDINALITY AS each (col, number),
           generate_series('2026-11-01 08:00'::timestamp, '2027-03-01', '3 hours') AS start
     ORDER BY number, start; ANALYZE tmex_appointments"""


def looked_at(step: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """How each relation was gone through, and how many rows were looked at, of a plan that was carried out."""
    if "Relation Name" in step and step["Actual Loops"]:
        yield step["Relation Name"], step["Node Type"], step["Actual Rows"] + step.get("Rows Removed by Filter", 0)
    for each in step.get("Plans", ()):
        yield from looked_at(each)


@pytest.mark.parametrize("plan", ["force_custom_plan", "force_generic_plan"])
@pytest.mark.parametrize(("day", "held", "most"), [("2026-12-24", 8, 8), ("2036-12-24", 0, 1)], ids=["full", "empty"])
async def test_a_day_is_read_without_the_rest(place: Place, plan: str, day: str, held: int, most: int) -> None:
    """I5, I12: of whichever column, and where nothing is left in these days: only the index is gone through."""
    practice = PostgresPractice(place)
    await practice.execute(COLUMNS)
    reader = await place.connect(READER)
    try:
        await reader.execute(f"SET plan_cache_mode = {plan}")
        await reader.execute(f"PREPARE day (text, text, text, timestamp, timestamp) AS {_READ}")
        values = f"('PRAX1', 'TK1', 'D', '{day}', '{day} 23:59')"
        found = await reader.fetchrow(f"EXECUTE day {values}")
        told = await reader.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE day {values}")
    finally:
        await reader.close()
    assert found is not None
    assert (len(found[0] or b"") // 16, found[5]) == (held, True)
    seen = [each for each in looked_at(json.loads(told)[0]["Plan"]) if each[0] == "tmex_appointments"]
    assert sum(each[2] for each in seen) <= most, seen
