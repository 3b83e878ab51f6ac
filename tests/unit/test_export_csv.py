"""A CSV export is read as exports really look, and whatever is wrong with it blocks too much, never too little."""

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.duria.charset import charset
from adapters.duria.content import EVERYTHING
from adapters.duria.csv_format import Parsed, parse_csv
from adapters.duria.trouble import ExportError
from engine.model import NO_END, ColumnId, Complete, Incomplete, Rows
from tests.contract.files_practice import FilesPractice
from tests.contract.source_contract import CANARY, SPAN, A, Block, Slot, instant
from tests.fuzz.exports import HEADER, check_csv, check_ics

EIGHT = (instant("2026-11-23 08:00"), instant("2026-11-23 08:20"))


def parsed(text: str | bytes, encoding: str = "auto") -> Parsed:
    """What a file is read as."""
    return parse_csv(text.encode() if isinstance(text, str) else text, "PRAX1", encoding, "x.csv")


def reading(*lines: str, header: str = HEADER, column: ColumnId = A) -> Complete | Incomplete:
    """The reading of one column of a file of these lines."""
    content = parsed("".join(f"{line}\n" for line in (header, *lines))).content
    rows = Rows(column)
    content.pour(column, rows, SPAN)
    rows.unplaced.extend(content.unplaced)
    assert CANARY not in f"{rows.unplaced}{rows.doubts}{rows.places}"
    return rows.reading()


def refusal(text: str | bytes, encoding: str = "auto") -> str:
    """The code that a file is refused with."""
    with pytest.raises(ExportError) as caught:
        parsed(text, encoding)
    assert CANARY not in str(caught.value.fault)
    return caught.value.fault.code


def pairs(found: Complete | Incomplete) -> set[tuple[int, int]]:
    """What is occupied."""
    edges = iter(found.rows.occupied)
    return set(zip(edges, edges, strict=True))


class TestForms:
    """How exports really look."""

    @pytest.mark.parametrize(
        "header",
        [
            "Kalender;Spalte;Datum;Von;Bis;Belegt",
            "KALENDER;SPALTE;DATUM;VON;BIS;BELEGT",
            "calendar,column,date,from,to,occupied",
            ' "Calendar" , column,Datum,FROM,bis,belegt'.replace(" ", ""),
            "sep=;\nKalender;Spalte;Datum;Von;Bis;Belegt",
            "\n\nKalender;Spalte;Datum;Von;Bis;Belegt",
            "\ufeffKalender;Spalte;Datum;Von;Bis;Belegt",
        ],
    )
    @pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("day", ["23.11.2026", "2026-11-23"])
    def test_headers_in_any_form(self, header: str, newline: str, day: str) -> None:
        """German or English, any case, either delimiter, either notation of a day, any line break, a mark before."""
        delimiter = ";" if ";" in header else ","
        row = delimiter.join(("Kalender", "A", day, "08:00", "08:20", "ja"))
        text = f"{header}\n{row}\n\n\n".replace("\n", newline)
        rows = Rows(A)
        parsed(text).content.pour(A, rows, SPAN)
        assert list(rows.occupied) == list(EIGHT)

    @pytest.mark.parametrize(
        ("cell", "taken"),
        [
            *((each, True) for each in ("ja", "JA", "1", "true", "x", "X", " ja ")),
            *((e, False) for e in ("nein", "0", "false", "")),
        ],
    )
    def test_occupied_and_free(self, cell: str, taken: bool) -> None:
        """R3: all the ways to say so."""
        rows = reading(f"Termin;PRAX1;Kalender;A;23.11.2026;;08:00;08:20;{cell};").rows
        assert list(rows.occupied if taken else rows.free) == list(EIGHT)
        assert not (rows.free if taken else rows.occupied)

    def test_quoted_texts_hold_anything(self) -> None:
        """Delimiters, quotation marks and line breaks within a text; lines are counted on."""
        found = reading(
            f'Termin;;Kalender;A;23.11.2026;;08:00;08:20;ja;"{CANARY}; ""sie""\r\nkommt\nspäter"',
            "Termin;;Kalender;A;23.11.2026;;09:00;;ja;",
        )
        assert isinstance(found, Complete)
        assert pairs(found) == {EIGHT, (instant("2026-11-23 09:00"), NO_END)}
        assert list(found.rows.places.values()) == [{"file": "x.csv", "line": 5}]

    def test_ends_and_several_days(self) -> None:
        """R6, R8: 24:00, 00:00 and a last day."""
        found = reading(
            "Termin;;Kalender;A;23.11.2026;;22:00;24:00;ja;",
            "Termin;;Kalender;A;24.11.2026;;22:00;00:00;ja;",
            "Termin;;Kalender;A;25.11.2026;27.11.2026;22:00;06:00;ja;",
        )
        assert pairs(found) == {
            (instant("2026-11-23 22:00"), instant("2026-11-24 00:00")),
            (instant("2026-11-24 22:00"), instant("2026-11-24 00:00")),
            (instant("2026-11-25 22:00"), instant("2026-11-27 06:00")),
        }

    def test_two_rows_of_one_appointment_and_another_practice(self) -> None:
        """R5, R10: the same twice is no doubt; what belongs to others is not read."""
        ours = "Termin;PRAX1;Kalender;A;23.11.2026;;08:00;08:20;ja;"
        found = reading(ours, ours, ours.replace("PRAX1", "PRAX2").replace("08:00", "07:00"))
        assert isinstance(found, Complete)
        assert pairs(found) == {EIGHT}

    def test_a_dos_end_mark_is_an_end(self) -> None:
        """The last byte of old exports."""
        assert parsed(f"{HEADER}\n\x1a").content.count == 0


