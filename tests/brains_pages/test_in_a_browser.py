"""The editor and the API's page in a real browser; no error in its console."""

from __future__ import annotations

from playwright.sync_api import expect

from registry.models import BrainSpec
from registry.services import save_brain_spec
from tests.brains_pages.test_editor import FAULTY
from tests.browser.conftest import PHONE, Visits, visits  # noqa: F401 - a fixture
from tests.registry.checkpoints import DENSE, RECURRENT

SELECTED = """() => {
  const text = document.activeElement;
  return text.value.slice(text.selectionStart, text.selectionEnd);
}"""
TOO_WIDE = "document.documentElement.scrollWidth - innerWidth"


def test_faults_come_and_go_while_one_types(visits: Visits, instructor):  # noqa: F811
    visits.expected.append("422")  # the browser notes each refusal
    page = visits.open(instructor)
    page.goto("/models/brains/new/")
    expect(page.locator("#brain-layers")).to_contain_text("advantage.2")
    page.locator("#id_yaml_text").fill(FAULTY)
    expect(page.locator(".fault-list li")).to_have_count(3)
    page.get_by_role("link", name="line 6").click()
    assert page.evaluate(SELECTED) == "    unknown: 1"
    page.locator("#id_yaml_text").fill(RECURRENT)
    expect(page.locator("#brain-layers")).to_contain_text("LSTM")
    page.get_by_label("Network for").select_option("town/L2")
    expect(page.locator("#brain-judgement")).to_contain_text("for town L2")
    assert not BrainSpec.objects.exists()


def test_brain_is_checked_and_saved_without_javascript(visits: Visits, instructor):  # noqa: F811
    page = visits.open(instructor, java_script_enabled=False)
    page.goto("/models/brains/new/")
    page.get_by_label("Name").fill("small")
    page.locator("#id_yaml_text").fill(DENSE)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#brain-layers")).to_contain_text("body.0")
    assert not BrainSpec.objects.exists()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="small")).to_be_visible()
    assert BrainSpec.objects.get().name == "small"


def test_pages_are_no_wider_than_a_phone(visits: Visits, instructor):  # noqa: F811
    save_brain_spec("small", DENSE, instructor)
    save_brain_spec("recurrent", RECURRENT + "#" + "x" * 300, instructor)
    page = visits.open(instructor, viewport=PHONE, has_touch=True, is_mobile=True)
    for address in (
        "/models/brains/recurrent/edit/",
        "/models/brains/recurrent/?level=town/L2",
        "/models/brains/small/diff/recurrent/",
        "/api/docs/",
    ):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        assert page.evaluate(TOO_WIDE) <= 0, address


def test_operation_is_tried_from_the_page_of_the_api(visits: Visits, instructor):  # noqa: F811
    visits.expected.append("escaping deep link whitespace")  # its own words about groups
    page = visits.open(instructor)
    page.goto("/api/docs/#/Brains/validate_brain")
    operation = page.locator("#operations-Brains-validate_brain")
    expect(operation.locator(".opblock-body")).to_be_visible()
    operation.locator(".try-out__btn").click()
    operation.locator(".execute").click()
    answer = operation.locator(".live-responses-table .response-col_status").last
    expect(answer).to_contain_text("200")
