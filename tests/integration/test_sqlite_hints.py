"""No change to a SQLite file goes unnoticed, whatever becomes of the kernel's events, the file or its folder."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.duria import inotify, watch
from adapters.duria.inotify import Ear, Event
from adapters.duria.sqlite import SqliteSource, _Pulse
from engine.model import Complete, Failed
from tests.contract.source_contract import (
    EIGHT,
    NINE,
    PRACTICE,
    SPAN,
    A,
    blocked,
    heard,
    hint_after,
)
from tests.contract.sqlite_practice import SqlitePractice
from tests.eventually import LIMIT, eventually
from tests.integration.sqlite_tools import AT_EIGHT, AT_NINE, failure, module, no_threads


@pytest.fixture(params=["wal", "delete"])
async def practice(request: pytest.FixtureRequest, tmp_path: Path) -> SqlitePractice:
    """With one appointment at eight, in both journal modes."""
    practice = SqlitePractice(tmp_path / "folder" / "duria.db", journal=request.param)
    await practice.change(add=(EIGHT,))
    return practice


@pytest.fixture
async def source(practice: SqlitePractice) -> AsyncIterator[SqliteSource]:
    """Reads it."""
    async with SqliteSource(practice.path, PRACTICE) as source:
        yield source


class TestReplacedFiles:
    """I5, fault 15: another file in its place is read, however it came there."""

    async def other(self, practice: SqlitePractice, journal: str) -> Path:
        """A file like the practice's, with its appointment at nine."""
        other = SqlitePractice(practice.path.with_name("neu.db"), journal=journal)
        await other.change(add=(NINE,))
        return other.path

    @pytest.mark.parametrize("how", ["replaced", "copied over", "removed first"])
    async def test_another_file_is_read_and_hinted(self, how: str, tmp_path: Path) -> None:
        """I5, fault 15: copied over, it may even look the same to SQLite, which would go on with what it knows."""
        practice = SqlitePractice(tmp_path / "duria.db", journal="delete")
        await practice.change(add=(EIGHT,))
        other = await self.other(practice, "delete")
        async with SqliteSource(practice.path, PRACTICE) as source, heard(source) as hints:
            assert await blocked(source) == AT_EIGHT
            known = len(hints)
            if how == "removed first":
                practice.path.unlink()
            if how == "copied over":
                shutil.copyfile(other, practice.path)
            else:
                other.replace(practice.path)
            await hint_after(hints, known)
            assert await blocked(source) == AT_NINE

    async def test_a_link_leads_to_the_file(self, practice: SqlitePractice, tmp_path: Path) -> None:
        """I5: it is watched where it lies; changed to another file, that one is read."""
        link, other = tmp_path / "link.db", SqlitePractice(tmp_path / "neu.db")
        await other.change(add=(NINE,))
        link.symlink_to(practice.path)
        async with SqliteSource(link, PRACTICE) as source, heard(source) as hints:
            assert await blocked(source) == AT_EIGHT
            known = len(hints)
            await practice.change(remove=(EIGHT,))
            await hint_after(hints, known)
            assert await blocked(source) == []
            known = len(hints)
            link.unlink()
            link.symlink_to(other.path)
            await hint_after(hints, known)
            assert await blocked(source) == AT_NINE

    async def test_links_in_a_circle_are_no_error(self, tmp_path: Path) -> None:
        """I2, I5: a failed reading, and hints go on."""
        path = tmp_path / "duria.db"
        path.symlink_to(path)
        async with SqliteSource(path, PRACTICE) as source, heard(source) as hints:
            assert (await failure(source)).startswith("source.unreadable")
            known = len(hints)
            path.unlink()
            await SqlitePractice(path).change(add=(EIGHT,))
            await hint_after(hints, known)

    async def test_a_file_in_wal_mode_is_replaced(self, tmp_path: Path) -> None:
        """I5, fault 15: once its program has gone and taken the files beside it along."""
        practice = SqlitePractice(tmp_path / "duria.db")
        await practice.change(add=(EIGHT,))
        other = await self.other(practice, "wal")
        async with SqliteSource(practice.path, PRACTICE) as source, heard(source) as hints:
            assert await blocked(source) == AT_EIGHT
            known = len(hints)
            for suffix in ("-wal", "-shm"):
                practice.path.with_name(f"duria.db{suffix}").unlink(missing_ok=True)
            other.replace(practice.path)
            await hint_after(hints, known)
            assert await blocked(source) == AT_NINE

    async def test_a_lost_folder_comes_back(self, practice: SqlitePractice, source: SqliteSource) -> None:
        """I2, I5, fault 21: lost it is a failed reading; made anew it is watched again, by events."""
        async with heard(source) as hints:
            shutil.rmtree(practice.path.parent)
            assert await failure(source) == "source.missing duria.db"
            known = len(hints)
            again = SqlitePractice(practice.path)
            await again.change(add=(NINE,))

            async def read_again() -> bool:
                reading = await source.read(A, SPAN)
                return isinstance(reading, Complete) and len(hints) > known and await blocked(source) == AT_NINE

            await eventually(read_again, "the new file is hinted and read")
            known = len(hints)
            await again.change(add=(EIGHT,))
            await hint_after(hints, known)

    async def test_a_file_that_comes_later_is_hinted(self, tmp_path: Path) -> None:
        """I5, fault 21: neither folder nor file need to be there when we start."""
        path = tmp_path / "later" / "duria.db"
        async with SqliteSource(path, PRACTICE) as source, heard(source) as hints:
            assert await failure(source) == "source.missing duria.db"
            known = len(hints)
            await SqlitePractice(path).change(add=(EIGHT,))
            await hint_after(hints, known)


