"""No reading is complete while anything that may feed its column is in doubt, whatever else happens (I1)."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.duria import export_reader, survey
from adapters.duria.files import FilesSource
from adapters.duria.folder import scan, take
from adapters.duria.inotify import Ear
from engine.faults import FaultError
from engine.model import DAY, ColumnId, Complete, Incomplete, Wall
from engine.ports import SourceError
from engine.walltime import WallSpan
from tests.contract.files_practice import MemoryShelf, files_source
from tests.contract.source_contract import SPAN, A, B, blocked, heard
from tests.eventually import eventually
from tests.integration.files_tools import EIGHT, HEADER, NINE, export, replace, row, state, write

LATER = WallSpan(Wall(SPAN.start + 400 * DAY), Wall(SPAN.end + 400 * DAY))
WIDE = "Art;Kalender;Spalte;Datum;Bis_Datum;Von;Bis;Belegt"
ROWS = (
    "Reservierung;Kalender;A;23.11.2026;25.11.2026;08:00;09:00;",
    "Termin;Kalender;A;26.11.2026;27.11.2026;22:00;06:00;ja",
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


def series(count: int) -> str:
    """A calendar of so many appointments of half an hour, each once a week since 2020."""
    times = [f"DTSTART:20200106T{8 + n % 9:02}{n // 9 % 60:02}00\nDURATION:PT30M" for n in range(count)]
    events = [f"BEGIN:VEVENT\nUID:{n}\n{each}\nRRULE:FREQ=WEEKLY\nEND:VEVENT\n" for n, each in enumerate(times)]
    return f"BEGIN:VCALENDAR\n{''.join(events)}END:VCALENDAR\n"


class TestAtOnce:
    """Several readings at the same time."""

    async def test_readings_wait_for_each_other(self, tmp_path: Path) -> None:
        """I2, I5: four calendars whose series take a while are read at once, and none is said to be on a dead disk."""
        columns = [ColumnId("Kalender", each) for each in "ABCD"]
        for each in columns:
            write(tmp_path / f"Kalender--{each.column}.ics", series(60))
        async with files_source(tmp_path) as source:
            readings = await asyncio.gather(*(source.read(each, SPAN) for each in columns))
        assert all(isinstance(each, Complete) for each in readings), readings

    async def test_readings_of_two_windows_take_nothing_from_each_other(self, tmp_path: Path) -> None:
        """I1, R1, fault 35: while the window moves far away, each reading has all that recurs in its own."""
        write(tmp_path / "Kalender--A.ics", series(20))
        async with files_source(tmp_path) as source:
            for _ in range(3):
                spans = (SPAN, LATER, SPAN, LATER)
                readings = await asyncio.gather(*(source.read(A, each) for each in spans))
                for reading, span in zip(readings, spans, strict=True):
                    assert isinstance(reading, Complete)
                    assert len([each for each in reading.rows.occupied[::2] if span.start <= each < span.end]) >= 20

    async def test_a_reading_given_up_leaves_no_trouble(
        self, folder: Path, source: FilesSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I5, I11: who stops waiting while a file is read does not make the next one believe in a dead disk."""
        gate, held = threading.Event(), threading.Event()

        def slow(*args: object) -> object:
            held.set()
            gate.wait(20)
            return take(*args)  # type: ignore[arg-type]  # handed on as they came

        monkeypatch.setattr(export_reader, "take", slow)
        first = asyncio.create_task(source.read(A, SPAN))
        await eventually(lambda: _is(held), "it is being read")
        first.cancel()
        second = asyncio.create_task(source.read(A, SPAN))
        await asyncio.sleep(0)
        gate.set()
        assert isinstance(await second, Complete)
        assert await blocked(source) == EIGHT


