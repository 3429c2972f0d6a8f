"""The line breaks: the page says so, comes back by itself and misses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Browser, Page, expect

from registry.models import Membership, User
from tests.browser.conftest import Visits
from tests.live import episodes
from tests.running.processes import PlatformProcess, start_web
from training.models import Run

Open = Callable[..., Page]


@pytest.fixture
def own_server(
    transactional_db: None, redis_url: str, artifact_dir: Path, tmp_path: Path
) -> Iterator[tuple[list[PlatformProcess], str]]:
    """A web server of this test alone, that may be killed. The list holds who is alive."""
    process, url = start_web(tmp_path / "web.log")
    alive = [process]
    yield alive, url
    for one in alive:
        one.stop()


def watching(chromium: Browser, url: str, run: Run, user: User) -> tuple[Visits, Page]:
    """The page of the run on a server that is about to go away, which the console may tell of."""
    visits = Visits(chromium, url)
    page = visits.open(user)
    page.goto(f"/runs/{run.pk}/")
    return visits, page


def start_again(url: str, log: Path) -> PlatformProcess:
    """The same server on the same port, as a supervisor starts it."""
    port = url.rpartition(":")[2]
    command = ["-m", "hamletweb.bounded_daphne", "-b", "127.0.0.1", "-p", port]
    command += ["hamletweb.asgi:application"]
    return PlatformProcess(command, log)


def test_server_that_is_killed_and_comes_back_is_found_again(
    chromium: Browser, own_server, run: Run, student: User, tmp_path: Path
):
    alive, url = own_server
    visits, page = watching(chromium, url, run, student)
    episodes.publish(run, episodes.make_episode(1, steps=300))
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 1")
    banner = page.locator("[data-banner]")
    expect(banner).to_be_hidden()

    alive.pop().kill_now()
    expect(banner).to_contain_text("Connection lost, trying again")
    expect(banner.get_by_role("status")).to_be_visible()
    expect(page.locator("[data-banner-countdown]")).to_have_text(re.compile(r"in \d+ s"))
    expect(page.locator('[data-health="state"]')).to_contain_text("lost")
    page.get_by_role("button", name="First step").click()
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 1")

    episodes.summarise(run, *range(1, 41))
    for at in range(10, 41, 10):
        episodes.report(run, at, loss=at / 100)
    episodes.publish(run, episodes.make_episode(40))
    alive.append(start_again(url, tmp_path / "web-again.log"))
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 40")
    expect(banner).to_be_hidden()
    # What ended meanwhile stands in the chart.
    page.locator("[data-score]").get_by_role("button", name="As table").click()
    expect(page.locator("[data-score] tbody tr")).to_have_count(40)
    page.locator("[data-metric-chart]").get_by_role("button", name="As table").click()
    expect(page.locator("[data-metric-chart] tbody tr")).to_have_count(4)
    errors = [complaint for complaint in visits.complaints if "ERR_" not in complaint]
    assert not [error for error in errors if "WebSocket" not in error]


def test_who_is_put_out_of_the_class_is_told_and_not_let_in_again(
    open_run: Open, student: User, visits: Visits
):
    page = open_run()
    Membership.objects.filter(user=student).delete()
    expect(page.locator("[data-banner]")).to_contain_text("You may no longer see this run")
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()


def test_who_lost_the_role_meanwhile_is_told_and_does_not_try_again(
    chromium: Browser, own_server, run: Run, student: User, tmp_path: Path
):
    alive, url = own_server
    visits, page = watching(chromium, url, run, student)
    banner = page.locator("[data-banner]")
    expect(page.locator('[data-health="state"]')).to_contain_text("connected")
    alive.pop().kill_now()
    expect(banner).to_contain_text("Connection lost, trying again")
    student.groups.clear()
    alive.append(start_again(url, tmp_path / "web-again.log"))
    # Now the handshake is refused, and the page that is asked why says 403.
    expect(banner).to_contain_text("You may no longer see this run")
    expect(page.get_by_role("button", name="Try now")).to_be_hidden()


def test_who_signed_out_on_another_page_is_told(open_run: Open, visits: Visits):
    page = open_run()
    Session.objects.all().delete()
    expect(page.locator("[data-banner]")).to_contain_text("You are signed out")
