"""Who does not look at the page is told: once when something goes wrong, and once when it is over (I11)."""

from adapters.alarms.watch import watch

__all__ = ["watch"]