class TestHints:
    """I5: whatever becomes of events, what changed is found."""

    async def test_without_events_the_scan_finds_it(
        self, practice: SqlitePractice, source: SqliteSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I5, fault 22: on a share where the kernel is silent, two changes within a second included."""
        listen = Ear.listen
        monkeypatch.setattr(Ear, "listen", lambda ear, _: listen(ear, tmp_path))
        async with heard(source) as hints:
            for row in (NINE, EIGHT):
                known = len(hints)
                await practice.change(add=(row,))
                await hint_after(hints, known)

    @pytest.mark.parametrize("how", ["__init__", "listen"])
    async def test_a_kernel_without_watches_is_no_fault(
        self, how: str, practice: SqlitePractice, source: SqliteSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I5, fault 22: events are refused, all of them or those of this folder; the scan goes on."""

        def refused(*_: object, **__: object) -> None:
            raise OSError(28, "no space left on device")

        monkeypatch.setattr(Ear, how, refused)
        async with heard(source) as hints:
            await practice.change(add=(NINE,))
            await hint_after(hints, 1)

    async def test_a_flood_of_files_hides_nothing(self, practice: SqlitePractice, source: SqliteSource) -> None:
        """I5, I12, fault 20: 12,000 files beside the database at once, then one change."""
        async with heard(source) as hints:
            await asyncio.to_thread(self._flood, practice.path.parent)
            known = len(hints)
            await practice.change(add=(NINE,))
            await hint_after(hints, known)

    async def test_many_writes_converge(self, practice: SqlitePractice, source: SqliteSource) -> None:
        """I5, fault 20: another process commits 300 times; whoever reads at hints alone ends with the last of them."""
        await practice.change(remove=(EIGHT,))
        async with heard(source) as hints:
            await module("sqlite_writer", practice.path, 300, 5)
            read_at, found = 0, [""]

            async def last_one_read() -> bool:
                nonlocal read_at, found
                if read_at != len(hints):
                    read_at, found = len(hints), await blocked(source)
                return found == ["11-23 17:00–11-23 17:20"]

            await eventually(last_one_read, "the last of 300 changes is read at a hint")

    async def test_a_file_that_cannot_be_read_is_not_tried_all_the_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I12: to open it makes events of our own, which must not wake us up over and over."""
        practice = SqlitePractice(tmp_path / "duria.db")
        os.mkfifo(practice.path.with_name("duria.db-shm"))  # so SQLite opens one file beside it, and then gives up
        looks, look = [0], _Pulse.changed

        async def counted(pulse: _Pulse) -> bool:
            looks[0] += 1
            return await look(pulse)

        monkeypatch.setattr(_Pulse, "changed", counted)
        async with SqliteSource(practice.path, PRACTICE) as source, heard(source):
            assert isinstance(await source.read(A, SPAN), Failed)
            await asyncio.sleep(1.5)
        assert looks[0] <= 3

    async def test_files_beside_the_database_wake_nobody(self, tmp_path: Path) -> None:
        """I5: our own state and log may lie in the same folder."""
        asked: list[str] = []

        def patience(event: Event) -> float | None:
            asked.append(event.name)
            return 0 if event.name == "duria.db" else None

        wakes = watch.wake_ups(tmp_path, patience, period=10 * LIMIT)
        await anext(wakes)
        woken = asyncio.create_task(anext(wakes))
        (tmp_path / "tmex.log").write_text("a line")

        async def seen() -> bool:
            return "tmex.log" in asked

        async with asyncio.timeout(LIMIT):
            await asyncio.sleep(0)
            await eventually(seen, "the event of another file")
            assert not woken.done()
            (tmp_path / "duria.db").touch()
            await woken
        await wakes.aclose()

    def _flood(self, folder: Path) -> None:
        for number in range(12_000):
            (folder / f"{number}.csv").touch()

    @pytest.mark.parametrize("how", ["moved", "removed"])
    async def test_a_folder_made_again_is_watched_again(self, how: str, tmp_path: Path) -> None:
        """I5, fault 21: by its events; of a removed one the kernel may give the new one the very number."""
        folder, bell = tmp_path / "folder", asyncio.Event()
        watcher = watch._Watcher(folder, lambda _: 0, bell)
        for time in range(3):
            folder.mkdir()
            await watcher.follow()
            (folder / "duria.db").touch()
            async with asyncio.timeout(LIMIT):
                await bell.wait()
            if how == "moved":
                folder.rename(tmp_path / f"old {time}")
            else:
                shutil.rmtree(folder)
            await watcher.follow()
            await asyncio.sleep(0.01)
            bell.clear()
        await watcher.close()

    async def test_after_an_event_there_are_second_looks(self, tmp_path: Path) -> None:
        """I5: on a slow disk a commit is complete only after its last event, and would wait for the scan."""
        wakes = watch.wake_ups(tmp_path, lambda _: 0, period=10 * LIMIT)
        await anext(wakes)
        (tmp_path / "duria.db").touch()
        async with asyncio.timeout(LIMIT):
            for _ in range(4):
                await anext(wakes)
        await wakes.aclose()

    async def test_where_events_cannot_be_waited_for_a_library_finds_them(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I5: on another system than Linux, long before the period; also of a folder that comes later."""
        monkeypatch.setattr(inotify, "_library", object)
        monkeypatch.setattr(watch, "SCAN_EVERY", 0.1)
        folder = tmp_path / "later"
        wakes = watch.wake_ups(folder, lambda event: 0 if event.name == "duria.db" else None, period=10 * LIMIT)
        await anext(wakes)
        folder.mkdir()
        async with asyncio.timeout(LIMIT):
            woken = asyncio.create_task(anext(wakes))
            while not woken.done():
                (folder / "duria.db").touch()
                await asyncio.sleep(0.05)
            assert await woken
        await wakes.aclose()

    async def test_an_event_that_is_patient_wakes_later_and_others_with_it(self, tmp_path: Path) -> None:
        """I12: who is still writing is left alone for a while, and looked at once."""
        bell, loop = asyncio.Event(), asyncio.get_running_loop()
        watcher = watch._Watcher(tmp_path, lambda _: 0.2, bell)
        await watcher.follow()
        began = loop.time()
        for name in ("a", "b", "c"):
            (tmp_path / name).touch()
        async with asyncio.timeout(LIMIT):
            await bell.wait()
        assert loop.time() - began >= 0.2
        assert watcher._late is None
        await watcher.close()

    @pytest.mark.parametrize("how", ["listen", "fail"])
    async def test_no_thread_keeps_the_process_alive(self, how: str, practice: SqlitePractice) -> None:
        """I8: a process that ends while it listens, by itself or by an error, has ended."""
        assert (await module("sqlite_reader", practice.path, how)).startswith("Complete")

    async def test_listening_ends_with_its_task(self, source: SqliteSource) -> None:
        """I5: a cancelled listener is gone, with its connection and its thread."""
        for _ in range(3):
            async with heard(source):
                pass

        await eventually(no_threads, "the listener's threads end")


class TestEvents:
    """I5: what the kernel says, and that it may say too little."""

    def test_what_is_over_is_told_from_what_is_under_way(self, tmp_path: Path) -> None:
        """Created and written to is under way; closed, moved and removed is over."""
        ear = Ear()
        ear.listen(tmp_path)
        with (tmp_path / "a.csv").open("w") as file:
            file.write("a line")
            file.flush()
            assert list(ear.heard()) == [Event("a.csv", done=False)] * 2
        (tmp_path / "a.csv").rename(tmp_path / "ä.csv")
        (tmp_path / "ä.csv").unlink()
        names = [each.name for each in ear.heard() if each.done]
        assert names == ["a.csv", "a.csv", "ä.csv", "ä.csv"]
        assert list(ear.heard()) == []
        ear.close()

    def test_more_events_than_the_kernel_keeps_are_an_event(self, tmp_path: Path) -> None:
        """Fault 20: those that it lost may have been of any file."""
        most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
        ear = Ear()
        ear.listen(tmp_path)
        for number in range(most // 2 + 1):
            (tmp_path / f"{number}").touch()
        events: list[Event] = []
        while more := list(ear.heard()):
            events += more
        assert events[-1] == Event("", done=True)
        ear.close()

    def test_another_system_has_no_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Fault 22: that is an OSError, as with a kernel that refuses them."""
        monkeypatch.setattr(inotify, "_library", object)
        with pytest.raises(OSError, match="not implemented"):
            Ear()
