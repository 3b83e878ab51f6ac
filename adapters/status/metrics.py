"""What a monitoring system reads: every series is there from the start, and names calendars and nobody else (I7)."""

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from adapters.condition import Condition
from adapters.status.board import BUCKETS, OUTCOMES, Board

STATES: Final = (
    *("right", "ripening", "guarded", "degraded", "waiting", "incomplete", "failed", "stale", "off", "unknown"),
)


def exposition(board: Board, condition: Condition) -> bytes:
    """The metrics in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(board, condition))
    return generate_latest(registry)


class _Metrics(Collector):
    def __init__(self, board: Board, condition: Condition) -> None:
        self._board, self._condition = board, condition

    def collect(self) -> Iterator[Metric]:
        yield from self._job()
        yield from self._calendars()
        yield self._uploads()
        yield self._exposure()

    def _job(self) -> Iterator[Metric]:
        condition, asked = self._condition, self._condition.asked_at
        yield _gauge("tmex_on", "Whether the job is switched on.", condition.on)
        yield _gauge(
            "tmex_key_refused", "Whether the portal refuses the key.", self._board.engine.gate.refused is not None
        )
        yield _gauge(
            "tmex_window_stale", "Whether the last question for the window failed.", condition.stale is not None
        )
        age = float("nan") if asked is None else max(0.0, condition.at - asked)
        yield _gauge("tmex_window_age_seconds", "Since the portal last told its window.", age)
        notes = self._board.engine.source_notes()
        yield _gauge("tmex_source_announces", "Whether the source announces its changes by itself.", not notes)
        yield _gauge("tmex_queue_depth", "Calendars that wait to be looked at.", self._board.engine.backlog())

    def _calendars(self) -> Iterator[Metric]:
        told = {
            "tmex_calendar_age_seconds": "Since when it is known to be right; NaN until it is.",
            "tmex_calendar_blocked": "Blocked stretches of time.",
            "tmex_calendar_open": "Occupied stretches that the portal may lack.",
            "tmex_calendar_ripening": "Removals that go by themselves.",
            "tmex_calendar_waiting": "Removals that wait for a hand.",
            "tmex_calendar_unsafe_seconds": "Of the last 30 days: how long occupied times were bookable.",
        }
        families = {name: GaugeMetricFamily(name, text, labels=["calendar"]) for name, text in told.items()}
        state = GaugeMetricFamily("tmex_calendar_state", "1 for the state that it is in.", labels=["calendar", "state"])
        for each in self._condition.calendars:
            age = float("nan") if each.right_at is None else max(0.0, self._condition.at - each.right_at)
            values = (age, each.blocks, len(each.sending), len(each.ripening), len(each.waiting), each.unsafe.month)
            for family, value in zip(families.values(), values, strict=True):
                family.add_metric([each.name], value)
            for word in STATES:
                state.add_metric([each.name, word], each.state == word)
        yield from (*families.values(), state)

    def _uploads(self) -> Metric:
        family = CounterMetricFamily("tmex_turns", "How looks at a calendar ended.", labels=["calendar", "outcome"])
        for name in self._board.engine.calendars:
            for outcome in OUTCOMES:
                family.add_metric([name, outcome], self._board.turns[name, outcome])
        return family

    def _exposure(self) -> Metric:
        text = "Seconds from the reading that showed a change to the portal's acceptance."
        buckets, count = [], 0
        for edge, times in zip((*map(str, BUCKETS), "+Inf"), self._board.exposures, strict=True):
            count += int(times)
            buckets.append((edge, float(count)))
        return HistogramMetricFamily("tmex_exposure_seconds", text, buckets=buckets, sum_value=self._board.exposed)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=float(value))
