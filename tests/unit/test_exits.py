"""Every fault code ends a command with the exit code that the contract names."""

import pytest

from adapters.exits import exit_code
from adapters.texts import texts

CONTRACT = {
    0: [
        "alarm.trial",
        *("calendar.guarded", "calendar.vanished", "portal.window_stale"),
        *("source.deaf", "source.no_trigger", "source.pooler", "source.queue_filling", "source.replica"),
        *("source.role_other", "source.role_wide", "file.no_events"),
    ],
    2: ["usage.no_answer", "usage.no_calendar", "usage.no_moment", "usage.wrong"],
    65: [
        *("source.corrupt", "source.not_a_database", "source.no_relation", "source.no_field", "source.unreadable"),
        *(
            "source.denied",
            "source.broken_view",
            "source.rows_hidden",
            "source.field_denied",
            "source.view_fails",
            "source.wrong_type",
        ),
        *("file.cut_off", "file.empty", "file.not_a_file", "file.too_large", "file.denied", "file.unreadable"),
        *("file.binary", "file.encoding", "file.no_field", "file.field_twice", "file.quoting", "file.line_too_long"),
        *("file.too_many_rows", "file.too_many_files", "file.not_a_calendar", "file.recurrence_refused"),
        *("file.no_column", "file.ics_missing"),
    ],
    69: [
        "alarm.undelivered",
        *("source.missing", "source.locked", "source.timeout", "source.wal_read_only", "source.unreachable"),
        *("source.hot_journal", "portal.server_error", "portal.busy", "portal.unreachable", "portal.timeout"),
        *("portal.cut_off", "portal.tls", "portal.no_window", "portal.paused", "file.none"),
        *("source.login_refused", "source.no_database", "source.too_many_connections"),
        *("source.pooler_refuses", "source.tls"),
    ],
    70: ["job.bug"],
    73: [
        "job.address_taken",
        *(
            "ledger.unwritable",
            "ledger.rotten",
            "ledger.unlockable",
            "ledger.set_aside",
            "ledger.locked",
            "ledger.newer",
            "ledger.folder",
            "ledger.no_file",
            "ledger.foreign",
            "switch.unwritable",
        ),
        *("switch.unreadable", "output.unwritable"),
    ],
    75: [
        *("portal.rejected", "column.unknown", "row.end_unusable", "row.end_unusable_in_file"),
        *("row.start_unreadable", "row.occupied_unreadable", "row.start_unreadable_in_file"),
        *("reservation.day_unreadable", "reservation.end_unusable", "reservation.time_unreadable"),
        *(
            "calendar.adrift",
            "calendar.stale",
            "calendar.by_hand",
            "calendar.incomplete",
            "job.no_answer",
            "job.running",
        ),
        *(
            "job.too_slow",
            "job.other_settings",
            "file.being_written",
            "file.vanished",
            "file.field_gone",
            "file.encoding_other",
            "row.occupied_unreadable_in_file",
        ),
        *("row.column_unreadable_in_file", "row.fields_in_file", "reservation.day_unreadable_in_file"),
        *("reservation.end_unusable_in_file", "reservation.time_unreadable_in_file"),
    ],
    76: ["portal.not_understood", "portal.redirected", "portal.too_large", "portal.window_absurd"],
    77: ["portal.key_refused"],
    78: [code for code in texts("en") if code.startswith("settings.")],
}


@pytest.mark.parametrize(("number", "code"), [(number, code) for number, codes in CONTRACT.items() for code in codes])
def test_exit_codes(number: int, code: str) -> None:
    """I13: a script can tell the kinds of trouble apart without reading sentences."""
    assert exit_code(code) == number


def test_every_code_with_a_text_is_in_the_contract() -> None:
    """A new code is a decision about its exit code too."""
    assert {code for codes in CONTRACT.values() for code in codes} == texts("en").keys() - {"unknown"}


@pytest.mark.parametrize("code", ["", "unknown", "engine.on_fire", "job", "."])
def test_a_code_of_no_family_is_our_bug(code: str) -> None:
    """What nobody thought of is 70, or what its family is; never a success."""
    assert exit_code(code) in {70, 75}
