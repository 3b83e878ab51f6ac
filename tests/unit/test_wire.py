"""The wire says exactly what is blocked, and understands the portal's window or refuses it."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.drflex.holdings import read_upload
from adapters.drflex.wire import Uploads, decode_accepted, decode_window, encode_upload
from engine.faults import Fault, FaultError
from engine.model import DAY, Instant, Window
from engine.spans import IntervalSet
from engine.walltime import WallClock

BERLIN = WallClock(ZoneInfo("Europe/Berlin"))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHANGES = [
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("Australia/Lord_Howe", "2026-04-05"),  # half an hour
    ("America/Sao_Paulo", "2018-11-04"),  # midnight is left out
    ("America/Sao_Paulo", "2018-02-18"),  # midnight's last hour comes twice
    ("America/Havana", "2026-11-01"),  # midnight comes twice
    ("Pacific/Apia", "2011-12-30"),  # a whole day is left out
    ("Asia/Pyongyang", "2018-05-04"),  # the last half hour is left out
    ("Asia/Kathmandu", "1986-01-01"),  # a quarter of an hour
    ("Africa/Monrovia", "1972-01-07"),  # 44 minutes and 30 seconds
]
ZONES = sorted({zone for zone, _ in CHANGES} | {"UTC"})


def noon(day: str) -> int:
    """Noon of a date, in UTC."""
    return int(datetime.fromisoformat(f"{day}T12:00Z").timestamp())


def instant(text: str) -> Instant:
    """The instant of an ISO text with its offset."""
    return Instant(int(datetime.fromisoformat(text).timestamp()))


def asked(start: object, end: object) -> bytes:
    """The portal's answer that asks for `start` to `end`."""
    return json.dumps({"from": start, "to": end}).encode()


# ------------------------------------------------------------------------------------------------------ upload


def naive(name: str, window: Window, blocked: IntervalSet, zone: ZoneInfo) -> dict[str, object]:
    """The upload, made the slow way."""

    def shown(second: int) -> str:
        return datetime.fromtimestamp(second, zone).isoformat()

    rows = [{"start": shown(start), "end": shown(end)} for start, end in window.clip(blocked)]
    return {"calendar": name, "from": shown(window.start), "to": shown(window.end), "appointments": rows}


def spans_near(center: int) -> st.SearchStrategy[tuple[int, int]]:
    """Intervals of a minute to two days, on whole minutes or any second, within three days of `center`."""
    starts = st.one_of(st.integers(-4320, 4320).map(lambda minute: minute * 60), st.integers(-3 * DAY, 3 * DAY))
    lengths = st.one_of(st.integers(1, 100).map(lambda quarter: quarter * 900), st.integers(1, 2 * DAY))
    return st.tuples(starts, lengths).map(lambda pair: (center + pair[0], center + pair[0] + pair[1]))


changes = st.sampled_from([(zone, noon(day)) for zone, day in CHANGES])
places = st.one_of(changes, st.tuples(st.sampled_from(ZONES), st.integers(-(2**31), 2**33)))


@given(
    name=st.text(st.characters(exclude_categories=["Cs"])),
    spans=places.flatmap(lambda place: st.tuples(st.just(place), st.lists(spans_near(place[1]), max_size=40))),
)
def test_an_upload_says_what_one_datetime_per_time_would_say(
    name: str, spans: tuple[tuple[str, int], list[tuple[int, int]]]
) -> None:
    """R2, R7, R9, fault 45: every interval in the window, cut at its edge, in local time with its offset; all zones."""
    (zone, center), pairs = spans
    window, blocked = Window(Instant(center - 2 * DAY), Instant(center + 2 * DAY)), IntervalSet(pairs)
    body = encode_upload(name, window, blocked, WallClock(ZoneInfo(zone)))
    assert json.loads(body) == naive(name, window, blocked, ZoneInfo(zone))


@pytest.mark.parametrize(("zone", "day"), CHANGES)
def test_a_clock_change_shifts_no_time(zone: str, day: str) -> None:
    """R9, fault 45: every ten minutes of the five days around a change are the instants that they were."""
    center = noon(day)
    blocked = IntervalSet((start, start + 300) for start in range(center - 3 * DAY, center + 3 * DAY, 600))
    window = Window(Instant(center - 2 * DAY), Instant(center + 3 * DAY))
    body = encode_upload("x", window, blocked, WallClock(ZoneInfo(zone)))
    assert json.loads(body) == naive("x", window, blocked, ZoneInfo(zone))


