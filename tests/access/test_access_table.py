"""The access table against what is there: every route, table, action and socket, every person."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, resolve, reverse

from registry.accounts.models import Role, Scope, User
from registry.accounts.services import issue_token
from tests.access import world
from tests.access.routes import (
    ADMIN_PAGES,
    METHODS,
    Route,
    admin_route_names,
    admin_tables,
    every_route,
    is_admin_table,
    missing_and_stale,
    routes_by_name,
)
from tests.access.rows import PEOPLE, Row
from tests.access.table import ADMIN, HTTP
from tests.running.people import make_classroom, make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis_url", "artifact_dir")]
NEED_A_ROW = "add a row to tests/access/table.py"


@pytest.fixture
def parameters(student, instructor, classroom) -> dict[str, Any]:
    return world.build(student, instructor, classroom)


@pytest.fixture
def people(student, outsider, instructor, admin, roleless) -> dict[str, User | None]:
    users = (None, student, outsider, instructor, admin, roleless)
    return dict(zip(PEOPLE, users, strict=True))


class Caller:
    """One person's browser. Whatever a call does is undone, signing out included."""

    def __init__(self, user: User | None) -> None:
        self._client = Client(raise_request_exception=False)
        if user is not None:
            self._client.force_login(user)
        self._cookies = self._client.cookies.output()

    def send(self, method: str, url: str, **sent: Any) -> HttpResponse:
        self._client.cookies.clear()
        self._client.cookies.load(self._cookies.replace("Set-Cookie: ", ""))
        with transaction.atomic():
            response = getattr(self._client, method.lower())(url, **sent)
            transaction.set_rollback(True)
        return response


def address(row: Row, parameters: dict[str, Any]) -> str:
    """The row's route with the world's things; `using` may name another of them."""
    if row.route.startswith("admin:") and "(?P<" in row.route:
        return reverse("admin:index") + str(row.using["url"])
    route = routes_by_name()[row.route]
    wanted = [name for name in {**parameters, **row.using} if f":{name}>" in route.pattern]
    wanted += [name for name in row.using if f"<{name}>" in route.pattern]
    values = {}
    for name in wanted:
        value = row.using.get(name, parameters.get(name))
        is_reference = isinstance(value, str) and value in parameters and name in row.using
        values[name] = parameters[value] if is_reference else value
    return reverse(row.route, kwargs=values)


def call(caller: Caller, row: Row, parameters: dict[str, Any], **headers: str) -> int:
    sent: dict[str, Any] = {"headers": headers}
    if row.json is not None:
        sent |= {"data": row.json, "content_type": "application/json"}
    elif row.method == "GET":
        sent |= {"data": row.query}
    elif row.form is not None:
        sent |= {"data": row.form}
    return caller.send(row.method, address(row, parameters), **sent).status_code


def test_every_route_and_method_has_a_row_and_every_row_a_route():
    routes = [route for route in every_route() if not is_admin_table(route)]
    missing, stale = missing_and_stale(routes, HTTP)
    assert not missing, f"{NEED_A_ROW} for {missing}"
    assert not stale, f"these rows name no route: {stale}"


def test_a_route_without_a_row_is_found():
    """The guard itself: a new address, and a new method of an old one."""

    def view(request: HttpRequest) -> None: ...

    (added,) = every_route([path("new/<int:pk>/", view, name="brand-new")], "x/")
    assert missing_and_stale([added], HTTP)[0] == ["brand-new (x/new/<int:pk>/)"]
    grown = Route("api-models", "api/v1/models", ("GET", "DELETE"))
    assert missing_and_stale([grown], HTTP)[0] == ["DELETE api-models (api/v1/models)"]


@pytest.mark.parametrize("person", PEOPLE)
def test_everybody_gets_what_the_table_says(person, people, parameters):
    wrong, caller = [], Caller(people[person])
    for row in HTTP:
        status = call(caller, row, parameters)
        if status != row.status_for(person):
            wrong.append(f"{row}: {status}, the table says {row.status_for(person)}")
    assert not wrong, "\n".join(wrong)


def test_an_instructor_of_another_class_sees_no_more_of_a_thing_than_its_student(parameters):
    """Where a route names one thing of the class; what names nothing, such as a list, is open."""
    elsewhere = make_person("elsewhere", Role.INSTRUCTOR, make_classroom("Elsewhere"))
    caller, checked, wrong = Caller(elsewhere), 0, []
    for row in HTTP:
        hidden = row.status_for("outsider") in (403, 404) and row.status_for("instructor") != 404
        if hidden and re.search(r"\w+:[a-z_]+>", routes_by_name()[row.route].pattern):
            checked += 1
            if (status := call(caller, row, parameters)) not in (403, 404):
                wrong.append(f"{row}: {status}")
    assert not wrong, "\n".join(wrong)
    assert checked > 60, "else the rule above names too little"


