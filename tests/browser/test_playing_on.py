"""A game in a browser goes on whatever happens to the page, the connection or the opponent."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.test_playing_connect_four import moves_of, version, wait_for_plies  # noqa: F401
from training.games.models import Game


def test_a_page_loaded_again_has_the_same_opponent_and_the_same_side(visits, version, student):  # noqa: F811
    page = visits.open(student)
    page.goto("/play/")
    page.get_by_label("Against").select_option("name:one_ply")
    page.get_by_text("Yellow", exact=True).click()
    wait_for_plies(page, 1)
    page.locator("body").press("4")
    wait_for_plies(page, 3)
    moves = moves_of(page)
    page.reload()
    wait_for_plies(page, 3)
    assert moves_of(page) == moves
    assert page.get_by_label("Against").input_value() == "name:one_ply"
    expect(page.locator("[data-play-part=turn]")).to_contain_text("Your turn: Yellow.")


def test_the_opponents_move_is_said_and_the_keyboard_stays_where_it_was(visits, student):
    page = visits.open(student)
    page.goto("/play/?opponent=name:one_ply")
    button = page.get_by_role("button", name="Drop in column 4")
    button.press("Enter")
    wait_for_plies(page, 2)
    column = moves_of(page)[-1]
    expect(page.locator("[data-play-part=turn]")).to_have_text(
        f"Yellow played column {column}. Your turn: Red."
    )
    expect(button).to_be_focused()


def test_a_new_game_forgets_what_was_thought_in_the_old_one(visits, version, student):  # noqa: F811
    page = visits.open(student)
    page.goto("/play/?simulations=25")
    page.locator("body").press("4")
    wait_for_plies(page, 2)
    page.locator("body").press("o")
    expect(page.locator("[data-play-part=facts]")).to_contain_text("Expected line")
    expect(page.locator("[data-play-part=bars] small").first).to_have_text(re.compile(r"\(\d+ %\)"))
    page.get_by_role("button", name="New game").click()
    wait_for_plies(page, 0)
    expect(page.locator("[data-play-part=facts]")).to_be_empty()


def test_an_address_that_holds_no_game_says_so(visits, version, student):  # noqa: F811
    page = visits.open(student)
    notice = page.locator("[data-play-part=notice]")
    page.goto("/play/?moves=99")
    expect(notice).to_contain_text("expected at most 42 digits")
    page.goto("/play/?moves=1111111&opponent=friend")
    wait_for_plies(page, 6)
    expect(notice).to_contain_text("number 7 cannot be played")
    page.goto("/play/?opponent=gone 1.0.0")
    expect(notice).to_contain_text("There is no “gone 1.0.0”")


def test_without_a_connection_it_says_so_and_can_be_asked_again(visits, student):
    visits.expected.append("WebSocket connection")
    page = visits.open(student)
    page.goto("/play/?opponent=name:one_ply")
    page.locator("body").press("4")
    wait_for_plies(page, 2)
    page.context.set_offline(True)
    page.locator("body").press("4")
    expect(page.locator("[data-play-part=error]")).to_contain_text("The server does not answer")
    expect(page.locator("[data-play-part=turn]")).to_contain_text("Yellow has not answered.")
    page.context.set_offline(False)
    page.get_by_role("button", name="Ask again").click()
    wait_for_plies(page, 4)
    expect(page.locator("[data-play-part=error]")).to_be_hidden()


def test_a_saved_game_names_who_played_and_is_judged_at_once(visits, student):
    page = visits.open(student)
    page.goto("/play/?moves=121212&opponent=name:one_ply")
    page.locator("body").press("1")
    page.get_by_role("button", name="Save it and judge every move").click()
    page.wait_for_url("**/games/*/")
    game = Game.objects.get()
    assert (game.red_type, game.yellow_type, game.yellow_name) == ("human", "ai", "one_ply")
    assert game.metadata["moves of Yellow"] == "3 given by the address"
    assert game.analysis is not None


def test_a_game_that_could_not_be_saved_is_kept_once_by_the_next_try(visits, student):
    visits.expected.append("Failed to load resource")
    page = visits.open(student)
    page.goto("/play/?moves=121212&opponent=friend")
    page.locator("body").press("1")
    save = page.get_by_role("button", name="Save it and judge every move")
    # The game arrives, its answer does not.
    page.route("**/api/v1/games", lambda route: (route.fetch(), route.abort())[1], times=1)
    save.click()
    expect(page.locator("[data-play-part=error]")).to_contain_text("the server cannot be reached")
    save.click()
    page.wait_for_url("**/games/*/")
    assert Game.objects.count() == 1
