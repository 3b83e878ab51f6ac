"""Everything that runs at a practice may be used there: the licence of each package is on the list, or this says no.

`python -m tools.licences` prints every package that tmex needs at run time, with its licence, and ends with 1 if one of
them is not allowed.
"""

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Final, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MPL-2.0",
        "PSF-2.0",
        "PostgreSQL",
        "Unlicense",
    }
)
"""SPDX names. None of them asks anything of a practice, nor of the rest of the program."""
ON_CONDITION: Final = {
    "recurring-ical-events": "LGPL-3.0-or-later",
    "x-wr-timezone": "LGPL-3.0-or-later",
}
"""Used as they are, replaceable by whoever runs tmex, and with their licence beside them in the image: that is what the
LGPL asks. To be looked at anew if one of them is ever changed, or built into something.
"""
EXTRAS: Final = ("ics",)
"""What the image has; the demo's own PostgreSQL is in no practice."""
CLASSIFIERS: Final = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
"""What older packages say, in SPDX's words."""
WORDS: Final = {
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "MIT License": "MIT",
    "PSF": "PSF-2.0",
}
"""What some write into the field in place of an SPDX expression."""


class Package(NamedTuple):
    """An installed package, and its licence as an SPDX expression; empty if it does not say."""

    name: str
    version: str
    licence: str


def needed(name: str, extras: tuple[str, ...] = ()) -> dict[str, Distribution]:
    """What is installed of all that `name` needs, by name, itself included."""
    found: dict[str, Distribution] = {}
    waiting: list[tuple[str, tuple[str, ...]]] = [(canonicalize_name(name), extras)]
    while waiting:
        name, extras = waiting.pop()
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # not for this system
        waiting += [each for each in _requirements(found[name], extras) if each[0] not in found]
    return found


def _requirements(package: Distribution, extras: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for text in package.requires or ():
        each = Requirement(text)
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            yield canonicalize_name(each.name), tuple(each.extras)


def licence_of(metadata: Mapping[str, str], classifiers: list[str]) -> str:
    """An SPDX expression out of a package's metadata, newest field first; empty if it says nothing that is known. Where
    it names several, all must be allowed.
    """
    if expression := metadata.get("License-Expression"):
        return expression
    short = (metadata.get("License") or "").strip()
    if short in WORDS or short in ALLOWED:
        return WORDS.get(short, short)
    named = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    return " AND ".join(CLASSIFIERS[each] for each in named) if set(named) <= CLASSIFIERS.keys() else ""


def _fields(package: Distribution) -> Mapping[str, str]:
    return {name: package.metadata[name] for name in ("License-Expression", "License") if name in package.metadata}


def is_allowed(package: Package) -> bool:
    """Whether one may use it: each licence that it names is on the list. What is less plain is for a person to read."""
    names = package.licence.split(" AND ")
    return set(names) <= ALLOWED or package.licence == ON_CONDITION.get(package.name)


def packages() -> list[Package]:
    """All that runs at a practice, by name."""
    found = needed("tmex", EXTRAS)
    return [
        Package(name, each.version, licence_of(_fields(each), each.metadata.get_all("Classifier") or []))
        for name, each in sorted(found.items())
    ]


def main() -> int:
    """Print them; 1 if one is not allowed."""
    wrong = 0
    for each in packages():
        allowed = is_allowed(each)
        wrong += not allowed
        print(f"{each.name} {each.version}: {each.licence or 'does not say'}{'' if allowed else '  -- not allowed'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
