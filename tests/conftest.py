"""What every test shares: how hypothesis searches. Everything else belongs next to the tests that use it."""

import os

from hypothesis import settings

pytest_plugins = ["tests.postgres", "tests.uncounted"]

# On a busy machine one slow example says nothing. In CI the search is the same every time, and a failure can be
# copied from the log into `@reproduce_failure`.
settings.register_profile("dev", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
