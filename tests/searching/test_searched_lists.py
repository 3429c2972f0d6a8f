"""Lists on the API and on pages: `q` narrows them, pages keep it, faults are told."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client

from registry.services import ensure_model
from tests.registry.conftest import model, register  # noqa: F401 - fixtures
from tests.training.runs import make_run

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true", "HX-Target": "results"}


def signed_in(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.fixture
def runs(instructor, classroom):
    return [
        make_run(
            name=f"run {n}",
            owner=instructor,
            classroom=classroom,
            level="L1" if n % 2 else "L2",
            done=n,
            reason="out of memory" if n == 3 else "",
            latest_metrics={"score": n * 10.0},
            spec={"seed": n, "budget": 9, "trainer": "dqn", "content": {"gamma": n / 10}},
        )
        for n in range(7)
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("metrics.score > 40", "6 5"),
        ("params.seed IN (1, 3)", "3 1"),
        ("params.budget = 9 AND params.gamma < 0.2", "1 0"),
        ("params.trainer = 'dqn' AND done >= 5", "6 5"),
        ("level = 'L1' AND NOT metrics.score > 20", "1"),
        ("reason LIKE '%memory%'", "3"),
        ("EXISTS reason", "3"),
        ("EXISTS started OR EXISTS ended", ""),
        ("NOT ended > '2020-01-01' AND done = 6", "6"),
        ("class = 'Class of the tests' AND owner = 'instructor' AND done < 1", "0"),
        ("status = 'queued' AND 'run 4'", "4"),
        ("total >= 500 AND done != 0 AND done < 2.5", "2 1"),
        ("brain = 'x' OR model = 'y'", ""),
    ],
)
def test_runs_are_searched(student, runs, query, expected):
    items = signed_in(student).get("/api/v1/runs", {"q": query}).json()["items"]
    assert " ".join(item["name"].split()[1] for item in items) == expected


def test_query_and_filters_narrow_together(student, runs):
    query = {"q": "metrics.score > 20", "level": "L1"}
    items = signed_in(student).get("/api/v1/runs", query).json()["items"]
    assert [item["name"] for item in items] == ["run 5", "run 3"]


def test_models_are_searched(student, instructor, classroom):
    for name, tags in (("rover", {"team": "blue"}), ("walker", {"team": "green"}), ("town", {})):
        found = ensure_model(name, "town", instructor, classroom)
        type(found).objects.filter(pk=found.pk).update(tags=tags)
    client = signed_in(student)

    def names(query: str) -> set[str]:
        items = client.get("/api/v1/models", {"q": query}).json()["items"]
        return {item["name"] for item in items}

    assert names("tags.team LIKE '%e%'") == {"rover", "walker"}
    assert names("NOT tags.team = 'blue'") == {"walker", "town"}
    assert names("ver") == {"rover"}
    assert names("owner = 'instructor' AND created > '2020-01-01'") == {"rover", "walker", "town"}
    assert names("EXISTS alias") == set()


def test_versions_of_all_models_are_searched_newest_first(student, register, instructor, classroom):  # noqa: F811
    other = ensure_model("rover", "town", instructor, classroom)
    register(seed=1, metrics={"survival": 1.0})
    register(seed=2, metrics={"survival": 5.0}, model=other)
    register(seed=3, metrics={"survival": 9.0})
    client = signed_in(student)
    items = client.get("/api/v1/versions", {"q": "metrics.survival >= 5"}).json()["items"]
    assert [(item["model"], item["version"]) for item in items] == [
        ("walker", "1.0.1"),
        ("rover", "1.0.0"),
    ]
    own = client.get("/api/v1/models/walker/versions", {"q": "metrics.survival < 5"}).json()
    assert [item["version"] for item in own["items"]] == ["1.0.0"]
    assert items[0]["status"] == "registered"


def test_pages_of_a_list_keep_the_query(student, runs):
    client = signed_in(student)
    address, seen = "/api/v1/runs?limit=1&q=level+%3D+'L1'", []
    while address:
        body = client.get(address).json()
        seen += [item["name"] for item in body["items"]]
        address = body["next"]
        if address:
            assert parse_qs(urlsplit(address).query)["q"] == ["level = 'L1'"]
    assert seen == ["run 5", "run 3", "run 1"]


def test_links_to_the_next_page_keep_the_query(student, runs):
    client = signed_in(student)
    first = client.get("/", {"q": "level = 'L2'", "limit": 2})
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first.content.decode())
    words = text_of(client.get(following.replace("&amp;", "&")))
    assert "run 2" in words
    assert "run 0" in words
    assert "run 1" not in words


def test_wrong_query_is_answered_with_its_place(student):
    response = signed_in(student).get("/api/v1/runs", {"q": "level = 'L1' AND stat = 'x'"})
    assert response.status_code == 422
    assert response["Content-Type"] == "application/problem+json"
    (error,) = response.json()["errors"]
    assert (error["pointer"], error["position"]) == ("/q", 18)
    assert "did you mean status?" in error["detail"]


@pytest.mark.parametrize("address", ["/", "/runs/", "/models/", "/models/versions/"])
def test_wrong_query_is_shown_on_the_page_with_its_place_marked(student, address):
    query = "owner = 'a' AND <b>x</b>"
    response = signed_in(student).get(address, {"q": query})
    assert response.status_code == 422
    html = response.content.decode()
    assert 'role="alert"' in html
    assert "<mark>&lt;</mark>" in html
    assert " " * 16 + "^" in html
    assert 'value="owner = &#x27;a&#x27; AND &lt;b&gt;x&lt;/b&gt;"' in html
    assert "<b>x" not in html


@pytest.mark.parametrize(
    ("address", "one"), [("/", "run 1"), ("/models/", "walker"), ("/models/versions/", "walker")]
)
def test_htmx_gets_the_results_alone(student, runs, register, address, one):  # noqa: F811
    register()
    response = signed_in(student).get(address, {"q": ""}, headers=HTMX)
    html = response.content.decode()
    assert html.lstrip().startswith('<div id="results">')
    assert "<html" not in html
    assert one in html
    refused = signed_in(student).get(address, {"q": "("}, headers=HTMX)
    assert refused.status_code == 422
    assert "<mark>" in refused.content.decode()


@pytest.mark.parametrize("address", ["/", "/models/", "/models/versions/"])
def test_nothing_found_shows_examples_that_work(student, address):
    client = signed_in(student)
    html = client.get(address, {"q": "'no such thing'"}).content.decode()
    examples = re.findall(r'<li><a href="([^"]+\?q=[^"]+)"', html)
    assert len(examples) >= 3
    for example in examples:
        assert client.get(example.replace("&amp;", "&")).status_code == 200, example


def test_the_table_that_looks_again_keeps_the_query_and_survives_a_fault(student, runs):
    client = signed_in(student)
    html = client.get("/", {"q": "level = 'L1'"}).content.decode()
    (address,) = re.findall(r'id="run-table" hx-get="([^"]+)"', html)
    assert "q=level" in address
    table = {"HX-Request": "true", "HX-Target": "run-table"}
    again = client.get(address.replace("&amp;", "&"), headers=table).content.decode()
    assert again.lstrip().startswith('<div class="table-wrap" id="run-table"')
    assert client.get("/", {"q": "("}, headers=table).status_code == 204


@pytest.mark.parametrize("address", ["/", "/models/", "/models/versions/"])
def test_made_up_cursor_begins_anew(student, address):
    assert signed_in(student).get(address, {"cursor": "x"}).status_code == 302


def test_the_description_of_the_api_tells_the_fields(client):
    document = client.get("/api/v1/openapi.json").json()
    for path in ("/runs", "/models", "/versions", "/models/{name}/versions", "/compare/runs"):
        parameters = document["paths"][f"/api/v1{path}"]["get"]["parameters"]
        (found,) = [parameter for parameter in parameters if parameter["name"] == "q"]
        assert "tags.x" in found["description"] or "metrics.x" in found["description"]
