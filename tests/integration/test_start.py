"""A job that starts imports what it needs to upload, and nothing that it can do without until somebody asks for it."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Final

import pytest

DRIVERS: Final = {
    "postgresql://127.0.0.1:1/none": {"asyncpg"},
    "sqlite:///none.db": {"aiosqlite", "watchfiles"},
    "files:///none": {"watchfiles"},
}
UNASKED: Final = {
    *("jinja2", "prometheus_client"),  # until somebody looks
    *("icalendar", "recurring_ical_events"),  # until there is such a file
    *("adapters.alarms", "adapters.check", "adapters.demo", "adapters.setup", "adapters.command"),
    "importlib.metadata",
}
STARTED: Final = """
import os, sys
from adapters import cli

def begin(settings):
    from adapters import job
    async def work(*_):
        print(*sys.modules)
    job._work = work
    return settings

load = cli.load
cli.load = lambda environ: begin(load(environ))
sys.exit(cli.main(["run"]))
"""


async def imported(state: Path, source: str, listen: str) -> set[str]:
    """The modules of a job that has its ledger, its source, its portal and its page, and is about to work."""
    settings = {
        "TMEX_API_KEY": "key",
        "TMEX_WINDOW_URL": "http://localhost:1/window",
        "TMEX_UPLOAD_URL": "http://localhost:1/upload",
        "TMEX_CALENDAR_1": "Dr. Adler=TK1/A",
        "TMEX_SOURCE": source,
        "TMEX_STATE": f"{state}/tmex.db",
        "TMEX_LISTEN": listen,
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", STARTED), env={"PATH": os.environ["PATH"], **settings}, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    assert process.returncode == 0
    return set(told.decode().split())


@pytest.mark.parametrize("source", DRIVERS)
@pytest.mark.parametrize("listen", ["", "127.0.0.1:0"])
async def test_a_start_imports_the_chosen_driver_alone(tmp_path: Path, source: str, listen: str) -> None:
    """I5: what is occupied goes up soon after a restart; no test asserts a time, so this one counts what takes it."""
    modules = await imported(tmp_path, source, listen)
    assert modules & set().union(*DRIVERS.values()) == DRIVERS[source]
    assert modules & UNASKED == set()
    assert ("aiohttp.web" in modules) == bool(listen)
