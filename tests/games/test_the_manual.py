"""The bodies that docs/manual/games.md prints are taken as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from registry.accounts.models import Membership
from registry.models import User
from tests.games.conftest import GAMES, Program
from tests.running.people import make_classroom
from training.datasets.models import Dataset

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[2] / "docs" / "manual" / "games.md"
SENT = re.compile(r"/api/v1/(\w+) \\\n[^']*?-d '(.*?)'\n", re.DOTALL)


def test_what_is_printed_is_taken(teacher: Program, instructor: User) -> None:
    Membership.objects.create(classroom=make_classroom("Class A"), user=instructor, teaches=True)
    printed = {name: json.loads(body) for name, body in SENT.findall(PAGE.read_text("utf-8"))}
    assert set(printed) == {"games", "datasets"}
    game = teacher.send(GAMES, printed["games"])
    assert game.status_code == 201, game.content
    assert (game.json()["consent"], game.json()["source"]) == (True, "human")
    built = teacher.send("/api/v1/datasets", printed["datasets"])
    assert built.status_code == 202, built.content
    assert Dataset.objects.get().name == built.json()["dataset"] == "friday"