class TestBadRows:
    """R13: one bad row is named by file and line, and blocks too much."""

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("Termin;;Kalender;A;31.02.2026;;08:00;08:20;ja;", "row.start_unreadable_in_file"),
            ("Termin;;Kalender;A;;;08:00;08:20;ja;", "row.start_unreadable_in_file"),
            ("Termin;;Kalender;A;23.11.2026;;8 Uhr;08:20;?;", "row.start_unreadable_in_file"),
            ("Reservierung;;Kalender;A;bald;;08:00;09:00;;", "reservation.day_unreadable_in_file"),
            ("Reservierung;;Kalender;;bald;;08:00;09:00;;", "reservation.day_unreadable_in_file"),
            ("Termin;;Kalender;;23.11.2026;;08:00;08:20;ja;", "row.column_unreadable_in_file"),
            ("Termin;;;A;23.11.2026;;08:00;08:20;ja;", "row.column_unreadable_in_file"),
            (f"Termin;;Kalender;B;23.11.2026;;08:00;08:20;ja;{CANARY};Hans", "row.fields_in_file"),
            (f"{CANARY};Hans;Termin;;Kalender;B;23.11.2026;;08:00;08:20;ja;", "row.fields_in_file"),
            ("Termin?;Kalender;B;23.11.2026;;08:00;08:20;ja;x", "row.fields_in_file"),
            ("Termin;PRAX1?Kalender;B;23.11.2026;;08:00;08:20;ja;x", "row.fields_in_file"),
            ("Termin;;Kalender?B;23.11.2026;;08:00;08:20;ja;x", "row.fields_in_file"),
            ("Termin;;Kalender;B?23.11.2026;;08:00;08:20;ja;x", "row.fields_in_file"),
            ("Termin;;Kalender;B;23.11.2026;?08:00;08:20;ja;x", "row.fields_in_file"),
            ("Reservierung;;Kalender;?23.11.2026;24.11.2026;12:00;13:00;;x", "row.fields_in_file"),
            (CANARY, "row.column_unreadable_in_file"),
            ("Termin;;Kalender", "row.column_unreadable_in_file"),
        ],
    )
    def test_what_has_no_place_makes_it_incomplete(self, line: str, code: str) -> None:
        """I2, R13: no start, no day, no column, or who knows which cell is which."""
        found = reading("Termin;;Kalender;A;23.11.2026;;08:00;08:20;ja;", line)
        assert isinstance(found, Incomplete)
        assert (found.reason.code, found.reason.facts) == (code, {"file": "x.csv", "line": 3})
        assert EIGHT in pairs(found)

    @pytest.mark.parametrize(
        "line",
        [
            f"{CANARY};er;Termin;Kalender;A;24.11.2026;;08:00;08:20;ja;",
            f"{CANARY};er;Termin;Kalender;A;24.11.2026;;08:00;08:20;ja",
            f"{CANARY};e;r;Termin;Kalender;A;24.11.2026;;08:00;08:20;ja",
            f"{CANARY};er;Reservierung;Kalender;;24.11.2026;;08:00;12:00;;",
            f"{CANARY};er;Reservierung;Kalender;;24.11.2026;;08:00;12:00;",
        ],
    )
    def test_a_delimiter_in_a_text_makes_it_incomplete(self, line: str) -> None:
        """I1, R13: also where the row is as long as any, for its last cells were empty or left out."""
        header = f"name;{HEADER.replace('Praxis;', '')}"
        whole = "Muster;Termin;Kalender;A;23.11.2026;;08:00;08:20;ja;"
        found = reading(whole, line, header=header)
        assert isinstance(found, Incomplete)
        assert (found.reason.code, found.reason.facts) == ("row.fields_in_file", {"file": "x.csv", "line": 3})
        assert EIGHT in pairs(found)
        assert isinstance(reading(f"{whole};;;", header=header), Complete)

    @pytest.mark.parametrize(
        ("line", "end"),
        [
            ("Termin;;Kalender;A;23.11.2026;;08:00;kaputt;ja;", NO_END),
            ("Termin;;Kalender;A;23.11.2026;;08:00", NO_END),
            ("Termin;;Kalender;A;23.11.2026;bald;08:00;08:20;ja;", NO_END),
            ("Termin;;Kalender;A;23.11.2026;22.11.2026;08:00;08:20;ja;", instant("2026-11-22 08:20")),
        ],
    )
    def test_an_unusable_end_is_named_by_its_line(self, line: str, end: int) -> None:
        """R13: it blocks from its start; a row that is too short says neither free nor occupied, so it is occupied."""
        found = reading(line)
        assert isinstance(found, Complete)
        assert pairs(found) == {(EIGHT[0], end)}
        assert found.rows.places == {0: {"file": "x.csv", "line": 2}}

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            ("Termin;;Kalender;A;23.11.2026;;08:00;08:20;vielleicht;", "row.occupied_unreadable_in_file"),
            ("Reserv.;;Kalender;A;23.11.2026;;08:00;09:00;;", "row.occupied_unreadable_in_file"),
            ("Reservierung;;Kalender;A;23.11.2026;22.11.2026;;;;", "reservation.end_unusable_in_file"),
            ("Reservierung;;Kalender;A;23.11.2026;;12:00;;;", "reservation.time_unreadable_in_file"),
        ],
    )
    def test_a_doubt_is_named_by_its_line(self, line: str, code: str) -> None:
        """R13: what was read in its widest way."""
        found = reading(line)
        assert isinstance(found, Complete)
        [doubt] = found.rows.doubts
        assert (doubt.code, doubt.facts) == (code, {"file": "x.csv", "line": 2})

    def test_free_and_blank_rows_are_no_doubt(self) -> None:
        """R3: what blocks nothing needs no place."""
        lines = (
            "Termin;;Kalender;A;;;08:00;08:20;nein;",
            "Termin;;Kalender;;;;08:00;08:20;nein;",
            ";;;;;;;;;",
            "",
            " ",
        )
        assert isinstance(reading(*lines), Complete)

    @pytest.mark.parametrize("kind", ["Rese?vierung", "Sperre", "Reservierungen", "\x00"])
    @pytest.mark.parametrize(
        ("cells", "days", "times"),
        [
            (";;23.11.2026;25.11.2026;12:00;13:00;;", 3, (12, 13)),
            (";A;23.11.2026;25.11.2026;12:00;13:00;;", 3, (12, 13)),
            (";A;23.11.2026;;;;;", 1, (0, 24)),
        ],
    )
    def test_a_kind_that_nobody_knows_is_not_free(
        self, kind: str, cells: str, days: int, times: tuple[int, int]
    ) -> None:
        """R6, R13: where the row does not say free in words, it is taken for a reservation, and named."""
        found = reading(f"{kind};;Kalender{cells}")
        [kept] = found.rows.reservations
        assert kept.last_day - kept.first_day + 1 == days
        assert (kept.from_second // 3600, kept.to_second // 3600) == times
        assert [each.code for each in found.rows.doubts] == ["row.occupied_unreadable_in_file"]

    @pytest.mark.parametrize(("belegt", "taken"), [("ja", True), ("nein", False), ("0", False)])
    def test_a_kind_that_nobody_knows_may_say_what_it_is(self, belegt: str, taken: bool) -> None:
        """R3: a row of the grid that says occupied or free is believed, whatever its kind is called."""
        found = reading(f"Kontrolle;;Kalender;A;23.11.2026;;08:00;08:20;{belegt};")
        assert list(found.rows.occupied if taken else found.rows.free) == list(EIGHT)
        assert not found.rows.reservations
        assert not found.rows.doubts


class TestRefusals:
    """I2: a file that is not whole, or not sure to be read right, does not count."""

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            ("Kalender;Spalte;Datum;Von\n", "file.no_field"),
            ("Kalender;Spalte;Datum;Von;Bis;Von\n", "file.field_twice"),
            ("Kalender;Spalte;Datum;Von;Bis;from\n", "file.field_twice"),
            (f'{HEADER}\nTermin;;Kalender;A;23.11.2026;;08:00;08:20;ja;"{CANARY}\n', "file.quoting"),
            (f'{HEADER}\nTermin;;Kalender;A;23.11.2026;;08:00;08:20;ja;"{CANARY}"x\n', "file.quoting"),
            (f'{HEADER}\n"T\n;;;;;;;;;;\n";;Kalender;A;23.11.2026;;08:00;08:20;ja;\n', "file.quoting"),
            (f'{HEADER}\n"{"x" * 50_000}\n{"x" * 50_000}\n{"x" * 50_000}"\n', "file.quoting"),
            (f"{HEADER}\nTermin;;Kalender;A;23.11.2026;;08:00;08:20;ja;{CANARY}", "file.cut_off"),
            ("Kalender;Spalte;Datum;Von;Bis;Belegt\nKalender;A;23.11.2026;08:00;08:20;j", "file.cut_off"),
            ("Kalender;Spalte;Datum;Von;Bis;Belegt\nKalender;A;23.11.2026;08:00;08:20;", "file.cut_off"),
            ("Kalender;Spalte;Datum;Von;Bis\nKalender;A;23.11.2026;08:00;08:2", "file.cut_off"),
            ("", "file.empty"),
        ],
    )
    def test_what_is_refused(self, text: str, code: str) -> None:
        """Faults 18 and 23: fields missing or doubled, quotation marks that swallow rows, a row that is cut."""
        assert refusal(text) == code

    @pytest.mark.parametrize("end", ["1", "ja", '"ja"'])
    def test_a_last_line_without_a_break_may_be_whole(self, end: str) -> None:
        """Fault 18: when it has all its fields, and the last of them cannot have been cut."""
        text = f"Kalender;Spalte;Datum;Von;Bis;Belegt\nKalender;A;23.11.2026;08:00;08:20;{end}"
        assert parsed(text).content.count == 1

    def test_a_file_of_bad_rows_alone_is_refused(self) -> None:
        """I12: nobody reads twenty thousand doubts."""
        assert refusal(f"{HEADER}\n" + "Termin;;Kalender;A;x;;;;ja;\n" * 20_001) == "file.too_many_rows"
        many = "".join(f"Termin;;Kalender;S{n};23.11.2026;;08:00;08:20;ja;\n" for n in range(10_100))
        assert refusal(f"{HEADER}\n{many}") == "file.too_many_rows"