@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.integers(10**9, 2**32).flatmap(lambda c: st.tuples(st.just(c), st.lists(spans_near(c)))),
)
def test_the_portal_reads_what_was_meant(zone: str, spans: tuple[int, list[tuple[int, int]]]) -> None:
    """R2, R7: the stand-in, which reads with another library, holds exactly the window's part of what is blocked."""
    center, pairs = spans
    window, blocked = Window(Instant(center - DAY), Instant(center + DAY)), IntervalSet(pairs)
    upload = read_upload(encode_upload("Dr. Ädler", window, blocked, WallClock(ZoneInfo(zone))), at=0.0)
    assert (upload.name, upload.window, upload.blocked) == ("Dr. Ädler", window, window.clip(blocked))


def test_an_upload_looks_as_the_contract_shows() -> None:
    """R2, R7: the bytes themselves, with an interval over midnight and one that sticks out of the window."""
    window = Window(instant("2026-11-23T00:00+01:00"), instant("2026-11-25T00:00+01:00"))
    edges = ["2026-11-22T23:00", "2026-11-23T08:00", "2026-11-23T22:30", "2026-11-24T00:00"]
    blocked = IntervalSet((instant(f"{edge}+01:00"), instant(f"{edge}+01:00") + 7200) for edge in edges)
    assert encode_upload('Dr. "Adler"', window, blocked, BERLIN).decode() == (
        r'{"calendar":"Dr. \"Adler\"","from":"2026-11-23T00:00:00+01:00","to":"2026-11-25T00:00:00+01:00",'
        '"appointments":[{"start":"2026-11-23T00:00:00+01:00","end":"2026-11-23T01:00:00+01:00"},'
        '{"start":"2026-11-23T08:00:00+01:00","end":"2026-11-23T10:00:00+01:00"},'
        '{"start":"2026-11-23T22:30:00+01:00","end":"2026-11-24T02:00:00+01:00"}]}'
    )


@given(
    zone=st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "Africa/Monrovia"]),
    center=st.sampled_from([noon("2026-10-25"), noon("1972-01-07"), 1_790_000_000]),
    room=st.sampled_from([0, 1500, 10**6]),
    data=st.data(),
)
def test_what_is_kept_of_the_last_body_changes_nothing(zone: str, center: int, room: int, data: st.DataObject) -> None:
    """R2, I4: whatever was sent before, of any calendar, in any window: it is said as if it were new."""
    clock = WallClock(ZoneInfo(zone))
    uploads, pairs = Uploads(clock, room=room), set[tuple[int, int]]()
    window = Window(Instant(center - DAY), Instant(center + DAY))
    for _ in range(data.draw(st.integers(2, 8), label="uploads")):
        pairs ^= data.draw(st.frozensets(spans_near(center), max_size=5), label="changed")
        name = data.draw(st.sampled_from(["Dr. Ädler", "Labor"]), label="name")
        if data.draw(st.booleans(), label="moves"):
            window = Window(Instant(window.start + 3600), Instant(window.end + 7200))
        blocked = IntervalSet(pairs)
        assert uploads.encode(name, window, blocked) == encode_upload(name, window, blocked, clock)


def test_bodies_are_kept_within_bounds() -> None:
    """I12, fault 52: however many calendars there are, what is kept of their bodies fits the room that there is."""
    window = Window(Instant(0), Instant(DAY))
    blocked = IntervalSet((start, start + 60) for start in range(0, DAY, 600))
    uploads = Uploads(BERLIN, room=50_000)
    sizes = [len(uploads.encode(f"Kalender {number}", window, blocked)) for number in range(20)]
    kept = [len(each.text) for each in uploads._known.values()]
    assert kept == sizes[-len(kept) :]
    assert 50_000 - max(sizes) < sum(kept) <= 50_000


def test_nothing_blocked_is_an_empty_list() -> None:
    """R2: an empty snapshot is a snapshot."""
    body = encode_upload("x", Window(Instant(0), Instant(DAY)), IntervalSet(), BERLIN)
    assert json.loads(body)["appointments"] == []


# ------------------------------------------------------------------------------------------------------ window


def test_dates_and_instants_of_the_contract_are_one_window() -> None:
    """R1: both days inclusive, or instants half-open: the two examples mean the same time."""
    expected = Window(instant("2026-11-23T00:00+01:00"), instant("2027-02-21T00:00+01:00"))
    assert decode_window(asked("2026-11-23", "2027-02-20"), BERLIN) == expected
    assert decode_window(asked("2026-11-22T23:00:00Z", "2027-02-20T23:00:00Z"), BERLIN) == expected


dates = st.dates(date(1971, 1, 1), date(2036, 1, 1))


