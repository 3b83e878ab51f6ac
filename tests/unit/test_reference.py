"""The reference is what the code says, and a setting without its unit or its sentence is noticed."""

from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest

from adapters.settings import SETTINGS
from adapters.texts import texts
from tools import reference
from tools.house import House

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("changed", [{"en": ""}, {"de": ""}, {"default": "7", "form": None}])
def test_a_setting_that_says_too_little_is_noticed(changed: dict[str, str | None]) -> None:
    """Its range, its unit, a sentence in each language."""
    first = SETTINGS[0]
    form = msgspec.structs.replace(first.form, unit="")
    poor = msgspec.structs.replace(
        first, **{name: value or form if name == "form" else value for name, value in changed.items()}
    )
    with patch.object(reference, "SETTINGS", (poor, *SETTINGS[1:])):
        assert [line.partition(":")[0] for line in reference.unitless(House(ROOT))] == [first.name]
    assert list(reference.unitless(House(ROOT))) == []


def test_a_renamed_setting_makes_the_page_stale() -> None:
    """Added, renamed or gone: the page is written anew, or `make check` fails."""
    renamed = (msgspec.structs.replace(SETTINGS[0], name="TMEX_OTHER"), *SETTINGS[1:])
    for settings in (renamed, SETTINGS[1:], (*SETTINGS, renamed[0])):
        with patch.object(reference, "SETTINGS", settings):
            assert "docs/reference/settings.md" in " ".join(reference.outdated(House(ROOT)))


def test_every_message_is_on_the_page() -> None:
    """With its exit code, in both languages."""
    page = reference.messages()
    assert all(f"\n## {code}\n" in page for code in texts("en").keys() - {"unknown"})
    assert page.count("*Deutsch:*") == len(texts("en")) - 1
