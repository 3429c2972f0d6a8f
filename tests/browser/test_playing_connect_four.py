"""A person plays in a real browser: by keys and clicks, against programs and networks."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from hamlet.envs.connect_four.position import Position
from hamlet.learning.connect_four.asking import inputs_of, shaped_reply
from tests.browser.conftest import PHONE
from tests.playing.boards import make_board_model, register_board_version
from tests.registry.exported import export_onnx_of

ASK_WORKER = """async ([worker, choice, games]) => {
  const { WorkerThinker } = await import(document.querySelector("script[src*='connect_four/play']")
    .src.replace("play", "thinkers"));
  const thinker = new WorkerThinker(worker);
  const moves = [];
  for (const game of games) {
    const thought = await thinker.think({ moves: game, choice, search: null }, () => {});
    moves.push([thought.move, thought.value]);
  }
  return moves;
}"""


def moves_of(page: Page) -> str:
    return page.locator("[data-play]").get_attribute("data-moves") or ""


def wait_for_plies(page: Page, count: int) -> None:
    items = page.locator("[data-play-part=moves] li")
    expect(items).to_have_count(count)
    expect(page.locator("[data-play]")).to_have_attribute("data-thinking", "false")


@pytest.fixture
def version(transactional_db, instructor, classroom, artifact_dir):
    version = register_board_version(instructor, classroom)
    export_onnx_of(version)
    return version


def positions(count: int) -> list[Position]:
    """Positions of random games, with the moves that lead to them."""
    generator, found = np.random.default_rng(7), []
    while len(found) < count:
        position, moves = Position(), []
        for _ in range(int(generator.integers(0, 30))):
            if position.ended:
                break
            moves.append(int(generator.choice(position.legal_columns())))
            position = position.play(moves[-1])
        if not position.ended:
            found.append((moves, position))
    return found


def test_a_person_plays_with_keys_and_clicks_and_the_address_keeps_the_game(visits, student):
    page = visits.open(student)
    page.goto("/play/")
    page.get_by_label("Against").select_option("friend")
    page.locator("body").press("4")
    page.get_by_role("button", name="Drop in column 4").click()
    wait_for_plies(page, 2)
    assert moves_of(page) == "44"
    assert "moves=44" in page.url
    page.reload()
    wait_for_plies(page, 2)
    page.get_by_role("button", name="Take back").click()
    wait_for_plies(page, 1)


def test_the_one_who_makes_four_wins_and_the_game_ends(visits, student):
    page = visits.open(student, viewport=PHONE)
    page.goto("/play/?moves=121212")
    page.get_by_label("Against").select_option("friend")
    page.locator("body").press("1")
    words = "Red played column 1. Red has four in a line."
    expect(page.locator("[data-play-part=turn]")).to_have_text(words)
    expect(page.locator("[data-mark=four]")).to_have_count(4)
    assert page.get_by_role("button", name="Drop in column 2").is_disabled()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_program_answers_each_move(visits, student):
    page = visits.open(student)
    page.goto("/play/")
    page.get_by_label("Against").select_option("name:one_ply")
    page.locator("body").press("4")
    wait_for_plies(page, 2)


def test_the_browser_finds_the_moves_that_the_network_finds(visits, version, student):
    page = visits.open(student)
    page.goto("/play/")
    games = positions(50)
    choice = page.evaluate("Object.values(hamletPlay.versions)[0]")
    found = page.evaluate(ASK_WORKER, ["/play/worker.js", choice, [moves for moves, _ in games]])
    model = make_board_model()
    for (_, position), (move, value) in zip(games, found, strict=True):
        outputs = model.run(inputs_of(position))
        expected = shaped_reply(position, {name: t.numpy() for name, t in outputs.items()})
        assert move == expected["move"]
        assert value == pytest.approx(expected["value"], abs=1e-4)


def test_a_network_in_the_browser_plays_on_without_the_server(visits, version, student):
    page = visits.open(student)
    page.goto("/play/")
    page.get_by_text("in this browser").click()
    page.get_by_label("Simulations").select_option("25")
    page.locator("body").press("4")
    wait_for_plies(page, 2)
    page.context.set_offline(True)
    page.locator("body").press("4")
    wait_for_plies(page, 4)
    expect(page.locator("[data-play-part=facts]")).to_contain_text("25")


def test_after_the_game_every_move_is_judged_on_a_page_of_its_own(visits, student):
    page = visits.open(student)
    page.goto("/play/?moves=121212")
    page.get_by_label("Against").select_option("friend")
    page.locator("body").press("1")
    page.get_by_role("button", name="Save it and judge every move").click()
    page.wait_for_url("**/games/*/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Game")
    expect(page.locator("[data-mark=four]")).to_have_count(4)
    page.get_by_role("button", name="One move back").click()
    page.get_by_role("link", name="Play on from here").click()
    expect(page.locator("[data-play]")).to_have_attribute("data-moves", "121212")