@given(st.sampled_from(ZONES), dates)
@example("America/Havana", date(2026, 11, 1))
@example("America/Havana", date(2026, 10, 31))
@example("America/Sao_Paulo", date(2018, 11, 4))
@example("America/Sao_Paulo", date(2018, 11, 3))
def test_a_date_means_the_widest_local_day(name: str, day: date) -> None:
    """R9, fault 45: midnight's earlier reading for the first day, its later one for the end of the last."""
    zone, after = ZoneInfo(name), day + timedelta(days=1)

    def readings(of: date) -> list[int]:
        return [int(datetime(of.year, of.month, of.day, tzinfo=zone, fold=fold).timestamp()) for fold in (0, 1)]

    window = decode_window(asked(str(day), str(day)), WallClock(zone))
    assert (window.start, window.end) == (min(readings(day)), max(readings(after)))


@given(
    start=st.integers(-(2**31), 2**33),
    length=st.integers(2, 3 * 365 * DAY - 2),
    fractions=st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)),
    offset=st.integers(-839, 839),
)
def test_an_instant_is_widened_to_whole_seconds(
    start: int, length: int, fractions: tuple[int, int], offset: int
) -> None:
    """R1: a fraction is cut off at the beginning and rounded up at the end, whatever the offset."""

    def written(second: int, billionths: int) -> str:
        local = (EPOCH + timedelta(seconds=second, minutes=offset)).replace(tzinfo=None).isoformat()
        sign = "-" if offset < 0 else "+"
        return f"{local}.{billionths:09}{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"

    first, last = (min(each, 10**9 - 1) for each in fractions)
    window = decode_window(asked(written(start, first), written(start + length, last)), BERLIN)
    assert window.start == start
    assert window.end == -(-(Fraction(start + length) + Fraction(last, 10**9)) // 1)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-23", "2026-11-24T23:00:00Z"),
        ("2026-11-22T23:00Z", "2026-11-24"),
        ("2026-11-23T00:00+01:00", "2026-11-25T00:00+0100"),
        ("2026-11-22T23:00:00.0Z", "2026-11-24T22:59:59.1Z"),
    ],
)
def test_mixed_and_shortened_forms(start: str, end: str) -> None:
    """R1: a date beside an instant, missing seconds, fractions and an offset without a colon are understood."""
    expected = Window(instant("2026-11-23T00:00+01:00"), instant("2026-11-25T00:00+01:00"))
    assert decode_window(asked(start, end), BERLIN) == expected


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-24", "2026-11-23"),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
        ("2026-11-23T08:00:00+01:00", "2026-11-23T07:30:00+02:00"),
        ("2026-01-01", "2029-01-05"),
        ("1899-12-31", "1900-06-01"),
        ("9000-12-31", "9001-01-01"),
        ("0001-01-01", "0001-01-02"),
        ("9999-12-31", "9999-12-31"),
        ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_an_absurd_window_is_a_failure(start: str, end: str) -> None:
    """R1, fault 35: empty, backwards, longer than three years or out of all years, and never an empty window."""
    with pytest.raises(FaultError) as caught:
        decode_window(asked(start, end), BERLIN)
    assert caught.value.fault.code == "portal.window_absurd"
    assert caught.value.fault.facts == {"from": start, "to": end}


@pytest.mark.parametrize(
    ("start", "last", "beyond"),
    [
        ("2026-11-23", "2029-11-22", "2029-11-23"),
        ("2025-01-01", "2027-12-31", "2028-01-01"),
        ("2028-02-29", "2031-02-28", "2031-03-01"),
        ("2026-11-23T08:00:00+01:00", "2029-11-23T08:00:00+01:00", "2029-11-23T08:00:01+01:00"),
        ("2026-07-01T00:00:00+02:00", "2029-07-01T00:00:00+02:00", "2029-07-01T00:00:01+02:00"),
    ],
)
def test_three_years_are_the_limit(start: str, last: str, beyond: str) -> None:
    """R1: by the practice's calendar, leap years and all; the longest window is understood, more is not."""
    assert decode_window(asked(start, last), BERLIN).end > instant("2027-01-01T00:00+00:00")
    with pytest.raises(FaultError):
        decode_window(asked(start, beyond), BERLIN)


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "json"),
        (b"\xff", "json"),
        (b"{", "json"),
        (b'{"from": "\xff", "to": ""}', "json"),
        (b"[" * 100_000 + b"]" * 100_000, "shape"),
        (b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b', "from": "2026-11-23", "to": "2026-11-23"}', "json"),
        (b'"2026-11-23"', "shape"),
        (b"null", "shape"),
        (b"{}", "shape"),
        (b'{"from": "2026-11-23"}', "shape"),
        (asked(20261123, 20261124), "shape"),
        (asked(None, "2026-11-23"), "shape"),
        (asked(["2026-11-23"], "2026-11-23"), "shape"),
        (asked("", ""), "time"),
        (asked("23.11.2026", "24.11.2026"), "time"),
        (asked("2026-11-31", "2026-12-01"), "time"),
        (asked("2026-11-23", "2026-11-23 "), "time"),
        (asked("2026-11-23\n", "2026-11-23"), "time"),
        (asked("2026-11-23", "20261124"), "time"),
        (asked("2026-W48-1", "2026-11-24"), "time"),
        (asked("2026-11-23T25:00Z", "2026-11-24"), "time"),
        (asked("2026-11-23T08:00.5Z", "2026-11-24"), "time"),
        (asked("2026-11-23T08Z", "2026-11-24"), "time"),
        (asked("2026-11-23T08:00:00+99:00", "2026-11-24"), "time"),
        (asked("٢٠٢٦-11-23", "2026-11-24"), "time"),
        (asked("2026-11-23T٠٨:00Z", "2026-11-24"), "time"),
        (asked("2026-11-23T08:00:00", "2026-11-24"), "offset"),
        (asked("2026-11-23", "2026-11-24T08:00"), "offset"),
    ],
)
def test_what_is_not_understood_is_a_failure(body: bytes, detail: str) -> None:
    """R1, fault 33: cut, foreign, deeply nested, mistyped, without an offset: never a window, never another error."""
    with pytest.raises(FaultError) as caught:
        decode_window(body, BERLIN)
    assert (caught.value.fault.code, caught.value.fault.facts) == ("portal.not_understood", {"detail": detail})


