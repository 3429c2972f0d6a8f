"""What a program hears does not depend on which of both servers it asks."""

from __future__ import annotations

import pytest

from registry.accounts.models import Scope, User
from registry.accounts.services import issue_token
from tests.serving.asking import PREDICT, Program, Told

ASKED = [
    (method, path)
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT")
    for path in (PREDICT, "/v2", "/v2/models/walker", "/v2/models/walker/infer", "/v2/nothing")
]
TOLD = ("content-type", "allow", "www-authenticate", "x-content-type-options", "cache-control")


def heard(told: Told) -> tuple:
    return told.status, told.body, {name: told.headers.get(name) for name in TOLD}


@pytest.mark.parametrize("with_token", [True, False])
def test_both_say_the_same(web_server, serving_server, student, register, with_token):
    register()
    _, secret = issue_token(student, "program", [Scope.READ])
    programs = [
        Program(url, secret if with_token else None) for url in (web_server, serving_server)
    ]
    for method, path in ASKED:
        web, alone = (heard(program.ask(path, None, method=method)) for program in programs)
        assert web == alone, (method, path)


def test_head_is_the_answer_without_its_body(program, register):
    register()
    asked, head = program.get("/v2"), program.ask("/v2", None, method="HEAD")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(asked.body))


def test_options_say_what_an_address_answers(program):
    told = program.ask("/v2/repository/index", None, method="OPTIONS")
    assert told.status == 200
    assert set(told.headers["allow"].split(", ")) == {"GET", "HEAD", "POST", "OPTIONS"}


def test_serving_process_tells_what_it_counts(serving_server, admin: User, student, register):
    register()
    _, secret = issue_token(admin, "scraper", [Scope.MANAGE])
    text = Program(serving_server, secret).get("/metrics").body.decode()
    for name in ("local_permits_total", "log_dropped_total", "bytes_in_flight", "runs_total"):
        assert f"hamlet_predict_{name}" in text
    assert "hamlet_http_requests_total" in text


def test_metrics_of_a_serving_process_are_not_for_everybody(serving_server, admin, student):
    assert Program(serving_server, None).get("/metrics").status == 401
    assert Program(serving_server, "hw_made_up").get("/metrics").status == 401
    for user, scope in ((student, Scope.MANAGE), (admin, Scope.PREDICT)):
        _, secret = issue_token(user, "program", [scope])
        told = Program(serving_server, secret).get("/metrics")
        assert told.status == 403
        assert "scope manage" in told.data["detail"]
