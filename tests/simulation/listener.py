"""An observer that keeps what it is told."""

from collections.abc import Callable

from engine.ports import (
    Event,
    Report,
)


class Listener:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.judge: Callable[[Event], None] = lambda _: None
        """What it thinks of an event at once."""

    def tell(self, event: Event) -> None:
        self.events.append(event)
        self.judge(event)

    def reports(self, name: str) -> list[Report]:
        return [each for each in self.events if isinstance(each, Report) and each.name == name]
