"""What was found, in the person's language: right, worth a look, or wrong."""

from typing import Any

import msgspec

from adapters.texts import say
from adapters.texts.phrasing import phrase
from engine.faults import Fact, Fault


class Finding(msgspec.Struct, frozen=True):
    """What was tried, how it is (`ok`, `note` or `fault`), and the sentence for people."""

    topic: str
    level: str
    text: str


class Checker:
    """Collects findings, in the language of the settings."""

    def __init__(self, lang: str) -> None:
        self.findings: list[Finding] = []
        self._lang = lang

    def word(self, kind: str, word: str) -> str:
        """A word for use within a finding."""
        return phrase(f"{kind}.{word}", self._lang)

    def ok(self, topic: str, **facts: Fact) -> None:
        """What was tried is right."""
        self.findings.append(Finding(topic, "ok", phrase(f"check.{topic}", self._lang, **facts)))

    def remark(self, topic: str, key: str, **facts: Fact) -> None:
        """It works, and should be looked at."""
        self.findings.append(Finding(topic, "note", phrase(f"check.{key}", self._lang, **facts)))

    def note(self, topic: str, fault: Fault) -> None:
        """It works, and could be better."""
        self.findings.append(Finding(topic, "note", say(fault, self._lang)))

    def fault(self, topic: str, fault: Fault) -> None:
        """It does not work."""
        self.findings.append(Finding(topic, "fault", say(fault, self._lang)))

    def passed(self) -> bool:
        """Whether no fault was found."""
        return all(each.level != "fault" for each in self.findings)

    def lines(self) -> list[str]:
        """The same for people, a line a finding."""
        return [f"{phrase(f'level.{each.level}', self._lang):<8} {each.text}" for each in self.findings]

    def as_json(self) -> dict[str, Any]:
        """The object that `check --json` prints."""
        return {"ok": self.passed(), "checks": [msgspec.to_builtins(each) for each in self.findings]}