class TestCharsets:
    """Umlauts are read right, or the file is refused."""

    @pytest.mark.parametrize(
        ("text", "encoding", "found"),
        [
            ("Müller, Jörg; Straße", "utf-8", "utf-8"),
            ("Müller, Jörg; Straße", "utf-8-sig", "utf-8-sig"),
            ("Müller, Jörg; Straße", "cp1252", "cp1252"),
            ("Müller, Jörg; Straße", "cp850", "cp850"),
            ("Ärztin;Öztürk;Übung", "cp1252", "cp1252"),
            ("Ärztin;Öztürk;Übung", "cp850", "cp850"),
            ("Müller sagt „Nein“ – heute €", "cp1252", "cp1252"),
            ("Kalender", "ascii", "utf-8"),
        ],
    )
    def test_encodings_are_told_apart(self, text: str, encoding: str, found: str) -> None:
        """BOM, strict UTF-8, then the vote of the umlauts."""
        assert charset(text.encode(encoding), "auto", "x.csv").encoding == found

    @pytest.mark.parametrize("other", ["cp1252", "cp850"])
    def test_two_encodings_in_one_file_are_refused(self, other: str) -> None:
        """Fault 23: a column would have two names."""
        mixed = "Müller;Jörg".encode() + "Müller;Jörg".encode(other)
        assert refusal(mixed) == "file.encoding"
        assert refusal("Müller;Jörg".encode("cp1252") + "Müller;Jörg".encode("cp850")) == "file.encoding"

    def test_a_forced_encoding_holds(self) -> None:
        """TMEX_FILE_ENCODING: even where the vote would say something else, and refused where it does not fit."""
        assert refusal("Müller".encode("cp850"), "cp1252") == "file.encoding"
        assert charset("õ÷³".encode("cp850"), "cp850", "x").encoding == "cp850"
        assert refusal("Müller;Jörg".encode("cp1252"), "utf-8") == "file.encoding"


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(["csv", "ics"]))
def test_any_bytes_are_right_or_a_fault(data: bytes, kind: str) -> None:
    """I2, fault 23: whatever stands in a file."""
    {"csv": check_csv, "ics": check_ics}[kind](data)


