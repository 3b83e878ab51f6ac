"""What the command says besides faults: every phrase in German and in English, with the same placeholders.

The files are read at once and understood when their language is spoken, as those of the faults are.
"""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Final

from engine.faults import Fact

_FILES: Final = {lang: (files(__package__) / "phrases" / f"{lang}.toml").read_text("utf-8") for lang in ("de", "en")}


def phrase(key: str, lang: str, **facts: Fact) -> str:
    """The phrase `key` with its facts filled in; an unknown language is German. Raises KeyError for an unknown key."""
    return phrases(lang if lang in _FILES else "de")[key].format(**facts)


@cache
def phrases(lang: str) -> dict[str, str]:
    """By key, `group.name`; `lang` is `de` or `en`."""
    told: dict[str, dict[str, str]] = tomllib.loads(_FILES[lang])
    return {f"{group}.{name}": text for group, known in told.items() for name, text in known.items()}
