"""What became of the ledger's schema since the first one: every one that ever was leads to this one, step by step."""

import sqlite3
from collections.abc import Callable
from typing import Final

Step = Callable[[sqlite3.Connection], None]

STEPS: Final[tuple[Step, ...]] = ()
"""The first makes schema 2 of schema 1, and so on. A step runs in a transaction that it must not end. What it
changes in a record it must have checked, and seal anew: `opening` has the tables, `rows` a record's checksum.

A new field of a record with a default needs no step; a record that an earlier version could not read any more does.
"""
VERSION: Final = 1 + len(STEPS)
"""Of the schema; a file of a newer one is never touched."""
