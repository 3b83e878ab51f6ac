"""The environment becomes settings, or a list of everything that is wrong with it; nothing is guessed."""

import os
import subprocess
import sys
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from adapters.settings import (
    Address,
    FilesSource,
    PostgresSource,
    Secret,
    SettingsError,
    SqliteSource,
    declared,
    describe,
    faults,
    language,
    load,
    read_key,
    state_of,
)
from adapters.settings.declared import SETTINGS, Setting
from adapters.texts import say
from engine.limits import Limits
from engine.model import ColumnId

GOOD = {
    "HOME": "/home/praxis",
    "TMEX_API_KEY": "key-4711-key-4711",
    "TMEX_WINDOW_URL": "https://portal.example/window",
    "TMEX_UPLOAD_URL": "http://127.0.0.1:8080/upload",
    "TMEX_CALENDAR_1": "Dr. Adler=TK1/A",
    "TMEX_SOURCE": "sqlite:////data/praxis.db",
}
REQUIRED = [setting.name for setting in SETTINGS if setting.required]


def wrong(environ: dict[str, str]) -> dict[str, str]:
    """The codes of what is wrong, by the variable's name."""
    return {str(each.facts["name"]): each.code for each in faults(environ)}


def test_the_least_environment_gives_every_default() -> None:
    """R9, R10: five variables are enough; each default of the contract holds, the engine's own among them."""
    settings = load(GOOD)
    assert settings.limits == msgspec.structs.replace(Limits(), zone=ZoneInfo("Europe/Berlin"), practice="PRAX1")
    assert settings.key.reveal() == GOOD["TMEX_API_KEY"]
    assert settings.window_url.reveal() == GOOD["TMEX_WINDOW_URL"]
    assert settings.calendars == {"Dr. Adler": ColumnId("TK1", "A")}
    assert settings.source == SqliteSource(Path("/data/praxis.db"))
    assert (settings.practice, settings.key_header, settings.timeout) == ("PRAX1", "Authorization", 30.0)
    assert settings.state == Path("/home/praxis/.local/state/tmex/tmex.db")
    assert settings.listen == Address("127.0.0.1", 8787)
    assert (settings.stale_after, settings.history, settings.file_settle) == (600.0, 30 * 86_400, 0.3)
    assert (settings.shadow, settings.file_encoding, settings.lang) == (False, "auto", "de")
    assert (settings.log_format, settings.log_level, settings.key_file) == (None, "info", None)
    optional = (settings.status_token, settings.alert_webhook, settings.alert_mail, settings.heartbeat_url)
    assert optional == (None, None, None, None)


def test_all_faults_are_told_at_once_each_with_name_and_range() -> None:
    """I13: an empty environment lacks everything that is required, and says all of it in one go."""
    with pytest.raises(SettingsError) as told:
        load({})
    names = [each.facts["name"] for each in told.value.faults]
    assert names == [*REQUIRED, "TMEX_STATE"]
    assert all(each.facts["allowed"] for each in told.value.faults)
    assert told.value.fault == told.value.faults[0]


def test_every_setting_can_be_wrong_and_is_named_with_its_range() -> None:
    """I13: each variable, given rubbish, is a fault of its own, and the fault tells the allowed range."""
    rubbish = {setting.name: "\x00\x1b" for setting in SETTINGS}
    told = faults(GOOD | rubbish)
    assert [each.facts["name"] for each in told] == [setting.name for setting in SETTINGS]
    assert [each.facts["allowed"] for each in told] == [setting.form.allowed for setting in SETTINGS]


@pytest.mark.parametrize("name", REQUIRED)
def test_empty_required_settings_are_missing(name: str) -> None:
    """An empty or blank value is no value, and what is required must have one."""
    expected = "settings.no_calendar" if name == "TMEX_CALENDAR_1" else "settings.missing"
    assert wrong(GOOD | {name: ""}) == wrong(GOOD | {name: " \t"}) == {name: expected}


