"""A run that goes on from a version, whatever learns: its settings fit, and it can begin."""

from __future__ import annotations

import pytest

from hamlet.datasets.given_examples import read_examples
from hamlet.runspec import RunSpec
from hamlet.systems import SYSTEMS
from tests.learning_on.material import SIZES, register_of_type, whole_game
from tests.training.runs import make_run
from training import finetuning
from training.creating import create_run
from training.incremental.errors import CannotLearnOnError
from training.inputs import files_of
from training.models import Run

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("artifact_dir", "redis_url")]
GAMES = [*whole_game("4343434", "a"), *whole_game("1212121", "b"), *whole_game("7676767", "c")]


@pytest.mark.parametrize("kind", SIZES)
def test_every_kind_begins_with_the_weights_and_the_examples(kind, instructor, classroom):
    base = register_of_type(kind, instructor, classroom, kind)
    dataset = finetuning.store_dataset(base, examples=[read_examples(GAMES)])
    wanted = finetuning.wanted_run(base.model, base, dataset, 20, "tuned")
    run = create_run(finetuning.owner_of(base.model), wanted, {})
    spec = RunSpec.from_data(run.spec)
    config = spec.content["config"]
    assert (spec.trainer, spec.budget, config["learning_rate"]) == (kind, 20, 1e-4)
    assert spec.content["brain"] == finetuning.brain_of(base)
    for member in config["advanced_config"].get("members", []):
        assert member["learning_rate"] == 1e-4
    trainer = SYSTEMS["connect_four"].make_trainer(spec, files=files_of(run))
    assert trainer.progress.total == 20


def test_a_run_waits_where_the_one_before_was_trained(instructor, classroom):
    base = register_of_type("dqn", instructor, classroom, "jumper")
    assert finetuning.queue_of(base) == "training.cpu"
    make_run(version=base, queue="training.gpu")
    assert finetuning.queue_of(base) == "training.gpu"
    assert Run.objects.count() == 1


def test_a_version_that_was_deleted_is_no_base(instructor, classroom):
    base = register_of_type("dqn", instructor, classroom, "jumper")
    with pytest.raises(CannotLearnOnError, match="jumper 9.9.9 was deleted"):
        finetuning.base_of(base.model, "9.9.9")
