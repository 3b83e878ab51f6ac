"""Pages that say what the code says: settings, commands, exit codes, messages. None is written by hand.

`python -m tools.reference [FOLDER]` writes them; `make check` fails while one is not current.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from adapters.cli import parsers
from adapters.exits import exit_code
from adapters.settings import SETTINGS, Setting
from adapters.texts import Parts, texts
from tools.house import House

FOLDER: Final = Path("docs/reference")
NOTE: Final = "<!-- Written by `make format` from the code; `make check` fails while it is not current. -->\n"
HERE: Final = Path("tools/reference.py")
LAID_OUT_BY: Final = (3, 11)
"""The Python whose argparse laid the commands out; others do it a little differently."""
MEANINGS: Final = {
    0: "done; for a notice: nothing to do, or it is done by itself",
    1: "`check` found a fault, or `health` no living job",
    2: "wrong usage",
    65: "the source is there and cannot be understood",
    69: "the source or the portal cannot be reached, or refuses to be read",
    70: "a bug in tmex",
    73: "the state, or the result, cannot be written; another state is in the way",
    75: "a calendar failed, is incomplete, or waits for a person",
    76: "the portal's answer is not understood",
    77: "the portal refuses the key",
    78: "the settings are wrong",
    130: "ended by Ctrl-C",
}


def settings() -> str:
    """Every setting with its range, unit, default and reason, in both languages."""
    lines = [
        "# Settings\n",
        NOTE,
        "Each is an environment variable. With `_FILE` behind its name it is the path of a file that holds",
        "the value. A bare number counts what the unit says; durations may be written as `300ms`, `10s`,",
        "`5m`, `6h` or `1d`. An empty value is the default, but for `TMEX_LISTEN`, where it means: nowhere.",
        "`tmex config` shows what is in force, and where it comes from.\n",
    ]
    return "\n".join([*lines, *map(_setting, SETTINGS)])


def _setting(setting: Setting[object]) -> str:
    default = f"`{setting.default}`" if setting.default else "must be set" if setting.required else "none"
    unit = f" · unit: {setting.form.unit}" if setting.form.unit else ""
    facts = f"Default: {default} · allowed: `{setting.form.allowed}`{unit}"
    return f"## {setting.name}\n\n{facts}\n\n{setting.en}\n\n*Deutsch:* {setting.de}\n"


def commands() -> str:
    """What each command says of itself."""
    os.environ["COLUMNS"] = "100"  # argparse asks for the width that it writes in
    told = {name if name == "tmex" else f"tmex {name}": each.format_help() for name, each in parsers("en").items()}
    lines = [
        "# Commands\n",
        NOTE,
        "The same in German with `TMEX_LANG=de`. DURIA's own words work too: `+J`, `-J`, `P`.\n",
    ]
    return "\n".join([*lines, *(f"## {name}\n\n```text\n{text.rstrip()}\n```\n" for name, text in told.items())])


def exits() -> str:
    """Every exit code, and which messages end with it."""
    codes: dict[int, list[str]] = {code: [] for code in MEANINGS}
    for code in sorted(texts("en").keys() - {"unknown"}):
        codes[exit_code(code)].append(f"[`{code}`](../messages.md#{_anchor(code)})")
    rows = [f"| {number} | {MEANINGS[number]} | {', '.join(names)} |" for number, names in sorted(codes.items())]
    head = "| code | meaning | messages |\n| --- | --- | --- |"
    return "\n".join(["# Exit codes\n", NOTE, "Of several faults the first one decides.\n", head, *rows, ""])


def messages() -> str:
    """Every message in both languages: what happened, what still holds, who must do what."""
    lines = [
        "# Messages\n",
        NOTE,
        "Every message ends with its code in brackets, which never changes. Words in `{braces}` are filled",
        "in; what stands in `[[double brackets]]` is left out where a fact is not known. Each says what",
        "happened, what still holds, and who must do what. To whoever reads one out on the phone: the code is",
        "enough.\n",
    ]
    return "\n".join([*lines, *(_message(code) for code in texts("en") if code != "unknown")])


def _message(code: str) -> str:
    german, english = texts("de")[code], texts("en")[code]
    return f"## {code}\n\nExit code {exit_code(code)}.\n\n{_told(english)}\n\n*Deutsch:* {_told(german)}\n"


def _told(parts: Parts) -> str:
    return f"{parts.what} {parts.holds} **{parts.do}**".replace("<", "&lt;")


def _anchor(heading: str) -> str:
    return heading.replace(".", "").lower()


PAGES: Final[dict[Path, Callable[[], str]]] = {
    FOLDER / "settings.md": settings,
    FOLDER / "commands.md": commands,
    FOLDER / "exit-codes.md": exits,
    Path("docs/messages.md"): messages,
}


def unitless(_: House) -> Iterator[str]:
    """Every setting says in both languages what it is for, and what a bare number of it counts."""
    for setting in SETTINGS:
        if not (setting.en and setting.de and setting.form.allowed):
            yield f"{setting.name}: the reference needs its range and a sentence in each language."
        if setting.default and setting.default.isdecimal() and not setting.form.unit:
            yield f"{setting.name}: a number needs its unit."


def outdated(house: House) -> Iterator[str]:
    """Each page is what the code says."""
    if HERE not in house.files:
        return
    for path, page in PAGES.items():
        if page is commands and sys.version_info[:2] != LAID_OUT_BY:
            continue
        if house.text(path) != page():
            yield f"{path}: the code says something else by now: run make format."


CHECKS = (unitless, outdated)


def main(root: Path) -> None:
    """Write the pages."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    for path, page in PAGES.items():
        (root / path).write_text(page(), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