@pytest.mark.parametrize("environ", [{}, {"TMEX_LANG": "en"}, {"PATH": "/bin"}])
def test_where_nothing_is_said_the_file_of_the_settings_was_not_loaded(environ: dict[str, str]) -> None:
    """I13: each that is missing is named, and then what has most likely happened; not where one of them is there."""
    with pytest.raises(SettingsError) as caught:
        load(environ | {"HOME": "/nowhere"})
    *named, last = caught.value.faults
    assert {each.facts["name"] for each in named} == set(REQUIRED) | {"TMEX_CALENDAR_1"}
    assert last.code == "settings.none"
    with pytest.raises(SettingsError) as caught:
        load(environ | {"HOME": "/nowhere", "TMEX_API_KEY": "k"})
    assert {each.facts["name"] for each in caught.value.faults} == {*REQUIRED, "TMEX_CALENDAR_1"} - {"TMEX_API_KEY"}


@pytest.mark.parametrize("mark", ["'", '"'])
def test_quotation_marks_that_no_shell_took_away_are_refused(mark: str) -> None:
    """I13: `docker run --env-file` takes them literally: a key with them is no wrong key, nor is it another column."""
    for name in REQUIRED:
        assert wrong(GOOD | {name: f"{mark}{GOOD[name]}{mark}"}) == {name: "settings.quoted"}
    assert wrong(GOOD | {"TMEX_CALENDAR_1": "Dr. O'Neill=TK1/A'"}) == {}


def test_an_empty_optional_setting_is_as_if_unset() -> None:
    """Empty means default everywhere, except for TMEX_LISTEN, where it means off."""
    optional = {setting.name: "" for setting in SETTINGS if not setting.required and setting.name != "TMEX_LISTEN"}
    assert load(GOOD | optional) == load(GOOD)
    assert load(GOOD | {"TMEX_LISTEN": ""}).listen is None


def test_every_setting_may_come_from_a_file(tmp_path: Path) -> None:
    """NAME_FILE is as good as NAME, for every setting; the trailing newline of an editor does no harm."""
    values = GOOD | {
        setting.name: str(setting.default) for setting in SETTINGS if setting.default and not setting.derive
    }
    environ = {"HOME": GOOD["HOME"]}
    for name in values.keys() - {"HOME"}:
        path = tmp_path / name
        path.write_text(values[name] + "\r\n", "utf-8-sig")
        environ[name + "_FILE"] = str(path)
    settings = load(environ)
    assert settings.key_file == tmp_path / "TMEX_API_KEY"
    assert msgspec.structs.replace(settings, key_file=None) == load(values)
    assert {row["origin"] for row in describe(environ) if row["name"] in values} == {"file"}


def test_an_empty_file_is_an_empty_value(tmp_path: Path) -> None:
    """What holds for an empty variable holds for an empty file."""
    empty = tmp_path / "empty"
    empty.write_text("\n")
    assert load(GOOD | {"TMEX_LISTEN_FILE": str(empty)}).listen is None
    assert load(GOOD | {"TMEX_INTERVAL_FILE": str(empty)}).limits.interval == 120
    nothing = GOOD | {"TMEX_API_KEY": "", "TMEX_API_KEY_FILE": str(empty)}
    assert wrong(nothing) == {"TMEX_API_KEY": "settings.missing"}
    assert "the file of TMEX_API_KEY_FILE is empty" in say(faults(nothing)[0], "en")


