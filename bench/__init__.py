"""Measures tmex against the least that any program must do, side by side in one run; see `python -m bench --help`."""
