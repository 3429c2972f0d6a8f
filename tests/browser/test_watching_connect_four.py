"""A recorded game on the page of its run: board, thoughts, course, and words for all of it."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import expect

from hamlet.learning.connect_four.recordings import GameShown, episode_of
from hamlet.recording import encode_episode
from registry.artifacts.store import store_file
from tests.browser.conftest import PHONE
from training import services
from training.models import MetricPoint, Replay, Run

MOVES = [0, 1, 0, 1, 0, 1, 0]  # Red wins in column 1
GAME = GameShown(
    kind="self_play",
    red="AlphaZero",
    yellow="AlphaZero",
    moves=MOVES,
    visits=[[10 if column == move else 1 for column in range(7)] for move in MOVES],
    policies=[[0.4 if column == move else 0.1 for column in range(7)] for move in MOVES],
    values=[0.0, 0.1, -0.1, 0.2, 0.3, -0.6, 0.9],
    winner=1,
    reason="four",
)


@pytest.fixture
def watched(transactional_db, redis_url, artifact_dir, instructor, classroom):
    """A run with one kept game and two measured epochs."""
    request = {"config": {"model_type": "alphazero"}, "classroom": classroom.name}
    run = services.queue_run(instructor, request)
    event = episode_of(1, GAME)
    Replay.objects.create(
        run=run,
        number=1,
        reasons=["every 100th"],
        survival_steps=len(MOVES),
        score=1.0,
        artifact=store_file(encode_episode(event.recording), "application/vnd.hamlet.episode"),
        ended_at=dt.datetime.now(dt.UTC),
    )
    names = {"mistakes_percent": 45.0, "mistakes_begin_easy": 22.5, "rating": 450.0}
    Run.objects.filter(pk=run.pk).update(latest_metrics=names, done=2)
    for at, value in ((1, 60.0), (2, 45.0)):
        MetricPoint.objects.create(run=run, name="mistakes_percent", at=at, value=value)
        MetricPoint.objects.create(run=run, name="mistakes_begin_easy", at=at, value=value / 2)
        MetricPoint.objects.create(run=run, name="rating", at=at, value=900 - 10 * value)
    return run


@pytest.mark.parametrize("options", [{}, {"viewport": PHONE, "color_scheme": "dark"}])
def test_a_game_is_shown_move_by_move(visits, watched, student, options):
    page = visits.open(student, **options)
    page.goto(f"/runs/{watched.pk}/?episode=1")
    expect(page.locator("[data-c4=players]")).to_have_text("Red: AlphaZero. Yellow: AlphaZero.")
    page.get_by_role("button", name="Last step").click()
    expect(page.locator("[data-c4=board] [data-mark=four]")).to_have_count(4)
    expect(page.locator("[data-c4=thought]")).to_contain_text(
        "Red plays column 1, after 16 simulations and expects +0.90."
    )
    expect(page.locator("[data-c4=board] svg")).to_have_attribute(
        "aria-label", "Red has four in a line. From the bottom up: column 1 Red, Red, Red, Red; "
        "column 2 Yellow, Yellow, Yellow; column 3 empty; column 4 empty; column 5 empty; "
        "column 6 empty; column 7 empty.",
    )  # fmt: skip
    page.get_by_role("button", name="Ply 1: Red in column 1").click()
    expect(page.locator("[data-c4=board] [data-player='1']")).to_have_count(1)
    expect(page.locator("[data-c4=reason]")).to_have_text("Red wins by four")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_course_against_perfect_play_is_told_in_words(visits, watched, student):
    page = visits.open(student)
    page.goto(f"/runs/{watched.pk}/")
    expect(page.locator("[data-c4=strength-words]")).to_have_text(
        "Of the decisive positions the raw network spoils 45.0 %; it was 60.0 % at epoch 1."
    )
    expect(page.locator("[data-c4=rating-words]")).to_have_text(
        "450 points above random play; it was 300 at epoch 1."
    )
    expect(page.locator("[data-c4=sets]")).to_contain_text("begin easy")
    expect(page.locator("main")).not_to_contain_text("episode")
