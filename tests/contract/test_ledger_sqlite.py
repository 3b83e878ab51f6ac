"""The SQLite ledger keeps the promises of every ledger, keeps its realms and its history, and can be looked at."""

import os
import stat
from math import inf
from pathlib import Path

import pytest

from adapters.ledger import SqliteLedger
from adapters.ledger import file as ledger_file
from adapters.ledger.rows import Place, decode
from engine.plan import Loss, Peak, Standing
from engine.ports import CalendarRecord, ColumnRecord, Entry, LedgerError, PaceRecord, PortalRecord, Recollection
from engine.spans import IntervalSet
from tests.contract.ledger_contract import (
    COLUMN,
    EIGHT,
    HOUR,
    WINDOW,
    A,
    B,
    LedgerContract,
    changed,
    holding,
    hours,
)

MONTH = 30 * 24 * HOUR


class SqliteStore:
    """A file, and the wall clock of whoever opens it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wall = float(EIGHT)

    def process(self, realm: str = "live") -> SqliteLedger:
        return SqliteLedger(self.path, realm=realm, history_seconds=MONTH, wall=lambda: self.wall)


@pytest.fixture
def store(tmp_path: Path) -> SqliteStore:
    """In a folder that does not exist yet."""
    return SqliteStore(tmp_path / "state" / "tmex" / "tmex.db")


class TestSqliteLedger(LedgerContract):
    """`LedgerContract`, on a real file."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> SqliteStore:
        """In a folder that does not exist yet."""
        return SqliteStore(tmp_path / "state" / "tmex" / "tmex.db")


class TestRealms:
    """Shadow mode's baseline is kept apart, for what it decides was never sent."""

    async def test_no_realm_knows_of_the_other(self, store: SqliteStore) -> None:
        """Calendars, columns, the window and the history: the same names, other values."""
        for realm, n in (("live", 1), ("shadow", 2)):
            async with store.process(realm) as ledger:
                assert await ledger.recall() == Recollection()
                await ledger.remember(
                    calendars={A: holding(n)},
                    columns={COLUMN: ColumnRecord(hours(n))},
                    portal=PortalRecord(WINDOW, float(n)),
                    entries=(changed(A, EIGHT + n, n),),
                )
        for realm, n in (("live", 1), ("shadow", 2)):
            async with store.process(realm) as ledger:
                past = await ledger.recall()
                assert past.calendars == {A: holding(n)}
                assert past.columns == {COLUMN: ColumnRecord(hours(n))}
                assert past.portal == PortalRecord(WINDOW, float(n))
                assert await ledger.history(0) == [changed(A, EIGHT + n, n)]
                assert await SqliteLedger.peek(store.path, realm) == past

    async def test_a_ledger_set_aside_is_set_aside_for_every_realm(self, store: SqliteStore) -> None:
        """I6: the shadow finds the file rotten; the live job, that lost its baseline with it, knows."""
        async with store.process("live") as ledger:
            await ledger.remember(calendars={A: holding(1)})
        store.path.write_bytes(b"rotten" * 1000)
        async with store.process("shadow") as ledger:
            assert (await ledger.recall()).set_aside
        async with store.process("live") as ledger:
            assert await ledger.recall() == Recollection(set_aside=True)


