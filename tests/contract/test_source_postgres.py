"""The PostgreSQL source keeps the promises of every source, for tables and views, on two majors."""

import itertools
from collections.abc import AsyncIterator

import pytest

from adapters.duria.postgres import PostgresSource
from tests.contract.postgres_practice import PostgresPractice
from tests.contract.source_contract import PRACTICE, SourceContract
from tests.postgres import NewDatabase, majors


class TestPostgresSource(SourceContract):
    """`SourceContract`, on a real server."""

    @pytest.fixture(params=itertools.product(majors(), ["tables", "views"]), ids=lambda each: f"{each[1]} in {each[0]}")
    def practice(self, request: pytest.FixtureRequest, emptied_database: NewDatabase) -> PostgresPractice:
        """The practice's own program."""
        major, kind = request.param
        return PostgresPractice(emptied_database(major), views=kind == "views")

    @pytest.fixture
    async def source(self, practice: PostgresPractice) -> AsyncIterator[PostgresSource]:
        """What is tested."""
        async with PostgresSource(practice.address, PRACTICE, interval=120.0) as source:
            yield source
