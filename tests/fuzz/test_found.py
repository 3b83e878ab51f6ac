"""What a search has found once: the inputs stay here, and never find anything again."""

import pytest

from tests.fuzz.targets import TARGETS, found

_NESTED = b"[" * 5000

FOUND = [
    # msgspec gives up at the interpreter's depth by a RecursionError, which is no ValueError.
    ("hint", b'{"x":' + _NESTED),
    ("hint", _NESTED),
    ("key", _NESTED),
    ("window", _NESTED),
    ("upload", b'{"x":' + _NESTED),
    ("ledger", b"\x05" + b"\x91" * 5000),
    ("ledger", b"\x00" + b"\x81\xa1x" + b"\x91" * 5000),
]


@pytest.mark.parametrize(("name", "data"), FOUND, ids=[f"{name}-{number}" for number, (name, _) in enumerate(FOUND)])
def test_what_was_found_once(name: str, data: bytes) -> None:
    """I2, I5, I6, faults 29 and 39: right or refused, ever since."""
    assert name in TARGETS
    found(name).check(data)