class TestHistory:
    """What changed, for a page to show: bounded (I12), and never in the way."""

    async def test_oldest_first_from_a_moment_on_of_one_or_of_all(self, store: SqliteStore) -> None:
        """It outlives the process, too."""
        entries = [changed(name, EIGHT + n, n) for n, name in enumerate((A, B, A, B))]
        async with store.process() as ledger:
            await ledger.remember(entries=tuple(entries[:3]))
            await ledger.remember(entries=tuple(entries[3:]))
        async with store.process() as ledger:
            assert await ledger.history(0) == entries
            assert await ledger.history(EIGHT + 2) == entries[2:]
            assert await ledger.history(0, A) == entries[::2]
            assert await ledger.history(0, "nobody") == []

    async def test_what_is_too_old_goes(self, store: SqliteStore) -> None:
        """I12: with the next entry, after `TMEX_HISTORY`; records do not age."""
        async with store.process() as ledger:
            await ledger.remember(calendars={A: holding(1)}, entries=(changed(A, EIGHT, 1),))
            store.wall = EIGHT + MONTH + 1.0
            await ledger.remember(entries=(changed(B, store.wall, 1),))
            assert await ledger.history(0) == [changed(B, store.wall, 1)]
            assert (await ledger.recall()).calendars == {A: holding(1)}

    async def test_no_more_entries_than_allowed(self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """I12: the oldest go, however young they are."""
        monkeypatch.setattr(ledger_file, "MOST_ENTRIES", 10)
        async with store.process() as ledger:
            for n in range(25):
                await ledger.remember(entries=(changed(A, EIGHT + n, n),))
            assert await ledger.history(0) == [changed(A, EIGHT + n, n) for n in range(15, 25)]

    async def test_no_more_bytes_than_allowed(self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """I12: long entries are fewer; what the calendars are is not touched."""
        monkeypatch.setattr(ledger_file, "MOST_PAGES", 256)
        monkeypatch.setattr(ledger_file, "PRUNED", 10)
        long = IntervalSet((EIGHT + 2 * n, EIGHT + 2 * n + 1) for n in range(1000))
        async with store.process() as ledger:
            await ledger.remember(calendars={A: holding(1)})
            for n in range(200):
                entry = Entry(at=EIGHT + n, calendar=A, added=long, removed=IntervalSet(), seconds=1.0)
                await ledger.remember(entries=(entry,))
            kept = await ledger.history(0)
            assert 10 < len(kept) < 80
            assert kept[-1].at == EIGHT + 199
        assert store.path.stat().st_size < 300 * 4096
        assert (await SqliteLedger.peek(store.path)).calendars == {A: holding(1)}


class TestPeek:
    """A look from another process, while the job runs or not, leaves no trace."""

    async def test_where_there_is_nothing(self, tmp_path: Path) -> None:
        """A missing file, or folder, is an empty memory, and stays missing."""
        assert await SqliteLedger.peek(tmp_path / "tmex.db") == Recollection()
        assert await SqliteLedger.peek(tmp_path / "none" / "tmex.db") == Recollection()
        assert list(tmp_path.iterdir()) == []

    async def test_an_empty_file_is_no_ledger_yet(self, tmp_path: Path) -> None:
        """Another process is about to begin one."""
        (tmp_path / "tmex.db").touch()
        assert await SqliteLedger.peek(tmp_path / "tmex.db") == Recollection()

    async def test_while_the_job_runs(self, store: SqliteStore) -> None:
        """It sees what was written a moment ago, and the job writes on."""
        async with store.process() as ledger:
            for n in range(20):
                await ledger.remember(calendars={A: holding(n)})
                assert (await SqliteLedger.peek(store.path)).calendars == {A: holding(n)}

    async def test_when_no_job_runs_it_leaves_no_trace(self, store: SqliteStore) -> None:
        """No file more, no byte and no time changed."""
        async with store.process() as ledger:
            await ledger.remember(calendars={A: holding(1)})
        before = _traces(store.path.parent)
        assert (await SqliteLedger.peek(store.path)).calendars == {A: holding(1)}
        assert _traces(store.path.parent) == before
        assert len(before) == 1

    async def test_a_rotten_one_is_said_and_left_alone(self, store: SqliteStore) -> None:
        """Fault 39: only the job sets a ledger aside."""
        async with store.process() as ledger:
            await ledger.remember(calendars={A: holding(1)})
        content = store.path.read_bytes()
        store.path.write_bytes(content.replace(b"Dr. Adler", b"Dr. Adlex"))
        before = _traces(store.path.parent)
        with pytest.raises(LedgerError) as caught:
            await SqliteLedger.peek(store.path)
        assert (caught.value.fault.code, caught.value.fault.facts) == ("ledger.rotten", {"file": "tmex.db"})
        assert _traces(store.path.parent) == before

    async def test_after_a_ledger_was_set_aside(self, store: SqliteStore) -> None:
        """I6: also when the new one has not been begun yet."""
        store.path.parent.mkdir(parents=True)
        store.path.write_bytes(b"rotten" * 1000)
        async with store.process() as ledger:
            await ledger.recall()
        assert (await SqliteLedger.peek(store.path)).set_aside
        store.path.unlink()
        assert (await SqliteLedger.peek(store.path)).set_aside


class TestPrivacy:
    """I7: nobody but its owner reads the state, from the first moment on."""

    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    async def test_files_are_their_owners_alone(self, store: SqliteStore, umask: int) -> None:
        """Whatever the umask; the folder, too, if it is ours."""
        before = os.umask(umask)
        try:
            async with store.process() as ledger:
                await ledger.remember(calendars={A: holding(1)})
                modes = {each.name: _mode(each) for each in store.path.parent.iterdir()}
        finally:
            os.umask(before)
        assert modes == {"tmex.db": 0o600, "tmex.db-wal": 0o600, "tmex.db-shm": 0o600}
        assert _mode(store.path.parent) == 0o700

    async def test_a_copy_put_there_by_hand_becomes_private(self, store: SqliteStore) -> None:
        """An administrator's `cp` makes files that all may read."""
        async with store.process() as ledger:
            await ledger.remember(calendars={A: holding(1)})
        store.path.chmod(0o644)
        async with store.process() as ledger:
            await ledger.recall()
            assert {_mode(each) for each in store.path.parent.iterdir()} == {0o600}

    async def test_a_ledger_that_is_set_aside_becomes_private(self, store: SqliteStore) -> None:
        """Also the one that was not opened."""
        store.path.parent.mkdir(parents=True)
        store.path.write_bytes(b"rotten" * 1000)
        store.path.chmod(0o644)
        async with store.process() as ledger:
            await ledger.recall()
            assert {_mode(each) for each in store.path.parent.iterdir()} == {0o600}


VERSION_1 = {
    "calendar": (
        CalendarRecord(
            standing=Standing(
                baseline=hours(1),
                adrift=True,
                clock=3.5,
                losses=(Loss(-inf, hours(2)),),
                peaks=(Peak(1.0, HOUR),),
                by_hand=True,
                released=hours(3),
            ),
            pace=PaceRecord(2.0, 4.0),
            right_at=5.0,
        ),
        (
            "83a87374616e64696e6789a8626173656c696e65c41080f2036b000000009000046b00000000a770656e64696e67c400"
            "a96c696e676572696e67c400a6616472696674c3a5636c6f636bcb400c000000000000a66c6f737365739182a573696e"
            "6365cbfff0000000000000a574696d6573c4109000046b00000000a00e046b00000000a57065616b739182a26174cb3f"
            "f0000000000000a7626c6f636b6564cd0e10a762795f68616e64c3a872656c6561736564c410a00e046b00000000b01c"
            "046b00000000a47061636583a6746f6b656e73cb4000000000000000a7636f756e746564cb4010000000000000a46c61"
            "7374c0a872696768745f6174cb4014000000000000"
        ),
    ),
    "column": (
        ColumnRecord(hours(1)),
        "81a466726565c41080f2036b000000009000046b00000000",
    ),
    "portal": (
        PortalRecord(WINDOW, 1.5, {"portal.example": 2.5}),
        (
            "83a677696e646f7782a57374617274ce6b03e470a3656e64ce6b7a8b70a861736b65645f6174cb3ff8000000000000a6"
            "70617573656481ae706f7274616c2e6578616d706c65cb4004000000000000"
        ),
    ),
    "set_aside": (True, "c3"),
}
"""What version 1 of the schema wrote, in hexadecimal."""


@pytest.mark.parametrize("kind", VERSION_1)
def test_what_the_first_version_wrote_is_still_read(kind: str) -> None:
    """I6: a new tmex keeps the baseline of the old one; a record that changes its shape needs a version of its own."""
    record, written = VERSION_1[kind]
    assert decode(Place("live", kind, '["K","A"]'), bytes.fromhex(written)) == record


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _traces(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {each.name: (each.stat().st_mtime_ns, each.read_bytes()) for each in folder.iterdir()}
