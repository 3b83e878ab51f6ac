"""Every fault is one sentence, in German and in English: what happened, what stays valid, who must do what (I13).

Making it never fails: a code without a text gets a general sentence, a fact that is missing a question mark. No fact
can break the line that it stands in. The files are read at once, for by the time that something is wrong it may be that
no file can be opened; they are understood when the first fault is told in their language.
"""

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from engine.faults import Fact, Fault

LANGUAGES: Final = ("de", "en")
_FILES: Final = {lang: (files(__name__) / f"{lang}.toml").read_text("utf-8") for lang in LANGUAGES}
_LONGEST_FACT: Final = 300
_LONGEST_CODE: Final = 60
_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_OPTIONAL = re.compile(r"\[\[(.*?)\]\]")
"""A clause that is left out when one of its facts is missing."""


class Parts(NamedTuple):
    """A fault in words: what happened, what stays valid, who must do what. Or the same before facts are filled in."""

    what: str
    holds: str
    do: str


def say(fault: Fault, lang: str = "de") -> str:
    """One line for people, `… [code]`; an unknown language is German."""
    return " ".join((*parts(fault, lang), f"[{clean(fault.code, _LONGEST_CODE)}]"))


def parts(fault: Fault, lang: str = "de") -> Parts:
    """The same in its three parts, without the code."""
    known = texts(lang if lang in LANGUAGES else "de")
    template = known.get(fault.code, known["unknown"])
    return Parts(*(_filled(part, fault.facts) for part in template))


@cache
def texts(lang: str) -> dict[str, Parts]:
    """By code, in one of LANGUAGES; `unknown` is what is said where there is no text."""
    return {code: Parts(**each) for code, each in tomllib.loads(_FILES[lang]).items()}


def clean(text: str, most: int = _LONGEST_FACT) -> str:
    """`text` as one short line of plain characters; what is no such character is shown by its escape (fault 50)."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return cut if cut.isprintable() else "".join(map(_visible, cut))


def _filled(template: str, facts: Mapping[str, Fact]) -> str:
    def clause(found: re.Match[str]) -> str:
        return found[1] if facts.keys() >= set(_PLACEHOLDER.findall(found[1])) else ""

    return _PLACEHOLDER.sub(lambda found: _fact(facts.get(found[1])), _OPTIONAL.sub(clause, template))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")


def _fact(value: Fact | None) -> str:
    if value is None:
        return "?"
    return clean(f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value))
