"""What reading a large CSV takes beyond splitting it into fields, and what a folder costs while nothing happens."""

import asyncio
import csv
import io
import random
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import psutil

from adapters.duria.csv_format import parse_csv
from bench.numbers import Result, Series
from bench.programs import cpu, job_of, portal

ROWS: Final = 50_000
FILES: Final = 100
_HEADER: Final = "Kalender;Spalte;Datum;Von;Bis;Belegt;Patient;Grund\r\n"


def export(rows: int, column: str = "A") -> bytes:
    """An export with German header, in cp1252: appointments of ten minutes, a hundred a day."""
    lines = (
        f"TK1;{column};{1 + n // 100 % 28:02}.{1 + n // 2800 % 12:02}.{2026 + n // 33600};"
        f"{6 + n % 100 // 6:02}:{n % 6}0;{6 + n % 100 // 6:02}:{n % 6}9;ja;Müller, Änne;Kontrolle"
        for n in range(rows)
    )
    return (_HEADER + "\r\n".join(lines) + "\r\n").encode("cp1252")


async def parse(rounds: int, changes: int) -> Result:
    """A CSV of 50,000 rows, from its bytes to its times; the floor is a bare pass of csv.reader over its text."""
    data = export(ROWS)
    taken: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(rounds * max(1, changes // 20)):
        for own in random.sample([True, False], 2):
            began = time.monotonic()
            if own:
                parse_csv(data, "PRAX1", "auto", "bench.csv")
            else:
                for _ in csv.reader(io.StringIO(data.decode("cp1252"), newline=""), delimiter=";"):
                    pass
            taken[own].append(time.monotonic() - began)
    own_series = Series.of(taken[True])
    return Result(
        f"parse.csv.{ROWS}", own_series, Series.of(taken[False]), facts={"rows a second": ROWS / own_series.at(50)}
    )


async def idle(rounds: int, changes: int) -> Result:
    """Seconds of processor that each second costs while nothing happens in a folder of 100 exports."""
    with TemporaryDirectory(prefix="tb") as folder:
        place = Path(folder) / "exports"
        place.mkdir()
        for number in range(FILES):
            (place / f"{number}.csv").write_bytes(export(50, f"A{number}" if number else "A"))
        async with portal() as target, job_of(f"files://{place}", target, folder) as job:
            await target.arrival()
            await asyncio.sleep(3)
            shares = Series.of([await _share(job, changes / 10) for _ in range(rounds)])
    return Result(f"idle.files.{FILES}", shares, facts={"percent of a core": shares.at(50) * 100})


async def _share(job: psutil.Process, seconds: float) -> float:
    """Of a core."""
    began, before = time.monotonic(), cpu(job)
    await asyncio.sleep(seconds)
    return (cpu(job) - before) / (time.monotonic() - began)
