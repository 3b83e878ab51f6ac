"""A CSV export is read to its end, or refused: nothing of one that is cut off or wrongly quoted counts.

It is proven whole when it ends with a line break, or when its last row has all its fields and the last of them cannot
have been cut.
"""

import csv
import io
import re
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from itertools import islice
from typing import Final, NamedTuple

from adapters.duria import csv_text as text
from adapters.duria.charset import charset
from adapters.duria.content import Content
from adapters.duria.csv_header import Layout, layout
from adapters.duria.csv_rows import RowReader
from adapters.duria.csv_runs import Understood, key_of, runs
from adapters.duria.folder import LONGEST_LINE
from adapters.duria.trouble import refused

_BATCH: Final = 1 << 16
"""Characters that are split into lines at a time."""
_ROWS: Final = 1000
"""Rows that are read at a time; they must not take more than `_MOST_BATCHES` batches."""
_MOST_BATCHES: Final = 64
_DOS_END: Final = b"\x1a"
_BREAK: Final = re.compile(r"\r\n|\r|\n")


class Parsed(NamedTuple):
    """An export that was read to its end."""

    content: Content
    encoding: str
    umlauts: bool | None
    tail: bytes
    """What its last line was, hashed."""
    marked: bool
    """Whether the file says itself where it ends, so that no stillness needs to prove it."""
    fields: frozenset[str] = frozenset()
    """Which of the fields it has that need not be there, but without which its rows block less."""


def parse_csv(data: bytes, practice: str, encoding: str, name: str, understood: Understood | None = None) -> Parsed:
    """The content of a CSV export for one practice, with the help of what was `understood` before.

    Raises ExportError.
    """
    data = data.removesuffix(_DOS_END)
    found = charset(data, encoding, name)
    feed = _Feed(io.TextIOWrapper(io.BytesIO(data), found.encoding, newline=""), name)
    fields = layout(feed.header(), name)
    content = Content()
    rows = RowReader(fields, practice, name, content)
    if b'"' in data:
        last = _read(feed, fields, rows, name)
    else:
        last = _read_lines(feed, fields, rows, name, understood or Understood())
    if not data.endswith((b"\n", b"\r")) and not _whole(data, last, fields):
        raise refused("file.cut_off", name)
    content.close()
    return Parsed(content, found.encoding, found.umlauts, _tail(data), marked=False, fields=fields.telling)


class _Feed:
    """Gives a file's lines away, and stops giving when they never make a row."""

    def __init__(self, source: io.TextIOWrapper, name: str) -> None:
        self._source, self._name = source, name
        self.batches = 0
        """How many were given since somebody set it to 0."""
        self.lines = 0

    def header(self) -> str:
        """The first line that is not blank. Raises ExportError when there is none."""
        for line in self._source:
            self.lines += 1
            if line.strip() and not line.startswith("sep="):
                return line
        raise refused("file.empty", self._name)

    def __iter__(self) -> Iterator[str]:
        while batch := self._source.readlines(_BATCH):
            self.batches += 1
            if self.batches > _MOST_BATCHES:
                raise refused("file.quoting", self._name, line=self.lines)
            yield from batch


def _read(feed: _Feed, fields: Layout, into: RowReader, name: str) -> list[str]:
    """Read all rows; the last one is given back."""
    reader = csv.reader(feed, delimiter=fields.delimiter, strict=True)
    last: list[str] = []
    before = feed.lines
    try:
        while rows := list(islice(reader, _ROWS)):
            line, feed.batches = feed.lines + 1, 0
            feed.lines = before + reader.line_num
            lines = None if feed.lines + 1 == line + len(rows) else _lines(rows, line, fields, name)
            into.read(rows, line, lines)
            last = rows[-1]
    except csv.Error:
        raise refused("file.quoting", name, line=before + reader.line_num) from None
    return last


def _read_lines(feed: _Feed, fields: Layout, into: RowReader, name: str, understood: Understood) -> list[str]:
    """The same where nothing is quoted, so that each line is a row."""
    run, meaning, split = list[str](), repr((into.practice, *fields)), partial(csv.reader, delimiter=fields.delimiter)
    try:
        for run in runs(feed):
            key = key_of(meaning, run)
            times = understood.recall(key)
            if times is not None:
                into.take(times, len(run))
            else:
                times = into.read(list(split(run, strict=True)), feed.lines + 1)
                if times is not None:
                    understood.keep(key, times)
            feed.lines, feed.batches = feed.lines + len(run), 0
        return next(split(run[-1:], strict=True), [])
    except csv.Error:
        raise refused("file.quoting", name, line=feed.lines + 1) from None


def _lines(rows: list[list[str]], line: int, fields: Layout, name: str) -> list[int]:
    """In which line each row begins, where texts hold line breaks. Raises ExportError for a text that holds rows: a
    quotation mark that was never meant to open it would swallow them.
    """
    lines = []
    for row in rows:
        lines.append(line)
        line += 1
        for cell in row:
            parts = _BREAK.split(cell)
            if len(parts) > 1 and any(part.count(fields.delimiter) >= fields.width - 1 for part in parts):
                raise refused("file.quoting", name, line=lines[-1])
            line += len(parts) - 1
    return lines


def _whole(data: bytes, last: list[str], fields: Layout) -> bool:
    """Whether a file without a line break at its end ends all the same: its last cell is there, and not cut."""
    if len(last) != fields.width:
        return False
    if data.endswith(b'"'):
        return True
    cell = last[-1].strip()
    field = next((name for name, index in fields.at.items() if index == fields.width - 1), "")
    match field:
        case "belegt":
            return bool(cell) and text.occupied(cell) is not None
        case "von" | "bis":
            return text.clock(cell) is not None
        case "datum" | "bis_datum":
            return text.day(cell) is not None
        case _:
            return False


def _tail(data: bytes) -> bytes:
    """Of the last line, which is nowhere near the beginning of a large file."""
    end = data[-2 * LONGEST_LINE :].rstrip(b"\r\n")
    return sha256(end[max(end.rfind(b"\n"), end.rfind(b"\r")) + 1 :]).digest()