def test_a_setting_given_twice_is_a_fault(tmp_path: Path) -> None:
    """NAME and NAME_FILE together are refused, for nobody could tell which one holds; an empty NAME gives way."""
    path = tmp_path / "value"
    path.write_text("180s")
    both = GOOD | {"TMEX_INTERVAL": "120s", "TMEX_INTERVAL_FILE": str(path)}
    assert wrong(both) == {"TMEX_INTERVAL": "settings.given_twice"}
    assert load(both | {"TMEX_INTERVAL": ""}).limits.interval == 180
    off = GOOD | {"TMEX_LISTEN": "", "TMEX_LISTEN_FILE": str(path)}
    assert wrong(off) == {"TMEX_LISTEN": "settings.given_twice"}


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "device", "binary", "nul"])
def test_a_file_that_cannot_be_read_is_named_by_its_variable(tmp_path: Path, kind: str) -> None:
    """I7, fault 23: a missing file, a folder, a pipe without a writer, a device and rubbish are told by the variable
    and the kind of trouble, never by the path, which may be the secret itself; and nothing waits.
    """
    path = tmp_path / "s3cr3t-s3cr3t"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "binary":
        path.write_bytes(b"\xff\xfe\x00")
    given = {"device": "/dev/zero", "nul": f"{path}\0"}.get(kind, str(path))
    (fault,) = faults(GOOD | {"TMEX_API_KEY": "", "TMEX_API_KEY_FILE": given})
    assert (fault.code, fault.facts["name"]) == ("settings.file_unreadable", "TMEX_API_KEY_FILE")
    assert "s3cr3t" not in repr(fault)


def test_a_fault_of_a_value_from_a_file_names_the_variable_of_the_file(tmp_path: Path) -> None:
    """Who reads the sentence looks for the name that was really set."""
    path = tmp_path / "value"
    path.write_text("5s")
    assert wrong(GOOD | {"TMEX_INTERVAL_FILE": str(path)}) == {"TMEX_INTERVAL_FILE": "settings.not_allowed"}


def test_a_huge_file_is_refused_without_reading_it_whole(tmp_path: Path) -> None:
    """Bounded: a sparse file of a gigabyte is no value."""
    path = tmp_path / "huge"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    assert wrong(GOOD | {"TMEX_PRACTICE_FILE": str(path)}) == {"TMEX_PRACTICE_FILE": "settings.too_long"}


@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("TMEX_INTERVALL", "TMEX_INTERVAL"),
        ("TMEX_interval", "TMEX_INTERVAL"),
        ("TMEX_KEY", "TMEX_API_KEY"),
        ("TMEX_API_KEYFILE", "TMEX_API_KEY_FILE"),
        ("TMEX_SYNC_INTERVAL", "TMEX_INTERVAL"),
        ("TMEX_CALENDER_3", "TMEX_CALENDAR_3"),
        ("TMEX_CALENDAR", "TMEX_CALENDAR_1"),
        ("TMEX_CALENDAR_0", "TMEX_CALENDAR_1"),
        ("TMEX_CALENDAR_01", "TMEX_CALENDAR_1"),
        ("TMEX_CALENDAR_٣", "TMEX_CALENDAR_1"),
        ("TMEX_CALENDAR_n", "TMEX_CALENDAR_1"),
        ("TMEX_API_KEY_FILE_FILE", "TMEX_API_KEY_FILE"),
    ],
)
def test_a_mistyped_name_is_a_fault_with_a_suggestion(name: str, like: str) -> None:
    """A limit that is set under a wrong name would silently not hold; even an empty one shows a mistake."""
    for value in ("60s", ""):
        (fault,) = faults(GOOD | {name: value})
        assert fault.code == "settings.unknown_name_like"
        assert fault.facts["like"] == like


def test_a_name_like_no_other_is_a_fault_without_a_suggestion() -> None:
    """A suggestion that helps nobody is left out, and a hostile name is shown in plain letters."""
    assert wrong(GOOD | {"TMEX_QWX": "1"}) == {"TMEX_QWX": "settings.unknown_name"}
    assert wrong(GOOD | {"TMEX_\n\udc80ö": "1"}) == {"TMEX_\n\\udc80\\xf6": "settings.unknown_name"}


