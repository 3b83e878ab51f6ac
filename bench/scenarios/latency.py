"""From a change in the practice to the body's arrival at the portal, for each way to hear of it."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Final

import psutil

from bench.contest import Contestant, contest
from bench.figures import Outcome
from bench.lab import Lab
from bench.peers import QUEUES, lacking, offices
from bench.practices import ExportPractice, PostgresPractice, SqlitePractice
from bench.programs import PortalProgram, job, portal, running, settings_of
from bench.scenario import Goal, Scenario

Practice = PostgresPractice | SqlitePractice | ExportPractice
_ROWS: Final = (300, 2000, 5000)
_CALENDAR_WORK: Final = (
    "beyond the floor lie the query for the changed days, for which the server looks at every later row; a write to "
    "the ledger before the upload; and the making of a body that holds the whole column (R2); `anatomy.postgres` tells "
    "how much each is"
)
_WHOLE_FILE: Final = (
    "the file's events do not tell what changed, so that the whole column is read, where PostgreSQL names the days; "
    "`anatomy.sqlite` tells what that costs"
)
_WHOLE_EXPORT: Final = (
    "an export is read to its end, and what is new in it understood, before it counts as changed; where anything is "
    "quoted, all of it is understood anew: that lies before the change is heard, see `anatomy.files`"
)


async def postgres(lab: Lab, rows: int) -> Outcome:
    """COMMIT → arrived."""
    skipped: dict[str, str] = {}
    async with await PostgresPractice.of(lab, rows) as place, portal() as target:
        contestants = _contestants(lab, target, place.address, "bench.floors.postgres", place)
        for name in QUEUES if lab.peers else ():
            reason = lacking(name)
            if reason:
                skipped[name] = reason
            else:
                office = await offices(name, place)
                start = partial(_peer, office.program, office.dsn, target)
                contestants[name] = Contestant(start, partial(place.commit, office.enqueue))
        return await _outcome(lab, target, contestants, place, skipped)


async def sqlite(lab: Lab, rows: int) -> Outcome:
    """COMMIT → arrived."""
    with SqlitePractice(lab.folder(), rows) as place:
        async with portal() as target:
            contestants = _contestants(
                lab, target, place.address, "bench.floors.sqlite", place, heard_at=str(place.path)
            )
            return await _outcome(lab, target, contestants, place)


async def files(lab: Lab, rows: int) -> Outcome:
    """Rename → arrived; without the time for which an export must be still."""
    place = ExportPractice(lab.folder(), rows)
    async with portal() as target:
        contestants = _contestants(
            lab, target, place.address, "bench.floors.files", place, heard_at=str(place.folder), TMEX_FILE_SETTLE="0"
        )
        return await _outcome(lab, target, contestants, place)


def _contestants(
    lab: Lab,
    target: PortalProgram,
    address: str,
    floor: str,
    place: Practice,
    *,
    heard_at: str = "",
    **more: str,
) -> dict[str, Contestant]:
    def tmex(_: int) -> "AbstractAsyncContextManager[psutil.Process]":
        return job(settings_of(address, target, lab.folder(), None, **more))

    return {
        "tmex": Contestant(tmex, place.commit),
        "floor": Contestant(partial(_peer, floor, heard_at or address, target), place.commit),
    }


def _peer(
    program: str, address: str, target: PortalProgram, size: int
) -> "AbstractAsyncContextManager[psutil.Process]":
    return running(program, address, f"{target.url}/upload", stdin=b"x" * size)


async def _outcome(
    lab: Lab,
    target: PortalProgram,
    contestants: Mapping[str, Contestant],
    place: Practice,
    skipped: Mapping[str, str] = {},
) -> Outcome:
    told = await contest(lab, target, contestants, place.anew)
    figures = dict(told.figures)
    own, floor = figures.pop("tmex"), figures.pop("floor")
    return Outcome.against(own, floor, peers=figures, facts={"upload_bytes": told.size}, skipped=skipped)


_OF_5000: Final = {
    "postgres": (
        Goal("ratio_p50", 2.0, "p50 against the floor's", why=_CALENDAR_WORK),
        Goal("ratio_p99", 2.5, "p99 against the floor's", why=_CALENDAR_WORK),
        Goal("cpu_ratio", 1.75, "processor time per change against the floor's", why=_CALENDAR_WORK),
        Goal("peers.pgqueuer", 0.8, "p50 against pgqueuer's bare handler", why=_CALENDAR_WORK),
        Goal("peers.procrastinate", 0.8, "p50 against procrastinate's bare handler", why=_CALENDAR_WORK),
        Goal("peers.debezium_every_ms", 0.3, "p50 against Debezium's engine that polls every millisecond"),
        Goal("peers.debezium", 0.01, "p50 against Debezium's engine as it comes"),
    ),
    "sqlite": (Goal("ratio_p50", 1.5, "p50 against the floor's", why=_WHOLE_FILE),),
    "files": (Goal("ratio_p50", 1.5, "p50 against the floor's", why=_WHOLE_EXPORT),),
}


def _scenario(source: str, tells: str, floor: str) -> Scenario:
    run = {"postgres": postgres, "sqlite": sqlite, "files": files}[source]
    return Scenario(
        f"latency.{source}",
        tells,
        run,
        sizes=_ROWS,
        of="rows in the column",
        floor=floor,
        peers=QUEUES if source == "postgres" else (),
        goals={5000: _OF_5000[source]},
        quick=5000,
    )


SCENARIOS: Final = (
    _scenario("postgres", "COMMIT in PostgreSQL → body arrived", "notification → POST of a ready body"),
    _scenario(
        "sqlite", "COMMIT in a SQLite file → body arrived", "tuned watch → PRAGMA data_version → POST of a ready body"
    ),
    _scenario("files", "rename of an export into its folder → body arrived", "tuned watch → POST of a ready body"),
)
