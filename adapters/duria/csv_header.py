"""The header line of a CSV export says which fields are read: those of the contract by name, and no other (I7)."""

import csv
from typing import Final, NamedTuple

from adapters.duria.trouble import refused

FIELDS: Final = {
    "art": "kind",
    "praxis": "practice",
    "kalender": "calendar",
    "spalte": "column",
    "datum": "date",
    "bis_datum": "to_date",
    "von": "from",
    "bis": "to",
    "belegt": "occupied",
}
"""The German name of each field, and the English one."""
_NAMES: Final = {name: german for german, english in FIELDS.items() for name in (german, english)}
_NEEDED: Final = ("kalender", "spalte", "datum", "von", "bis")
_TELLING: Final = frozenset(("art", "bis_datum"))
"""Without the one a reservation is a free row, without the other a long block ends on its first day."""
_NOTHING: Final = frozenset[str]()
_DELIMITERS: Final = (";", ",")


class Layout(NamedTuple):
    """Where the fields stand."""

    delimiter: str
    width: int
    at: dict[str, int]
    """The index of each field that is there, by its German name."""

    @property
    def telling(self) -> frozenset[str]:
        """Those of its fields that need not be there, but without which the rows block less."""
        return _TELLING.intersection(self.at) or _NOTHING


def layout(line: str, name: str) -> Layout:
    """What the header `line` of the file `name` says. Raises ExportError."""
    best = max((_split(line, delimiter, name) for delimiter in _DELIMITERS), key=lambda each: len(each.at))
    for field in _NEEDED:
        if field not in best.at:
            raise refused("file.no_field", name, field=f"{field}/{FIELDS[field]}")
    return best


def _split(line: str, delimiter: str, name: str) -> Layout:
    try:
        [cells] = csv.reader([line], delimiter=delimiter)
    except (csv.Error, ValueError):
        cells = []
    at: dict[str, int] = {}
    for index, cell in enumerate(cells):
        field = _NAMES.get(cell.strip().casefold().replace(" ", "_").replace("-", "_"))
        if field in at:
            raise refused("file.field_twice", name, field=f"{field}/{FIELDS[field]}")
        if field is not None:
            at[field] = index
    return Layout(delimiter, len(cells), at)
