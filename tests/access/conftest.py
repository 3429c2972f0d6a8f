"""Static files are no matter of access."""

from __future__ import annotations

import pytest

from registry.accounts.models import Classroom, Role, User
from tests.running.people import make_person


@pytest.fixture(autouse=True)
def no_search_for_static_files(settings):
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def roleless(classroom: Classroom) -> User:
    """In the class, but an admin took the role away."""
    user = make_person("roleless", Role.STUDENT, classroom)
    user.groups.clear()
    return user
