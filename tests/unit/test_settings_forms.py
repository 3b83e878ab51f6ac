"""Whatever text is given, a form gives a value within its limits or refuses it: never another error, never a guess."""

import math
import re
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.settings import SETTINGS, Address, Mail, Secret, Setting, is_loopback
from adapters.settings.addresses import listen, mail, source, web
from adapters.settings.declared import CALENDAR
from adapters.settings.forms import (
    choice,
    duration,
    duration_text,
    encoding,
    file,
    header,
    key,
    name,
    number,
    switch,
    token,
    whole_seconds,
    zone,
)
from adapters.settings.values import RefusedError

PIECES = st.sampled_from(
    [
        *":/@?#%=&,.[]\\ \t\n\x00",
        *("//", "%2F", "%00", "%zz", "http", "https", "postgresql", "sqlite", "files", "smtp", "localhost"),
        *("127.0.0.1", "::1", "[::1]", "db", "5432", "65536", "²", "é", "\ud800", "\u2028", "user", "to", "a@b"),
    ]
)
ADDRESSES = st.lists(PIECES, max_size=12).map("".join)
ANYTHING = st.one_of(st.text(), ADDRESSES, st.from_regex(r"[0-9]{1,20}(ms|s|m|h|d)?", fullmatch=True))


def refused(text: str, form: object) -> str:
    """The code with which `form` refuses `text`."""
    with pytest.raises(RefusedError) as told:
        form.parse(text)  # type: ignore[attr-defined] # any form will do
    assert told.value.fault.facts == {}
    return told.value.fault.code


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda each: each.name)
@given(text=ANYTHING)
@example("Europe")
@example("Europe/")
@example("x" * 5000)
@example("https://[::1")
@example("https://\uff41\uff20b")
def test_every_form_gives_a_value_or_refuses(setting: Setting[object], text: str) -> None:
    """I2, fault 50: no text of the environment ends in anything but a value or a fault with a code of the settings."""
    with suppress(RefusedError):
        setting.form.parse(text)


@given(amount=st.integers(0, 10**9), unit=st.sampled_from(["", "ms", "s", "m", "h", "d"]))
def test_durations_are_exact_and_within_their_limits(amount: int, unit: str) -> None:
    """A bare number counts seconds; what lies outside the limits is refused, what lies inside is exact."""
    seconds = amount * {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400}[unit]
    form = duration("1s", "400d")
    if 1 <= seconds <= 400 * 86_400:
        assert form.parse(f"{amount}{unit}") == pytest.approx(seconds)
    else:
        refused(f"{amount}{unit}", form)


