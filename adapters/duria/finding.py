"""How one export stands, in words that a person can check it by; nothing of its rows but their number (I7)."""

from pathlib import Path

import msgspec

from adapters.duria.proof import Export
from adapters.duria.trouble import shown
from engine.faults import Fault
from engine.model import ColumnId


class FileFinding(msgspec.Struct, frozen=True, kw_only=True):
    """How one export stands, for `tmex check`."""

    file: str
    format: str
    """`csv` or `ics`."""
    encoding: str
    """As it was read; empty if it never was."""
    umlauts: bool | None
    """Whether its umlauts are read beyond doubt; None when there is none, or it was never read."""
    rows: int
    columns: tuple[ColumnId, ...]
    complete: bool
    fault: Fault | None
    """Why it does not count as it stands."""
    age: float | None
    """Seconds since it was written, not less than 0; None for one that is gone."""


def finding(export: Export, at: float) -> FileFinding:
    """How `export` stands, `at` in wall-clock seconds."""
    parsed, standing = export.parsed, export.standing
    return FileFinding(
        file=shown(export.name),
        format=Path(export.name).suffix[1:].lower(),
        encoding="" if parsed is None else parsed.encoding,
        umlauts=None if parsed is None else parsed.umlauts,
        rows=0 if parsed is None else parsed.content.count,
        columns=() if parsed is None else tuple(sorted(parsed.content.named())),
        complete=export.fault is None,
        fault=export.fault or next(iter(() if parsed is None else parsed.content.unplaced), None),
        age=None if standing is None else max(0.0, at - standing.modified / 1e9),
    )
