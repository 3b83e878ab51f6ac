"""Touches the world: each room knows the engine and one library, and no other room; `cli` and `demo` know several."""

__version__ = "0.1.0"
"""Of tmex; the packages take it from here. To ask the installation takes the job as long as to open its ledger."""
