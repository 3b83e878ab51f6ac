"""A fault is a stable code and a few harmless facts; the sentence for people is made elsewhere.

A fact is a name of a setting, file, calendar or column, a number, or a time; never a row's text, a key, or the
message of a library, for any of these may carry a patient's name.
"""

import msgspec

Fact = str | int | float


class Fault(msgspec.Struct, frozen=True):
    """What went wrong: `code` is stable and documented, `facts` fill the placeholders of its sentence."""

    code: str
    facts: dict[str, Fact] = {}


class FaultError(Exception):
    """An error that is already understood: it carries the `Fault` that a person will read."""

    def __init__(self, code: str, **facts: Fact) -> None:
        super().__init__(code)
        self.fault = Fault(code, facts)
