"""What tmex remembers, in one SQLite file: whole or set aside, never half believed (I6)."""

from adapters.ledger.sqlite import SqliteLedger

__all__ = ["SqliteLedger"]
