"""The ledger's stored rows: what `encode` made comes back, anything else is a ValueError, and nothing is half believed.

The first byte says which kind of row it is.
"""

from typing import Final

from adapters.ledger.rows import KINDS, Place, column_key, column_of, decode, decode_entry, encode
from engine.model import ColumnId, Instant, Window
from engine.plan import Loss, Peak, Standing
from engine.ports import CalendarRecord, ColumnRecord, Entry, PaceRecord, PortalRecord
from engine.spans import IntervalSet
from tests.fuzz.target import Target, no_canary, require

_SPANS: Final = IntervalSet([(1_795_420_800, 1_795_424_400), (1_795_428_000, 1_795_429_200)])
_STANDING: Final = Standing(
    baseline=_SPANS, pending=_SPANS, clock=7.5, losses=(Loss(3.0, _SPANS),), peaks=(Peak(1.0, 9),)
)
_RECORDS: Final[dict[str, object]] = {
    "calendar": CalendarRecord(standing=_STANDING, pace=PaceRecord(3.0, 4.0, 5.0), right_at=1.5),
    "column": ColumnRecord(_SPANS),
    "portal": PortalRecord(Window(Instant(0), Instant(86_400)), 4.0, {"portal.example:443": 9.0}, 5.0),
    "shelf": b"memo",
    "set_aside": True,
    "entry": Entry(at=1.0, calendar="Dr. Adler", added=_SPANS, removed=IntervalSet(), seconds=0.5),
}
_NAMES: Final = tuple(_RECORDS)
_KEY: Final = column_key(ColumnId("Kalender", "A"))


def check_ledger(data: bytes) -> None:
    """I6, fault 39: a record that comes back as it was written, or a ValueError."""
    kind, body = _NAMES[data[0] % len(_NAMES)] if data else "calendar", data[1:]
    try:
        record = decode_entry(body) if kind == "entry" else decode(Place("live", kind, _KEY), body)
    except ValueError as error:
        no_canary(error)
        return
    require(kind == "entry" or isinstance(record, KINDS[kind]), "of another type")
    again = encode(record)
    same = decode_entry(again) if kind == "entry" else decode(Place("live", kind, _KEY), again)
    require(encode(same) == again, "it does not come back as it was")


def check_key(data: bytes) -> None:
    """I6: the column of a row's key, or a ValueError."""
    try:
        column = column_of(data.decode("utf-8", "surrogateescape"))
    except ValueError:
        return
    require(column_of(column_key(column)) == column, "another column")


_SEEDS: Final = tuple(bytes([number]) + encode(each) for number, each in enumerate(_RECORDS.values()))
_PACKED: Final = (
    *(b"\xc0", b"\xc3", b"\xcb\x7f\xf8\0\0\0\0\0\0", b"\xcf" + b"\xff" * 8, b"\xd3\x80" + b"\0" * 7, b"\x91" * 3000),
    *(
        b"\x81\xa1x" + b"\x91" * 3000,
        b"\xc4\x10" + b"\xff" * 16,
        b"\xdf\xff\xff\xff\xff",
        b"\xa8baseline",
        b"\xa8standing",
    ),
)
LEDGER_TARGET: Final = Target("ledger", check_ledger, _SEEDS, _PACKED)
KEY_TARGET: Final = Target("key", check_key, (_KEY.encode(),), (b"[" * 3000, b'"', b"\\ud800", b",", b"[]", b"null"))