def test_names_that_an_orchestrator_injects_are_passed_over() -> None:
    """A service called tmex makes TMEX_PORT… and TMEX_SERVICE_… appear; what is not ours at all is not our business."""
    injected = {
        "TMEX_PORT": "tcp://10.0.0.1:8787",
        "TMEX_PORT_8787_TCP": "tcp://10.0.0.1:8787",
        "TMEX_PORT_8787_TCP_ADDR": "10.0.0.1",
        "TMEX_SERVICE_HOST": "10.0.0.1",
        "TMEX_SERVICE_PORT_HTTP": "8787",
        "TMEXX": "1",
        "MY_TMEX_KEY": "1",
        "tmex_interval": "1",
    }
    assert load(GOOD | injected) == load(GOOD)
    assert "TMEX_PORTAL_URL" in wrong(GOOD | {"TMEX_PORTAL_URL": "x"})


def test_calendars_are_split_at_the_last_signs_and_keep_their_order() -> None:
    """R10: the last `=` splits, then the last `/`; gaps and unused slots are allowed, parts are trimmed; two online
    calendars may share a column.
    """
    calendars = {
        "TMEX_CALENDAR_10": "Zehn=TK1/A",
        "TMEX_CALENDAR_2": " a=b = TK/1 / A ",
        "TMEX_CALENDAR_1": "",
        "TMEX_CALENDAR_7": "Sieben=TK1/A",
    }
    settings = load(GOOD | calendars)
    expected = {"a=b": ColumnId("TK/1", "A"), "Sieben": ColumnId("TK1", "A"), "Zehn": ColumnId("TK1", "A")}
    assert list(settings.calendars.items()) == list(expected.items())


@pytest.mark.parametrize(
    "value",
    ["x", "=TK1/A", "x=", "x=A", "x=/A", "x=TK1/", "x= /A", " =TK1/A", "a\tb=T/A", "a=T\u2028X/A", "a=T/\udc80"],
)
def test_a_calendar_that_cannot_be_split_is_a_fault(value: str) -> None:
    """R10: no part may be empty, and none may break a line or an encoder."""
    assert wrong(GOOD | {"TMEX_CALENDAR_2": value}) == {"TMEX_CALENDAR_2": "settings.calendar_unreadable"}


@pytest.mark.parametrize("name", ["Dr. 👩\u200d⚕️ Ünal", 'Praxis "Süd"', "a=b=c", "می\u200cخواهم", "O’Brien / 2 + 1"])
def test_names_are_as_people_write_them(name: str) -> None:
    """R10: quotes, signs and joined characters belong to a name; it reaches the portal as it was given."""
    assert list(load(GOOD | {"TMEX_CALENDAR_2": f"{name}=TK/1/B"}).calendars.items())[-1] == (
        name,
        ColumnId("TK/1", "B"),
    )


def test_an_online_calendar_has_one_column_only() -> None:
    """R10: a name that stands twice is a fault of the second variable, and names the first."""
    (fault,) = faults(GOOD | {"TMEX_CALENDAR_4": " Dr. Adler = TK2/B"})
    assert (fault.code, fault.facts["name"], fault.facts["other"]) == (
        "settings.calendar_twice",
        "TMEX_CALENDAR_4",
        "TMEX_CALENDAR_1",
    )


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ("sqlite:////data/Praxis%20M%C3%BCller.db", SqliteSource(Path("/data/Praxis Müller.db"))),
        ("sqlite:////data/Praxis Müller.db", SqliteSource(Path("/data/Praxis Müller.db"))),
        ("sqlite:///praxis.db", SqliteSource(Path("praxis.db"))),
        ("files:///srv/export%23", FilesSource(Path("/srv/export#"))),
        ("files:////srv/export/", FilesSource(Path("/srv/export"))),
    ],
)
def test_a_source_in_a_file_or_folder(value: str, source: SqliteSource | FilesSource) -> None:
    """Four slashes are an absolute path, three a relative one; a folder is always absolute; paths are decoded."""
    assert load(GOOD | {"TMEX_SOURCE": value}).source == source


