"""Wrong usage is a fault like any other, and help speaks the person's language down to its headings."""

import argparse
from collections.abc import Iterable
from functools import partial
from typing import Any, NoReturn

from adapters.streams import tell
from adapters.texts.phrasing import phrase
from engine.faults import FaultError


class Parser(argparse.ArgumentParser):
    """Parses the words of a command; to be made with `lang`. Raises FaultError for words that it cannot use."""

    def __init__(self, *, lang: str, **told: Any) -> None:  # noqa: ANN401 - whatever argparse takes
        self._lang = lang
        teach = partial(_Formatter, lang=lang)
        super().__init__(**told, add_help=False, allow_abbrev=False, formatter_class=teach)
        self.add_argument("-h", "--help", action="help", help=phrase("help.help", lang))

    def print_help(self, file: object = None) -> None:  # noqa: ARG002 - argparse's own signature
        """To stdout, like every result."""
        tell(self.format_help(), end="")

    def error(self, message: str) -> NoReturn:  # noqa: ARG002 - argparse speaks English alone
        """Raise the fault that shows how the command is used."""
        usage = " ".join(self.format_usage().split()).removeprefix(phrase("help.usage", self._lang))
        raise FaultError("usage.wrong", usage=usage, command=self.prog)


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str, lang: str) -> None:
        super().__init__(prog)
        self._lang = lang

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, phrase("help.usage", self._lang) if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        told = {"positional arguments": "help.words", "options": "help.options"}.get(heading or "")
        super().start_section(phrase(told, self._lang) if told else heading)