@given(milliseconds=st.integers(0, 400 * 86_400_000))
def test_a_duration_reads_back_as_it_is_told(milliseconds: int) -> None:
    """What `tmex config` shows for a default that gave way can be set just so."""
    assert duration("0", "400d").parse(duration_text(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(
    "text",
    [
        *"smhd",
        *("", " 9", "9 s", "+9", "-9", "09", "9.5", "9,5", "1e3", "0x9", "1_0", "٩", "９", "²", "9S", "9M"),
        *("1h30m", "nan", "inf", "-inf", "9sec", "9 ", "9\n", "9999999999999", "9\x00", "∞"),
    ],
)
def test_numbers_are_plain_digits(text: str) -> None:
    """Signs, exponents, fractions, leading zeros, foreign digits and capital units are refused, not interpreted."""
    refused(text, duration("0", "400d"))
    refused(text, whole_seconds("0", "400d"))
    refused(text, number(0, 100))


def test_limits_are_inclusive() -> None:
    """Just below, at and above each limit."""
    assert [number(1, 100).parse(text) for text in ("1", "100")] == [1, 100]
    assert [refused(text, number(1, 100)) for text in ("0", "101")] == ["settings.not_allowed"] * 2
    assert [duration("60s", "24h").parse(text) for text in ("60", "24h", "1d")] == [60, 86_400, 86_400]
    assert [refused(text, duration("60s", "24h")) for text in ("59s", "86401")] == ["settings.not_allowed"] * 2
    assert whole_seconds("1m", "24h").parse("60000ms") == 60
    refused("60001ms", whole_seconds("1m", "24h"))
    assert math.isclose(duration("0", "10m").parse("300ms"), 0.3)


def test_switches_know_two_words() -> None:
    """`on` and `off` in any case; everything else that people write for them is refused."""
    assert [switch().parse(text) for text in ("on", "ON", "Off", "oFF")] == [True, True, False, False]
    assert {refused(text, switch()) for text in ("yes", "1", "true", "0", "no", "ja", "o n", "oﬀ")} == {
        "settings.not_allowed"
    }


def test_choices_are_words_in_any_case() -> None:
    """One of the words, spelled as declared."""
    assert choice("debug", "info").parse("INFO") == "info"
    refused("inf", choice("debug", "info"))


def test_header_names_are_tokens() -> None:
    """RFC 9110: a token; not one that shapes the request itself; Authorization in one spelling."""
    assert header().parse("X-Api-Key") == "X-Api-Key"
    assert header().parse("AUTHORIZATION") == "Authorization"
    for text in ("X Api", "X:", "Ключ", "X\r\nHost", "", "Authorization: Bearer x", "x" * 201):
        assert refused(text, header()) == "settings.header_unusable"
    for text in ("Host", "content-length", "Transfer-Encoding", "connection"):
        assert refused(text, header()) == "settings.header_unusable"


def test_keys_can_stand_in_a_header() -> None:
    """Printable ASCII; a line break would smuggle a header, a smart quote come from a word processor."""
    assert key().parse("a B~!").reveal() == "a B~!"
    for text in ("a\nb", "a\rb", "a\x00", "a\x7f", "ä", "a\u2019", "a\u00a0b", "\ud800"):
        assert refused(text, key()) == "settings.key_unusable"


def test_tokens_are_long_enough() -> None:
    """At least 16 characters, of those that a header takes."""
    assert token(16).parse("x" * 16).reveal() == "x" * 16
    for text in ("x" * 15, "ä" * 16, "x" * 16 + "\n"):
        assert refused(text, token(16)) == "settings.token_unusable"


def test_names_break_no_line() -> None:
    """Fault 50: controls, line ends, invisible signs and half characters are no part of a name; others are."""
    for text in ("PRAX1", "Dr. Müller", "Dr.\u00a0Adler", "日本", "a" * 200):
        assert name().parse(text) == text
    for text in ("", "a\nb", "a\x1b[31m", "a\u2028b", "a\x85b", "a\u202eb", "\ud800", "a" * 201):
        refused(text, name())


def test_encodings_by_all_their_names() -> None:
    """The usual spellings lead to one canonical name; what is no encoding of German text is refused."""
    spelled = ["auto", "AUTO", "UTF-8", "utf8", "windows-1252", "CP850", "latin-1", "iso-8859-15"]
    expected = ["auto", "auto", "utf-8", "utf-8", "cp1252", "cp850", "iso8859-1", "iso8859-15"]
    assert [encoding().parse(text) for text in spelled] == expected
    for text in ("utf-16", "utf-7", "idna", "unicode_escape", "hex", "rot13", "../x", "a.b", "undefined", "mbcs", "ü"):
        refused(text, encoding())


def test_zones_are_iana_names() -> None:
    """R9: a name that zone files know; not a path, a folder, a leap-second zone or whatever this machine has."""
    assert zone().parse("Europe/Zurich").key == "Europe/Zurich"
    bad = ["Berlin", "Europe", "CET+1", "../etc/passwd", "/etc/localtime", "localtime", "right/Europe/Berlin"]
    for text in [*bad, "posix/Europe/Berlin", "Europe/Berlin\x00", "zone.tab", "Factory", "posixrules"]:
        assert refused(text, zone()) == "settings.zone_unknown"


def test_files_are_paths_of_files() -> None:
    """A path may be relative and have spaces; a folder's path and unprintable ones are refused."""
    assert str(file().parse("/var/lib/tmex/a b.db")) == "/var/lib/tmex/a b.db"
    for text in ("/var/lib/tmex/", "/x\ny", "\ud800"):
        refused(text, file())


@pytest.mark.parametrize(
    "text",
    [
        "https://portal.example/w",
        "https://portal.example:8443/w?practice=4711&x=%20",
        "HTTPS://Portal.Example",
        "https://192.0.2.7/w",
        "https://[2001:db8::1]:443/w",
        "http://localhost:8080/w",
        "http://LocalHost/w",
        "http://127.0.0.1/w",
        "http://127.255.0.9:1/w",
        "http://[::1]:65535/w",
    ],
)
def test_web_addresses(text: str) -> None:
    """Https anywhere, http to this machine; the address stays as it was given."""
    assert web().parse(text).reveal() == text


@pytest.mark.parametrize(
    "text",
    [
        "http://portal.example/w",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://localhost.:80/",
        "http://192.168.1.5/",
        "http://0.0.0.0/",
        "http://[::]/",
        "http://[::ffff:8.8.8.8]/",
    ],
)
def test_plain_http_stays_on_this_machine(text: str) -> None:
    """I7, fault 32: the key never travels in the clear; what only begins like loopback is not loopback."""
    assert refused(text, web()) in {"settings.url_insecure", "settings.url_unusable"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "portal.example", "//portal.example/", "https:/portal.example", "https://", "https:///w"),
        *("https://:443/", "ftp://portal.example/", "file:///etc/passwd", "https://user@portal.example/"),
        *("https://u:p@portal.example/", "http://127.0.0.1@evil.example/", "http://127.0.0.1\\@evil.example/"),
        *("http://localhost#@evil.example/", "https://portal.example/#x", "https://portal.example/w#"),
        *("https://portal.example/a b", "https://a\tb/", "https://portal.example:0/"),
        *("https://portal.example:65536/", "https://portal.example:/", "https://a:b/"),
        *("https://portal.example:８０/", "https://pörtal.example/", "https://[::1", "https://[gg]/"),
        *("https://127.1/", "https://0177.0.0.1/", "https://2130706433/", "https://portal..example/"),
        *("https://portal.example/%zz", "https://p\n/", "https://portal.example/" + "x" * 2048),
        *("https://[127.0.0.1]/", "http://2130706433/", "http://127.1/"),
    ],
)
def test_web_addresses_that_two_parsers_could_read_differently_are_refused(text: str) -> None:
    """I7, fault 32: no user, no fragment, no foreign digits, no odd spelling of a number; strictness costs nothing."""
    assert refused(text, web()) == "settings.url_unusable"


