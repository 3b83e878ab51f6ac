"""No secret of the settings shows itself: not in a value, a row, a fault, a traceback or an encoding (I7, fault 50)."""

import json
import traceback
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.settings import SETTINGS, Secret, SettingsError, describe, faults, load
from adapters.texts import LANGUAGES, say

CANARY = "c4n4ry"
"""A piece of every secret; no other text holds it."""
FULL = {
    "HOME": "/home/praxis",
    "TMEX_API_KEY": f"key-{CANARY}-key",
    "TMEX_WINDOW_URL": f"https://portal.example/w?practice={CANARY}",
    "TMEX_UPLOAD_URL": f"http://127.0.0.1:80/u?k={CANARY}",
    "TMEX_CALENDAR_1": "Dr. Adler=TK1/A",
    "TMEX_SOURCE": f"postgresql://{CANARY}:{CANARY}@db:5432/praxis?password={CANARY}",
    "TMEX_LISTEN": "0.0.0.0:8787",
    "TMEX_STATUS_TOKEN": f"{CANARY}-{CANARY}-{CANARY}",
    "TMEX_ALERT_WEBHOOK": f"https://chat.example/hooks/{CANARY}?t={CANARY}",
    "TMEX_ALERT_MAIL": f"smtps://{CANARY}:{CANARY}@mail.example?to={CANARY}@praxis.example",
    "TMEX_HEARTBEAT_URL": f"https://beat.example/{CANARY}",
}


def told(environ: dict[str, str]) -> str:
    """Everything that anybody gets to see of an environment."""
    rows = json.dumps(describe(environ)) + repr(describe(environ))
    sentences = [say(each, lang) for each in faults(environ) for lang in LANGUAGES]
    try:
        settings = load(environ)
    except SettingsError as error:
        return rows + repr(sentences) + repr(error) + str(error.faults) + "".join(traceback.format_exception(error))
    return f"{rows}{sentences}{settings!r}{settings}"


def test_good_settings_show_no_secret() -> None:
    """I7: rows show `***`; a value prints itself without its secrets, and cannot be encoded with them by accident."""
    assert faults(FULL) == ()
    assert CANARY not in told(FULL)
    settings = load(FULL)
    assert CANARY not in f"{settings!r}{settings}"
    with pytest.raises(TypeError):
        msgspec.json.encode(settings.key)
    with pytest.raises(TypeError):
        json.dumps(settings.key)  # type: ignore[unused-ignore] # the standard library takes anything


def test_rows_show_what_is_no_secret() -> None:
    """What a person needs to see stays readable: hosts, paths, schemes."""
    values = {row["name"]: row["value"] for row in describe(FULL)}
    assert values["TMEX_API_KEY"] == values["TMEX_STATUS_TOKEN"] == "***"
    assert values["TMEX_WINDOW_URL"] == "https://portal.example/w?***"
    assert values["TMEX_UPLOAD_URL"] == "http://127.0.0.1:80/u?***"
    assert values["TMEX_SOURCE"] == "postgresql://***:***@db:5432/praxis?***"
    assert values["TMEX_ALERT_WEBHOOK"] == "https://chat.example/***?***"
    assert values["TMEX_ALERT_MAIL"] == "smtps://***:***@mail.example?***"
    assert values["TMEX_HEARTBEAT_URL"] == "https://beat.example/***"
    assert (values["TMEX_LISTEN"], values["TMEX_CALENDAR_1"]) == ("0.0.0.0:8787", "Dr. Adler=TK1/A")


def test_a_key_in_a_wrong_place_is_hidden_there_too() -> None:
    """I7: some portals want the key in the path; a row hides it, be the key itself good or faulty."""
    for key in (FULL["TMEX_API_KEY"], FULL["TMEX_API_KEY"] + "\u00e9"):
        environ = FULL | {"TMEX_API_KEY": key, "TMEX_PRACTICE": f"x{key}", "TMEX_STATE": f"/s/{key}/x.db"}
        values = {row["name"]: row["value"] for row in describe(environ)}
        assert (values["TMEX_PRACTICE"], values["TMEX_STATE"]) == ("x***", "/s/***/x.db")


def test_faulty_settings_are_described_all_the_same() -> None:
    """`tmex config` works when something is wrong: what was not understood is not shown, and its row has the code."""
    rows = {row["name"]: row for row in describe({"TMEX_INTERVAL": "5s", "TMEX_REFRESH": "7h", "TMEX_CALENDAR_3": "x"})}
    assert rows["TMEX_INTERVAL"] == {
        "name": "TMEX_INTERVAL",
        "value": "***",
        "origin": "environment",
        "allowed": "60s – 24h",
        "unit": "s",
        "fault": "settings.not_allowed",
    }
    assert (rows["TMEX_REFRESH"]["value"], rows["TMEX_REFRESH"]["fault"]) == ("7h", None)
    assert (rows["TMEX_API_KEY"]["value"], rows["TMEX_API_KEY"]["fault"]) == ("", "settings.missing")
    assert rows["TMEX_CALENDAR_3"]["fault"] == "settings.calendar_unreadable"
    assert "TMEX_CALENDAR_1" not in rows


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
@pytest.mark.parametrize("spoiled", ["{}\n", "\x00{}", "{} {}", "http://{}@[", "{}=", "x={}", "{}" * 2000, "{}é"])
def test_a_faulty_value_is_never_repeated(setting: object, spoiled: str, tmp_path: Path) -> None:
    """I7: a secret in any variable, spoiled in any way, given directly, as a file or as a file's path, is not shown
    unless it is a proper value of a setting that is no secret.
    """
    name: str = setting.name  # type: ignore[attr-defined] # pytest knows no type for its parameters
    value = spoiled.replace("{}", CANARY)
    rest = {key: each for key, each in FULL.items() if key != name}
    path = tmp_path / "value"
    path.write_text(value, "utf-8")
    for environ in (rest | {name: value}, rest | {name + "_FILE": str(path)}, rest | {name + "_FILE": value}):
        if faults(environ):
            assert CANARY not in told(environ)


@given(st.dictionaries(st.sampled_from([each.name for each in SETTINGS]), st.text(max_size=30), max_size=4))
def test_any_spoiled_environment_hides_the_secrets(spoil: dict[str, str]) -> None:
    """I7, fault 50: whatever else is wrong, the secrets beside it stay hidden and each fault is one line."""
    environ = FULL | spoil
    assert CANARY not in told(environ)
    assert all(len(say(each, lang).splitlines()) == 1 for each in faults(environ) for lang in LANGUAGES)


def test_a_secret_is_a_secret_in_every_format() -> None:
    """Printed, formatted, in a list or in an f-string it is `***`; equal secrets are equal all the same."""
    secret = Secret(CANARY)
    assert f"{secret} {secret!r} {[secret]} {secret!s}" == "*** *** [***] ***"
    assert "%s %r" % (secret, secret) == "*** ***"  # noqa: UP031 - the old way of formatting must not leak either
    assert secret == Secret(CANARY) != Secret("other")
    assert (hash(secret) == hash(Secret(CANARY)), secret.reveal()) == (True, CANARY)
