"""What runs at a practice may be used there, and nothing gets past the list unseen."""

from pathlib import Path

import pytest

from tools import licences
from tools.licences import Package, is_allowed, licence_of, needed, packages


def test_everything_at_run_time_may_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    """Each installed package that tmex needs, the extras of the image included."""
    assert licences.main() == 0, capsys.readouterr().out
    assert {"tmex", "aiohttp", "yarl", "icalendar", "x-wr-timezone"} <= {each.name for each in packages()}


def test_nothing_is_needed_that_is_not_locked() -> None:
    """The closure that is looked at here is what the image installs."""
    locked = {
        line.partition("==")[0] for line in Path("locks/image.txt").read_text("utf-8").splitlines() if "==" in line
    }
    assert set(needed("tmex", licences.EXTRAS)) - {"tmex"} <= locked


@pytest.mark.parametrize(
    ("name", "licence", "allowed"),
    [
        ("a", "MIT", True),
        ("a", "Apache-2.0 AND MIT", True),
        ("a", "Apache-2.0 AND GPL-3.0-only", False),
        ("a", "MIT OR GPL-3.0-only", False),
        ("a", "AGPL-3.0-or-later", False),
        ("a", "LGPL-3.0-or-later", False),
        ("x-wr-timezone", "LGPL-3.0-or-later", True),
        ("x-wr-timezone", "GPL-3.0-or-later", False),
        ("a", "", False),
    ],
)
def test_what_is_allowed(name: str, licence: str, allowed: bool) -> None:
    """A list, and two packages that are used on a condition; whatever is not plainly on it is refused."""
    assert is_allowed(Package(name, "1", licence)) is allowed


@pytest.mark.parametrize(
    ("fields", "classifiers", "licence"),
    [
        ({"License-Expression": "MIT", "License": "no"}, ["License :: OSI Approved :: BSD License"], "MIT"),
        ({"License": "Apache License 2.0"}, [], "Apache-2.0"),
        ({"License": "Dual License"}, ["License :: OSI Approved :: MIT License"], "MIT"),
        (
            {},
            ["License :: OSI Approved :: BSD License", "License :: OSI Approved :: Apache Software License"],
            "BSD-3-Clause AND Apache-2.0",
        ),
        ({}, ["License :: OSI Approved :: MIT License", "License :: Other/Proprietary License"], ""),
        ({"License": "ask us"}, [], ""),
        ({}, [], ""),
    ],
)
def test_what_a_package_says(fields: dict[str, str], classifiers: list[str], licence: str) -> None:
    """The newest field that says something; what is not known says nothing, and is refused."""
    assert licence_of(fields, classifiers) == licence


def test_a_package_that_is_not_allowed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The check can fail, and says which."""
    monkeypatch.setattr(licences, "ALLOWED", licences.ALLOWED - {"PSF-2.0"})
    assert licences.main() == 1
    assert ": PSF-2.0  -- not allowed" in capsys.readouterr().out