class TestStandsAgain:
    """What changes once more."""

    async def test_what_was_released_and_stands_again_is_a_doubt_again(self, folder: Path, source: FilesSource) -> None:
        """I1, fault 19: gone for good was wrong, so a part of it makes its columns wait like any other part."""
        write(folder / "b.csv", export(row(9), row(9, column="B")))
        await complete(source)
        (folder / "b.csv").unlink()
        await source.confirm(A)
        await complete(source)
        write(folder / "b.csv", HEADER[:20])
        assert await state(source) == "file.no_field"
        write(folder / "b.csv", export(row(9)))
        await complete(source)
        assert await blocked(source) == [*EIGHT, *NINE]

    async def test_an_export_without_rows_is_empty_and_waits_when_it_is_written_again(
        self, folder: Path, source: FilesSource
    ) -> None:
        """I1, I2, fault 18: only a header is a complete nothing; what is written after it may feed all it ever fed."""
        write(folder / "b.csv", export(row(9, column="B")))
        await complete(source, B)
        write(folder / "b.csv", export())
        await complete(source, B)
        assert await blocked(source, B) == []
        write(folder / "b.csv", export(row(9, column="B"))[:-3])
        assert await state(source, B) == "file.cut_off"
        await complete(source, A)

    async def test_a_row_of_no_known_column_can_be_released_with_its_file(
        self, folder: Path, source: FilesSource
    ) -> None:
        """R13, fault 19: it made every column wait, so each of them can let it go, not only those it names."""
        write(folder / "b.csv", export(row(9, column="B"), row(9, column="")))
        assert await state(source) == "row.column_unreadable_in_file"
        (folder / "b.csv").unlink()
        assert await source.vanished(A)
        await source.confirm(A)
        await complete(source)
        assert await state(source, B) == "file.vanished"

    async def test_names_that_go_round(self, folder: Path, source: FilesSource) -> None:
        """I1, fault 19: a to b while a new a appears, a copy and its end, a hard link, a folder of the same name."""
        await complete(source)
        (folder / "a.csv").rename(folder / "b.csv")
        write(folder / "a.csv", export(row(9)))
        await complete(source)
        assert await blocked(source) == [*EIGHT, *NINE]
        os.link(folder / "a.csv", folder / "c.csv")
        await complete(source)
        (folder / "c.csv").unlink()
        await complete(source)
        assert await blocked(source) == [*EIGHT, *NINE]
        (folder / "a.csv").unlink()
        (folder / "a.csv").mkdir()
        assert await state(source) == "file.not_a_file"
        assert await blocked(source) == [*EIGHT, *NINE]

    async def test_the_same_size_and_time_is_another_file(self, folder: Path, source: FilesSource) -> None:
        """I5: renamed over, with times kept, of the future, of 1970; permission lost and given back."""
        for hour, second in ((9, 1_700_000_000), (8, 1_700_000_000), (9, 4_000_000_000), (8, 0)):
            aside = folder / "aside"
            write(aside, export(row(hour)))
            os.utime(aside, (second, second))
            aside.replace(folder / "a.csv")
            await complete(source)
            assert await blocked(source) == (NINE if hour == 9 else EIGHT)
        assert all((each.age or 0) >= 0 for each in await source.inspect())

    async def test_what_office_programs_leave_is_no_export(self, folder: Path, source: FilesSource) -> None:
        """I1: nobody waits for what lies beside a file that somebody looks at."""
        for name in ("~$a.csv", ".~lock.a.csv#", "a.csv.part", "a.csv.tmp", ".a.csv.swp", "a.csv~", "Thumbs.db"):
            (folder / name).write_bytes(b"\0\1")
        assert list(scan(folder)) == ["a.csv"]
        await complete(source)


