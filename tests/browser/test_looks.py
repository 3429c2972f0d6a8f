"""Every page on a phone, by day and by night, with and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from registry.models import User
from tests.browser.conftest import PHONE, Visits
from tests.live import episodes
from training.models import Run

Open = Callable[..., Page]
LIGHTNESS = """() => {
  const [red, green, blue] = getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g);
  return (Number(red) + Number(green) + Number(blue)) / 3;
}"""


def addresses(run: Run) -> list[str]:
    return [
        reverse("live:run-list"),
        reverse("live:run-new"),
        reverse("live:run", args=[run.pk]),
        reverse("live:run-replays", args=[run.pk]),
        reverse("live:run-compare") + f"?run={run.pk}&run={run.pk}",
        reverse("registry:model-list"),
        reverse("registry:brain-list"),
        reverse("account"),
    ]


def test_no_page_is_wider_than_a_phone(visits: Visits, run: Run, instructor: User):
    episodes.keep(run, episodes.make_episode(100), "every 100th", "best of 100")
    Run.objects.filter(pk=run.pk).update(name="A name without a single space " + "x" * 60)
    page = visits.open(instructor, viewport=PHONE, has_touch=True, is_mobile=True)
    for address in addresses(run):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{address} is {wide} px too wide"


def test_run_page_stays_within_a_phone_while_it_plays(open_run: Open, run: Run):
    page = open_run(viewport=PHONE, has_touch=True, is_mobile=True)
    layout = episodes.layout(8, 8, view=5, temporal=True)
    episodes.publish(run, episodes.make_episode(2, steps=200, layout=layout))
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 2")
    page.get_by_role("button", name="Last step").tap()
    expect(page.locator('[data-player="step"]')).to_have_text("200 / 200")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    for button in page.locator(".player-buttons button").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44, "too small for a thumb"


@pytest.mark.parametrize(("scheme", "light"), [("light", True), ("dark", False)])
def test_page_is_as_light_as_the_system(visits: Visits, student: User, scheme: str, light: bool):
    page = visits.open(student, color_scheme=scheme)
    page.goto(reverse("live:run-list"))
    assert (page.evaluate(LIGHTNESS) > 128) is light


def test_choice_of_colours_is_kept_and_redraws_the_map(open_run: Open, run: Run):
    episodes.publish(run, episodes.make_episode(7))
    page = open_run(color_scheme="light")
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 7")
    page.get_by_role("button", name="Last step").click()
    corner = """() => {
      const map = document.querySelector('[data-town="map"]');
      return map.getContext("2d").getImageData(map.width / 2, 3, 1, 1).data[0];
    }"""
    by_day = page.evaluate(corner)
    page.get_by_role("button", name="Switch to dark colours").click()
    assert page.evaluate(LIGHTNESS) < 128
    assert page.evaluate(corner) < by_day
    page.reload()
    assert page.evaluate(LIGHTNESS) < 128
    expect(page.get_by_role("button", name="Switch to light colours")).to_be_visible()


def test_text_stands_out_from_its_ground_in_both_schemes(visits: Visits, run: Run, instructor):
    for scheme in ("light", "dark"):
        page = visits.open(instructor, color_scheme=scheme)
        for address in addresses(run)[:3]:
            page.goto(address)
            faint = page.evaluate(CONTRASTS)
            assert not faint, f"{scheme} {address}: {faint}"


# WCAG 2.2, 1.4.3: at least 4.5 to 1 for text of ordinary size.
CONTRASTS = """() => {
  const part = (value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const read = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) =>
    0.2126 * part(r / 255) + 0.7152 * part(g / 255) + 0.0722 * part(b / 255);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const found = read(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] > 0.99) return found;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const node of document.querySelectorAll("main *, header *")) {
    const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || !node.checkVisibility({ opacityProperty: true }) || node.closest("svg")) continue;
    if (node.matches(":disabled, :disabled *, option")) continue;
    const [one, other] = [luminance(read(getComputedStyle(node).color)), luminance(ground(node))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faint.push(`${node.textContent.trim().slice(0, 30)} ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


def test_run_page_tells_the_essentials_without_javascript(visits: Visits, run: Run, student: User):
    Run.objects.filter(pk=run.pk).update(done=120, latest_metrics={"loss": 0.25})
    episodes.keep(run, episodes.make_episode(100, steps=44))
    page = visits.open(student, java_script_enabled=False)
    page.goto(f"/runs/{run.pk}/")
    expect(page.get_by_text("This page draws and moves with JavaScript")).to_be_visible()
    expect(page.locator("#run-status")).to_contain_text("120 of 1,000 episodes")
    expect(page.locator("[data-metrics]")).to_contain_text("0.25")
    page.get_by_role("link", name="All kept episodes").click()
    expect(page.get_by_role("row", name=re.compile("100 44"))).to_be_visible()


def test_run_is_paused_without_javascript(visits: Visits, run: Run, instructor: User):
    page = visits.open(instructor, java_script_enabled=False)
    page.goto(f"/runs/{run.pk}/")
    page.locator("#run-status").get_by_role("button", name="Pause").click()
    expect(page.locator("#run-status")).to_contain_text("pausing")


def test_skip_link_leads_to_the_content(visits: Visits, student: User):
    page = visits.open(student)
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_calm_screens_see_no_sliding(open_run: Open, run: Run):
    page = open_run(reduced_motion="reduce")
    episodes.publish(run, episodes.make_episode(4))
    expect(page.locator('[data-player="title"]')).to_have_text("Episode 4")
    moving = page.evaluate(
        "document.getAnimations().filter((one) => one.playState === 'running').length"
    )
    assert moving == 0
