"""The league at a real browser: drawn as it is told, within a phone, and started from its form."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from registry.jobs.models import Job
from registry.models import Classroom, User
from tests.browser.conftest import PHONE, Visits
from tests.league.test_standings import keep


def test_bars_stand_in_the_order_of_their_ratings(
    transactional_db, redis_url, visits: Visits, instructor: User, classroom: Classroom
):
    keep(instructor, "RRRYRRRD", "minimax", "random", classroom)
    keep(instructor, "YYYRYYYY", "random", "minimax", classroom)
    for wins, losses in (("solver", "minimax"), ("random", "dropper/1.0.0 @8")):
        keep(instructor, "RRRR", wins, losses, classroom)
        keep(instructor, "YYYY", losses, wins, classroom)
    page = visits.open(instructor, viewport=PHONE, has_touch=True, is_mobile=True)
    page.goto("/league/")
    expect(page.locator("#league-ratings tbody tr")).to_have_count(4)
    marks = [mark.bounding_box()["x"] for mark in page.locator(".league-mark").all()]
    assert marks == sorted(marks, reverse=True)
    assert len(marks) == 2
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.set_viewport_size({"width": 1440, "height": 1100})


def test_the_form_leads_to_the_job(
    transactional_db, redis_url, visits: Visits, instructor: User, classroom: Classroom
):
    page = visits.open(instructor)
    page.goto("/league/")
    page.get_by_label("mcts").check()
    page.get_by_role("button", name="Start the tournament").click()
    expect(page).to_have_url(re.compile(r"/jobs/[-0-9a-f]{36}/"))
    assert Job.objects.get().total == 6 * 20
