"""`python -m tests.simulation.aloud SEED`: the whole story of one seed, and how it ended."""

import sys
from collections.abc import Iterator

from tests.simulation.story import Story
from tests.simulation.virtual import run


def aloud(seed: int) -> int:
    """Tell the story of `seed`; 1 if an invariant breaks in it."""
    story = Story(seed)
    print(*_world(story), "", sep="\n")
    broken = ""
    try:
        run(story.tell())
    except (AssertionError, ExceptionGroup) as error:
        broken = "; ".join(_broken(error))
    finally:
        story.ledger.close()
    print(*story.chronicle.lines, "", sep="\n")
    print(f"broken: {broken}" if broken else f"nothing broken; {len(story.portal.uploads)} uploads")
    return 1 if broken else 0


def _world(story: Story) -> Iterator[str]:
    """What the seed's dice chose before anything happened."""
    faults = {name: getattr(story.mix, name) for name in story.mix.__struct_fields__}
    limits = story.limits
    yield f"seed {story.seed}"
    yield "faults  " + (", ".join(f"{name} {often:.0%}" for name, often in faults.items() if often) or "none")
    yield "limits  " + ", ".join(f"{name} {getattr(limits, name)}" for name in limits.__struct_fields__)


def _broken(error: BaseException) -> Iterator[str]:
    """What a failure comes down to."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _broken(each)
    else:
        yield str(error) or type(error).__name__


if __name__ == "__main__":
    sys.exit(aloud(int(sys.argv[1])))
