"""POST train with `incremental`: examples wait until there are enough, then one run takes them."""

from __future__ import annotations

import pytest

from registry.models import Artifact
from registry.problems import pointer_of
from registry.versions import lifecycle
from registry.versions.models import VersionStatus
from tests.games.conftest import Program
from tests.learning_on.material import examples, queued
from tests.playing.boards import register_board_version
from training import execution
from training.incremental.starting import start_for
from training.models import LearningOn, QueuedExamples, Run, RunStatus

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("few_are_enough")]
STATUS, LEARNING = "/api/v1/status", "/api/v1/models/dropper/learning"


def only_error(answer) -> tuple[str, str]:
    assert answer.status_code == 422, answer.content
    [error] = answer.json()["errors"]
    return error["pointer"], error["detail"]


def test_below_the_number_there_is_no_job_but_what_is_queued_and_needed(send, model):
    answer = send(examples(3))
    assert answer.status_code == 202, answer.content
    assert answer.json() == {
        "model": "dropper",
        "base_version": None,
        "accepted": 3,
        "queued": 3,
        "needed": 1,
        "learning_url": LEARNING,
    }
    assert answer.headers["Location"] == LEARNING
    assert not Run.objects.exists()


def test_a_thousand_are_enough_unless_somebody_says_otherwise(send, model, settings):
    settings.INCREMENTAL_EXAMPLES = 1000
    assert send(examples(4)).json()["needed"] == 996


def test_with_enough_of_them_a_run_goes_on_from_the_version_in_service(send, model, version):
    send(examples(3))
    answer = send(examples(2, first=3))
    assert answer.status_code == 202, answer.content
    data = answer.json()
    kept = data["examples"]
    assert (kept["queued"], kept["needed"], kept["accepted"]) == (0, 4, 2)
    run = Run.objects.get(pk=data["job_id"])
    assert answer.headers["Location"] == data["url"] == f"/api/v1/runs/{run.pk}"
    assert (data["status"], data["total_epochs"], data["model_type"]) == ("queued", 20, "alphazero")
    config = run.spec["content"]["config"]
    assert (config["epochs"], config["learning_rate"]) == (20, 1e-4)
    assert run.spec["content"]["base"]["checkpoint"] == version.artifact_id
    assert (run.model, run.classroom, run.owner) == (model, model.classroom, model.owner)
    assert queued(model) == 0
    assert list(run.taken_examples.order_by("pk").values_list("count", flat=True)) == [3, 2]


@pytest.mark.django_db(transaction=True)
def test_the_run_learns_from_them_and_registers_a_version(send, model, version):
    run = Run.objects.get(pk=send(examples(8)).json()["job_id"])
    execution.execute(run.pk)
    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED, run.reason
    assert run.latest_metrics["train_loss"] > 0
    assert (run.version.number, run.version.model) == ("1.0.1", model)
    assert model.aliases.get(name="production").version == version


def test_a_version_may_be_named_and_has_a_queue_of_its_own(send, model, instructor, classroom):
    other = register_board_version(instructor, classroom, seed=5)
    named = {
        "config": {"modelType": "alphazero", "advancedConfig": {"baseVersion": "dropper:1.0.1"}}
    }
    assert send(examples(3)).json()["queued"] == 3
    answer = send(examples(3), **named).json()
    assert (answer["base_version"], answer["queued"]) == ("1.0.1", 3)
    run = Run.objects.get(pk=send(examples(1), base_version="dropper:latest").json()["job_id"])
    assert run.spec["content"]["base"]["checkpoint"] == other.artifact_id
    assert (queued(model), queued(model, "1.0.1")) == (3, 0)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [({"move": 9}, "examples[1].move"), ({"value": 3}, "examples[1].value")],
)
def test_a_wrong_example_is_named_by_its_index_and_nothing_is_kept(send, model, wrong, path):
    sent = examples(5)
    sent[1] |= wrong
    assert only_error(send(sent))[0] == pointer_of(path)
    assert not QueuedExamples.objects.exists()
    assert Artifact.objects.count() == 1  # the version


