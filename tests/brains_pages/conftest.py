"""People who write brains."""

from __future__ import annotations

import pytest
from django.test import Client

from registry.accounts.models import User


@pytest.fixture(autouse=True)
def no_search_for_static_files(settings):
    # Else every Client() looks through all static files anew, which takes longer than the test.
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def writer(instructor: User) -> Client:
    client = Client()
    client.force_login(instructor)
    return client


@pytest.fixture
def reader(student: User) -> Client:
    client = Client()
    client.force_login(student)
    return client
