"""What the command says has the same keys and placeholders in both languages, and every verb teaches."""

import string

import pytest

from adapters.cli import VERBS
from adapters.texts.phrasing import phrase, phrases


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same() -> None:
    """I13: no phrase is missing in a language, and none has other placeholders."""
    assert phrases("de").keys() == phrases("en").keys()
    for key, german in phrases("de").items():
        assert placeholders(german) == placeholders(phrases("en")[key]), key


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_verb_teaches(verb: str, lang: str) -> None:
    """Each verb says what it does, and gives an example that can be typed."""
    assert phrase(f"help.{verb}", lang)
    assert f"tmex {verb}" in phrase(f"example.{verb}", lang)


def test_an_unknown_language_is_german_and_facts_are_filled_in() -> None:
    """I13: nobody is left without a word."""
    assert phrase("release.nothing", "fr", name="Labor") == "Labor: Es wartet nichts auf eine Freigabe."