def test_a_source_in_a_database_keeps_its_address() -> None:
    """Both spellings of the scheme are known; the address reaches the driver as it was given."""
    for value in ("postgresql://u:p%40@db:5432/praxis?sslmode=require", "postgres:///praxis?host=/run/postgresql"):
        assert load(GOOD | {"TMEX_SOURCE": value}).source == PostgresSource(Secret(value))


def test_limits_that_depend_on_the_interval() -> None:
    """I11: a refresh shorter than the tick and an alarm not longer than it are refused when given; unset, they give
    way to a long tick.
    """
    long = GOOD | {"TMEX_INTERVAL": "12h"}
    assert load(long).limits.refresh == 12 * 3600
    assert load(long).stale_after == 24 * 3600
    assert {row["name"]: row["value"] for row in describe(long)}["TMEX_STALE_AFTER"] == "1d"
    assert load(GOOD | {"TMEX_INTERVAL": "5m", "TMEX_REFRESH": "5m"}).limits.refresh == 300
    given = GOOD | {"TMEX_INTERVAL": "10m", "TMEX_REFRESH": "599s", "TMEX_STALE_AFTER": "600s"}
    assert wrong(given) == {"TMEX_REFRESH": "settings.shorter_than", "TMEX_STALE_AFTER": "settings.not_longer_than"}
    assert {each.facts["least"] for each in faults(given)} == {"10m"}
    assert load(GOOD | {"TMEX_INTERVAL": "599s", "TMEX_STALE_AFTER": "10m"}).stale_after == 600
    seldom = load(GOOD | {"TMEX_REFRESH": "1000d", "TMEX_STALE_AFTER": "1000d"})
    assert seldom.limits.refresh == seldom.stale_after == 1000 * 86_400


def test_the_interval_is_refused_below_a_minute_not_rounded() -> None:
    """The portal's least is 60 s; a faulty interval raises no second fault in what depends on it."""
    assert load(GOOD | {"TMEX_INTERVAL": "60"}).limits.interval == 60
    for value in ("59s", "59999ms", "0", "25h"):
        assert wrong(GOOD | {"TMEX_INTERVAL": value}) == {"TMEX_INTERVAL": "settings.not_allowed"}


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "[::]", "192.168.1.5", "praxis.lan", "[fe80::1]", "127.0.0.1.evil.example"]
)
def test_a_page_for_others_needs_a_token(host: str) -> None:
    """I7: beyond loopback nobody gets in without a token of at least 16 characters."""
    open_page = GOOD | {"TMEX_LISTEN": f"{host}:80"}
    assert wrong(open_page) == {"TMEX_STATUS_TOKEN": "settings.token_missing"}
    assert wrong(open_page | {"TMEX_STATUS_TOKEN": "x" * 15}) == {"TMEX_STATUS_TOKEN": "settings.token_unusable"}
    assert load(open_page | {"TMEX_STATUS_TOKEN": "x" * 16}).listen == Address(host.strip("[]"), 80)


@pytest.mark.parametrize(
    "listen", ["127.0.0.1:80", "127.8.8.8:80", "[::1]:80", "localhost:80", "LOCALHOST:80", "127.0.0.1:0"]
)
def test_a_page_for_this_machine_needs_no_token(listen: str) -> None:
    """Loopback is loopback in all its spellings."""
    assert load(GOOD | {"TMEX_LISTEN": listen}).status_token is None