class TestFields:
    """A header that loses what made its rows block."""

    @pytest.mark.parametrize(("field", "other"), [("Art", "Typ"), ("Bis_Datum", "Ende")])
    @pytest.mark.parametrize("down", [False, True], ids=["while it runs", "while it is down"])
    async def test_a_field_that_is_gone_frees_nothing(self, field: str, other: str, down: bool, tmp_path: Path) -> None:
        """I1, I2, R6: without the one a reservation is a free row, without the other a block ends on its first day."""
        path, shelf = tmp_path / "a.csv", MemoryShelf()
        whole = "\n".join((WIDE, *ROWS, ""))
        write(path, whole)
        async with files_source(tmp_path, shelf=shelf) as source:
            before = await blocked(source)
            assert len(before) == 4
            if not down:
                replace(path, whole.replace(field, other, 1))
                assert await state(source) == "file.field_gone"
                assert await blocked(source) == before
        replace(path, whole.replace(field, other, 1))
        async with files_source(tmp_path, shelf=shelf) as source:
            assert await state(source) == "file.field_gone"
            assert await source.vanished(A)
            write(path, whole)
            await complete(source)
            assert await blocked(source) == before

    async def test_a_field_can_be_released(self, tmp_path: Path) -> None:
        """I1: a person may say that the export is meant to be so, over a restart too."""
        path, shelf = tmp_path / "a.csv", MemoryShelf()
        write(path, "\n".join((WIDE, *ROWS, "")))
        async with files_source(tmp_path, shelf=shelf) as source:
            await complete(source)
            write(path, export(row(8)))
            assert await state(source) == "file.field_gone"
            await source.confirm(A)
            await complete(source)
            assert await blocked(source) == EIGHT
        async with files_source(tmp_path, shelf=shelf) as source:
            await complete(source)

    @pytest.mark.parametrize("forced", ["cp850", "utf-8"])
    async def test_another_encoding_frees_nothing(self, forced: str, tmp_path: Path) -> None:
        """I1, I2, R10: after a change of TMEX_FILE_ENCODING a column whose name is read otherwise is no empty one."""
        mueller, shelf, path = ColumnId("Kalender", "Müller"), MemoryShelf(), tmp_path / "a.csv"
        path.write_bytes(export(row(8, column="Müller")).encode("cp1252"))
        async with files_source(tmp_path, shelf=shelf) as source:
            assert await blocked(source, mueller) == EIGHT
        async with files_source(tmp_path, shelf=shelf, encoding=forced) as source:
            assert await state(source, mueller) == ("file.encoding_other" if forced == "cp850" else "file.encoding")
        async with files_source(tmp_path, shelf=shelf) as source:
            await complete(source, mueller)
            assert await blocked(source, mueller) == EIGHT
            write(path, export(row(9, column="Müller")))
            await complete(source, mueller)
            assert await blocked(source, mueller) == NINE

    async def test_a_column_that_left_with_another_encoding_can_be_released(self, tmp_path: Path) -> None:
        """I1: it may be gone for good, all the same."""
        mueller, path = ColumnId("Kalender", "Müller"), tmp_path / "a.csv"
        path.write_bytes(export(row(8, column="Müller")).encode("cp1252"))
        async with files_source(tmp_path) as source:
            await complete(source, mueller)
            replace(path, export(row(9)))
            assert await state(source, mueller) == "file.encoding_other"
            assert await source.vanished(mueller)
            await source.confirm(mueller)
            await complete(source, mueller)
            assert await blocked(source, mueller) == []


class TestNotKnown:
    """What a person cannot let go, for nobody knows what there was."""

    async def test_nothing_is_released_that_was_not_there(self, tmp_path: Path) -> None:
        """I1, I2, fault 21: a release while the folder is not there makes no empty folder a calendar."""
        shelf = MemoryShelf()
        async with files_source(tmp_path / "exports", shelf=shelf) as source:
            assert not await source.vanished(A)
            await source.confirm(A)
            (tmp_path / "exports").mkdir()
            assert await state(source) == "file.none"

    async def test_a_release_before_the_ledger_could_be_read_changes_nothing(self, folder: Path) -> None:
        """I1, I6: what an earlier process knew is not written over by one that could not read it."""

        class Dumb(MemoryShelf):
            dumb = False

            async def recall(self) -> bytes | None:
                if self.dumb:
                    raise SourceError("ledger.unreadable")
                return await super().recall()

        shelf = Dumb()
        async with files_source(folder, shelf=shelf) as source:
            await complete(source)
        (folder / "a.csv").unlink()
        kept, shelf.dumb = shelf.kept, True
        async with files_source(folder, shelf=shelf) as source:
            assert await state(source) == "ledger.unreadable"
            with pytest.raises(FaultError):
                await source.confirm(A)
            assert shelf.kept == kept
            shelf.dumb = False
            assert await state(source) == "file.vanished"


