"""The editor judges while one types: each fault with its line, else the network it makes."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from registry.brains.judging import choices, judge
from registry.models import BrainSpec
from registry.services import save_brain_spec
from tests.registry.checkpoints import DENSE, RECURRENT

pytestmark = pytest.mark.django_db
FAULTY = """\
version: "1.0"
architecture:
  type: feedforward
  feedforward:
    hidden_layers: [8, 1.5]
    unknown: 1
replay:
  batch_size: 0
"""
HUGE = """\
architecture:
  type: feedforward
  feedforward: {hidden_layers: [4096, 4096, 4096, 4096, 4096, 4096]}
"""


def ask(client: Client, text: str, level: str = ""):
    address = reverse("registry:brain-validate")
    return client.post(address, {"yaml_text": text, "level": level}, headers={"HX-Request": "true"})


def text_of(response) -> str:
    without_tags = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(without_tags).split())


def test_every_fault_is_shown_with_its_line_and_nothing_is_kept(writer):
    response = ask(writer, FAULTY)
    assert response.status_code == 422
    page = text_of(response)
    assert "3 faults" in page
    for line, path in (
        (5, "architecture.feedforward.hidden_layers[1]"),
        (6, "architecture.feedforward.unknown"),
        (8, "replay.batch_size"),
    ):
        assert f"line {line} {path}" in page
    assert not BrainSpec.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 40)),
        "[" * 20_000,
        "a: [" + "x, " * 100_000 + "]",
    ],
    ids=["laughs", "deep", "long"],
)
def test_text_that_is_refused_is_not_looked_into_for_lines(writer, text, monkeypatch):
    def compose(*_, **__):
        raise AssertionError("this may take hours")

    monkeypatch.setattr("registry.brains.lines.yaml.compose", compose)
    response = ask(writer, text)
    assert response.status_code == 422
    assert "1 fault" in text_of(response)


def test_network_is_shown_with_its_layers_for_the_level(writer):
    response = ask(writer, DENSE, "town/L1")
    assert response.status_code == 200
    page = text_of(response)
    parameters = 989 * 8 + 8 + 16 + 8 * 8 + 8
    assert f"parameters {parameters:,} inputs 989 actions 8" in page
    assert "body.0 Linear 8 7,920" in page
    assert "for town L1" in page
    assert "weights 31.3 KB" in page
    assert not BrainSpec.objects.exists()


def test_without_a_level_the_first_that_it_fits_is_taken(writer):
    assert "for town L0." in text_of(ask(writer, DENSE))
    assert [level.name for _, levels in choices() for level in levels][:2] == ["L0", "L0.5"]


def test_recurrent_brain_shows_its_memory_and_its_window(writer):
    page = text_of(ask(writer, RECURRENT, "town/L2"))
    assert "LSTM 6" in page
    assert "inputs 404" in page


def test_huge_network_is_refused_before_it_takes_memory(writer):
    response = ask(writer, HUGE)
    assert response.status_code == 422
    page = text_of(response)
    assert "well-formed by itself, but does not fit any level" in page
    assert "line 3 architecture.feedforward found 84," in page
    assert "expected at most 50,000,000" in page


def test_fault_of_the_yaml_itself_names_its_line(writer):
    assert "line 2" in text_of(ask(writer, "a: 1\n  b: 2\n"))
    assert "line 3" in text_of(ask(writer, "a: 1\nb: 1\na: 2\n"))


def test_missing_field_names_the_line_of_its_section(writer):
    page = text_of(ask(writer, "version: '1.0'\narchitecture:\n  dueling: {}\n"))
    assert "line 2 architecture.type" in page


def test_short_names_are_found_where_they_were_written(writer):
    text = "network:\n  type: recurrent\n  lstm:\n    hidden_dim: -1\n"
    assert "line 4 network.lstm.hidden_dim" in text_of(ask(writer, text))


def test_level_that_is_on_no_list_is_no_page(writer):
    assert ask(writer, DENSE, "town/L9").status_code == 404
    assert ask(writer, DENSE, "moon/L1").status_code == 404


@pytest.mark.parametrize(
    "text", ["", "\x00", "[" * 10_000, "a: &x [1]\nb: *x", "!!python/object:os.system {}", "- 1"]
)
def test_hostile_text_is_a_fault_and_no_error(writer, text):
    response = ask(writer, text)
    assert response.status_code == 422
    assert "1 fault" in text_of(response)


def test_markup_in_a_text_is_shown_and_not_obeyed(writer):
    text = "architecture: {type: dueling}\n<script>alert(1)</script>: '{{ 7 }}{% now %}'"
    body = ask(writer, text).content.decode()
    assert "<script>" not in body
    assert "&lt;script&gt;" in body


def test_form_asks_while_one_types_and_works_without_javascript(writer):
    page = writer.get(reverse("registry:brain-new")).content.decode()
    assert "input changed delay:300ms from:#id_yaml_text" in page
    data = {"name": "small", "yaml_text": FAULTY, "check": "1"}
    answer = writer.post(reverse("registry:brain-new"), data)
    assert answer.status_code == 422
    assert "line 8 replay.batch_size" in text_of(answer)
    assert "hidden_layers: [8, 1.5]" in html.unescape(answer.content.decode())
    data |= {"yaml_text": DENSE, "level": "town/L0.5"}
    answer = writer.post(reverse("registry:brain-new"), data)
    assert answer.status_code == 200
    assert "for town L0.5" in text_of(answer)
    assert '<option value="town/L0.5" selected>' in answer.content.decode()
    assert not BrainSpec.objects.exists()


def test_spec_that_is_refused_when_saved_names_its_lines(writer):
    answer = writer.post(reverse("registry:brain-new"), {"name": "a b", "yaml_text": FAULTY})
    assert answer.status_code == 422
    assert "line 8 replay.batch_size" in text_of(answer)
    assert "expected 1 to 100 letters" in text_of(answer)


def test_page_of_a_brain_shows_its_network_to_whoever_sees_it(reader, instructor):
    save_brain_spec("small", DENSE, instructor)
    address = reverse("registry:brain", args=["small"])
    assert "brain-layers" not in reader.get(address).content.decode()
    assert "for town L1" in text_of(reader.get(address, {"level": "town/L1"}))


def test_text_is_judged_without_a_database_row_or_weights():
    found = judge(DENSE, "town", "L1")
    assert found.overview.parameters == sum(layer.parameters for layer in found.overview.layers)
    assert found.overview.total_bytes == sum(found.overview.memory.values())
