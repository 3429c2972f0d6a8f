"""Searching while one types, and curves beside each other, at a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

# ruff: noqa: F811 - fixtures are used by their names
from tests.browser.conftest import PHONE, Visits, patience, visits  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


def test_results_follow_what_is_typed_and_a_fault_is_shown_meanwhile(
    visits: Visits,
    student,
    runs_of_class,
):
    visits.expected = ["422"]
    runs_of_class(name="first", level="L1")
    runs_of_class(name="second", level="L2")
    page = visits.open(student)
    page.goto("/runs/")
    field, rows = page.get_by_role("searchbox"), page.locator("#run-table tbody tr")
    expect(rows).to_have_count(2)
    field.press_sequentially("level = 'L2")
    expect(page.locator("#results mark")).to_have_text("'L2")
    field.press_sequentially("'")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("second")
    expect(field).to_be_focused()
    assert "q=level" in page.url
    page.reload()
    expect(rows).to_have_count(1)
    page.get_by_label("Status").select_option("failed")
    expect(page.locator("#results")).to_contain_text("No such run")


def test_curves_are_drawn_one_chart_for_each_metric(visits: Visits, student, runs_of_class):
    points = [(n, float(n)) for n in range(1, 31)]
    runs = [
        runs_of_class(
            name=f"run {seed}", seed=seed, points={"loss": points, "score": points}, done=30
        )
        for seed in (1, 2)
    ]
    page = visits.open(student)
    page.goto("/runs/")
    for run in runs:
        page.get_by_label(f"Compare {run.name}").check()
    page.get_by_role("button", name="Compare the marked runs").click()
    charts = page.locator("[data-curve-charts] canvas")
    expect(charts).to_have_count(2)
    figure = page.get_by_role("img", name="Score at the end")
    assert "run 1 30" in figure.get_attribute("aria-label")
    page.get_by_label("Lines").select_option("groups")
    expect(page.locator(".legend").first).to_contain_text("mean of 2 seeds")
    expect(charts).to_have_count(2)
    page.get_by_role("link", name="Show all").click()
    expect(page.get_by_role("rowheader", name="brain.layers")).to_be_visible()


def test_no_page_of_mine_is_wider_than_a_phone(visits: Visits, student, runs_of_class):
    visits.expected = ["422"]
    name = "A name without a single space " + "x" * 60
    ids = ",".join(runs_of_class(name=name, seed=n, metrics={"m": n}).pk.hex for n in range(3))
    page = visits.open(student, viewport=PHONE, has_touch=True, is_mobile=True)
    for address in (
        f"/runs/compare/?ids={ids}&all=1",
        "/runs/?q=" + "x" * 300,
        "/runs/?q=((((" + "y" * 300,
        "/models/versions/",
        "/models/compare/",
    ):
        page.goto(address)
        page.locator("summary").first.click() if page.locator("#search-help").count() else None
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{address[:60]} is {wide} px too wide"