class TestSoon:
    """A reading ends before the engine gives it up."""

    async def test_no_reading_waits_for_a_long_settle_time(self, folder: Path) -> None:
        """I11: with ten minutes to be still it says what it waits for at once, and does not wait for it."""
        async with files_source(folder, settle=600) as source:
            async with asyncio.timeout(10):
                assert await state(source) == "file.being_written"

    @pytest.mark.parametrize("settle", [0.0, 0.3])
    async def test_a_file_that_is_never_still_holds_no_reading(self, settle: float, folder: Path) -> None:
        """I11, fault 18: rewritten for ever, from before the first reading on."""
        stop = threading.Event()

        def rewrite() -> None:
            turn = 0
            while not stop.wait(0.005):
                write(folder / "b.csv", export(*(row(8 + turn % 9) for _ in range(50)))[: -1 - turn % 7])
                turn += 1

        writing = threading.Thread(target=rewrite)
        writing.start()
        try:
            async with files_source(folder, settle=settle) as source:
                for _ in range(3):
                    async with asyncio.timeout(10):
                        assert isinstance(await source.read(A, SPAN), Complete | Incomplete)
        finally:
            stop.set()
            writing.join()

    async def test_a_folder_that_never_answers_holds_nobody(
        self, folder: Path, source: FilesSource, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I11, fault 21: on a dead share even the question which folder it is takes for ever; the process lives on."""
        asked, dead = threading.Event(), threading.Event()

        def hang(*_: object) -> None:
            asked.set()
            assert dead.wait(30), "the loop waited for the share"

        monkeypatch.setattr(Ear, "listen", hang)
        try:
            async with heard(source):
                await eventually(lambda: _is(asked), "the folder is asked")
                await complete(source)
        finally:
            dead.set()

    async def test_a_look_reads_a_part_and_the_next_one_the_rest(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I2, I5, fault 20: what a look did not get to is a doubt until the next one did; it is not forgotten."""
        monkeypatch.setattr(survey, "_READING", -1.0)
        monkeypatch.setattr(survey, "_AT_ONCE", 10)
        for number in range(95):
            write(folder / f"n{number}.csv", export(row(9, column=f"S{number}")))
        async with files_source(folder) as source:
            await source.vanished(A)
            await asyncio.sleep(0.1)
            await source.vanished(A)
            assert len(_proven(source)) == 10
            async with heard(source):
                await eventually(lambda: _all(source, 96), "all files are read")
            await complete(source)

    async def test_files_that_change_all_the_time_keep_no_other_waiting(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """I5, I11, fault 20: what has been due for longest is read first, when a look cannot read all."""
        monkeypatch.setattr(survey, "_READING", -1.0)
        monkeypatch.setattr(survey, "_AT_ONCE", 1)
        async with files_source(folder, settle=0) as source:
            await complete(source)
            write(folder / "b.csv", export(row(9, column="B")))
            for turn in range(10):
                replace(folder / "a.csv", export(row(8 + turn % 2)))
                await source.vanished(A)
            assert len([each for each in source._exports if each.parsed]) == 2


async def complete(source: FilesSource, column: ColumnId = A) -> None:
    """Wait until it reads completely: a busy machine may need longer than one reading waits for a file."""

    async def read() -> bool:
        return await state(source, column) == "complete"

    await eventually(read, "it reads completely")


async def _is(event: threading.Event) -> bool:
    return event.is_set()


def _proven(source: FilesSource) -> list[object]:
    return [each for each in source._exports if each.fault is None]


async def _all(source: FilesSource, count: int) -> bool:
    return len(_proven(source)) == count