@given(st.lists(st.lists(st.text(max_size=12), min_size=8, max_size=12), max_size=6))
def test_any_cells_are_right_or_a_fault(cells: list[list[str]]) -> None:
    """R13, fault 23: whatever stands in the cells."""
    lines = ["\t".join(row).replace(";", "").replace("\t", ";") for row in cells]
    check_csv("".join(f"{line}\n" for line in (HEADER, *lines)).encode("utf-8", "replace"))


@given(
    st.lists(
        st.tuples(st.integers(0, 27), st.integers(0, 90), st.integers(1, 6), st.booleans(), st.sampled_from("AB")),
        max_size=60,
    ),
    st.lists(st.tuples(st.integers(0, 27), st.integers(0, 3)), max_size=4),
)
def test_what_is_written_is_read(
    appointments: list[tuple[int, int, int, bool, str]], reservations: list[tuple[int, int]]
) -> None:
    """R3, R6: any rows, in any order, exactly as they were exported."""
    practice = FilesPractice.__new__(FilesPractice)
    practice.__dict__.update(_delimiter=";", _encoding="cp1252", _backwards=False)
    practice._header = ("Art", "Praxis", "Kalender", "Spalte", "Datum", "Bis_Datum", "Von", "Bis", "Belegt", "X")
    slots = [
        Slot(
            f"2026-11-{day + 1:02} {8 + tenth // 10:02}:{tenth % 10 * 6:02}",
            f"2026-11-{day + 1:02} {9 + (tenth + length) // 10:02}:{(tenth + length) % 10 * 6:02}",
            occupied=taken,
            column=ColumnId("Kalender", column),
        )
        for day, tenth, length, taken, column in appointments
    ]
    blocks = [Block(f"2026-11-{day + 1:02}", f"2026-11-{min(day + 1 + more, 30):02}") for day, more in reservations]
    practice._rows = [*slots, *blocks]
    content = parse_csv(practice.content(), "PRAX1", "auto", "x.csv").content
    rows = Rows(A)
    content.pour(A, rows, EVERYTHING)
    ours = [each for each in slots if each.column == A]
    for kept, wanted in ((rows.occupied, True), (rows.free, False)):
        expected = sorted((instant(e.start or ""), instant(e.end or "")) for e in ours if e.occupied is wanted)
        assert sorted(zip(kept[::2], kept[1::2], strict=True)) == expected
    assert len(rows.reservations) == len(blocks)
    assert csv.field_size_limit() == 131_072
