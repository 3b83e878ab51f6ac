"""Every fault is one sentence in German and in English, whatever its facts are, and every code has its text (I13)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.texts import LANGUAGES, clean, parts, say, texts
from adapters.texts.phrasing import phrases
from engine.faults import Fact, Fault

ROOT = Path(__file__).parents[2]
CODE = re.compile(
    r"(alarm|calendar|column|file|job|ledger|output|portal|reservation|row|settings|source|switch|usage)\.[a-z_]+"
)
OTHER_WORDS = {"note", "event", "phrase"}
"""Calls whose words are no codes: those of the journal's events and of the command's phrases."""
NOT_RAISED_YET = {"calendar.incomplete", "job.running", "source.unreachable"}
"""Codes of rooms that are still being built."""
NOT_IN_GERMAN = re.compile(
    r"\b(exception|error|failed|please|timeout|request|upload|server|retry|status|the|and|is)\b", re.IGNORECASE
)
FACTS = st.dictionaries(st.text(max_size=10), st.one_of(st.text(), st.integers(), st.floats()), max_size=6)


def sources() -> Iterator[ast.Module]:
    """The modules that may raise faults; those that only list codes are none of them."""
    for path in sorted((*ROOT.glob("engine/**/*.py"), *ROOT.glob("adapters/**/*.py"))):
        if path.relative_to(ROOT).as_posix() != "adapters/exits.py":
            yield ast.parse(path.read_text("utf-8"), str(path))


def called(node: ast.AST) -> str:
    """The last word of what is called."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name
        case ast.AnnAssign(target=ast.Name(id="EVENTS")):
            return "event"
        case _:
            return ""


def codes_in(node: ast.AST) -> Iterator[str]:
    """Every text below `node` that is a fault's code."""
    if called(node) in OTHER_WORDS:
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from codes_in(child)


def placeholders(text: str) -> set[str]:
    """The facts that a text speaks of."""
    return set(re.findall(r"\{([a-z_]+)\}", text))


USED = sorted({code for tree in sources() for code in codes_in(tree)})
TEXTED = sorted(texts("en").keys() - {"unknown"})


def test_codes_are_found() -> None:
    """The search for codes finds those of both houses, however they are written there."""
    assert {"column.unknown", "settings.not_allowed", "settings.shorter_than", "settings.unknown_name"} <= set(USED)
    assert {"calendar.uploaded", "job.started"}.isdisjoint(USED)


@pytest.mark.parametrize("code", USED)
def test_every_code_has_a_text(code: str) -> None:
    """I13: what the code can raise, a person can read."""
    assert code in texts("de")
    assert code in texts("en")


@pytest.mark.parametrize("code", TEXTED)
def test_every_text_has_a_code(code: str) -> None:
    """A text that nothing raises is forgotten, or waits for its room."""
    assert code in USED or code in NOT_RAISED_YET


def test_both_languages_say_the_same() -> None:
    """I13: the same codes and keys, and for each the same facts, so that no language knows less."""
    assert texts("de").keys() == texts("en").keys()
    assert phrases("de").keys() == phrases("en").keys()
    for code, german in texts("de").items():
        assert placeholders(" ".join(german)) == placeholders(" ".join(texts("en")[code])), code
    for key, german_phrase in phrases("de").items():
        assert placeholders(german_phrase) == placeholders(phrases("en")[key]), key


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", ["unknown", *TEXTED])
def test_every_text_has_three_whole_sentences(code: str, lang: str) -> None:
    """I13: what happened, what stays valid, who must do what: each begins and ends as a sentence does."""
    for part in texts(lang)[code]:
        assert re.fullmatch(r"(tmex|\{name\}|\{other\}|[A-ZÄÖÜ])[^\n]*[^\s.,;:]\.", part), part
        assert "  " not in part
        assert not re.search(r"[{}]|\[\[|\]\]", re.sub(r"\[\[(.*?)\]\]", r"\1", re.sub(r"\{[a-z_]+\}", "", part)))


@pytest.mark.parametrize("code", ["unknown", *TEXTED])
def test_german_is_for_the_reception(code: str) -> None:
    """I13: no English, and a person who is to act: the reader, or somebody whom the reader calls."""
    text = texts("de")[code]
    assert not NOT_IN_GERMAN.search(re.sub(r"„[^“]*“|\{[a-z_]+\}", "", " ".join(text)))
    assert re.search(r"\b(Bitte|bitte|Sie)\b", text.do)


