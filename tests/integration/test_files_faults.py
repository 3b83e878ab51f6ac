"""Whatever befalls an export or its folder, nothing of it is read as an empty calendar (faults 18 to 23)."""

import asyncio
import os
import shutil
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.duria import files
from adapters.duria.files import FilesSource
from adapters.duria.folder import LARGEST, Fingerprint
from adapters.duria.inotify import Ear
from engine.model import Complete, Wall
from engine.ports import SourceError
from engine.walltime import wall_text
from tests.contract.files_practice import MemoryShelf, files_source
from tests.contract.source_contract import SPAN, A, B, blocked, heard, hint_after, read
from tests.eventually import eventually
from tests.integration.files_tools import (
    EIGHT,
    HEADER,
    NINE,
    export,
    lag,
    replace,
    row,
    same_times,
    state,
    trickle,
    write,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With one appointment of column A at eight."""
    folder = tmp_path / "exports"
    folder.mkdir()
    write(folder / "a.csv", export(row(8)))
    return folder


@pytest.fixture
async def source(folder: Path) -> AsyncIterator[FilesSource]:
    """Reads it."""
    async with files_source(folder) as source:
        yield source


class TestHalfWritten:
    """Fault 18."""

    @pytest.mark.slow
    async def test_nothing_of_a_part_is_ever_read(self, folder: Path) -> None:
        """I1, I2, fault 18: a writer of 2,000 rows in flushes, again and again: every complete reading is one whole
        export, and the last one is read soon after its last byte.
        """
        rounds = [
            [row(8 + each, minute=n % 40, day=f"{1 + n // 80:02}.12.2026") for n in range(2000)] for each in (0, 5)
        ]
        starts = {frozenset(_starts(rows)) for rows in rounds} | {frozenset(_starts([row(8)]))}
        async with files_source(folder, settle=0.3) as source, heard(source):
            for number in range(4):
                rows = rounds[number % 2]
                text = export(*rows)
                writing = threading.Thread(target=trickle, args=(folder / "a.csv", text, 7, 0.1))
                writing.start()
                while writing.is_alive():
                    reading = await source.read(A, SPAN)
                    if isinstance(reading, Complete):
                        assert frozenset(_read_starts(reading)) in starts
                    await asyncio.sleep(0.02)
                loop = asyncio.get_running_loop()
                ended = loop.time()

                async def all_there(rows: list[str] = rows) -> bool:
                    reading = await source.read(A, SPAN)
                    return isinstance(reading, Complete) and _read_starts(reading) == _starts(rows)

                await eventually(all_there, "the whole export is read")
                assert loop.time() - ended < 10

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (export(row(9))[:-3], "file.cut_off"),
            (export(row(9))[:-40], "file.cut_off"),
            (export(row(9)) + 'Kalender;A;"23.11.', "file.quoting"),
            (HEADER[:-2], "file.cut_off"),
            (HEADER[:20], "file.no_field"),
            ("", "file.empty"),
            ("\r\n\r\n", "file.empty"),
            (export(row(9)) + "\0" * 100, "file.binary"),
        ],
    )
    async def test_a_cut_file_keeps_what_was_read_before(
        self, text: str, code: str, folder: Path, source: FilesSource
    ) -> None:
        """I1, faults 18 and 19: cut in a row, in the header, in quotes, at zero bytes, or with an end never written."""
        assert await blocked(source) == EIGHT
        replace(folder / "a.csv", text)
        assert await state(source) == code
        assert await blocked(source) == EIGHT
        replace(folder / "a.csv", export(row(9)))
        assert await state(source) == "complete"
        assert await blocked(source) == NINE

    async def test_a_writer_that_pauses_is_waited_for(self, folder: Path) -> None:
        """I1, fault 18: seen in its writing, a file that ends in another way than before must be still for longer."""
        whole = export(*(row(8, minute=n) for n in range(30)))
        part = whole[: whole.rfind("Kalender;A;23.11.2026;08:20")]
        async with files_source(folder, settle=0.3) as source, heard(source):
            assert await state(source) == "complete"
            write(folder / "a.csv", part)
            reading = asyncio.create_task(source.read(A, SPAN))
            await asyncio.sleep(0.6)
            assert not reading.done()
            write(folder / "a.csv", whole)
            found = await reading
            assert not isinstance(found, Complete) or len(found.rows.occupied) == 60

            async def all_there() -> bool:
                reading = await source.read(A, SPAN)
                return isinstance(reading, Complete) and len(reading.rows.occupied) == 60

            await eventually(all_there, "the whole export")

    async def test_an_empty_calendar_file_is_refused(self, folder: Path, source: FilesSource) -> None:
        """I1, fault 19: zero bytes are no calendar in either format."""
        write(folder / "Kalender--A.ics", "")
        assert await state(source) == "file.empty"
        write(folder / "Kalender--A.ics", "BEGIN:VCALENDAR\nEND:VCALENDAR\n")
        assert await state(source) == "complete"

    async def test_a_calendar_file_is_read_for_any_window(self, folder: Path, source: FilesSource) -> None:
        """R1, R10: its recurrences are there for the span that a reading asks for, beside the rows of a CSV."""
        event = "DTSTART:20200106T120000\nDURATION:PT30M\nRRULE:FREQ=WEEKLY"
        text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
        write(folder / "Kalender--A.ics", text)
        assert await blocked(source) == [*EIGHT, "11-23 12:00–11-23 12:30"]
        assert await state(source) == "complete"

    async def test_a_new_file_makes_everything_doubtful_until_it_is_read(
        self, folder: Path, source: FilesSource
    ) -> None:
        """I1: nobody knows what it feeds; another column waits too, and none is said to exist in vain."""
        write(folder / "b.csv", export(row(9, column="B")) + "Kalender;B")
        assert await state(source, A) == "file.cut_off"
        assert await blocked(source, A) == EIGHT
        with pytest.raises(SourceError):
            await source.columns()
        write(folder / "b.csv", export(row(9, column="B")))
        assert await state(source, A) == "complete"
        assert await source.columns() == (A, B)

    async def test_only_what_a_file_feeds_is_doubtful(self, folder: Path, source: FilesSource) -> None:
        """I1: a file that is broken now and was whole before spoils its own columns alone."""
        write(folder / "b.csv", export(row(9, column="B")))
        assert await state(source, B) == "complete"
        write(folder / "b.csv", "")
        assert await state(source, B) == "file.empty"
        assert await blocked(source, B) == NINE
        assert await state(source, A) == "complete"


class TestLost:
    """Fault 19: renamed, deleted, and lost while tmex was down."""

    async def test_a_deleted_file_holds_what_it_fed(self, folder: Path, source: FilesSource) -> None:
        """I1, fault 19: until it is back."""
        write(folder / "b.csv", export(row(9, column="B")))
        async with heard(source) as hints:
            assert await state(source, A) == "complete"
            known = len(hints)
            (folder / "a.csv").unlink()
            await hint_after(hints, known)
            assert await state(source, A) == "file.vanished"
            assert await blocked(source, A) == EIGHT
            assert await state(source, B) == "complete"
            assert await source.columns() == (A, B)
            known = len(hints)
            write(folder / "a.csv", export(row(9)))
            await hint_after(hints, known)
            assert await blocked(source, A) == NINE
            assert await state(source, A) == "complete"

    async def test_a_file_lost_while_we_were_down_is_missed(self, folder: Path) -> None:
        """I1, fault 19: by its hashed name; what is kept names no file and holds no content (I7)."""
        shelf = MemoryShelf()
        write(folder / "b.csv", export(row(9)))
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source) == "complete"
        assert shelf.kept is not None
        assert b"csv" not in shelf.kept
        assert b"2026" not in shelf.kept
        (folder / "a.csv").unlink()
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source) == "file.vanished"
            assert await blocked(source) == NINE
            write(folder / "a.csv", export(row(8)))
            assert await state(source) == "complete"

    async def test_release_lets_a_vanished_file_go(self, folder: Path) -> None:
        """I1, fault 19: for the column that was named, over a restart too."""
        shelf = MemoryShelf()
        write(folder / "ab.csv", export(row(9), row(9, column="B")))
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source) == "complete"
            assert not await source.vanished(A)
            (folder / "ab.csv").unlink()
            assert await source.vanished(A)
            await source.confirm(A)
            assert not await source.vanished(A)
            assert await state(source, A) == "complete"
            assert await blocked(source, A) == EIGHT
            assert await state(source, B) == "file.vanished"
            assert await blocked(source, B) == NINE
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source, A) == "complete"
            assert await state(source, B) == "file.vanished"
            await source.confirm(B)
            assert await state(source, B) == "complete"

    async def test_the_last_file_can_be_released(self, folder: Path) -> None:
        """I1, I2: an empty folder is no calendar, unless a person said so."""
        shelf = MemoryShelf()
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source) == "complete"
            (folder / "a.csv").unlink()
            await source.confirm(A)
            assert await state(source) == "complete"
            assert await blocked(source) == []
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source) == "complete"
        async with files_source(folder) as source:
            assert await state(source) == "file.none"

    async def test_a_renamed_file_is_followed(self, folder: Path, source: FilesSource) -> None:
        """I5, fault 19: its content stands under another name, so nothing is lost."""
        assert await state(source) == "complete"
        (folder / "a.csv").rename(folder / "termine.CSV")
        assert await state(source) == "complete"
        assert await blocked(source) == EIGHT

    async def test_a_reservation_of_every_column_is_held_too(self, folder: Path, source: FilesSource) -> None:
        """I1, R6: a vanished file with one makes every column of the calendar incomplete."""
        text = "Art;Kalender;Spalte;Datum;Von;Bis\nReservierung;Kalender;;23.11.2026;12:00;13:00\n"
        write(folder / "r.csv", text)
        assert await blocked(source) == [*EIGHT, "11-23 12:00–11-23 13:00"]
        (folder / "r.csv").unlink()
        assert await state(source) == "file.vanished"
        assert await blocked(source) == [*EIGHT, "11-23 12:00–11-23 13:00"]
        await source.confirm(A)
        assert await state(source) == "complete"
        assert await blocked(source) == EIGHT

    async def test_what_cannot_be_kept_frees_nothing(self, folder: Path) -> None:
        """I1, I6: a ledger that cannot be written leaves readings incomplete, and is tried again."""

        class Full(MemoryShelf):
            full = True

            async def keep(self, data: bytes) -> None:
                if self.full:
                    raise SourceError("ledger.unwritable", kind="ENOSPC")
                await super().keep(data)

        shelf = Full()
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source) == "ledger.unwritable"
            assert await blocked(source) == EIGHT
            shelf.full = False
            assert await state(source) == "complete"


class TestFolders:
    """Faults 20 to 22."""

    @pytest.mark.slow
    async def test_a_flood_of_files_hides_nothing(self, folder: Path, source: FilesSource) -> None:
        """I5, fault 20: 12,000 files at once, all of them read, the loop never held up for long."""

        def flood() -> None:
            for number in range(12_000):
                write(folder / f"n{number}.csv", f"{HEADER}\n{row(9, column=f'S{number % 40}')}\n")

        stop = asyncio.Event()
        longest = asyncio.create_task(lag(stop))
        async with heard(source):
            await asyncio.to_thread(flood)

            async def all_read() -> bool:
                return len([each for each in source._exports if each.fault is None]) == 12_001

            await eventually(all_read, "all files are read", limit=50)
            assert await state(source) == "complete"
        stop.set()
        assert await longest < 2.0

    async def test_a_folder_lost_and_made_again(self, folder: Path, source: FilesSource) -> None:
        """I2, I5, I11, fault 21: lost it is a failed reading; made anew it is watched and read again."""
        async with heard(source) as hints:
            assert await state(source) == "complete"
            shutil.rmtree(folder)
            assert await state(source) == "source.missing"
            known = len(hints)
            folder.mkdir()
            write(folder / "a.csv", export(row(9)))
            await hint_after(hints, known)

            async def read_again() -> bool:
                return await state(source) == "complete" and await blocked(source) == NINE

            await eventually(read_again, "the new folder is read")
            known = len(hints)
            replace(folder / "a.csv", export(row(8)))
            await hint_after(hints, known)

    async def test_an_empty_folder_in_its_place_frees_nothing(self, folder: Path, source: FilesSource) -> None:
        """I2, fault 21: the empty mount point that an unmounted share leaves behind."""
        assert await state(source) == "complete"
        folder.rename(folder.with_name("weg"))
        folder.mkdir()
        assert await state(source) == "file.vanished"
        assert await blocked(source) == EIGHT
        folder.rmdir()
        folder.with_name("weg").rename(folder)
        assert await state(source) == "complete"

    async def test_without_events_all_is_found_and_said(
        self, folder: Path, source: FilesSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I5, I11, fault 22: a kernel that says nothing is noticed by what the scan finds."""
        listen = Ear.listen
        monkeypatch.setattr(Ear, "listen", lambda ear, _: listen(ear, tmp_path))
        monkeypatch.setattr(files, "SCAN_EVERY", 0.2)
        async with heard(source) as hints:
            for hour in (9, 10, 11):
                known = len(hints)
                replace(folder / "a.csv", export(row(hour)))
                await hint_after(hints, known)
                assert await state(source) == "complete"
        assert source.polls
        assert [each.code for each in source.notes()] == ["file.no_events"]

    async def test_a_share_is_known_by_its_mount(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """I11, fault 22: SMB, NFS and FUSE are polled from the start, also where a path holds a space."""
        table = folder.parent / "mountinfo"
        monkeypatch.setattr("adapters.duria.shares._MOUNTS", table)
        for kind, silent in (("cifs", True), ("fuse.sshfs", True), ("nfs4", True), ("ext4", False)):
            table.write_text(
                f"1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:9 / {folder} rw shared:1 - {kind} //srv/x rw\n"
                "3 1 0:9 / /mnt/with\\040space rw - cifs x rw\n"
            )
            async with files_source(folder) as source:
                assert source.polls is silent
        async with files_source(Path("/mnt/with space/x")) as source:
            assert source.polls

    async def test_two_writes_within_one_second_are_seen(self, folder: Path, source: FilesSource) -> None:
        """I5, fault 22: of the same size, into the same file, with the same time."""
        path = folder / "a.csv"
        async with heard(source) as hints:
            write(path, export(row(8)))
            same_times(path, 1_700_000_000)
            assert await state(source) == "complete"
            known = len(hints)
            changed = path.stat().st_ctime_ns
            write(path, export(row(9)))
            same_times(path, 1_700_000_000)
            assert path.stat().st_ctime_ns != changed
            await hint_after(hints, known)

            async def read_again() -> bool:
                return await blocked(source) == NINE

            await eventually(read_again, "the second write")

    async def test_a_write_that_leaves_no_trace_is_seen(
        self, folder: Path, source: FilesSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I5, fault 22: not even the times of the file tell it, as on a share of whole seconds; its content does."""
        monkeypatch.setattr("adapters.duria.folder._fingerprint", _timeless)
        monkeypatch.setattr("adapters.duria.proof.FIRM_AFTER", 0.3)
        path = folder / "a.csv"
        async with heard(source):
            assert await state(source) == "complete"
            write(path, export(row(9)))

            async def read_again() -> bool:
                return await blocked(source) == NINE

            await eventually(read_again, "the second write")


class TestHostile:
    """Fault 23."""

    @pytest.mark.parametrize(
        ("kind", "code"),
        [
            ("link", "file.not_a_file"),
            ("dangling", "file.not_a_file"),
            ("pipe", "file.not_a_file"),
            ("folder", "file.not_a_file"),
            ("socket", "file.not_a_file"),
            ("huge", "file.too_large"),
            ("wide", "file.line_too_long"),
            ("endless", "file.quoting"),
        ],
    )
    async def test_what_is_no_export_is_refused(
        self, kind: str, code: str, folder: Path, source: FilesSource, tmp_path: Path
    ) -> None:
        """I2, I12, fault 23: in one sentence; the loop is not held up, what was read before stays in force."""
        assert await state(source) == "complete"
        path = folder / "b.csv"
        _make(kind, path, tmp_path)
        stop = asyncio.Event()
        longest = asyncio.create_task(lag(stop))
        assert await state(source) == code
        assert await blocked(source) == EIGHT
        stop.set()
        assert await longest < 1.0
        path.rmdir() if kind == "folder" else path.unlink()
        assert await state(source) == "complete"

    async def test_a_file_of_its_own_kind_may_become_a_pipe(self, folder: Path, source: FilesSource) -> None:
        """I12, fault 23: between scan and opening too, nothing waits for a writer."""
        assert await state(source) == "complete"
        (folder / "a.csv").unlink()
        os.mkfifo(folder / "a.csv")
        assert await state(source) == "file.not_a_file"
        assert await blocked(source) == EIGHT


class TestInspection:
    """What `tmex check` shows."""

    async def test_every_file_is_described(self, folder: Path, source: FilesSource) -> None:
        """I13: format, encoding, rows, columns, umlauts, completeness, age; also of a file that is refused."""
        (folder / "ä.csv").write_bytes(export(row(9, column="Müller")).encode("cp850"))
        write(folder / "leer.csv", "")
        found = {each.file: each for each in await source.inspect()}
        assert (found["a.csv"].format, found["a.csv"].encoding, found["a.csv"].umlauts) == ("csv", "utf-8", None)
        assert (found["ä.csv"].encoding, found["ä.csv"].umlauts, found["ä.csv"].rows) == ("cp850", True, 1)
        assert [str(column) for column in found["ä.csv"].columns] == ["Kalender/Müller"]
        assert found["a.csv"].complete
        assert 0 <= (found["a.csv"].age or 0) < 600
        fault = found["leer.csv"].fault
        assert fault is not None
        assert fault.code == "file.empty"
        assert [each.code for each in await source.examine()] == ["file.empty"]


def _timeless(found: os.stat_result) -> object:
    return Fingerprint(found.st_dev, found.st_ino, found.st_size, 10**18, 10**18, regular=True)


def _starts(rows: list[str]) -> list[tuple[str, str]]:
    return sorted((each.split(";")[2], each.split(";")[3]) for each in rows)


def _read_starts(reading: Complete) -> list[tuple[str, str]]:
    texts = [wall_text(Wall(start)) for start in reading.rows.occupied[::2]]
    return sorted((f"{text[8:10]}.{text[5:7]}.{text[:4]}", text[11:]) for text in texts)


def _make(kind: str, path: Path, outside: Path) -> None:
    if kind == "link":
        (outside / "real.csv").write_text(export(row(9)))
        path.symlink_to(outside / "real.csv")
    elif kind == "dangling":
        path.symlink_to(outside / "nowhere.csv")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        os.mknod(path, 0o600 | 0o140000)
    elif kind == "huge":
        with path.open("wb") as file:
            file.truncate(10 * 2**30)
    elif kind == "wide":
        path.write_text(HEADER + "\n" + ";" * 1_000_000 + "\n")
    else:
        with path.open("w") as file:
            file.write(HEADER + "\n" + 'A;"x\n";' * (LARGEST // 16))


async def test_one_reading_of_many_files_is_their_union(folder: Path, source: FilesSource) -> None:
    """R5: several files feed one column, and one file feeds several."""
    write(folder / "ab.csv", export(row(9), row(9, column="B")))
    assert await blocked(source, A) == [*EIGHT, *NINE]
    assert await blocked(source, B) == NINE
    assert (await read(source)).rows.exists