def test_every_fault_of_a_request_is_named_at_once(send, model):
    sent = [*examples(1), {"board": {"board": "4"}, "move": 3, "value": 7}]
    answer = send(sent, base_version="nobody:1.0.0", config={"epochs": 3})
    paths = [error["pointer"] for error in answer.json()["errors"]]
    assert paths == ["/config/epochs", "/examples/1/value"]


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        ({"config": {"epochs": 3}}, "config.epochs", "settings of its own"),
        ({"seed": 3}, "seed", "settings of its own"),
        ({"surprise": 3}, "surprise", "unknown field"),
        ({"incremental": "yes"}, "incremental", "true or false"),
        ({"model": None}, "model", "missing"),
        ({"model": "nobody"}, "model", "that you may see"),
        ({"base_version": "nobody:1.0.0"}, "base_version", "no model"),
        ({"base_version": "dropper:9.0.0"}, "base_version", "9.0.0"),
        ({"config": {"model_type": "ppo"}}, "config.model_type", "is alphazero"),
        ({"examples": []}, "examples", "no examples"),
        ({"examples": None}, "examples", "missing"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_its_path(send, model, body, path, said):
    found, message = only_error(send(**{"examples": examples(1), **body}))
    assert found == pointer_of(path)
    assert said in message
    assert not QueuedExamples.objects.exists()


def test_two_bases_that_differ_are_refused(send, model):
    inner = {"config": {"advanced_config": {"base_version": "dropper:1.0.0"}}}
    pointer, _ = only_error(send(examples(1), base_version="dropper:latest", **inner))
    assert pointer == "/config/advanced_config/base_version"


def test_a_run_of_its_own_may_say_that_it_is_not_incremental(send, model):
    config = {"model_type": "alphazero", "epochs": 1}
    answer = send(examples(2), incremental=False, config=config, model="another")
    assert answer.status_code == 202, answer.content
    assert Run.objects.get().spec["content"]["config"]["epochs"] == 1
    assert not QueuedExamples.objects.exists()


def test_without_a_version_in_service_it_is_said_what_to_do(send, version):
    answer = send(examples(1))
    assert answer.status_code == 409
    assert "No version of dropper is in service" in answer.json()["detail"]
    assert send(examples(1), base_version="dropper:1.0.0").status_code == 202


def test_a_model_out_of_sight_is_as_one_that_is_not(model, outsider, student):
    body = {"model": "dropper", "incremental": True, "examples": examples(1)}
    for person in (student, outsider):
        assert Program(person).send("/api/v1/train", body).status_code == 403
    assert not QueuedExamples.objects.exists()


def test_the_same_key_keeps_examples_once(send, model):
    first = send(examples(3), key="k1")
    again = send(examples(3), key="k1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()
    assert queued(model) == 3
    assert send(examples(2), key="k1").status_code == 409


def test_a_key_that_started_a_run_gives_that_run_again(send, model):
    first = send(examples(4), key="k1").json()
    assert send(examples(4), key="k1").json()["job_id"] == first["job_id"]
    assert Run.objects.count() == 1


def test_a_key_is_for_one_thing(send, model):
    run = {"incremental": False, "config": {"model_type": "alphazero"}, "model": "another"}
    assert send(examples(1), key="k1").status_code == 202
    assert send(examples(1), key="k1", **run).status_code == 409
    assert send(examples(1), key="k2", **run).status_code == 202
    assert send(examples(1), key="k2").status_code == 409


def test_a_full_queue_says_what_to_do(send, model, settings):
    settings.QUEUED_EXAMPLES = 5
    settings.INCREMENTAL_EXAMPLES = 100
    assert send(examples(3)).status_code == 202
    LearningOn.objects.create(model=model, problem="the sky fell")
    answer = send(examples(3))
    assert answer.status_code == 409
    assert "3 examples wait" in answer.json()["detail"]
    assert "the sky fell" in answer.json()["detail"]
    assert "DELETE /api/v1/models/dropper/learning/examples" in answer.json()["detail"]
    assert queued(model) == 3


def test_what_cannot_be_taken_waits_and_says_why(send, model, teacher, settings):
    assert send(examples(3)).status_code == 202
    model.aliases.filter(name="production").delete()
    settings.INCREMENTAL_EXAMPLES = 3
    assert start_for(model.pk, "") is None
    assert "No version of dropper is in service" in teacher.get(LEARNING).json()["problem"]
    assert queued(model) == 3


def test_the_status_counts_what_waits_for_models_one_may_see(send, model, teacher, outsider):
    send(examples(3))
    assert teacher.get(STATUS).json()["queued_examples"] == 3
    assert Program(outsider).get(STATUS).json()["queued_examples"] == 0


def test_an_archived_base_is_still_a_base(send, model, instructor, classroom):
    other = register_board_version(instructor, classroom, seed=5)
    lifecycle.move(other, VersionStatus.ARCHIVED)
    assert send(examples(1), base_version="dropper:1.0.1").status_code == 202
