"""The player in a browser: what it draws, and how it is moved by hand and by key."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.live import episodes
from training.models import Run

Open = Callable[..., Page]


def shown(page: Page) -> tuple[str, str]:
    """(title, step) of the player."""
    title = page.locator('[data-player="title"]').inner_text()
    return title, page.locator('[data-player="step"]').inner_text()


def ink(page: Page) -> list[int]:
    """What is on the map's canvas, as a fingerprint of its pixels."""
    return page.evaluate(
        """() => {
          const map = document.querySelector('[data-town="map"]');
          const data = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
          let [sum, other] = [0, 0];
          for (let i = 0; i < data.length; i += 4) {
            sum = (sum + data[i] * (i % 9973)) % 1e9;
            other = (other + data[i + 2] * (i % 7919)) % 1e9;
          }
          return [sum, other];
        }"""
    )


@pytest.fixture
def stopped(open_run: Open, run: Run) -> Page:
    """Episode 7 of 100 steps, stopped at its first step."""
    episodes.publish(run, episodes.make_episode(7, steps=100))
    page = open_run()
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 7")
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="First step").click()
    expect(page.locator('[data-player="step"]')).to_have_text("1 / 100")
    return page


def test_new_episode_is_drawn_the_moment_it_arrives(open_run: Open, run: Run):
    page = open_run()
    episodes.publish(run, episodes.make_episode(3, steps=200))
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 3")
    page.wait_for_function("() => hamletLive.episodes[0]?.drawn_at")
    [timing] = page.evaluate("hamletLive.episodes")
    assert timing["episode"] == 3
    assert timing["ended_at"] <= timing["received_at"] <= timing["drawn_at"]
    empty = ink(page)
    page.wait_for_function("() => hamletLive.player.index > 5")
    assert ink(page) != empty


def test_needs_choices_and_rewards_show_the_step(stopped: Page):
    stopped.locator('[data-player="slider"]').fill("79")
    energy = stopped.locator(".need").first
    expect(energy).to_contain_text("20 %")
    expect(energy).to_contain_text("death at 0")
    expect(stopped.locator(".need").nth(4)).to_contain_text("drags down energy")
    taken = stopped.locator(".choice.taken")
    expect(taken).to_contain_text("Right")
    expect(taken).to_contain_text("exploring")
    expect(taken).to_contain_text("3.00")
    expect(stopped.locator(".choice", has_text="Up")).to_contain_text("not possible")
    expect(stopped.locator('[data-town="sums"]')).to_contain_text("80.00")
    expect(stopped.locator('[data-town="epsilon"]')).to_have_text("0.25")


def test_critical_moments_lead_to_their_step(stopped: Page):
    stopped.get_by_role("button", name="Last step").click()
    moments = stopped.locator('[data-town="events"]')
    expect(moments).to_contain_text("Energy below 30 %")
    expect(moments).to_contain_text("Energy nearly gone")
    moments.get_by_role("button").last.click()
    expect(stopped.locator('[data-player="step"]')).to_have_text("71 / 100")


def test_end_is_told_in_places_used_and_certificates(stopped: Page):
    expect(stopped.locator(".use", has_text="Bed")).to_contain_text("3")
    expect(stopped.locator('[data-town="transitions"]')).to_contain_text("Bed → Job, 1 time")
    expect(stopped.locator('[data-town="best"]')).to_contain_text(
        "Lived 100 steps of 500, died of energy"
    )


def test_summary_is_there_for_a_screen_reader(open_run: Open, run: Run):
    page = open_run()
    episodes.publish(run, episodes.make_episode(120, steps=214))
    expect(page.locator("[data-summary]")).to_have_text(
        "Episode 120: survived 214 of 500 steps, died of energy."
    )
    assert page.locator("[data-summary]").get_attribute("role") == "status"


