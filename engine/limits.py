"""What bounds every decision, times in seconds, checked where the settings are read; one value for all."""

from datetime import UTC, tzinfo

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the practice has tuned; the defaults are those of the settings of the same names."""

    interval: float = 120.0
    refresh: float = 21_600.0
    free_delay: float = 10.0
    upload_gap: float = 2.0
    upload_burst: int = 60
    concurrency: int = 4
    settle: float = 90.0
    backoff_max: float = 60.0
    guard_percent: int = 30
    guard_min: int = 7_200
    guard_confirm: float = 600.0
    block_vanished: bool = False
    default_slot: int = 900
    zone: tzinfo = UTC
    practice: str = ""
