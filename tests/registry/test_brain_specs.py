"""Brain specs: kept verbatim, judged, hashed, and changed by their owner alone."""

from __future__ import annotations

import pytest

from hamlet.brains import BrainSpec as Brain
from hamlet.errors import SpecError
from registry.errors import NameTakenError
from registry.models import BrainSpec
from registry.services import check_brain, save_brain_spec
from tests.registry.checkpoints import DENSE, WIDER

pytestmark = pytest.mark.django_db


def test_text_is_kept_to_the_letter_with_its_comments(instructor):
    brain = save_brain_spec("small", DENSE, instructor)
    brain.refresh_from_db()
    assert brain.yaml_text == DENSE
    assert "# A small brain." in brain.yaml_text
    assert brain.spec_hash == Brain.from_yaml(DENSE).hash
    assert brain.data["architecture"]["feedforward"]["layer_norm"] is True


def test_saving_again_changes_text_and_hash_and_keeps_the_owner(instructor, admin):
    first = save_brain_spec("small", DENSE, instructor)
    changed = save_brain_spec("small", WIDER, admin)
    assert changed.pk == first.pk
    assert changed.spec_hash != first.spec_hash
    assert changed.owner == instructor


def test_a_new_one_never_replaces_another(instructor):
    save_brain_spec("small", DENSE, instructor)
    with pytest.raises(NameTakenError, match="small already"):
        save_brain_spec("small", WIDER, instructor, only_new=True)
    assert BrainSpec.objects.get().yaml_text == DENSE


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("architecture: {type: dueling, layers: 3}", "architecture.layers"),
        ("architecture: {type: nothing}", "architecture.type"),
        ("architecture: {type: dueling}\nextra: 1", "extra"),
        ("architecture: {type: dueling}\nq_learning: {gamma: .nan}", "q_learning.gamma"),
        ("architecture: {type: feedforward, feedforward: {hidden_layers: [1.5]}}", "hidden_layers"),
        ("- a\n- b", "(document)"),
        ("", "(document)"),
    ],
)
def test_fault_is_named_by_its_path_and_nothing_is_kept(instructor, text, path):
    with pytest.raises(SpecError) as caught:
        save_brain_spec("small", text, instructor)
    assert any(path in problem.path for problem in caught.value.problems), caught.value
    assert not BrainSpec.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch /tmp/hamlet-was-here']",
        "a: &x [1]\nb: *x",
        "a: 1\na: 2",
        "[" * 100 + "]" * 100,
        "x: " + "y" * 300_000,
        "a: \x00",
        None,
        7,
    ],
)
def test_hostile_text_is_refused(text):
    with pytest.raises(SpecError):
        check_brain(text)


@pytest.mark.parametrize(
    "name", ["", "a b", "../up", "x" * 101, "new", "Brains", None, "caf\u00e9"]
)
def test_name_that_could_not_stand_in_an_address_is_refused(instructor, name):
    with pytest.raises(SpecError):
        save_brain_spec(name, DENSE, instructor)
