"""/api/v1/deploy, /rollback and /status: what is in service, and what was there before."""

from __future__ import annotations

import pytest

from registry.aliases.services import protect_alias
from registry.models import Alias, AliasMove
from registry.versions import lifecycle
from registry.versions.models import VersionStatus
from registry.versions.services import register_version
from tests.training.runs import held, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def versions(register):
    """Three checked versions of one model: 1.0.0, 1.0.1 and 1.0.2."""
    made = [register(seed) for seed in range(3)]
    for version in made:
        lifecycle.move(version, VersionStatus.VALIDATED)
    return made


def deploy(program, version, **body):
    return program.send(f"/api/v1/deploy/dropper:{version.number}", body)


def roll_back(program, **body):
    return program.send("/api/v1/rollback/dropper", {"reason": "it loses", **body})


def in_service() -> str | None:
    alias = Alias.objects.filter(name="production").select_related("version").first()
    return alias.version.number if alias else None


def test_a_version_goes_into_service_at_once(teacher, versions):
    first = deploy(teacher, versions[0])
    assert first.status_code == 200, first.content
    assert (first.json()["model_version"], first.json()["replaced_version"]) == ("1.0.0", None)
    second = deploy(teacher, versions[1], reason="better").json()
    assert (second["replaced_version"], second["deployment"], in_service()) == (
        *("1.0.0", None),
        "1.0.1",
    )
    assert AliasMove.objects.latest("pk").reason == "better"


def test_deploying_twice_moves_once(teacher, versions):
    assert deploy(teacher, versions[0]).status_code == 200
    assert deploy(teacher, versions[0]).json()["replaced_version"] is None
    assert AliasMove.objects.filter(name="production").count() == 1


def test_a_run_names_the_version_that_it_made(teacher, register):
    version = register()
    run = make_run()
    made = register_version(model=version.model, artifact=version.artifact, run_id=run.pk)
    lifecycle.move(made, VersionStatus.VALIDATED)
    found = teacher.send(f"/api/v1/deploy/{run.pk}", {}).json()
    assert found["model_version"] == made.number != version.number


def test_an_unknown_run_or_version_is_not_found(teacher, versions):
    unknown = make_run().pk
    assert teacher.send(f"/api/v1/deploy/{unknown}", {}).status_code == 404
    assert teacher.send("/api/v1/deploy/dropper:9.9.9", {}).status_code == 404
    assert teacher.send("/api/v1/deploy/dropper", {}).status_code == 422


def test_a_version_may_only_be_made_ready(teacher, versions):
    answer = deploy(teacher, versions[0], activate=False)
    assert answer.status_code == 200
    assert in_service() is None
    assert lifecycle.status_of(versions[0]) == VersionStatus.STAGED
    assert deploy(teacher, versions[0], activate=False).status_code == 200


def test_what_was_not_checked_stays_out(teacher, version):
    assert deploy(teacher, version).status_code == 409
    assert deploy(teacher, version, activate=False).status_code == 409
    assert in_service() is None


def test_ways_that_do_not_exist_are_refused(teacher, versions):
    answer = deploy(teacher, versions[0], strategy="canary", targetGroup="a")
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {"/strategy", "/target_group"}


def test_going_back_goes_one_further_each_time(teacher, versions):
    for version in versions:
        deploy(teacher, version)
    first, second = roll_back(teacher).json(), roll_back(teacher).json()
    assert (first["previous_version"], first["replaced_version"]) == ("1.0.1", "1.0.2")
    assert (second["previous_version"], in_service()) == ("1.0.0", "1.0.0")
    assert AliasMove.objects.latest("pk").reason == "it loses"
    assert roll_back(teacher).status_code == 409


def test_what_was_left_may_come_again(teacher, versions):
    first, second, third = versions
    for version in (first, second):
        deploy(teacher, version)
    roll_back(teacher)
    deploy(teacher, third)
    assert roll_back(teacher).json()["previous_version"] == "1.0.0"


def test_archived_versions_are_passed_over(teacher, versions):
    for version in versions:
        deploy(teacher, version)
    lifecycle.move(versions[1], VersionStatus.ARCHIVED)
    assert roll_back(teacher).json()["previous_version"] == "1.0.0"


def test_a_request_sent_twice_goes_back_once(teacher, versions):
    for version in versions:
        deploy(teacher, version)
    assert roll_back(teacher, fromVersion="1.0.2").status_code == 200
    again = roll_back(teacher, fromVersion="1.0.2")
    assert (again.status_code, in_service()) == (409, "1.0.1")


def test_going_back_needs_a_reason_and_something_in_service(teacher, versions):
    assert roll_back(teacher).status_code == 409
    answer = teacher.send("/api/v1/rollback/dropper", {})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/reason"


def test_a_protected_alias_stays(teacher, versions, instructor):
    for version in versions[:2]:
        deploy(teacher, version)
    protect_alias(versions[0].model, "production", True, instructor)
    assert roll_back(teacher).status_code == 409
    assert deploy(teacher, versions[2]).status_code == 409
    assert in_service() == "1.0.1"


def test_who_may_not_change_a_model_moves_nothing(viewer, versions):
    assert deploy(viewer, versions[0]).status_code == 403
    assert roll_back(viewer).status_code == 403


def test_the_status_counts_what_one_may_see(teacher, stranger, versions, instructor, classroom):
    deploy(teacher, versions[1])
    make_run(owner=instructor, classroom=classroom)
    held(make_run(owner=instructor, classroom=classroom))
    seen = teacher.get("/api/v1/status").json()
    assert seen["active_versions"] == [
        {"model": "dropper", "version": "1.0.1", "alias": "production"}
    ]
    assert (seen["model_count"], seen["running_jobs"], seen["waiting_jobs"]) == (1, 1, 1)
    assert seen["deployments"] == []
    others = stranger.get("/api/v1/status").json()
    assert (others["active_versions"], others["model_count"], others["running_jobs"]) == ([], 0, 0)
