"""What root leaves beside the state belongs to the job's own user; anything else is done as ever."""

import os
from pathlib import Path

import pytest

from adapters.belonging import opened
from adapters.ledger import SqliteLedger
from adapters.lock import StateLock
from adapters.mailbox import Mailbox, Order
from adapters.switch import Switch
from engine.ports import CalendarRecord

SOMEBODY = 10001
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


@root
async def test_what_root_leaves_belongs_to_the_jobs_user(tmp_path: Path) -> None:
    """I8, I9: the switch, the lock, an order and the ledger, begun by root in a folder of somebody else."""
    state = tmp_path / "state" / "tmex.db"
    state.parent.mkdir(mode=0o700)
    os.chown(state.parent, SOMEBODY, SOMEBODY)
    Switch(state).write(on=False)
    with StateLock(state) as lock:
        assert lock.take()
    async with SqliteLedger(state, history_seconds=1.0, wall=lambda: 0.0) as ledger:
        await ledger.recall()
        await ledger.remember(calendars={"A": CalendarRecord()})
        mailbox = Mailbox(state)
        assert await mailbox.send(Order("status"), 0.01) is None
        mailbox._put(state.with_name("tmex.db.orders") / "a.order", b"{}")
        found = {path.name: (path.stat().st_uid, path.stat().st_gid) for path in state.parent.rglob("*")}
    names = {"tmex.db", "tmex.db-wal", "tmex.db-shm", "tmex.db.lock", "tmex.db.switch", "tmex.db.orders", "a.order"}
    assert found == dict.fromkeys(names, (SOMEBODY, SOMEBODY))


def test_no_link_leads_elsewhere(tmp_path: Path) -> None:
    """Whoever may write in the folder does not have root write, or give away, a file of another place."""
    target = tmp_path / "precious"
    target.write_text("as it was", "utf-8")
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(OSError):  # noqa: PT011 - each system has its own number for it
        opened(tmp_path / "link", os.O_WRONLY | os.O_TRUNC)
    assert target.read_text("utf-8") == "as it was"


def test_a_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    """I7: from the first moment on."""
    os.close(opened(tmp_path / "new", os.O_WRONLY))
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