def test_a_byte_order_mark_does_no_harm() -> None:
    """R1: some servers put one before their JSON."""
    body = asked("2026-11-23", "2026-11-23")
    assert decode_window(b"\xef\xbb\xbf" + body, BERLIN) == decode_window(body, BERLIN)


pieces = st.text("0123456789-:.TZ+ \n", max_size=30)
values = st.one_of(pieces, st.none(), st.integers(), st.lists(pieces, max_size=2), st.datetimes().map(str))
bodies = st.one_of(
    st.binary(max_size=200),
    st.tuples(values, values).map(lambda pair: asked(*pair)),
    st.tuples(st.datetimes(), st.sampled_from(["", "Z", "+00:00", "-23:59", "+24:00"]), st.integers(0, 40)).map(
        lambda t: asked(f"{t[0].isoformat()}{t[1]}", f"{(t[0]).isoformat()[: t[2]]}{t[1]}")
    ),
)


def understood(body: bytes, zone: str) -> Window | Fault:
    """The window, or why there is none; any other error is a failed test."""
    try:
        return decode_window(body, WallClock(ZoneInfo(zone)))
    except FaultError as error:
        return error.fault


@given(bodies, st.sampled_from(ZONES))
def test_any_answer_is_a_window_or_a_fault(body: bytes, zone: str) -> None:
    """R1: for whatever bytes, the only outcomes are a window of at most three years and a fault with a known code."""
    outcome = understood(body, zone)
    if isinstance(outcome, Window):
        assert 0 < outcome.end - outcome.start <= 3 * 366 * DAY
    else:
        assert outcome.code in {"portal.not_understood", "portal.window_absurd"}
        assert all(isinstance(fact, str) and len(fact) <= 50 for fact in outcome.facts.values())


# ---------------------------------------------------------------------------------------------------- accepted


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b'{"accepted": 12}', 12),
        (b'\xef\xbb\xbf{"accepted": 0, "ignored": [1]}', 0),
        (b'{"accepted": -1}', None),
        (b'{"accepted": true}', None),
        (b'{"accepted": 1e999}', None),
        (b'{"accepted": 99999999999999999999}', None),
        (b'{"accepted": "12"}', None),
        (b'{"accepted": ', None),
        (b"{}", None),
        (b"OK", None),
        (b"", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
    ],
)
def test_how_many_were_accepted_is_welcome_but_not_needed(body: bytes, count: int | None) -> None:
    """Fault 29: whatever stands in the body of a whole 2xx, it is a number or nothing, and no error."""
    assert decode_accepted(body) == count


def test_the_reference_shows_what_goes_over_the_wire() -> None:
    """R1, R2: each example of docs/reference/wire.md is one."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "wire.md").read_text("utf-8")
    dates, instants, upload = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    window = decode_window(dates.encode(), BERLIN)
    assert decode_window(instants.encode(), BERLIN) == window
    told = json.loads(upload)
    times = [
        (datetime.fromisoformat(each["start"]), datetime.fromisoformat(each["end"])) for each in told["appointments"]
    ]
    blocked = IntervalSet((int(start.timestamp()), int(end.timestamp())) for start, end in times)
    assert json.loads(encode_upload("Dr. Adler", window, blocked, BERLIN)) == told
