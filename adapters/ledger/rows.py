"""A row is its body and a checksum over its place and its body: one that rotted, or stands elsewhere, is found out."""

import hashlib
from typing import Any, Final, NamedTuple

import msgspec

from engine.model import ColumnId
from engine.ports import Ahead, CalendarRecord, ColumnRecord, Entry, PortalRecord
from engine.spans import IntervalSet

SUM_BYTES: Final = 16
KINDS: Final[dict[str, Any]] = {
    "calendar": CalendarRecord,
    "ahead": Ahead | None,
    "column": ColumnRecord,
    "portal": PortalRecord,
    "shelf": bytes,
    "set_aside": bool,
}
"""What is kept, by kind; a row of another kind is no row of ours."""


class Place(NamedTuple):
    """Where a row stands: the live ledger or the shadow's, the kind of record, and whose it is."""

    realm: str
    kind: str
    key: str


MARK: Final = Place("", "set_aside", "")
"""The row that says that an earlier ledger was set aside: for every realm, since the rows of all were in it."""


def encode(value: object) -> bytes:
    """A record as MessagePack."""
    return msgspec.msgpack.encode(value, enc_hook=_pack)


def decode(place: Place, body: bytes) -> Any:  # noqa: ANN401 - of the type that KINDS names
    """The record that `encode` made; raises ValueError when it is none."""
    if place.kind not in KINDS:
        raise ValueError("a row of no known kind")
    if place.kind == "column":
        column_of(place.key)
    return _decoded(body, KINDS[place.kind])


def decode_entry(body: bytes) -> Entry:
    """The entry of the history that `encode` made; raises ValueError when it is none."""
    entry: Entry = _decoded(body, Entry)
    return entry


def checksum(place: Place, body: bytes) -> bytes:
    """Over where the row stands and what it says; raises TypeError or ValueError for what no row can hold."""
    head = "\0".join(place).encode()
    return hashlib.sha256(len(head).to_bytes(4, "little") + head + body).digest()[:SUM_BYTES]


def mixed(total: bytes, each: bytes) -> bytes:
    """`total` with the checksum `each` put in, or taken out again; raises TypeError or ValueError for anything else."""
    if len(total) != len(each):
        raise ValueError("checksums are of one length")
    return (int.from_bytes(total) ^ int.from_bytes(each)).to_bytes(len(total))


def column_key(column: ColumnId) -> str:
    """A column as the key of its row."""
    return msgspec.json.encode([column.calendar, column.column]).decode()


def column_of(key: str) -> ColumnId:
    """The column of such a key; raises ValueError when it is none."""
    calendar, column = msgspec.json.decode(key, type=tuple[str, str])
    return ColumnId(calendar, column)


def _decoded(body: bytes, kind: Any) -> Any:  # noqa: ANN401 - a type, and a value of it
    try:
        return msgspec.msgpack.decode(body, type=kind, dec_hook=_unpack)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _pack(value: object) -> object:
    if isinstance(value, IntervalSet):
        return value.to_bytes()
    raise TypeError(type(value).__name__)


def _unpack(kind: type, value: Any) -> IntervalSet:  # noqa: ANN401 - whatever the bytes hold
    if kind is IntervalSet:
        return IntervalSet.from_bytes(value)
    raise TypeError(kind.__name__)
