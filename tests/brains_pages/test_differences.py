"""Two brain specs side by side: what they mean, defaults written out, and what is written."""

from __future__ import annotations

import html
import re

import pytest
from django.test import Client
from django.urls import reverse

from registry.brains.differing import MOST_LINES
from registry.services import save_brain_spec
from tests.registry.checkpoints import DENSE, RECURRENT

pytestmark = pytest.mark.django_db
WIDER = DENSE.replace("[8]", "[9]").replace("# A small brain.", "# A wider brain.")


@pytest.fixture
def two(instructor) -> None:
    save_brain_spec("small", DENSE, instructor)
    save_brain_spec("wider", WIDER, instructor)


def page_of(client: Client, left: str, right: str) -> str:
    response = client.get(reverse("registry:brain-diff", args=[left, right]))
    assert response.status_code == 200
    return response.content.decode()


def rows(page: str, table: str) -> list[list[str]]:
    body = re.search(rf'id="{table}">.*?</table>', page, re.S).group().partition("<tbody>")[2]
    return [
        [
            html.unescape(re.sub(r"<[^>]+>", "", cell)).strip()
            for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)
        ]
        for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body, re.S)
    ]


def test_fields_that_differ_are_listed_and_no_others(writer, two):
    page = page_of(writer, "small", "wider")
    assert rows(page, "brain-fields") == [["architecture.feedforward.hidden_layers", "[8]", "[9]"]]


def test_lines_that_differ_stand_among_those_that_do_not(writer, two):
    lines = rows(page_of(writer, "small", "wider"), "brain-lines")
    assert lines[0] == ["1", "", "−", "# A small brain."]
    assert lines[1] == ["", "1", "+", "# A wider brain."]
    assert lines[2] == ["2", "2", "", 'version: "1.0"']
    assert len(lines) == DENSE.count("\n") + 2


def test_field_of_one_family_is_not_there_in_the_other(writer, two, instructor):
    save_brain_spec("recurrent", RECURRENT, instructor)
    found = {row[0]: row[1:] for row in rows(page_of(writer, "small", "recurrent"), "brain-fields")}
    assert found["architecture.type"] == ['"feedforward"', '"recurrent_spatial"']
    assert found["architecture.feedforward.hidden_layers"] == ["[8]", "not there"]
    assert found["replay.sequence_length"] == ["not there", "16"]


def test_same_meaning_in_other_words_is_said(writer, two, instructor):
    written_out = DENSE + "optimizer: {type: adam}\n"
    save_brain_spec("same", written_out, instructor)
    page = page_of(writer, "small", "same")
    assert "They mean the same brain" in page
    assert ["", "6", "+", "optimizer: {type: adam}"] in rows(page, "brain-lines")


def test_other_brain_is_chosen_from_those_one_may_see(writer, two, admin):
    save_brain_spec("hidden", DENSE, admin)
    address = reverse("registry:brain-diff-choose", args=["small"])
    page = writer.get(address).content.decode()
    assert "<option>wider</option>" in page
    assert "hidden" not in re.findall(r"<option>(.*?)</option>", page)
    answer = writer.get(address, {"with": "wider"})
    assert answer["Location"] == reverse("registry:brain-diff", args=["small", "wider"])
    assert writer.get(address, {"with": "hidden"}).status_code == 404
    assert writer.get(address, {"with": "../../x"}).status_code == 404


def test_markup_is_shown_and_not_obeyed(writer, two, instructor):
    save_brain_spec("marked", "# <script>alert(1)</script> {{ 7|add:1 }}\n" + DENSE, instructor)
    page = page_of(writer, "small", "marked")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {{ 7|add:1 }}" in page


def test_endless_texts_are_not_compared_line_by_line(writer, two, instructor):
    save_brain_spec("long", DENSE + "#\n" * MOST_LINES, instructor)
    assert "too long to be compared" in page_of(writer, "small", "long")


def test_api_tells_fields_and_text(writer, two):
    answer = writer.get(reverse("api-brain-diff", args=["small", "wider"])).json()
    assert answer["same"] is False
    assert answer["fields"] == [
        {"path": "architecture.feedforward.hidden_layers", "left": [8], "right": [9]}
    ]
    assert answer["text"].startswith("--- small.yaml\n+++ wider.yaml\n@@ -1,5 +1,5 @@\n")
    assert "\n-# A small brain.\n+# A wider brain.\n" in answer["text"]


def test_api_leaves_out_the_side_that_has_no_such_field(writer, two, instructor):
    save_brain_spec("recurrent", RECURRENT, instructor)
    answer = writer.get(reverse("api-brain-diff", args=["small", "recurrent"])).json()
    fields = {field["path"]: field for field in answer["fields"]}
    assert fields["replay.burn_in"] == {"path": "replay.burn_in", "right": 8}
