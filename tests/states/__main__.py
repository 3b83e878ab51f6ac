"""Keeps a ledger of the present schema; see the package."""

from tests.states import main

main()