def test_the_state_is_found_by_the_xdg_rules() -> None:
    """TMEX_STATE, else below XDG_STATE_HOME if that is absolute, else below HOME; nowhere is a fault."""
    assert state_of({"TMEX_STATE": "/s/x.db", "XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/s/x.db")
    assert state_of({"XDG_STATE_HOME": "/x", "HOME": "/h"}) == Path("/x/tmex/tmex.db")
    assert state_of({"XDG_STATE_HOME": "x", "HOME": "/h"}) == Path("/h/.local/state/tmex/tmex.db")
    with pytest.raises(SettingsError) as told:
        state_of({"HOME": ""})
    assert told.value.fault.code == "settings.no_state_place"


def test_some_commands_need_the_state_alone() -> None:
    """I8: `tmex off` must work whatever else is wrong; only a wrong state stops it."""
    broken = dict.fromkeys(GOOD, "\x00") | {
        "TMEX_LANG": "fr",
        "TMEX_LOG_LEVEL": "loud",
        "TMEX_X": "1",
        "HOME": "/h",
    }
    basics = load(broken | {"TMEX_LOG_FORMAT": "TEXT"}, only_state=True)
    assert (basics.state, basics.lang, basics.log_level) == (Path("/h/.local/state/tmex/tmex.db"), "de", "info")
    assert basics.log_format == "text"
    for folder in ("/state/", ".", "..", "/state/..", "/"):
        with pytest.raises(SettingsError) as told:
            load(broken | {"TMEX_STATE": folder}, only_state=True)
        assert [each.code for each in told.value.faults] == ["settings.not_allowed"]


@pytest.mark.parametrize(
    ("environ", "lang"),
    [
        ({}, "de"),
        ({"LANG": "en_US.UTF-8"}, "en"),
        ({"LANG": "en"}, "en"),
        ({"LANG": "C.UTF-8"}, "de"),
        ({"LANG": "fr_FR"}, "de"),
        ({"LANG": "eng"}, "de"),
        ({"LANG": "en_US", "TMEX_LANG": "DE"}, "de"),
        ({"LANG": "en_US", "TMEX_LANG": "fr"}, "en"),
        ({"TMEX_LANG_FILE": "/nowhere"}, "de"),
    ],
)
def test_the_language_is_known_whatever_is_wrong(environ: dict[str, str], lang: str) -> None:
    """I13: faults of the settings are told in a language too."""
    assert language(environ) == lang


def test_a_key_is_read_again_from_its_file(tmp_path: Path) -> None:
    """I10: the key file is read with the same care every time."""
    path = tmp_path / "key"
    path.write_text("first\n")
    assert read_key(path).reveal() == "first"
    path.write_text("zw\u00f6lf\n", "utf-8")
    with pytest.raises(SettingsError) as told:
        read_key(path)
    assert told.value.fault.code == "settings.key_unusable"
    path.unlink()
    with pytest.raises(SettingsError):
        read_key(path)


def test_every_setting_is_declared_once_with_a_reason_in_both_languages() -> None:
    """The help, `tmex config` and the reference are made of the declarations: none is missing or without its reason."""
    found = [each for each in vars(declared).values() if isinstance(each, Setting)]
    assert sorted(each.name for each in found) == sorted(each.name for each in SETTINGS)
    assert len({each.name for each in SETTINGS}) == len(SETTINGS)
    assert all(each.en.endswith(".") and each.de.endswith(".") and each.form.allowed for each in SETTINGS)
    assert [row["name"] for row in describe(GOOD)] == [each.name for each in SETTINGS]


@pytest.mark.parametrize(
    "setting", [each for each in SETTINGS if each.default and not each.derive], ids=lambda each: each.name
)
def test_defaults_are_within_their_own_limits(setting: Setting[object]) -> None:
    """A default takes the same way as a value and must not be refused there."""
    assert setting.default is not None
    setting.form.parse(setting.default)


def test_without_time_zone_data_nothing_starts() -> None:
    """R9, fault 46: on a machine without any zone data that is what is said, and not that Berlin is unknown."""
    program = (
        "import sys; sys.modules['tzdata'] = None\n"
        "from adapters.settings import faults\n"
        f"environ = {GOOD!r}\n"
        "for more in ({}, {'TMEX_TIMEZONE': 'x/y'}): print(*[each.code for each in faults(environ | more)])"
    )
    environ = {"PYTHONTZPATH": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    told = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)
    assert told.stdout == "settings.zone_data_missing\n" * 2
