"""Touches the world: each room knows the engine and one library, and no other room; `cli` and `demo` know several."""
