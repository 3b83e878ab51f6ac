"""What the bench makes of its measurements: percentiles, growth, goals, and a page that says just what was measured."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.bar import Bar
from bench.figures import Figures, Machine, Outcome, Record, exponent, percentile
from bench.paper import DOCS, draw, files, is_current, page, write
from bench.registry import chosen
from bench.scenario import Goal
from bench.telling import fact, seconds, size, verdict

WORK = Figures(p50=0.001, p90=0.0011, p99=0.0015, count=40)
MACHINE = Machine(
    processor="Processor",
    cores=2,
    memory=10**9,
    system="Linux",
    python="3.11",
    postgres="18",
    load=0.5,
    fixed_work=WORK,
)
NAME = "latency.postgres.5000"


def outcome(own: float, floor: float, date: str = "2026-11-23") -> Outcome:
    """Of a scenario with a floor."""
    told = Outcome.against(Figures.of([own], cpu=own), Figures.of([floor], cpu=floor))
    told.date = date
    return told


def record(own: float, floor: float = 1.0) -> Record:
    """Of one scenario."""
    return Record(machine=MACHINE, scenarios={NAME: outcome(own, floor)})


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0, 100))
def test_percentiles_are_measured_values_in_order(measured: list[float], percent: float) -> None:
    """A percentile is one of the measurements, and no higher percentage has a lower one."""
    assert percentile(measured, percent) in measured
    assert percentile(measured, percent) <= percentile(measured, 100) == max(measured)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_the_exponent_of_a_growth(power: float) -> None:
    """A cost that grows with the n-th power of the size has the exponent n."""
    assert exponent([(each, 3 * each**power) for each in (4.0, 100.0, 1000.0, 4000.0)]) == pytest.approx(power)


def test_ratios_are_to_the_floor_and_to_peers() -> None:
    """Above one means that tmex takes longer."""
    told = outcome(3.0, 2.0)
    told.peers["other"] = Figures.of([6.0])
    assert told.figure("ratio_p50") == told.figure("cpu_ratio") == 1.5
    assert told.figure("peers.other") == 0.5
    assert told.figure("peers.nobody") is None


def test_the_least_that_such_a_program_does_is_held_against_the_same_goals() -> None:
    """As if it were tmex; nothing is said where it was not measured."""
    told = outcome(3.0, 2.0)
    assert told.least() is None
    told.peers |= {"other": Figures.of([6.0]), "careful": Figures.of([2.4], 2.4)}
    least = told.least()
    assert least is not None
    assert least.figure("ratio_p50") == least.figure("cpu_ratio") == 1.2
    assert least.figure("peers.other") == pytest.approx(0.4)


@pytest.mark.parametrize(("reached", "met"), [(1.9, True), (2.0, True), (2.1, False)])
def test_a_goal_just_below_at_and_above_its_limit(reached: float, met: bool) -> None:
    """At the limit it is reached."""
    assert Goal("x", 2.0, "it").met(reached) == met
    assert Goal("x", -2.0, "it", at_least=True).met(-reached) == met
    told = Outcome.against(Figures.of([1.0]), facts={"x": reached})
    assert ("not reached" in verdict(Goal("x", 2.0, "it"), told)) != met


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        (seconds(0.00123), "1.23 ms"),
        (seconds(12_345.0), "12,345 s"),
        (seconds(0.0), "0 µs"),
        (size(4720), "4.72 kB"),
        (fact("cycle_bytes", 1e6), ("cycle bytes", "1 MB")),
        (fact("import_all_seconds", 0.2), ("import all", "200 ms")),
        (fact("bytes_of_TMEX_60", 0.25), ("bytes of TMEX 60", "0.25")),
    ],
)
def test_figures_have_fitting_units(told: object, shown: object) -> None:
    """A figure's name says what it counts."""
    assert told == shown


def test_a_missed_goal_is_said_and_explained() -> None:
    """The page says no where a goal is not reached, and why; a reached one needs no words."""
    assert "| **no** |" in page(record(9.0))
    assert f"- `{NAME}`, p50 against the floor's; p99 against the floor's; " in page(record(9.0))
    assert "not explained yet" not in page(record(9.0))
    assert f"- `{NAME}`, p50" not in page(record(1.1))


def test_what_is_measured_anew_replaces_only_itself(tmp_path: Path) -> None:
    """A run of a part leaves the other figures of the page as they were."""
    write(record(9.0), tmp_path)
    write(Record(machine=MACHINE, scenarios={"page": outcome(0.5, 0.25, "2026-11-24")}), tmp_path)
    kept = Record.unpack((tmp_path / "benchmarks.json").read_bytes())
    assert kept.scenarios[NAME].p50 == 9.0
    assert kept.scenarios["page"].p50 == 0.5
    assert is_current(tmp_path)
    assert "Measured from 2026-11-23 to 2026-11-24." in page(kept)
    assert set(files(kept)) == {"benchmarks.md", "benchmarks/latency.postgres.svg", "benchmarks/page.svg"}


def test_a_page_that_was_written_by_hand_is_noticed(tmp_path: Path) -> None:
    """The page says what was measured, and nothing else."""
    write(record(9.0), tmp_path)
    (tmp_path / "benchmarks.md").write_text((tmp_path / "benchmarks.md").read_text("utf-8").replace("9", "1"), "utf-8")
    assert not is_current(tmp_path)
    draw(tmp_path)
    assert is_current(tmp_path)


@pytest.mark.skipif(not (DOCS / "benchmarks.json").exists(), reason="nothing was measured yet")
def test_our_page_is_what_was_measured() -> None:
    """docs/benchmarks.md is written by `python -m bench --write` alone."""
    assert is_current(), "write it anew: python -m bench --redraw, or measure: make bench-peers WRITE=1"


class Terminal(io.StringIO):
    """A stream that people look at."""

    def isatty(self) -> bool:
        return True


def test_the_bar_is_drawn_over_itself_on_a_terminal_alone() -> None:
    """Elsewhere a line for each scenario is enough, and nothing else stands in a log."""
    terminal, log = Terminal(), io.StringIO()
    for stream in (terminal, log):
        bar = Bar(2, stream)
        bar.begin("one")
        bar.tell(0.5)
        bar.end()
        bar.begin("two")
    assert log.getvalue() == "[1/2] one …\n[2/2] two …\n"
    assert "\n" not in terminal.getvalue()
    assert " 25% " in terminal.getvalue()
    assert " 50% " in terminal.getvalue()


def test_a_glance_takes_one_size_of_each() -> None:
    """Unless another one is named in full."""
    glance = [each.name for each in chosen((), quick=True)]
    assert len({each.rpartition(".")[0] or each for each in glance if each[-1].isdigit()}) == sum(
        each[-1].isdigit() for each in glance
    )
    assert [each.name for each in chosen(["latency.postgres.300"], quick=True)] == ["latency.postgres.300"]
    assert not any(each.startswith("sync") for each in glance)
    assert any(each.name == "sync.5000" for each in chosen((), peers=True))
