"""Waiting for a condition with a limit, in place of sleeping and hoping."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

LIMIT: Final = 20.0
"""Seconds; far more than anything takes, for the machine may be busy."""


async def eventually(condition: Callable[[], Awaitable[bool]], what: str, limit: float = LIMIT) -> None:
    """Look until `condition` holds; `what` says what did not come true."""
    try:
        async with asyncio.timeout(limit):
            while not await condition():
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {limit} s: {what}") from None
