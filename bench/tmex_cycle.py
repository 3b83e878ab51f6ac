"""TMEX as it is known, on this machine: asks for the window and uploads every column in full, by the real curl.

`python -m bench.tmex_cycle DSN PORTAL CYCLES FOLDER` prints for each cycle, as JSON: seconds, seconds of processor with
curl's, those of curl alone, and the bytes that curl sent and got.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import asyncpg
import uvloop

from bench.programs import COLUMNS

_COUNTED: Final = "%{size_request} %{size_upload} %{size_header} %{size_download}"
_READ: Final = """
SELECT starts_at AT TIME ZONE 'Europe/Berlin', ends_at AT TIME ZONE 'Europe/Berlin' FROM tmex_appointments
 WHERE practice = 'PRAX1' AND calendar = 'TK1' AND col = $1 AND occupied ORDER BY starts_at
"""


def curl(*words: str, answer: Path) -> int:
    """One request; the bytes of both directions."""
    common = ["curl", "--silent", "--fail", "--header", "Authorization: Bearer bench", "--write-out", _COUNTED]
    done = subprocess.run([*common, "--output", str(answer), *words], check=True, capture_output=True, text=True)
    return sum(map(int, done.stdout.split()))


async def cycle(connection: "asyncpg.Connection[asyncpg.Record]", portal: str, folder: Path) -> int:
    """Window, then one column after the other; the bytes."""
    answer, body = folder / "answer", folder / "body"
    moved = curl(f"{portal}/window", answer=answer)
    window = json.loads(answer.read_text())
    for name, column in COLUMNS.items():
        rows = await connection.fetch(_READ, column)
        times = [{"start": start.isoformat(), "end": end.isoformat()} for start, end in rows]
        body.write_text(json.dumps({"calendar": name, **window, "appointments": times}, separators=(",", ":")))
        headers = ("--header", "Content-Type: application/json", "--header", "Expect:")
        moved += curl(*headers, "--data-binary", f"@{body}", f"{portal}/upload", answer=answer)
    return moved


def _used() -> tuple[float, float]:
    """Seconds of processor: ours with curl's, and curl's."""
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    curls = others.ru_utime + others.ru_stime
    return own.ru_utime + own.ru_stime + curls, curls


async def main(dsn: str, portal: str, cycles: str, folder: str) -> None:
    connection = await asyncpg.connect(dsn)
    await cycle(connection, portal, Path(folder))
    for _ in range(int(cycles)):
        began, before = time.monotonic(), _used()
        moved = await cycle(connection, portal, Path(folder))
        after = _used()
        told: dict[str, Any] = {"seconds": time.monotonic() - began, "bytes": moved}
        told |= {"cpu": after[0] - before[0], "curl": after[1] - before[1]}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
