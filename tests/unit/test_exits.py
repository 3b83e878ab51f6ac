"""Every fault code ends a command with the exit code that the contract names."""

import pytest

from adapters.exits import exit_code
from adapters.texts import TEXTS

CONTRACT = {
    0: ["calendar.guarded", "calendar.vanished", "portal.window_stale"],
    2: ["usage.no_calendar"],
    65: [
        *("source.corrupt", "source.not_a_database", "source.no_relation", "source.no_field", "source.unreadable"),
        *("source.denied", "source.broken_view"),
    ],
    69: [
        *("source.missing", "source.locked", "source.timeout", "source.wal_read_only", "source.unreachable"),
        *("source.hot_journal", "portal.server_error", "portal.busy", "portal.unreachable", "portal.timeout"),
        *("portal.cut_off", "portal.tls", "portal.no_window"),
    ],
    70: ["job.bug"],
    73: [
        *(
            "ledger.unwritable",
            "ledger.rotten",
            "ledger.unlockable",
            "ledger.set_aside",
            "ledger.locked",
            "ledger.newer",
            "ledger.foreign",
            "switch.unwritable",
        ),
        "switch.unreadable",
    ],
    75: [
        *("portal.rejected", "column.unknown", "row.end_unusable", "row.end_unusable_in_file"),
        *("row.start_unreadable", "row.occupied_unreadable", "row.start_unreadable_in_file"),
        *("reservation.day_unreadable", "reservation.end_unusable", "reservation.time_unreadable"),
        *("calendar.adrift", "calendar.by_hand", "calendar.incomplete", "job.no_answer", "job.running"),
        "job.too_slow",
    ],
    76: ["portal.not_understood", "portal.redirected", "portal.too_large", "portal.window_absurd"],
    77: ["portal.key_refused"],
    78: [code for code in TEXTS["en"] if code.startswith("settings.")],
}


@pytest.mark.parametrize(("number", "code"), [(number, code) for number, codes in CONTRACT.items() for code in codes])
def test_exit_codes(number: int, code: str) -> None:
    """I13: a script can tell the kinds of trouble apart without reading sentences."""
    assert exit_code(code) == number


def test_every_code_with_a_text_is_in_the_contract() -> None:
    """A new code is a decision about its exit code too."""
    assert {code for codes in CONTRACT.values() for code in codes} == TEXTS["en"].keys() - {"unknown"}


@pytest.mark.parametrize("code", ["", "unknown", "engine.on_fire", "job", "."])
def test_a_code_of_no_family_is_our_bug(code: str) -> None:
    """What nobody thought of is 70, or what its family is; never a success."""
    assert exit_code(code) in {70, 75}
