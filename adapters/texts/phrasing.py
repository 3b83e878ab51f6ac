"""What the command says besides faults: every phrase in German and in English, with the same placeholders."""

import tomllib
from importlib.resources import files
from typing import Final

from engine.faults import Fact


def phrase(key: str, lang: str, **facts: Fact) -> str:
    """The phrase `key` with its facts filled in; an unknown language is German. Raises KeyError for an unknown key."""
    return PHRASES.get(lang, PHRASES["de"])[key].format(**facts)


def _load(lang: str) -> dict[str, str]:
    told: dict[str, dict[str, str]] = tomllib.loads(
        files(__package__).joinpath("phrases", f"{lang}.toml").read_text("utf-8")
    )
    return {f"{group}.{name}": text for group, phrases in told.items() for name, text in phrases.items()}


PHRASES: Final = {lang: _load(lang) for lang in ("de", "en")}
"""By language and key, `group.name`."""
