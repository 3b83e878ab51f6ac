"""The queue's guarantees, each proven by a test of its name, and each broken by a queue that the tests find out."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import pytest
import uvloop

from engine.workqueue import WorkQueue
from tests.simulation.virtual import run
from tests.unit.queues import WRONG

Proof = Callable[[WorkQueue], Awaitable[None]]


async def take_all(queue: WorkQueue) -> list[str]:
    """What is handed out now, one after the other."""
    taken: list[str] = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                key = await queue.get()
        except TimeoutError:
            return taken
        taken.append(key)
        queue.done(key)


async def fair(queue: WorkQueue) -> None:
    """Keys come in the order in which they were first added."""
    for key in "abcab":
        queue.add(key)
    assert await take_all(queue) == ["a", "b", "c"]


async def coalescing(queue: WorkQueue) -> None:
    """Ten thousand marks are one turn (fault 5)."""
    for _ in range(10_000):
        queue.add("a")
    assert len(queue) == 1
    assert await take_all(queue) == ["a"]


async def exclusive(queue: WorkQueue) -> None:
    """Nobody gets a key that somebody has."""
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await queue.get()
    queue.done("a")
    assert await queue.get() == "a"


async def lossless(queue: WorkQueue) -> None:
    """A change during the work is handled after it, once."""
    queue.add("a")
    key = await queue.get()
    queue.add("a")
    queue.add("a")
    queue.done(key)
    assert await take_all(queue) == ["a"]


async def patient(queue: WorkQueue) -> None:
    """A key comes at its time; a second time can only bring it forward."""
    start = asyncio.get_running_loop().time()
    queue.add_at("a", start + 10)
    queue.add_at("a", start + 20)
    queue.add_at("b", start + 20)
    queue.add_at("b", start + 5)
    assert await queue.get() == "b"
    assert asyncio.get_running_loop().time() == pytest.approx(start + 5)
    assert await queue.get() == "a"
    assert asyncio.get_running_loop().time() == pytest.approx(start + 10)


async def unbothered_by_cancelled_workers(queue: WorkQueue) -> None:
    """A worker that is cancelled while it waits, or just as it is woken, takes no key with it."""
    waiters = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    waiters[0].cancel()
    queue.add("a")
    waiters[1].cancel()
    async with asyncio.timeout(1):
        assert await waiters[2] == "a"


async def sound_under_load(queue: WorkQueue) -> None:
    """Many workers and changes: never twice at once, and the last change of each key is always handled."""
    chance, held, seen, changed = Random(7), set[str](), dict[str, int](), dict[str, int]()

    async def work() -> None:
        while True:
            key = await queue.get()
            assert key not in held, "twice at once"
            held.add(key)
            handled = changed[key]
            await asyncio.sleep(chance.random())
            held.discard(key)
            seen[key] = handled
            queue.done(key)

    workers = [asyncio.create_task(work()) for _ in range(4)]
    for number in range(400):
        key = chance.choice("abcdefg")
        changed[key] = number
        queue.add(key)
        await asyncio.sleep(chance.choice([0, 0, 0.3]))
    await asyncio.wait(workers, timeout=60)
    for worker in workers:
        worker.cancel()
    outcomes = await asyncio.gather(*workers, return_exceptions=True)
    assert not [each for each in outcomes if isinstance(each, AssertionError)]
    assert seen == changed, "a last change was not handled"


PROOFS = [fair, coalescing, exclusive, lossless, patient, unbothered_by_cancelled_workers, sound_under_load]


async def prove(proof: Proof, kind: type[WorkQueue]) -> None:
    await proof(kind())


@pytest.mark.parametrize("proof", PROOFS, ids=lambda each: each.__name__)
def test_the_queue_is(proof: Proof) -> None:
    """I4, I5: fair, coalescing, exclusive, lossless, patient."""
    run(prove(proof, WorkQueue))


@pytest.mark.parametrize("wrong", WRONG, ids=lambda each: each.__name__)
def test_a_wrong_queue_is_found_out(wrong: type[WorkQueue]) -> None:
    """I4, I5: each known-wrong queue fails at least one proof; the tester is tested."""
    broken = 0
    for proof in PROOFS:
        try:
            run(prove(proof, wrong))
        except (AssertionError, TimeoutError, RuntimeError, pytest.fail.Exception):
            broken += 1
    assert broken


def test_a_closed_queue_hands_out_nothing_more() -> None:
    """I8: after the stop no new turn begins, neither now nor later."""

    async def close() -> None:
        queue, loop = WorkQueue(), asyncio.get_running_loop()
        queue.add("a")
        queue.add_at("b", loop.time() + 1)
        queue.close()
        queue.add("c")
        assert await take_all(queue) == []
        await asyncio.sleep(2)
        assert await take_all(queue) == []

    run(close())


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_key_that_is_due_at_once_may_be_added_again(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """I5, fault 49: in uvloop, a timer for now is a handle that does not know its time; it once ended the job."""

    async def twice() -> None:
        queue, now = WorkQueue(), asyncio.get_running_loop().time()
        for when in (now, now + 10, now - 10):
            queue.add_at("a", when)
        async with asyncio.timeout(5):
            assert await queue.get() == "a"
        assert not len(queue)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(twice())
