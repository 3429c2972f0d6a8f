"""The buttons of a run, while the run moves under them."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, Route, expect

from registry.models import User
from training import services
from training.models import Run


def test_a_run_that_moves_while_a_button_asks_shows_how_it_stands_in_the_end(
    open_run: Callable[..., Page], run: Run, instructor: User
):
    page = open_run(instructor)
    panel = page.locator("#run-panel")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if len(held) < 2:
            held.append(route)
        else:
            route.continue_()

    for address in ("status", "pause"):
        page.route(f"**/runs/{run.pk}/{address}/", hold)

    # Somebody else pauses the run; while this page asks for its panel, Pause is pressed here too.
    with page.expect_request("**/status/"):
        services.pause_run(run, instructor)
    with page.expect_request("**/pause/"):
        panel.get_by_role("button", name="Pause").click()
    news, answer = held
    with page.expect_response("**/status/"):
        news.continue_()
    with page.expect_response("**/pause/"):
        answer.continue_()

    expect(panel.get_by_role("button", name="Go on")).to_be_visible()
    expect(panel.get_by_role("button", name="Pause")).to_have_count(0)
    expect(page.locator("#run-events li")).not_to_have_count(0)
