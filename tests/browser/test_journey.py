"""From the sign-in page to an agent that learns, as an instructor does it in the first lesson."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from registry.models import User
from tests.browser.conftest import Visits
from tests.running.processes import PlatformProcess
from training.models import Run

# Random play first, which is fast: the first hundred episodes, after which one is kept.
SMALL = """\
training:
  num_envs: 8
  learning_starts: 9000
  intrinsic: {embedding: 16}
"""


def sign_in(page: Page, user: User) -> None:
    page.goto("/")
    page.get_by_label("Username").fill(user.username)
    page.get_by_label("Password").fill(user.plain_password)
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()


def start_run(page: Page) -> None:
    page.get_by_role("link", name="New run").first.click()
    page.get_by_role("radio", name=re.compile("L0.5")).check()
    page.get_by_label("Name", exact=True).fill("First lesson")
    page.get_by_role("spinbutton", name="Episodes").fill("100000")
    page.get_by_text("Advanced").click()
    page.get_by_label("More settings").fill(SMALL)
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("heading", name="First lesson", level=1)).to_be_visible()


def test_an_instructor_starts_a_run_and_a_student_watches_it_learn(
    visits: Visits,
    instructor: User,
    student: User,
    celery_worker_process: Callable[..., PlatformProcess],
):
    celery_worker_process("training.cpu")
    page = visits.open(None)
    sign_in(page, instructor)
    start_run(page)

    # An episode is drawn, with all that belongs to it.
    expect(page.locator("[data-status-panel] .badge")).to_have_text("running")
    expect(page.locator('[data-player="title"]')).to_have_text(re.compile(r"^Episode \d"))
    page.wait_for_function("() => hamletLive.episodes.some((episode) => episode.drawn_at)")
    expect(page.locator(".need")).to_have_count(8)
    expect(page.locator(".choice.taken")).to_have_count(1)
    expect(page.locator('[data-town="best"]')).to_contain_text("Lived")
    expect(page.locator("[data-score] canvas")).to_be_visible()
    expect(page.locator("[data-metrics]")).to_contain_text("Epsilon")

    # A student of the class watches the same run without buttons to steer it.
    other = visits.open(None)
    sign_in(other, student)
    other.get_by_role("link", name="First lesson").click()
    expect(other.locator('[data-player="title"]')).to_have_text(re.compile(r"^Episode \d"))
    expect(other.locator("#run-status").get_by_role("button")).to_have_count(0)

    # A kept episode is played while training goes on.
    kept = page.locator("[data-replays-body] a").first
    number = kept.inner_text()
    kept.click()
    expect(page.locator('[data-player="title"]')).to_have_text(f"Replay of episode {number}")
    before = int(page.locator('[data-health="newest"]').inner_text().replace(",", ""))
    page.wait_for_function(
        "(before) => Number(document.querySelector('[data-health=newest]')"
        ".textContent.replace(/,/g, '')) > before",
        arg=before,
    )
    expect(page.locator('[data-player="title"]')).to_have_text(f"Replay of episode {number}")
    page.get_by_role("button", name="Back to live").click()
    expect(page.locator('[data-player="title"]')).to_have_text(re.compile(r"^Episode \d"))

    # Pause, and the student's page says so; go on; cancel.
    status = page.locator("#run-status")
    status.get_by_role("button", name="Pause").click()
    expect(status.locator(".badge")).to_have_text("paused")
    expect(other.locator("#run-status .badge")).to_have_text("paused")
    status.get_by_role("button", name="Go on").click()
    expect(status.locator(".badge")).to_have_text("running")
    page.once("dialog", lambda dialog: dialog.accept())
    status.get_by_role("button", name="Cancel").click()
    expect(status.locator(".badge")).to_have_text("cancelled")
    expect(status.get_by_role("button")).to_have_count(0)
    page.reload()
    expect(page.get_by_role("link", name=re.compile("Inference checkpoint at"))).not_to_have_count(
        0
    )
    assert Run.objects.get().done > 0
