"""The face of the job: a page for people; JSON, health and metrics for machines. It shows and asks, decides nothing.

It has no patient data because the engine has none (I7), and whatever fails here never reaches the sync.
"""

from adapters.status.board import Board
from adapters.status.server import Actions, PageServer

__all__ = ["Actions", "Board", "PageServer"]
