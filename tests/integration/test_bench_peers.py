"""The programs of others: each is measured, or left out with a reason, and none leaves anything in the server."""

import asyncpg
import pytest

from bench import peers
from bench.__main__ import measure
from bench.lab import SMALLEST, Lab
from bench.peers import FOLLOWERS, HEARERS, lacking, offices
from bench.practices import PostgresPractice
from bench.registry import smallest

_LEFT = "SELECT (SELECT count(*) FROM pg_replication_slots), (SELECT count(*) FROM pg_publication)"


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_peer_is_measured_or_left_out_with_a_reason() -> None:
    """Whatever is installed here."""
    entry, *_ = smallest(["latency.postgres"])
    record = await measure([entry], SMALLEST, peers=True, quiet=True)
    outcome = record.scenarios[entry.name]
    assert entry.scenario.peers == ("careful", *HEARERS)
    assert set(outcome.peers) == {"careful"} | {name for name in HEARERS if not lacking(name)}
    assert outcome.skipped == {name: lacking(name) for name in HEARERS if lacking(name)}


@pytest.mark.parametrize("name", HEARERS)
def test_a_peer_that_is_not_installed_is_left_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says how it is had."""
    monkeypatch.setattr(peers, "find_spec", lambda _: None)
    assert lacking(name).endswith("is not installed: make bench-peers installs it.")


@pytest.mark.parametrize("name", HEARERS)
def test_only_debezium_is_left_out_without_a_java(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says how it is had, and with one there is none."""
    monkeypatch.setattr(peers, "find_spec", lambda _: True)
    monkeypatch.setattr(peers, "_java", lambda: False)
    assert ("default-jre-headless" in lacking(name)) == (name in FOLLOWERS)
    monkeypatch.setattr(peers, "_java", lambda: True)
    assert lacking(name) == ""


@pytest.mark.parametrize("name", FOLLOWERS)
async def test_what_a_follower_leaves_is_dropped(name: str) -> None:
    """Its server lets the log be followed, over loopback and by its socket; after a round no slot holds that log, and
    rows can be taken back. Where there was no round, that is no error.
    """
    with Lab(SMALLEST) as lab:
        async with await PostgresPractice.of(lab, 2, followed=True) as place:
            office = await offices(name, place)
            await place.execute(office.after)
            await _follow(office.dsn)
            assert tuple(await place.connection.fetchrow(_LEFT)) == (1, 1)
            await place.execute(office.after)
            assert tuple(await place.connection.fetchrow(_LEFT)) == (0, 0)
            await place.commit()
            await place.anew()


async def _follow(dsn: str) -> None:
    """As the engine begins."""
    connection = await asyncpg.connect(dsn)
    await connection.execute("CREATE PUBLICATION bench FOR TABLE tmex_appointments")
    await connection.execute("SELECT pg_create_logical_replication_slot('bench', 'pgoutput')")
    await connection.close()


async def test_both_servers_of_a_lab_are_kept_apart() -> None:
    """Only a scenario that asks for it has its log written for others to follow."""
    with Lab(SMALLEST) as lab:
        for followed, level in ((False, "replica"), (True, "logical"), (False, "replica")):
            database = await lab.database(followed=followed)
            connection = await asyncpg.connect(database.dsn())
            assert await connection.fetchval("SHOW wal_level") == level
            assert bool(database.port) == followed
            await connection.close()