def test_map_is_described_in_words(stopped: Page):
    described = stopped.locator('[data-town="map"]')
    expect(described).to_have_attribute("aria-label", re.compile("^Town of 4 by 3 cells. Step "))
    stopped.get_by_text("Where the places are").click()
    expect(stopped.locator('[data-town="places"]')).to_contain_text("Job: column 4, row 3")


def test_keys_move_the_player(stopped: Page):
    step = stopped.locator('[data-player="step"]')
    stopped.locator("main").focus()
    for key, expected in (
        ("ArrowRight", "2 / 100"),
        ("Shift+ArrowRight", "12 / 100"),
        ("ArrowLeft", "11 / 100"),
        ("End", "100 / 100"),
        ("Home", "1 / 100"),
    ):
        stopped.keyboard.press(key)
        expect(step).to_have_text(expected)
    stopped.keyboard.press("Space")
    expect(stopped.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    stopped.wait_for_function("() => hamletLive.player.index > 3")
    stopped.keyboard.press("Space")
    expect(stopped.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_keys_can_be_turned_off(stopped: Page):
    stopped.get_by_text("Keys", exact=True).click()
    stopped.get_by_label("Keys are on").uncheck()
    stopped.locator("main").focus()
    stopped.keyboard.press("End")
    assert shown(stopped)[1] == "1 / 100"
    stopped.reload()
    expect(stopped.locator('[data-player="shortcuts"]')).not_to_be_checked()


def test_every_control_is_reached_by_tab_and_shows_its_focus(stopped: Page):
    stopped.locator('[data-player="first"]').focus()
    names = []
    for _ in range(10):
        stopped.keyboard.press("Tab")
        names.append(
            stopped.evaluate(
                "() => [document.activeElement.dataset.player ?? document.activeElement.name,"
                " getComputedStyle(document.activeElement.matches('.segmented input') ?"
                " document.activeElement.nextElementSibling : document.activeElement)"
                ".outlineStyle]"
            )
        )
    assert [name for name, _ in names][:6] == [
        "back",
        "play",
        "forward",
        "last",
        "slider",
        "follow",
    ]
    assert {style for _, style in names[:7]} == {"solid"}


def test_speed_is_as_chosen(stopped: Page):
    stopped.get_by_label("Speed").select_option("10")
    assert stopped.evaluate("hamletLive.player.stepsPerSecond") == 100
    stopped.locator("main").focus()
    stopped.keyboard.press("-")
    expect(stopped.get_by_label("Speed")).to_have_value("5")
    stopped.get_by_label("Speed").select_option("0.2")
    assert stopped.evaluate("hamletLive.player.stepsPerSecond") == 2


def test_who_stays_is_not_torn_away_and_comes_back_with_a_key(stopped: Page, run: Run):
    stopped.get_by_text("Stay", exact=True).click()
    episodes.publish(run, episodes.make_episode(8))
    expect(stopped.locator('[data-health="newest"]')).to_have_text("8")
    assert shown(stopped) == ("Episode 7", "1 / 100")
    stopped.locator("main").focus()
    stopped.keyboard.press("l")
    expect(stopped.locator('[data-player="title"]')).to_have_text("Episode 8")


def test_each_to_its_end_plays_out_before_the_newest_comes(open_run: Open, run: Run):
    page = open_run()
    page.get_by_text("Each to its end").click()
    page.get_by_label("Speed").select_option("10")
    episodes.publish(run, episodes.make_episode(1, steps=150))
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 1")
    for number in (2, 3):
        episodes.publish(run, episodes.make_episode(number, steps=20))
    order = page.evaluate(
        """() => new Promise((done) => {
          const { player } = hamletLive;
          player.addEventListener("show", () => done([lastIndex, player.episode.number]));
          let lastIndex = 0;
          player.addEventListener("frame", (event) => {
            if (event.detail.episode.number === 1) lastIndex = event.detail.index;
          });
        })"""
    )
    assert order == [149, 3], "all of episode 1, then the newest and not the next"


def test_who_scrubs_is_left_in_peace_until_the_end(open_run: Open, run: Run):
    episodes.publish(run, episodes.make_episode(1, steps=400))
    page = open_run()
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 1")
    page.locator('[data-player="slider"]').fill("100")
    expect(page.get_by_label("Each to its end")).to_be_checked()
    episodes.publish(run, episodes.make_episode(2))
    expect(page.locator('[data-health="newest"]')).to_have_text("2")
    assert shown(page)[0] == "Episode 1"
    page.get_by_role("button", name="Last step").click()
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 2")


def test_paused_player_stays_where_it_is_when_an_episode_arrives(stopped: Page, run: Run):
    episodes.publish(run, episodes.make_episode(8))
    expect(stopped.locator('[data-health="newest"]')).to_have_text("8")
    assert shown(stopped) == ("Episode 7", "1 / 100")
    stopped.get_by_role("button", name="Play", exact=True).click()
    stopped.wait_for_function("() => hamletLive.player.index > 2")
    assert shown(stopped)[0] == "Episode 7"


def test_layers_of_the_map_can_be_switched(stopped: Page):
    stopped.get_by_role("button", name="Last step").click()
    plain = ink(stopped)
    for name in ("Visits", "Novelty"):
        stopped.get_by_label(name).check()
        assert ink(stopped) != plain
        stopped.get_by_label(name).uncheck()
        assert ink(stopped) == plain
    assert not stopped.get_by_label("View", exact=True).is_visible(), "the agent sees all of it"


@pytest.mark.parametrize(
    "layout",
    [
        episodes.layout(1, 1, affordances=[]),
        episodes.layout(3, 3, affordances=[episodes.place("Bed", 0, 0)]),
        episodes.layout(8, 8, view=5, temporal=True),
        episodes.layout(20, 7, affordances=[episodes.place("Observatory", 2, 2)]),
        episodes.layout(64, 64),
        episodes.layout(5, 5, active_meters=["energy"]),
    ],
    ids=["one cell", "small", "window and clock", "unknown place", "large", "one meter"],
)
def test_any_town_is_drawn(open_run: Open, run: Run, layout: dict):
    page = open_run()
    episodes.publish(run, episodes.make_episode(2, steps=30, layout=layout))
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 2")
    page.get_by_role("button", name="Last step").click()
    expect(page.locator('[data-player="step"]')).to_have_text("30 / 30")
    assert len(set(ink(page))) == 2
    width = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert width <= 0


def test_window_of_the_agent_is_framed_and_the_clock_goes(open_run: Open, run: Run):
    page = open_run()
    layout = episodes.layout(8, 8, view=5, temporal=True)
    episodes.publish(run, episodes.make_episode(2, steps=30, layout=layout))
    page.get_by_label("View", exact=True).wait_for()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.locator('[data-player="slider"]').fill("9")
    expect(page.locator('[data-town="hour"]')).to_have_text("09:00")
    job = page.locator(".hours", has_text="Job")
    expect(job).to_contain_text("8–18 h")
    expect(job).to_contain_text("open")
    page.locator('[data-player="slider"]').fill("20")
    expect(job).to_contain_text("closed")
    framed = ink(page)
    page.get_by_label("View", exact=True).uncheck()
    assert ink(page) != framed


def test_inactive_needs_are_shown_as_held(open_run: Open, run: Run):
    page = open_run()
    layout = episodes.layout(active_meters=["energy", "hygiene"])
    episodes.publish(
        run, episodes.make_episode(2, layout=layout, curriculum_stage=1, multiplier=0.2)
    )
    expect(page.locator(".need.inactive")).to_have_count(6)
    expect(page.locator('[data-town="stage-words"]')).to_contain_text("Stage 1 of 5")
    expect(page.locator('.stages [aria-current="step"]')).to_have_text("1")