@pytest.mark.parametrize("person", PEOPLE[1:])
def test_a_token_with_every_scope_opens_what_a_session_opens(person, people, parameters):
    _, secret = issue_token(people[person], "all", Scope.values)
    wrong, caller = [], Caller(None)
    for row in HTTP:
        if row.route.startswith("api-"):
            status = call(caller, row, parameters, authorization=f"Bearer {secret}")
            if status != row.status_for(person):
                wrong.append(f"{row}: {status}, the table says {row.status_for(person)}")
    assert not wrong, "\n".join(wrong)


def test_a_token_without_the_scope_opens_nothing(admin, parameters):
    wrong, checked, caller = [], 0, Caller(None)
    for row in HTTP:
        view = getattr(resolve(address(row, parameters)).func, "cls", None)
        needed = getattr(view, "access", {}).get(row.method)
        if needed is None:
            continue
        _, secret = issue_token(
            admin, "all but one", [scope for scope in Scope if scope not in needed.scopes]
        )
        status = call(caller, row, parameters, authorization=f"Bearer {secret}")
        admin.api_tokens.all().delete()
        checked += 1
        if status != 403:
            wrong.append(f"{row}: {status} without {needed.scopes}")
    assert not wrong, "\n".join(wrong)
    assert checked >= 30


def test_views_answer_the_methods_of_their_rows_and_no_other(admin, parameters):
    wrong, caller = [], Caller(admin)
    for route in every_route():
        if route.methods is not None or route.pattern.startswith("admin/"):
            continue  # a class says its methods itself; Django's admin takes any
        rows = [row for row in HTTP if row.route == route.name]
        for method in set(METHODS) - {row.method for row in rows}:
            other = Row(method, route.name, rows[0].statuses, using=rows[0].using)
            status = call(caller, other, parameters)
            if status != 405:
                wrong.append(f"{other}: {status}; {NEED_A_ROW} or refuse the method")
    assert not wrong, "\n".join(wrong)


def test_every_table_and_action_of_the_admin_has_a_row(rf, admin):
    tables = admin_tables()
    rows = {row.label: row for row in ADMIN}
    assert set(tables) == set(rows), f"{NEED_A_ROW}: {set(tables) ^ set(rows)}"
    request = rf.get("/admin/")
    request.user = admin
    for label, model_admin in tables.items():
        assert set(model_admin.get_actions(request)) == set(rows[label].actions), label
        prefix = label.replace(".", "_")
        expected = {f"{prefix}_{page}" for page in ADMIN_PAGES} | set(rows[label].others)
        assert admin_route_names(label, model_admin) == expected, label


def admin_calls(label: str) -> list[tuple[str, str]]:
    """(page, address) of every route of a table, on a row that is there."""
    row = next(row for row in ADMIN if row.label == label)
    model = admin_tables()[label].model
    found = model._base_manager.order_by("-pk").first()
    assert found is not None, f"make a {label} in tests/access/world.py"
    prefix = f"admin:{label.replace('.', '_')}"
    calls = [(page, reverse(f"{prefix}_{page}")) for page in ("changelist", "add")]
    calls += [
        (page, reverse(f"{prefix}_{page}", args=[found.pk]))
        for page in ("change", "history", "delete")
    ]
    return calls + [(name, reverse(f"admin:{name}", args=[found.pk])) for name in row.others]


@pytest.mark.parametrize("label", [row.label for row in ADMIN])
def test_tables_of_the_admin_open_for_admins_alone(label, people, parameters):
    row = next(row for row in ADMIN if row.label == label)
    wrong, callers = [], {person: Caller(user) for person, user in people.items()}
    for page, url in admin_calls(label):
        expected = row.others.get(page) or getattr(row, page)
        for person, caller in callers.items():
            response = caller.send("GET", url)
            right = expected if person == "admin" else 302
            if response.status_code != right:
                wrong.append(f"{person} {url}: {response.status_code}, the table says {right}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("label", [row.label for row in ADMIN if row.actions])
def test_actions_of_the_admin_work_for_admins_alone(label, people, parameters):
    row = next(row for row in ADMIN if row.label == label)
    url = reverse(f"admin:{label.replace('.', '_')}_changelist")
    found = admin_tables()[label].model._base_manager.order_by("-pk").first()
    wrong, callers = [], {person: Caller(user) for person, user in people.items()}
    for action, status in row.actions.items():
        data = {"action": action, "_selected_action": [str(found.pk)]}
        for person, caller in callers.items():
            response = caller.send("POST", url, data=data)
            right = status if person == "admin" else 302
            refused = "login" in response.get("Location", "")
            if response.status_code != right or refused == (person == "admin"):
                wrong.append(f"{person} {label} {action}: {response.status_code}")
    assert not wrong, "\n".join(wrong)


def test_the_admin_site_knows_all_its_tables():
    assert django_admin.site._registry, "autodiscovery found nothing, so the tests above are empty"
