"""The bench works: every scenario measures in its smallest size, and what it tells has the documented shape."""

import shutil

import msgspec
import pytest

from bench.__main__ import main, measure
from bench.figures import Figures, Outcome, Record
from bench.lab import SMALLEST
from bench.paper import page
from bench.plot import plot
from bench.registry import SCENARIOS, Entry, smallest

PARTS = (
    ("latency", "sync", "burst"),
    ("cycle", "day", "harm"),
    ("scale", "throughput", "idle"),
    ("start", "stages", "page", "anatomy"),
)


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("part", PARTS, ids=lambda part: part[0])
async def test_every_scenario_in_its_smallest_size(part: tuple[str, ...]) -> None:
    """Each measures something, and what it tells becomes JSON of the documented shape, a page and a plot."""
    if "cycle" in part and shutil.which("curl") is None:
        pytest.skip("TMEX uploads by curl, which is not here")
    entries = smallest(part)
    record = await measure(entries, SMALLEST, quiet=True)
    assert Record.unpack(record.packed()) == record
    for entry in entries:
        outcome = record.scenarios[entry.name]
        documented(entry, msgspec.to_builtins(outcome))
        assert plot({entry.name: outcome}, entry.scenario.unit).endswith("</svg>\n")
        assert f"| `{entry.name}` | tmex |" in page(record)


def documented(entry: Entry, told: dict[str, object]) -> None:
    """In seconds and bytes: percentiles in order, the floor's beside them, every goal's figure among the facts."""
    figures = [told, *([told["floor"]] if entry.scenario.floor else [])]
    for each in figures:
        assert isinstance(each, dict)
        assert 0 <= each["p50"] <= each["p90"] <= each["p99"]
        assert each["count"] >= 1
    assert bool(entry.scenario.floor) == ("ratio_p50" in told) == ("ratio_p99" in told)
    assert told["effort"] == "smallest"
    outcome = msgspec.convert(told, Outcome)
    for goal in (goal for goals in entry.scenario.goals.values() for goal in goals):
        assert outcome.figure(goal.figure) is not None or goal.figure.startswith("peers."), goal
    for peer in entry.scenario.peers:
        assert isinstance(outcome.peers.get(peer), Figures) or entry.scenario.only_peers == (peer in outcome.skipped)


def test_no_scenario_is_left_out() -> None:
    """What the parts name is every scenario there is."""
    assert [each.name for part in PARTS for each in smallest(part)] != []
    assert {each.scenario.name for part in PARTS for each in smallest(part)} == {each.name for each in SCENARIOS}


def test_the_list_names_every_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` names each with what it measures, and measures nothing."""
    assert main(["--list"]) == 0
    told = capsys.readouterr().out
    assert all(each.name in told and each.tells in told for each in SCENARIOS)


@pytest.mark.parametrize(
    ("words", "said"), [(["nothing"], "no scenario begins with nothing"), (["--quick", "--write"], "a glance")]
)
def test_wrong_usage_is_told(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and a sentence."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
