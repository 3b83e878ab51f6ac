"""Several observers as one; what breaks one of them reaches neither the engine nor the others."""

from contextlib import suppress

from engine.ports import Event, Observer


class Audience:
    """An observer that passes on what it is told."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = list(observers)

    def join(self, observer: Observer) -> None:
        """Have one more told, from now on."""
        self._observers.append(observer)

    def tell(self, event: Event) -> None:
        """Take note, at once and without failing."""
        for each in self._observers:
            with suppress(Exception):
                each.tell(event)