@given(text=ADDRESSES)
def test_an_accepted_address_is_secure(text: str) -> None:
    """I7: whatever is accepted is https, or http whose host is loopback by an independent reading of the text."""
    for start in ("http://", "https://"):
        with suppress(RefusedError):
            host = re.fullmatch(r"https?://([^/?]*).*", web().parse(start + text).reveal())
            assert host is not None
            bare = re.sub(r":[0-9]+$", "", host[1]).strip("[]")
            assert start == "https://" or is_loopback(bare)
            assert not set("@#\\ ") & set(host[0].partition("?")[0][: len(start) + len(host[1])])


@pytest.mark.parametrize(
    "text",
    [
        *("", "/data/x.db", "sqlite:/x", "sqlite://x", "sqlite:///", "sqlite://host/x", "sqlite:////x?mode=rwc"),
        *("sqlite:////x#y", "sqlite:////x%00", "sqlite:////x%zz", "sqlite:////x%ff", "sqlite:////x%0a"),
        *("sqlite:////x\n", "sqlite:////\ud800", "files://", "files:///", "files:////", "files:relative"),
        *("files://host/x", "files:///x?y", "odbc://x", "mysql://x/y", "postgresql://", "postgresql:///"),
        *("postgresql:x", "postgresql://u:p#w@h/db", "postgresql://u:p/w@h/db", "postgresql://u:12/34@h/db"),
        *("postgresql://u:p@w@h/db", "postgresql://u:p?w@h/db", "postgresql://h:port/db"),
        *("postgresql://h:99999/db", "postgresql://h/a/b", "postgresql://h h/db", "postgresql://u:ü@h/db"),
        *("postgresql://[::1/db", "postgresql://h1,,h2/db", "postgresql://h/db?sslmode"),
        *("postgresql://h/db?sslmode=bogus", "postgresql://h/db?sslmode=REQUIRE"),
    ],
)
def test_sources_that_a_driver_could_misread_are_refused(text: str) -> None:
    """I7: a password with an unescaped `/`, `#`, `?` or `@` would make the driver repeat a piece of it in an error."""
    assert refused(text, source()) == "settings.source_unusable"


