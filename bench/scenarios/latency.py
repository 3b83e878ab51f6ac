"""From a change in the practice to the body's arrival at the portal, for each way to hear of it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

import psutil

from bench.contest import Contestant, contest
from bench.figures import CAREFUL, Outcome
from bench.lab import Lab
from bench.peers import FOLLOWERS, HEARERS, Office, lacking, offices
from bench.practices import ExportPractice, PostgresPractice, SqlitePractice
from bench.programs import PortalProgram, job, portal, running, settings_of
from bench.scenario import Goal, Scenario

Practice = PostgresPractice | SqlitePractice | ExportPractice
_ROWS: Final = (300, 2000, 5000)
_CALENDAR_WORK: Final = (
    "no program can both know what changed and remember what it sends without a query, and a write that must not stop "
    "the job where a disk hangs, before the upload; `careful` does just these two, decides nothing and posts a ready "
    "body. What tmex does beyond it is told step by step by `anatomy.postgres`"
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
    """COMMIT → arrived; all on one server, and where a peer follows its log, it writes that for all of them."""
    lacked = {name: lacking(name) for name in (HEARERS if lab.peers else ())}
    followed = any(not lacked.get(name, "-") for name in FOLLOWERS)
    async with await PostgresPractice.of(lab, rows, followed=followed) as place, portal() as target:
        contestants = _contestants(lab, target, place.address, "bench.floors.postgres", place)
        contestants[CAREFUL] = Contestant(partial(_peer, "bench.floors.careful", place.address, target), place.commit)
        for name in (name for name, reason in lacked.items() if not reason):
            office = await offices(name, place)
            start = partial(_at_work, office, place, target)
            contestants[name] = Contestant(start, partial(place.commit, office.enqueue), office.polls)
        skipped = {name: reason for name, reason in lacked.items() if reason}
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
    program: str, address: str, target: PortalProgram, size: int, *wishes: str
) -> "AbstractAsyncContextManager[psutil.Process]":
    return running(program, address, f"{target.url}/upload", *wishes, stdin=b"x" * size)


@asynccontextmanager
async def _at_work(
    office: Office, place: PostgresPractice, target: PortalProgram, size: int
) -> AsyncIterator[psutil.Process]:
    """A peer for one round, which leaves nothing in the server."""
    try:
        async with _peer(office.program, office.dsn, target, size, *office.wishes) as process:
            yield process
    finally:
        if office.after:
            await place.execute(office.after)


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
        Goal(
            "peers.debezium_every_ms",
            0.3,
            "p50 against Debezium's engine that polls every millisecond",
            why=_CALENDAR_WORK,
        ),
        Goal("peers.debezium", 0.01, "p50 against Debezium's engine as it comes", why=_CALENDAR_WORK),
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
        peers=(CAREFUL, *HEARERS) if source == "postgres" else (),
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
