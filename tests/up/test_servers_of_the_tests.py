"""What every test relies on: servers of its own, shared with no other worker."""

from __future__ import annotations

import os
from pathlib import Path

import redis
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import connection

from registry.accounts.models import Role


def test_settings_are_those_of_this_worker(worker_id: str) -> None:
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw")) + 1
    assert settings.REDIS_URL.endswith(f"/{number}")
    assert os.environ["REDIS_URL"] == settings.REDIS_URL
    assert Path(os.environ["HAMLET_DATA_DIR"]) == settings.DATA_DIR
    assert settings.ARTIFACT_DIR.is_relative_to(settings.DATA_DIR)
    assert settings.DATA_DIR.name == ("data" if worker_id == "master" else f"data{worker_id}")


def test_the_test_database_is_not_the_one_of_the_settings(db: None) -> None:
    assert connection.settings_dict["NAME"].startswith("test_hamlet")


def test_roles_are_back_after_a_test_with_real_transactions(transactional_db: None) -> None:
    # Whatever ran before in this worker ended in TRUNCATE or in a rollback.
    assert set(Group.objects.values_list("name", flat=True)) == set(Role.values)
    assert all(group.permissions.exists() for group in Group.objects.all())


def test_people_have_passwords_that_open_the_door(client, student, outsider) -> None:
    assert client.login(username=student.username, password=student.plain_password)
    assert student.plain_password != outsider.plain_password


def test_broker_is_empty_at_the_start_of_a_test(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
