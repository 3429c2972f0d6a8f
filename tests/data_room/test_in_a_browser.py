"""A game and a dataset in a real browser: the scrubber, the keys, the chart."""

from __future__ import annotations

from playwright.sync_api import expect

from registry.jobs import execution, services
from registry.models import User
from tests.browser.conftest import Visits, patience, visits  # noqa: F401 - fixtures
from tests.games.records import searched
from tests.jobs.rows import WORKER
from training.datasets.building import NAME
from training.games.services import record_game


def test_moves_are_scrubbed_and_statistics_are_drawn(
    visits: Visits,  # noqa: F811
    instructor: User,
    web_server: str,
) -> None:
    game, _ = record_game(instructor, searched())
    job, _ = services.queue_job(instructor, {"name": "friday"}, kind=NAME)
    execution.execute(job.pk, WORKER)
    page = visits.open(instructor)

    page.goto(f"/games/{game.uid}/")
    stones = page.locator('.c4-cell[data-player="1"], .c4-cell[data-player="2"]')
    expect(stones).to_have_count(7)
    expect(page.locator('.c4-cell[data-mark="four"]')).to_have_count(4)
    page.get_by_role("button", name="One move back").click()
    expect(stones).to_have_count(6)
    page.keyboard.press("ArrowLeft")
    expect(stones).to_have_count(5)
    expect(page.locator("[data-game-words]")).to_contain_text("Move 5: Red in column 4")
    page.get_by_role("list", name="Columns played").get_by_role("button").first.click()
    expect(stones).to_have_count(1)

    page.goto("/datasets/friday/")
    expect(page.locator('[data-dataset-chart="by_ply"] canvas')).to_be_visible()
    page.get_by_role("button", name="As table").click()
    expect(page.locator('[data-dataset-chart="by_ply"] tbody tr')).to_have_count(42)
