"""compose.yaml is what the Compose specification allows, holds no secret, and starts tmex with settings that hold."""

import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import asyncpg
import pytest
from ruamel.yaml import YAML

from adapters.embedded import Server, installations
from adapters.settings import load
from adapters.settings.declared import SETTINGS
from tests.postgres import SCRIPT, server

COMPOSE: Final = Path("compose.yaml")
PASSWORD: Final = 'it\'s; $HOME `x` \\ "Kanarienvogel"'
SECRETS: Final = {
    "key": "Kanarienvogel",
    "source": "postgresql://tmex_reader:Kanarienvogel@practice/practice",
    "page": "Kanarienvogel-0123",
    "webhook": "https://alarm.example/hook",
    "mail": "smtps://user:word@mail.example:465?to=a@practice.example&from=tmex@practice.example",
    "heartbeat": "https://alarm.example/beat",
}
SETTING: Final = re.compile(r"^ {6}(# )?(TMEX_\w+): (\S.*?)  # (\S.*)$", re.MULTILINE)


def parsed(path: Path = COMPOSE) -> Any:  # noqa: ANN401 - YAML
    return YAML(typ="safe").load(path)


def test_it_is_what_the_specification_allows(tmp_path: Path) -> None:
    """By the specification's own schema, which check-jsonschema brings along; a misspelt word would be noticed."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(COMPOSE.read_text("utf-8").replace("read_only:", "readonly:"), "utf-8")
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema=vendor.compose-spec", "--output-format=json"]
    told = subprocess.run([*words, str(COMPOSE), str(wrong)], check=False, capture_output=True, text=True).stdout
    assert {each["filename"] for each in json.loads(told)["errors"]} == {str(wrong)}


def test_it_names_every_setting_with_a_reason_and_its_default() -> None:
    """Whoever edits it sees all there is: each once, with a comment; what is commented out stands at its default."""
    found = {name: (bool(off), value.strip('"')) for off, name, value, _ in SETTING.findall(COMPOSE.read_text("utf-8"))}
    named = {name.removesuffix("_FILE"): given for name, given in found.items()}
    assert {each.name for each in SETTINGS} <= named.keys()
    assert named.keys() <= {each.name for each in SETTINGS} | {"TMEX_CALENDAR_2"}
    for each in SETTINGS:
        off, value = named[each.name]
        assert value == each.default or not (off and each.default), each.name
        assert not (off and each.required)


@pytest.mark.parametrize("everything", [False, True])
def test_its_settings_hold(tmp_path: Path, everything: bool) -> None:
    """As they stand, and with every comment taken away: all of them load."""
    for name, value in SECRETS.items():
        (tmp_path / name).write_text(value + "\n", "utf-8")
    text = COMPOSE.read_text("utf-8").replace("/run/secrets/", f"{tmp_path}/")
    edited = tmp_path / "compose.yaml"
    edited.write_text(re.sub(r"^( {6})# (TMEX_)", r"\1\2", text, flags=re.MULTILINE) if everything else text, "utf-8")
    settings = load(parsed(edited)["services"]["tmex"]["environment"])
    assert len(settings.calendars) == (2 if everything else 1)
    assert settings.key.reveal() == SECRETS["key"]


@pytest.mark.parametrize("service", ["tmex", "practice"])
def test_each_service_is_hardened(service: str) -> None:
    """I12: no right, no root, a file system that is read-only, bounded memory and log, nothing open to the network."""
    found = parsed()["services"][service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "network_mode", "pid"} & found.keys()
    assert found["user"] not in {"root", "0", "0:0"}
    assert {"cpus", "memory", "pids"} <= found["deploy"]["resources"]["limits"].keys()
    assert found["logging"]["options"].keys() == {"max-size", "max-file"}
    assert all(each.startswith("127.0.0.1:") for each in found.get("ports", ()))
    assert all("noexec" in each for each in found["tmpfs"])


def test_no_secret_stands_in_it() -> None:
    """I7: each is a file that git never sees, and every one that is named is there and used."""
    compose = parsed()
    files = {name: each["file"] for name, each in compose["secrets"].items()}
    used = {name for service in compose["services"].values() for name in service["secrets"]}
    assert files == {name: f"./secrets/{name}" for name in used}
    assert "/secrets/" in Path(".gitignore").read_text("utf-8").splitlines()
    for service in compose["services"].values():
        assert not [name for name in service["environment"] if re.search(r"(KEY|PASSWORD|TOKEN|SOURCE)$", name)]


def test_it_runs_the_image_of_this_version_on_its_volume() -> None:
    """The tag is the version's, and what tmex keeps lies where the image has its volume."""
    tmex, image = parsed()["services"]["tmex"], Path("Dockerfile").read_text("utf-8")
    assert f"ARG VERSION={tmex['image'].partition(':')[2]}\n" in image
    assert f"USER {tmex['user']}\n" in image
    (volume,) = tmex["volumes"]
    assert f'VOLUME ["{volume.partition(":")[2]}"]' in image
    assert tmex["environment"]["TMEX_STATE"].startswith(volume.partition(":")[2])


@pytest.fixture
def practice() -> Iterator[Server]:
    """The newest server, in a short folder, for its socket lies there."""
    with TemporaryDirectory(prefix="pg") as folder, server(max(installations()), f"{folder}/c") as running:
        yield running


def fits(password: str, kept: str) -> bool:
    """Whether this is the password of what PostgreSQL keeps (RFC 5803)."""
    ((rounds, salt, stored),) = re.findall(r"^SCRAM-SHA-256\$(\d+):(.+)\$(.+):.+$", kept)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), b64decode(salt), int(rounds))
    return hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest() == b64decode(stored)


async def test_the_reader_gets_the_password_of_the_secret(practice: Server, tmp_path: Path) -> None:
    """What runs when the database is made: the script of `tmex sql postgres`, then the password, whatever it holds."""
    secret = tmp_path / "password"
    secret.write_text(f"{PASSWORD}\n", "utf-8")
    programs = f"{installations()[max(installations())]}:{os.environ['PATH']}"
    env = {"PATH": programs, "PGHOST": str(practice.folder), "READER_PASSWORD_FILE": str(secret)}
    env |= {"POSTGRES_USER": "postgres", "POSTGRES_DB": "postgres"}
    practice.run_script(SCRIPT)
    subprocess.run(["deploy/compose/reader-password.sh"], check=True, env=env)
    admin = await asyncpg.connect(practice.dsn())
    try:
        kept = await admin.fetchval("SELECT rolpassword FROM pg_authid WHERE rolname = 'tmex_reader'")
    finally:
        await admin.close()
    assert fits(PASSWORD, kept)
    assert not fits(PASSWORD + " ", kept)
