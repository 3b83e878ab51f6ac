"""The practice's calendar, from wherever it is kept: reads, hints, and never changes anything."""