@pytest.mark.parametrize(
    "text",
    [
        *("postgresql://h/db", "postgres://u@h:5432/db"),
        *("postgresql://u:p%2F%40@h1:1,h2:2/db?target_session_attrs=any", "postgresql://u@[::1]:5432/db"),
        *("postgresql:///db?host=/run/postgresql", "postgresql://u@%2Frun%2Fpostgresql/db"),
    ],
)
def test_databases_in_all_their_spellings(text: str) -> None:
    """What the driver understands beyond doubt is accepted."""
    source().parse(text)


def test_addresses_to_listen_on() -> None:
    """`host:port` and nothing less: a missing host would mean every network, a missing port would be a guess."""
    assert listen().parse("") is None
    assert listen().parse("[::1]:0") == Address("::1", 0)
    assert listen().parse("praxis.lan:65535") == Address("praxis.lan", 65535)
    for text in (
        ":80",
        "80",
        "*:80",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "::1:80",
        "a b:80",
        "http://a:80",
        "127.0.0.1:８０",
    ):
        assert refused(text, listen()) == "settings.listen_unusable"


def test_mail_servers() -> None:
    """Scheme, user and recipients; the sender is the first recipient unless told."""
    told = mail().parse("smtps://u%40x:p%2Fw@mail.example?to=a@b.de,c@d.de&from=tmex@b.de")
    assert told == Mail(
        host="mail.example",
        port=465,
        tls=True,
        user=Secret("u@x"),
        password=Secret("p/w"),
        sender="tmex@b.de",
        to=("a@b.de", "c@d.de"),
        shown="smtps://***:***@mail.example?***",
    )
    plain = mail().parse("smtp://127.0.0.1:2525/a@b.de")
    assert (plain.host, plain.port, plain.tls, plain.to, plain.sender) == (
        "127.0.0.1",
        2525,
        False,
        ("a@b.de",),
        "a@b.de",
    )


@pytest.mark.parametrize(
    "text",
    [
        *("", "a@b.de", "mailto:a@b.de", "smtp://", "smtp://h", "smtp://h?to=", "smtp://h?to=a"),
        *("smtp://h?to=a@b&cc=c@d", "smtp://h?to=a@b%0d%0aBcc:c@d", "smtp://h?to=a@b&from=%0a"),
        *("smtp://h:x?to=a@b", "http://h?to=a@b", "smtp://h?to"),
    ],
)
def test_mail_addresses_that_break_a_message_are_refused(text: str) -> None:
    """Fault 50: a line break in a recipient would add a header."""
    assert refused(text, mail()) == "settings.mail_unusable"


def test_loopback_is_known_by_name_and_number() -> None:
    """All of 127.0.0.0/8, ::1 and localhost; nothing that merely looks like it."""
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "128.0.0.1", "localhost.example", "127.1", "")))


def test_a_calendar_is_told_by_example() -> None:
    """The range of a calendar is an example that the form itself accepts."""
    assert CALENDAR.form.parse(CALENDAR.form.allowed)[0] == "Dr. Adler"
