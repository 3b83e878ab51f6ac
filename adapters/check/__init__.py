"""Tries everything that the job needs, once, and says of each whether it is right, and who must do what if not."""

from adapters.check.trying import check

__all__ = ["check"]
