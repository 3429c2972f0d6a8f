"""Queueing runs: what is accepted, what is refused with the path of the field, and once only."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from hamlet.errors import SpecError
from registry.errors import NameTakenError
from registry.models import Classroom, RegisteredModel, Role
from registry.queries import visible_models
from registry.services import ensure_model, save_brain_spec
from tests.running import people
from tests.training.runs import at_once
from tests.training.tiny_runs import BRAIN, queue_tiny, tiny_request
from training import services
from training.errors import IdempotencyConflictError, SteeringRefusedError
from training.models import Run, RunEvent, RunStatus

HUGE = 10**400
BRAIN_TEXT = "architecture: {type: feedforward, feedforward: {hidden_layers: [8]}}\n"

# (field of the request, what is put there, the path that the error names)
BAD = [
    ("system", "towm", "system"),
    ("system", 7, "system"),
    ("level", "L9", "level"),
    ("level", None, "level"),
    ("level", 3, "level"),
    ("level", {"name": "x"}, "level.grid"),
    ("brain", "no such brain", "brain"),
    ("brain", 7, "brain"),
    ("brain", "a: &x [1]\nb: *x\n", "brain line 1"),
    ("brain", "!!python/object/apply:os.system [id]\n", "brain"),
    ("brain", "architecture: {type: transformer}\n", "brain.architecture.type"),
    ("brain", {**BRAIN, "replay": {"capacity": 10**12}}, "brain.replay.capacity"),
    ("brain", {**BRAIN, "loss": {"type": "l1"}}, "brain.loss.type"),
    ("training", {"num_envs": HUGE}, "training.num_envs"),
    ("training", {"num_envs": 0}, "training.num_envs"),
    ("training", {"num_envs": "8"}, "training.num_envs"),
    ("training", {"unknown": 1}, "training.unknown"),
    ("training", {"epsilon": {"start": float("nan")}}, "training.epsilon.start"),
    ("training", [1], "training"),
    ("seed", -1, "seed"),
    ("seed", 1.5, "seed"),
    ("seed", True, "seed"),
    ("seed", HUGE, "seed"),
    ("episodes", 0, "episodes"),
    ("episodes", "many", "episodes"),
    ("episodes", HUGE, "episodes"),
    ("name", "", "name"),
    ("name", "   ", "name"),
    ("name", "x" * 101, "name"),
    ("name", 7, "name"),
    ("name", "a\x00b", "name"),
    ("model", "../up", "model"),
    ("model", "x" * 101, "model"),
    ("model", [], "model"),
    ("classroom", "no such class", "classroom"),
    ("classroom", 10**9, "classroom"),
    ("classroom", HUGE, "classroom"),
    ("classroom", True, "classroom"),
    ("device", "tpu", "device"),
    ("device", None, "device"),
    ("colour", "red", "colour"),
]


def paths(error: SpecError) -> set[str]:
    return {problem.path for problem in error.problems}


@pytest.mark.django_db
@pytest.mark.parametrize(("field", "value", "path"), BAD)
def test_a_bad_field_is_named_and_nothing_is_made(instructor, field, value, path) -> None:
    with pytest.raises(SpecError) as caught:
        services.queue_run(instructor, tiny_request(**{"level": "L0", field: value}))
    assert any(found.startswith(path) for found in paths(caught.value)), paths(caught.value)
    assert not Run.objects.exists()
    assert not RegisteredModel.objects.exists()


@pytest.mark.django_db
def test_all_faults_are_named_at_once(instructor) -> None:
    request = tiny_request(seed=-1, device="tpu", classroom="nowhere", colour="red")
    with pytest.raises(SpecError) as caught:
        services.queue_run(instructor, request)
    assert paths(caught.value) == {"seed", "device", "classroom", "colour"}


@pytest.mark.django_db
@pytest.mark.parametrize("body", [None, [], "town", 7])
def test_a_body_that_is_no_mapping_is_refused(instructor, body: Any) -> None:
    with pytest.raises(SpecError, match="expected a mapping"):
        services.queue_run(instructor, body)


@pytest.mark.django_db
def test_a_good_request_writes_every_default_out(instructor, classroom: Classroom) -> None:
    run = services.queue_run(
        instructor, {"level": "L1", "seed": 5, "classroom": classroom.name, "name": "Mine"}
    )
    assert (run.status, run.system, run.level, run.name) == (RunStatus.QUEUED, "town", "L1", "Mine")
    assert (run.total, run.unit, run.queue) == (5000, "episode", "training.cpu")
    assert (run.owner, run.classroom, run.model.name) == (instructor, classroom, "town-L1")
    assert run.spec["seed"] == 5
    assert run.spec["content"]["brain"]["architecture"]["type"] == "dueling"
    event = RunEvent.objects.get(run=run)
    assert (event.new_status, event.actor) == (RunStatus.QUEUED, instructor)


@pytest.mark.django_db
def test_the_system_is_inferred_and_the_device_chooses_the_queue(instructor) -> None:
    run = services.queue_run(instructor, {"level": "L0", "device": "gpu"})
    assert (run.system, run.queue) == ("town", "training.gpu")


@pytest.mark.django_db
def test_equal_requests_have_equal_hashes_whatever_form_the_brain_has(instructor) -> None:
    saved = save_brain_spec("small", BRAIN_TEXT, instructor)
    brains = ["small", BRAIN_TEXT, {"architecture": saved.data["architecture"]}]
    runs = [services.queue_run(instructor, {"level": "L0", "brain": brain}) for brain in brains]
    assert len({run.spec_hash for run in runs}) == 1
    assert [run.brain for run in runs] == [saved, None, None]


@pytest.mark.django_db
def test_a_brain_of_somebody_out_of_sight_is_not_found(instructor) -> None:
    stranger = people.make_person("stranger", Role.INSTRUCTOR, people.make_classroom("Elsewhere"))
    save_brain_spec("theirs", BRAIN_TEXT, stranger)
    with pytest.raises(SpecError, match="that you may see"):
        services.queue_run(instructor, {"level": "L0", "brain": "theirs"})


@pytest.mark.django_db
def test_a_class_that_one_does_not_teach_is_refused(instructor) -> None:
    other = people.make_classroom("Elsewhere")
    for named in (other.name, other.pk):
        with pytest.raises(SpecError, match="a class that you teach"):
            services.queue_run(instructor, {"level": "L0", "classroom": named})


@pytest.mark.django_db
def test_a_model_of_somebody_else_is_not_taken_over(instructor, admin) -> None:
    ensure_model("town-L0", "town", admin, None)
    with pytest.raises(NameTakenError):
        services.queue_run(instructor, {"level": "L0", "model": "town-L0"})
    assert not Run.objects.exists()
    run = services.queue_run(instructor, {"level": "L0"})
    assert run.model.name == f"town-L0-instructor-{instructor.pk}"


@pytest.mark.django_db
def test_a_private_run_never_lands_in_the_model_of_a_class(instructor, student, classroom) -> None:
    shared = services.queue_run(instructor, {"level": "L0", "classroom": classroom.name})
    private = services.queue_run(instructor, {"level": "L0"})
    assert shared.model.classroom == classroom
    assert private.model != shared.model
    assert private.model.classroom is None
    assert private.model not in visible_models(student)
    with pytest.raises(NameTakenError, match="what you ask for is private"):
        services.queue_run(instructor, {"level": "L0", "model": shared.model.name})
    assert services.queue_run(instructor, {"level": "L0"}).model == private.model
    again = services.queue_run(instructor, {"level": "L0", "classroom": classroom.name})
    assert again.model == shared.model


@pytest.mark.django_db
def test_a_run_of_a_class_never_lands_in_a_private_model(instructor, classroom) -> None:
    private = services.queue_run(instructor, {"level": "L0"})
    shared = services.queue_run(instructor, {"level": "L0", "classroom": classroom.name})
    assert shared.model != private.model
    assert shared.model.classroom == classroom
    body = {"level": "L0", "classroom": classroom.name, "model": private.model.name}
    with pytest.raises(NameTakenError, match="is private"):
        services.queue_run(instructor, body)


@pytest.mark.django_db
def test_an_admin_publishes_nothing_to_the_owner_of_a_private_model(instructor, admin) -> None:
    private = services.queue_run(instructor, {"level": "L0"})
    own = services.queue_run(admin, {"level": "L0"})
    assert own.model != private.model
    assert own.model not in visible_models(instructor)


@pytest.mark.django_db
def test_names_that_differ_by_a_sign_alone_get_models_of_their_own(admin) -> None:
    ensure_model("town-L0", "town", admin, None)
    room = people.make_classroom("Signs")
    users = [people.make_person(name, Role.INSTRUCTOR, room) for name in ("ms.x", "ms-x")]
    models = {services.queue_run(user, {"level": "L0"}).model for user in users}
    assert len(models) == 2


@pytest.mark.django_db
def test_a_student_cannot_start_a_run(student) -> None:
    with pytest.raises(SteeringRefusedError, match="Ask an instructor"):
        queue_tiny(student)
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_a_key_makes_one_run_for_one_body_and_person(instructor, admin) -> None:
    once = partial(services.queue_run_once, idempotency_key="k-1")
    first, made = once(instructor, tiny_request())
    again, made_again = once(instructor, tiny_request())
    assert (made, made_again, again.pk) == (True, False, first.pk)
    with pytest.raises(IdempotencyConflictError, match="used before, with another body"):
        once(instructor, tiny_request(seed=8))
    other, made = once(admin, tiny_request(model="theirs"))
    assert made
    assert other.pk != first.pk
    assert Run.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_key_that_arrives_many_times_at_once_makes_one_run(instructor) -> None:
    ask = partial(services.queue_run, instructor, tiny_request(), idempotency_key="k")
    runs = at_once([ask] * 6)
    assert len({run.pk for run in runs}) == 1
    assert Run.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "x" * 101, "with space", "tab\t", "ümlaut"])
def test_a_bad_key_is_refused(instructor, key: str) -> None:
    with pytest.raises(SpecError, match="Idempotency-Key"):
        services.queue_run(instructor, tiny_request(), idempotency_key=key)


@pytest.mark.django_db
def test_a_refused_request_does_not_use_its_key_up(instructor) -> None:
    with pytest.raises(SpecError):
        services.queue_run(instructor, tiny_request(seed=-1), idempotency_key="k")
    assert services.queue_run(instructor, tiny_request(), idempotency_key="k").pk
