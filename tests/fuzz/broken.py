"""Parsers with one mistake each, which the fuzzer has to find: the tester is tested."""

from adapters.duria.csv_format import parse_csv
from adapters.duria.trouble import ExportError, refused
from engine.model import Complete, Reading, Rows
from tests.contract.source_contract import PRACTICE, A
from tests.fuzz.decisions import nothing_freed
from tests.fuzz.exports import CSV, csv_still_says, poured
from tests.fuzz.target import Target, no_canary


def _emptied(data: bytes) -> Reading:
    """A refused export is taken for an empty one (I2)."""
    try:
        return poured(parse_csv(data, PRACTICE, "auto", "x.csv").content)
    except ExportError:
        return Complete(Rows(A))


def _chatty(data: bytes) -> None:
    """The refusal shows what it refuses (I7)."""
    try:
        parse_csv(data, PRACTICE, "auto", "x.csv")
    except ExportError:
        no_canary(refused("file.quoting", "x.csv", text=data.decode("utf-8", "replace")).fault)


def _fragile(data: bytes) -> None:
    """An index that nobody looked at, behind three doors that only coverage opens one by one."""
    if data[:1] != b"D":
        return
    if data[1:2] != b"o":
        return
    if data[2:3] == b"c":
        data[len(data)]


EMPTIED = Target("emptied", lambda data: nothing_freed(_emptied(data), CSV.times, csv_still_says(data)), (CSV.data,))
CHATTY = Target("chatty", _chatty, (CSV.data,))
FRAGILE = Target("fragile", _fragile, (b"",))