def literal_faults() -> Iterator[tuple[str, set[str]]]:
    """Faults that are written with their facts in one place: the code, and the facts' names."""
    for tree in sources():
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(id="Fault"), args=[ast.Constant(value=str(code)), ast.Dict(keys=keys)]):
                    if all(isinstance(key, ast.Constant) for key in keys):
                        yield code, {str(key.value) for key in keys if isinstance(key, ast.Constant)}
                case ast.Call(func=ast.Name(id="Fault"), args=[ast.Constant(value=str(code))]):
                    yield code, set()


@pytest.mark.parametrize(("code", "facts"), list(literal_faults()))
def test_facts_that_a_text_needs_are_given(code: str, facts: set[str]) -> None:
    """A sentence with a hole in it helps nobody: what it cannot do without is there where the fault is made."""
    needed = placeholders(re.sub(r"\[\[.*?\]\]", "", " ".join(texts("en").get(code, ()))))
    assert needed <= facts


def test_a_sentence_is_put_together() -> None:
    """I13: the three parts in one line, the code last; facts stand in their places."""
    fault = Fault("row.end_unusable", {"column": "TK1/A", "start": "2026-11-23 08:00"})
    assert say(fault, "en") == (
        "In column TK1/A the appointment at 2026-11-23 08:00 has no usable end. TMEX_DEFAULT_SLOT is blocked from its "
        "start; everything else is synced as usual. The practice must enter the right end of this appointment. "
        "[row.end_unusable]"
    )
    assert say(fault, "de").startswith("In der Spalte TK1/A hat der Termin am 2026-11-23 08:00 kein brauchbares Ende.")
    assert say(fault, "fr") == say(fault, "de") == say(fault)


def test_missing_facts_leave_a_mark_or_their_clause_out() -> None:
    """A fact that is not there never raises; where the sentence can do without, its clause goes too."""
    assert parts(Fault("row.end_unusable"), "en").what == "In column ? the appointment at ? has no usable end."
    assert parts(Fault("portal.busy", {"status": 429}), "en").what == (
        "The portal is overloaded and asks for a pause (HTTP 429)."
    )
    assert parts(Fault("portal.busy", {"status": 503, "seconds": 30.0}), "en").what == (
        "The portal is overloaded and asks for a pause of 30 seconds (HTTP 503)."
    )


def test_an_unknown_code_has_a_sentence_too() -> None:
    """I13: a text that was forgotten must not hide the fault."""
    assert say(Fault("source.haunted"), "en").endswith("or report it as a bug. [source.haunted]")
    assert say(Fault("source.haunted")).endswith("den Code in Klammern. [source.haunted]")


@given(
    code=st.one_of(st.sampled_from(TEXTED), st.text()),
    facts=FACTS,
    lang=st.one_of(st.sampled_from(LANGUAGES), st.text()),
)
def test_any_fault_is_one_short_printable_line(code: str, facts: dict[str, Fact], lang: str) -> None:
    """I13, fault 50: no fact and no code breaks the line, moves the cursor or fills the disk."""
    line = say(Fault(code, facts), lang)
    assert line.isprintable()
    assert len(line) < 10_000


@given(code=st.sampled_from(TEXTED), fact=st.text(st.characters(categories=["Cc", "Cf", "Zl", "Zp", "Cs", "L"])))
def test_every_fact_of_every_text_is_cleaned(code: str, fact: str) -> None:
    """Fault 50: the same for the facts that a text really shows."""
    names = placeholders(" ".join(texts("de")[code]))
    for lang in LANGUAGES:
        assert say(Fault(code, dict.fromkeys(names, fact)), lang).isprintable()


def test_cleaning_shows_what_it_took_away() -> None:
    """Fault 50: escapes stay readable, so that a hostile name can be found; long texts are cut."""
    assert clean("a\nb\r\x1b[31m\u2028\x85\u202e\ud800ü") == r"a\nb\r\x1b[31m\u2028\x85\u202e\ud800ü"
    assert clean("x" * 400) == "x" * 299 + "…"
    assert clean("x" * 300) == "x" * 300


def test_facts_in_braces_stay_as_they_are() -> None:
    """A name with braces or brackets is a name, not a template."""
    what = parts(Fault("calendar.by_hand", {"name": "{file} [[{name}]]"}), "en").what
    assert what.startswith("The window holds no row at all for {file} [[{name}]],")
