"""Registering: numbers, `latest`, what is refused, and doing it twice."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from hamlet.errors import CheckpointError
from registry.artifacts.store import store_file
from registry.errors import NotChangeableError
from registry.models import AliasMove, ModelVersion
from registry.queries import find_version
from registry.services import ensure_model
from registry.versions.services import register_version
from tests.registry.checkpoints import WIDER, checkpoint_bytes, make_layout

pytestmark = pytest.mark.django_db


def test_first_version_is_1_0_0_and_more_training_raises_the_patch(register):
    assert [register(seed=seed).number for seed in range(3)] == ["1.0.0", "1.0.1", "1.0.2"]


def test_another_brain_raises_the_minor_and_another_layout_the_major_number(register):
    numbers = [
        register().number,
        register(seed=1).number,
        register(brain=WIDER).number,
        register(brain=WIDER, seed=1).number,
        register(cells=4).number,
        register(cells=4, brain=WIDER).number,
    ]
    assert numbers == ["1.0.0", "1.0.1", "1.1.0", "1.1.1", "2.0.0", "2.1.0"]


def test_version_carries_the_signature_of_its_file(register):
    version = register()
    layout = make_layout()
    assert version.layout_hash == layout.hash
    assert version.signature["action_names"] == list(layout.actions)
    assert version.signature["inputs"][0]["shape"] == [-1, 38]


def test_latest_moves_with_every_registration(register, model, instructor):
    first, second = register(), register(seed=1)
    assert find_version(instructor, model.name, "latest") == second
    moves = AliasMove.objects.filter(model=model, name="latest").order_by("pk")
    assert [(move.old_version, move.new_version) for move in moves] == [
        (None, first),
        (first, second),
    ]


def test_a_run_that_finishes_twice_registers_one_version(register):
    run_id = uuid.uuid4()
    first = register(run_id=run_id, metrics={"survival": 12.5})
    again = register(run_id=run_id, seed=1)
    assert again == first
    assert ModelVersion.objects.count() == 1
    assert again.metrics == {"survival": 12.5}


def test_a_file_that_is_no_checkpoint_is_refused_and_leaves_nothing(model):
    artifact = store_file(b"\x80\x04not a checkpoint", "application/octet-stream")
    with pytest.raises(CheckpointError):
        register_version(model=model, artifact=artifact)
    assert not ModelVersion.objects.exists()
    assert not AliasMove.objects.exists()


def test_somebody_who_may_only_look_cannot_register(model, student):
    artifact = store_file(checkpoint_bytes(), "application/vnd.safetensors")
    with pytest.raises(NotChangeableError, match="You may look at walker"):
        register_version(model=model, artifact=artifact, user=student)


@pytest.mark.django_db(transaction=True)
def test_versions_registered_at_the_same_time_get_different_numbers(register, instructor):
    register()

    def one(seed: int) -> str:
        try:
            return register(seed=seed).number
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(one, range(1, 9)))
    assert sorted(numbers) == [f"1.0.{patch}" for patch in range(1, 9)]


def test_a_model_name_of_somebody_else_is_taken(model, outsider):
    from registry.errors import NameTakenError

    with pytest.raises(NameTakenError, match="walker is taken"):
        ensure_model("walker", "town", outsider, None)
