"""Every way in which a portal, or what lies between it and us, fails, as data; and which request it befalls."""

from random import Random
from typing import Annotated, Final, Literal

import msgspec

Kind = Literal[
    "status",
    "answer",
    "redirect",
    "slow",
    "drip",
    "cut",
    "drop",
    "reset",
    "stall",
    "late",
    "gzip",
    "json",
    "long",
    "header",
    "headers",
    "hundred",
]
KINDS: Final[dict[Kind, str]] = {
    "status": "answers `status`, with `retry_after` if it is given",
    "answer": "answers 200 with `body`, `content_type`, `content_encoding`",
    "redirect": "answers 307, or `status`, to `location`",
    "slow": "answers as it should, after `seconds`",
    "drip": "answers as it should, one byte every `seconds`",
    "cut": "does what was asked, and breaks its answer off half way, `chunked` or not",
    "drop": "closes the connection after `seconds` in place of an answer",
    "reset": "the same with a TCP reset",
    "stall": "never answers; `body` is the part of an answer that comes",
    "late": "never answers, and does what was asked after `seconds`",
    "gzip": "answers `size` bytes, packed small",
    "json": "answers JSON that is nested `size` deep",
    "long": "answers `size` bytes",
    "header": "answers with one header of `size` bytes",
    "headers": "answers with headers for ever",
    "hundred": "answers 100 Continue for ever",
}
"""What each kind does to a request."""

_Size = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
_Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]


class Trouble(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What goes wrong with the next `times` requests of kind `on`, of `calendar` if it is named."""

    kind: Kind
    on: Literal["any", "window", "upload"] = "any"
    calendar: str | None = None
    times: Annotated[int, msgspec.Meta(ge=1)] = 1
    applied: bool = False
    """Whether what was asked is done all the same; `slow`, `drip` and `cut` always do it, `late` does it later."""
    seconds: _Seconds = 0.0
    status: Annotated[int, msgspec.Meta(ge=200, le=999)] = 500
    retry_after: str | None = None
    body: str = ""
    content_type: str = "application/json"
    content_encoding: str = ""
    chunked: bool = False
    location: str = ""
    size: _Size = 1_000_000


class Script:
    """The troubles to come, in order, and by chance if `hostile` was called."""

    def __init__(self) -> None:
        self.waiting: list[Trouble] = []
        self._chance: Random | None = None
        self._likely = 0.0

    def hostile(self, seed: int, likely: float = 0.1) -> None:
        """Let any request run into trouble with probability `likely`, the same for the same seed."""
        self._chance, self._likely = Random(seed), likely

    def heal(self) -> None:
        """No more trouble."""
        self.waiting.clear()
        self._chance = None

    def next(self, what: str, calendar: str) -> Trouble | None:
        """The trouble of a request for `what` ("window" or "upload")."""
        for place, trouble in enumerate(self.waiting):
            if trouble.on in {"any", what} and trouble.calendar in {None, calendar}:
                left = [msgspec.structs.replace(trouble, times=trouble.times - 1)] if trouble.times > 1 else []
                self.waiting[place : place + 1] = left
                return trouble
        if self._chance is not None and self._chance.random() < self._likely:
            return self._chance.choice(EVERYDAY)
        return None


EVERYDAY: Final = (
    Trouble(kind="status", status=500),
    Trouble(kind="status", status=502, applied=True),
    Trouble(kind="status", status=503, retry_after="1"),
    Trouble(kind="status", status=429, retry_after="2"),
    Trouble(kind="status", status=429, retry_after="soon"),
    Trouble(kind="answer", body="<html>maintenance</html>", content_type="text/html"),
    Trouble(kind="answer", body='{"accepted": ', applied=True),
    Trouble(kind="cut"),
    Trouble(kind="cut", chunked=True),
    Trouble(kind="drop"),
    Trouble(kind="drop", applied=True),
    Trouble(kind="reset", seconds=0.05, applied=True),
    Trouble(kind="slow", seconds=0.3),
    Trouble(kind="late", seconds=1.5),
    Trouble(kind="stall"),
)
"""What hostile mode draws from: troubles of an ordinary bad day, over within seconds."""

LASTING: Final[dict[str, Trouble | None]] = {
    "none": None,
    "error": Trouble(kind="status", status=500, times=10**9),
    "silent": Trouble(kind="stall", times=10**9),
    "key": Trouble(kind="status", status=401, times=10**9),
    "busy": Trouble(kind="status", status=429, retry_after="30", times=10**9),
}
"""What a person can put out of order on the page, until it is put in order again."""
