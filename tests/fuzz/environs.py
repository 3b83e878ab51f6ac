"""The environment, written as lines of `NAME=value`: settings, or a list of faults; no secret shows itself."""

from typing import Final

from adapters.settings import MASK, SETTINGS, Settings, SettingsError, describe, language, load
from tests.fuzz.target import CANARY, Target, no_canary, require

GOOD: Final = {
    "HOME": "/home/praxis",
    "LANG": "de_DE.UTF-8",
    "TMEX_API_KEY": f"{CANARY}-4711",
    "TMEX_WINDOW_URL": f"https://portal.example/window?token={CANARY}",
    "TMEX_UPLOAD_URL": "http://127.0.0.1:8080/upload",
    "TMEX_CALENDAR_1": "Dr. Adler=TK1/A",
    "TMEX_CALENDAR_2": "Dr. Busch=TK1/B",
    "TMEX_SOURCE": f"postgresql://leser:{CANARY}@[::1]:5432/praxis?sslmode=require",
    "TMEX_STATUS_TOKEN": f"{CANARY}-0123456789",
    "TMEX_ALERT_MAIL": f"smtps://alarm:{CANARY}@mail.example/?to=praxis@example.org&from=tmex@example.org",
    "TMEX_ALERT_WEBHOOK": f"https://alarm.example/{CANARY}",
    **{each.name: str(each.default) for each in SETTINGS if each.default and not each.derive},
}
_SECRET: Final = frozenset({"TMEX_API_KEY", "TMEX_STATUS_TOKEN"})
"""Where all of the value is secret."""
_SECRET_PATH: Final = frozenset({"TMEX_ALERT_WEBHOOK", "TMEX_HEARTBEAT_URL"})
"""Where all but the host is."""


def written(environ: dict[str, str]) -> bytes:
    """An environment as lines."""
    return "\n".join(f"{name}={text}" for name, text in environ.items()).encode("utf-8", "surrogateescape")


def environ_of(data: bytes) -> dict[str, str]:
    """The environment that the lines mean; no other file is read than a missing one."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    pairs = [line.partition("=")[::2] for line in lines if not line.startswith(("=", "#"))]
    return {name: "/nowhere" if name.endswith("_FILE") and text.strip() else text for name, text in pairs if name}


def check_settings(data: bytes) -> None:
    """I7, I13: everything that is wrong, each with its name and range, or settings whose secrets are masked."""
    check_environ(environ_of(data))


def check_environ(environ: dict[str, str]) -> None:
    """The same for an environment."""
    require(language(environ) in {"de", "en"}, "another language")
    try:
        settings = load(environ)
    except SettingsError as error:
        require(error.faults, "a refusal without a fault")
        named = [each for each in error.faults if each.code != "settings.none"]  # which speaks of all that are missing
        require(all(each.facts["name"] for each in named), "a fault without a name")
        if not any(CANARY in name for name in environ):
            no_canary(error, error.faults)
    else:
        require(isinstance(settings, Settings), "no settings")
    _masked(environ)


def _masked(environ: dict[str, str]) -> None:
    """What `tmex config` shows of a secret is a mask, whatever is wrong with it or with others."""
    for row in describe(environ):
        name = str(row["name"])
        if name in _SECRET:
            require(row["value"] in {"", MASK}, "a secret without a mask")
        elif name in _SECRET_PATH and CANARY not in "".join(environ.get(name, "").split("/")[:3]):
            no_canary(row["value"])


_WORDS: Final = (
    *(
        b"\nTMEX_",
        b"_FILE=",
        b"TMEX_CALENDAR_3=",
        b"0",
        b"-1",
        b"1e3",
        b"90s",
        b"2m",
        b"999999d",
        b"on",
        b"off",
        b"\xff",
    ),
    *(
        b"https://",
        b"http://127.0.0.1",
        b"http://[::1",
        b"://",
        b"%zz",
        b"%00",
        b"@",
        b"]",
        b"//",
        b"?",
        b"#",
        b":99999",
    ),
    *(
        b"sqlite:///",
        b"files:///",
        b"postgresql://",
        b"UTC",
        b"right/UTC",
        b"../../x",
        b"Europe/",
        b"cp1252",
        b"\xe2\x80\xae",
    ),
)
SETTINGS_TARGET: Final = Target("settings", check_settings, (written(GOOD), b""), _WORDS)
