"""What the tests of accounts share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def no_search_for_static_files(settings):
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True
