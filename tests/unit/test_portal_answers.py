"""What the head of an answer means, for whatever may stand in it."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from multidict import CIMultiDict

from adapters.drflex.answers import LONGEST_PAUSE, Attempt, retry_after, takes_gzip
from engine.ports import KeyRefusedError, RejectedError

texts = st.one_of(
    st.text(),
    st.from_regex(r"[ 0-9,:;A-Za-z+.-]{0,40}"),
    st.integers().map(str),
    st.floats().map(str),
    st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT")),
)


@given(texts, st.floats(0, 4e9))
@example("Mon, 32 Jan 2026 25:61:61 GMT", 0.0)
@example("Fri, 31 Dec 9999 23:59:59 -2359", 0.0)
@example(" ", 0.0)
def test_a_pause_is_nothing_or_at_most_an_hour(text: str, wall: float) -> None:
    """Fault 24, I10: for any text, any clock."""
    seconds = retry_after(text, wall)
    assert seconds is None or 0 <= seconds <= LONGEST_PAUSE


@given(
    st.integers(100, 999), st.dictionaries(st.sampled_from(["Retry-After", "Content-Encoding"]), texts), st.booleans()
)
def test_only_a_2xx_is_not_a_refusal(status: int, headers: dict[str, str], uploads: bool) -> None:
    """I6: what is not clearly accepted is a fault; only a clear no says that an upload was not applied."""
    attempt = Attempt(uploads=uploads)
    attempt.connected = True
    refusal = attempt.refusal(status, CIMultiDict(headers), wall=0.0)
    if refusal is None:
        assert 200 <= status < 300
    else:
        assert refusal.fault.facts.get("status", status) == status
        assert refusal.maybe_applied is (uploads and not 300 <= status < 500)
        assert isinstance(refusal, KeyRefusedError) is (status in {401, 403})
        clear_no = 400 <= status < 500 and status not in {401, 403, 429}
        assert isinstance(refusal, RejectedError) is (uploads and clear_no)


@pytest.mark.parametrize(
    ("text", "takes"),
    [
        (None, False),
        ("", False),
        ("identity", False),
        ("gzip", True),
        ("deflate, GZIP ;q=0.5", True),
        ("gzip;q=0", False),
        ("gzip; q = 0.000, *", False),
        ("gzip;q=0.01", True),
        ("x-gzip, notgzip", False),
        ("*", False),
        (";;,=,", False),
    ],
)
def test_uploads_are_packed_only_where_that_is_said(text: str | None, takes: bool) -> None:
    """R2: by name, and not with a weight of nothing; a star says too little."""
    assert takes_gzip(text) is takes
