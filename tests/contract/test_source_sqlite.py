"""The SQLite source keeps the promises of every source, for tables and views, and in both journal modes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.duria.sqlite import SqliteSource
from tests.contract.source_contract import PRACTICE, SourceContract
from tests.contract.sqlite_practice import SqlitePractice


class TestSqliteSource(SourceContract):
    """`SourceContract`, on a real file that another thread writes."""

    @pytest.fixture(params=["wal", "delete", "views"])
    def practice(self, request: pytest.FixtureRequest, tmp_path: Path) -> SqlitePractice:
        """The practice's own program."""
        journal, views = ("wal", True) if request.param == "views" else (request.param, False)
        return SqlitePractice(tmp_path / "duria.db", journal=journal, views=views)

    @pytest.fixture
    async def source(self, practice: SqlitePractice) -> AsyncIterator[SqliteSource]:
        """What is tested."""
        async with SqliteSource(practice.path, PRACTICE) as source:
            yield source
