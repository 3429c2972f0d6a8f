"""A system that is no town goes the whole way: queue, worker, version, messages and pages."""

from __future__ import annotations

import copy
import html
import re
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from hamlet.recording import Episode
from hamlet.systems import SYSTEMS, Score
from live.encoding import LIVE, encode_for_watchers
from registry.models import Checkpoint
from tests.training.coin_system import COIN
from training import command_line, execution, services
from training.models import Run, RunStatus

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("redis_url", "artifact_dir", "admin"),
]
VIEWER = '<div data-coin>{% include "live/_player.html" %}{% include "live/_score.html" %}</div>'
TOWN_WORDS = re.compile(
    r"town|surviv|lives|curriculum|meter|affordance|stages|episode budget", re.IGNORECASE
)


@pytest.fixture
def coin(monkeypatch, settings, tmp_path: Path) -> None:
    """The row in the table and the viewer's template: all that a system adds to the pages."""
    monkeypatch.setitem(SYSTEMS, "coin", COIN)
    (tmp_path / "live/viewers").mkdir(parents=True)
    (tmp_path / "live/viewers/coin.html").write_text(VIEWER)
    templates = copy.deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"].append(tmp_path)
    settings.TEMPLATES = templates


@pytest.fixture
def finished(coin, instructor, classroom) -> Run:
    run = services.queue_run(instructor, {"stake": 3, "classroom": classroom.name})
    execution.execute(run.pk)
    run.refresh_from_db()
    return run


def words_of(user, address: str) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(address)
    assert response.status_code == 200
    body = re.search(r"<main.*</main>", response.content.decode(), re.S).group()
    return body


def data_of(body: str, name: str) -> object:
    return orjson.loads(
        html.unescape(re.search(rf'<script id="{name}"[^>]*>(.*?)</script>', body, re.S).group(1))
    )


def test_it_is_queued_executed_and_registered(finished: Run):
    assert (finished.status, finished.done, finished.unit) == (RunStatus.SUCCEEDED, 12, "toss")
    assert str(finished.version) == "coin 1.0.0"
    assert finished.version.lineage["system"] == "coin"
    kept = Checkpoint.objects.filter(run_id=finished.pk, kind="training").order_by("at")
    assert [checkpoint.at for checkpoint in kept] == [10, 12]
    assert finished.episodes.count() == 12


def test_its_page_shows_its_own_score_and_no_word_of_the_town(finished: Run, student):
    body = words_of(student, reverse("live:run", args=[finished.pk]))
    assert "Winnings" in body
    assert "More coins mean more luck." in body
    charts = data_of(body, "run-charts")
    assert charts["score"] == {
        "field": "score",
        "title": "Winnings",
        "unit": "coins",
        "meaning": "More coins mean more luck.",
        "limit": 3,
    }
    assert charts["episodes"]["score"][-1] == finished.episodes.get(number=12).score
    assert data_of(body, "run-settings") == {"stake": 3}
    shown = re.sub(r"<script.*?</script>|<[^>]+>", " ", body, flags=re.S)
    assert TOWN_WORDS.findall(shown) == []


def test_a_system_without_a_score_has_no_chart_of_it(finished: Run, student, monkeypatch):
    monkeypatch.setitem(SYSTEMS, "coin", replace(COIN, score=None))
    body = words_of(student, reverse("live:run", args=[finished.pk]))
    assert "data-score" not in body
    assert data_of(body, "run-charts")["score"] is None
    assert command_line.score_so_far(finished) == {}


def test_runs_are_compared_by_their_own_score(coin, finished: Run, instructor):
    other = services.queue_run(instructor, {"stake": 1, "seed": 1})
    execution.execute(other.pk)
    address = f"{reverse('live:run-compare')}?run={finished.pk}&run={other.pk}"
    body = words_of(instructor, address)
    curves = data_of(body, "compare-curves")
    assert (curves["unit"], curves["labels"]) == ("toss", [finished.name, other.name])
    client = Client()
    client.force_login(instructor)
    series = client.get(curves["url"]).json()["curves"]["series"]
    assert next(iter(series)) == "mean_winnings", "the score of its system comes first"
    assert series["mean_winnings"][0][-1] == finished.latest_metrics["mean_winnings"]
    shown = re.sub(r"<script.*?</script>|<[^>]+>", " ", body, flags=re.S)
    assert TOWN_WORDS.findall(shown) == []


def test_it_is_started_from_its_page_though_it_has_no_levels(coin, instructor):
    client = Client()
    client.force_login(instructor)
    page = client.get(reverse("live:run-new") + "?system=coin").content.decode()
    assert "Level" not in page
    data = {"system": "coin", "overrides": "stake: 2", "key": "page-1"}
    assert client.post(reverse("live:run-new"), data).status_code == 302
    assert Run.objects.get().spec["content"] == {"stake": 2}


def test_commands_speak_of_its_score(finished: Run):
    mean = finished.latest_metrics["mean_winnings"]
    assert command_line.score_so_far(finished) == {"winnings": f"{mean:.4g}"}
    with pytest.raises(CommandError, match="found coin; episodes are played in town only"):
        call_command("evaluate", "--run", str(finished.pk))


@pytest.mark.usefixtures("coin")
@pytest.mark.parametrize(
    ("reason", "cut"), [("the bank closed", True), ("time limit", True), ("tails", False)]
)
def test_the_declared_reasons_tell_a_cut_from_an_end(reason: str, cut: bool):
    episode = Episode(1, {}, {"side": [1]}, {"reason": reason}, 1e9)
    [batch] = encode_for_watchers(episode, LIVE).batches
    steps = orjson.loads("{" + batch.body)["steps"]
    assert (steps["truncated"], steps["terminated"]) == ([cut], [not cut])


@pytest.mark.parametrize(
    ("limit", "content", "expected"),
    [
        ("stake", {"stake": 3}, 3),
        ("level.max_steps", {"level": {"max_steps": 12}}, 12),
        ("level.max_steps", {"level": "L1"}, None),
        ("level.max_steps", {}, None),
        ("stake", {"stake": True}, None),
        ("", {"stake": 3}, None),
    ],
)
def test_the_limit_of_a_score_is_found_by_its_path(limit, content, expected):
    assert Score("score", "S", "", "", limit=limit).highest(content) == expected
