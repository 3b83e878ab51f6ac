"""A story that a person can read: what the practice did, what tmex read, decided and sent, what the portal made of it.

Times are virtual, from the story's beginning. A reading or a decision that says the same again is not told again.
"""

import asyncio
from collections.abc import Iterable

from engine.model import DAY, Complete, Failed, Incomplete, Reading, Rows, Window
from engine.ports import Event, Noticed, Report, WindowAnswered
from engine.spans import IntervalSet
from tests.simulation.virtual import BEGINNING

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Chronicle:
    """What happened, line by line; `monday` is where the calendar's weeks begin, in seconds of UTC."""

    def __init__(self, monday: int) -> None:
        self.lines: list[str] = []
        self._monday = monday
        self._last: dict[tuple[str, str], str] = {}

    def say(self, who: str, what: str) -> None:
        passed = asyncio.get_running_loop().time() - BEGINNING
        minutes, seconds = divmod(passed, 60)
        self.lines.append(f"{minutes // 60:3.0f}:{minutes % 60:02.0f}:{seconds:06.3f}  {who:8}  {what}")

    def news(self, who: str, subject: str, what: str) -> None:
        """Say what is known of `subject` now, unless it is what was said last."""
        if self._last.get((who, subject)) != what:
            self._last[who, subject] = what
            self.say(who, f"{subject}: {what}")

    def read(self, subject: str, reading: Reading) -> None:
        match reading:
            case Complete(rows):
                self.news("reads", subject, self._rows(rows))
            case Incomplete(rows):
                self.news("reads", subject, f"incomplete: {self._rows(rows)}")
            case Failed(reason):
                self.news("reads", subject, f"failed, {reason.code}")

    def tell(self, event: Event) -> None:
        """What the engine said."""
        match event:
            case Report():
                self.news("decides", event.name, self._report(event))
            case Noticed(topic, fault, over):
                self.say("notes", f"{topic}: {fault.code}{' is over' if over else ''}")
            case WindowAnswered(window, moved):
                self.news("window", "the portal asks for", self.window(window) + (", moved" if moved else ""))

    def window(self, window: Window) -> str:
        return f"days {(window.start - self._monday) // DAY} to {(window.end - self._monday) // DAY}"

    def times(self, times: Iterable[tuple[int, int]]) -> str:
        return ", ".join(f"{self._moment(start)}-{self._hour(end)}" for start, end in times) or "nothing"

    def _rows(self, rows: Rows) -> str:
        taken = IntervalSet(zip(rows.occupied[::2], rows.occupied[1::2], strict=True))
        more = (", a free row" if rows.free else "") + (", a reservation" if rows.reservations else "")
        return f"{self.times(taken)}{more}" if rows.exists else "no such column"

    def _report(self, report: Report) -> str:
        why = f", {report.fault.code}" if report.fault else ""
        wait = "" if report.ripe_in is None else f" for {report.ripe_in:.1f} s"
        held = f", holds {self.times(report.held)} ({report.patience.value}{wait})" if report.held else ""
        return f"{report.state}{why}{held}"

    def _moment(self, at: int) -> str:
        days = (at - self._monday) // DAY
        week, day = divmod(days, 7)
        return f"{DAYS[day]}{f'+{week}w' if week else ''} {self._hour(at)}"

    def _hour(self, at: int) -> str:
        return f"{at % DAY // 3600}:{at % 3600 // 60:02}"
