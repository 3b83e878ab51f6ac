"""A folder of CSV exports keeps the promises of every source, in German and English, cp1252, cp850 and UTF-8."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.duria.files import FilesSource
from tests.contract.files_practice import ENGLISH, GERMAN, FilesPractice, files_source
from tests.contract.source_contract import SourceContract

KINDS = {
    "cp1252": (GERMAN, ";", "cp1252"),
    "cp850": (tuple(name.upper() for name in reversed(GERMAN)), ";", "cp850"),
    "utf-8": (ENGLISH, ",", "utf-8"),
}


class TestFilesSource(SourceContract):
    """`SourceContract`, on a real folder that another thread writes into."""

    @pytest.fixture(params=KINDS)
    def practice(self, request: pytest.FixtureRequest, tmp_path: Path) -> FilesPractice:
        """The practice's own program."""
        header, delimiter, encoding = KINDS[request.param]
        return FilesPractice(tmp_path / "exports", header=header, delimiter=delimiter, encoding=encoding)

    @pytest.fixture
    async def source(self, practice: FilesPractice) -> AsyncIterator[FilesSource]:
        """What is tested."""
        async with files_source(practice.folder) as source:
            yield source
