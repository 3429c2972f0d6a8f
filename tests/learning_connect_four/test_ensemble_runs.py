"""An ensemble: its members in step, cut anywhere, and named in all that they say and do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from hamlet.checkpoint import load_network, save_inference
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.errors import CheckpointError, SpecError, TrainingDivergedError
from hamlet.learning.connect_four import alphazero, solved_positions, transformer
from hamlet.learning.connect_four.ensemble import EnsembleTrainer
from hamlet.learning.connect_four.ensemble_members import MemberFailedError, failing_as
from hamlet.learning.trainer import CheckpointDue, EpisodeFinished, Event, RunFinished
from tests.learning_connect_four.small_ensembles import (
    ALPHAZERO,
    DQN,
    MUZERO,
    PPO,
    TRANSFORMER,
    ensemble_run,
)
from tests.learning_connect_four.whole_runs import (
    assert_same,
    finish,
    remarks,
    reports,
    taken_up,
    told,
    units,
)


@pytest.fixture(autouse=True)
def _small_units_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alphazero, "LEARN_FOR_S", 0.0)
    monkeypatch.setattr(transformer, "LEARN_FOR_S", 0.0)
    monkeypatch.setattr(solved_positions, "SOLVE_FOR_S", 0.0)


def again() -> EnsembleTrainer:
    return EnsembleTrainer(ensemble_run())


@pytest.fixture(scope="module")
def whole() -> tuple[EnsembleTrainer, list[Event]]:
    with pytest.MonkeyPatch.context() as patch:
        for module in (alphazero, transformer):
            patch.setattr(module, "LEARN_FOR_S", 0.0)
        patch.setattr(solved_positions, "SOLVE_FOR_S", 0.0)
        trainer = again()
        return trainer, finish(trainer)


def test_a_run_cut_anywhere_ends_the_same(whole, tmp_path: Path) -> None:
    """In the epochs of either member, between them, and while the weights are fitted."""
    trainer, events, seen, count = again(), [], set(), 0
    while not trainer.finished:
        events += trainer.advance()
        count += 1
        behind = trainer._behind()
        seen.add((trainer.epochs, behind))
        if count % 9 == 0 or behind is None:
            trainer = taken_up(trainer, again, tmp_path)

    assert {(0, 0), (0, 1), (1, 0), (1, 1), (1, None)} <= seen
    assert_same(trainer, whole[0])
    for one, other in zip(trainer.members, whole[0].members, strict=True):
        assert_same(one.trainer, other.trainer)
    assert told(events) == told(whole[1])


def test_members_keep_step_and_have_equal_weights_until_the_end() -> None:
    trainer = again()
    for events in units(trainer):
        epochs = [member.trainer.epochs for member in trainer.members]
        assert max(epochs) - min(epochs) <= 1
        assert trainer.epochs in (min(epochs), min(epochs) - 1)
        if any(isinstance(event, CheckpointDue) for event in events) and not trainer.finished:
            assert epochs == [1, 1]
            assert trainer.best_network().combination.weights.tolist() == [0.5, 0.5]
            for network, member in zip(trainer.network.members, trainer.members, strict=True):
                own = member.trainer.best_network().state_dict()
                for name, part in network.state_dict().items():
                    assert torch.equal(part, own[name]), name
    assert epochs == [2, 2]


def test_all_that_members_say_has_their_name(whole) -> None:
    trainer, events = whole
    games = [event for event in events if isinstance(event, EpisodeFinished)]
    found = reports(events)

    assert [game.number for game in games] == list(range(1, trainer.games + 1))
    for game in games:
        assert game.summary["member"] == "member 0 (alphazero)"
        assert game.summary["red"].startswith("member 0 (alphazero): ")
        if game.recording is not None:
            assert game.recording.number == game.number
            assert game.recording.start["yellow"] == game.summary["yellow"]
    assert len(found) == 2
    for values in found:
        assert {"member_0_train_loss", "member_1_train_loss", "member_0_arena_score"} <= set(values)
    said = remarks(events)
    assert sum(text.startswith("member 0 (alphazero): epoch") for text in said) == 2
    assert "counts" in said[-1]
    assert "(transformer)" in said[-1]
    assert len([e for e in events if isinstance(e, RunFinished)]) == 1
    assert isinstance(events[-1], RunFinished)


def test_fitted_weights_are_never_worse_than_the_best_member(whole) -> None:
    trainer, events = whole
    values = reports(events)[-1]
    scores = [values["member_0_score"], values["member_1_score"]]

    assert values["ensemble_score"] <= min(scores) + 1e-9
    weights = trainer.network.combination.weights
    assert float(weights.sum()) == pytest.approx(1.0)
    assert [values[f"member_{i}_weight"] for i in range(2)] == pytest.approx(weights.tolist())


def test_the_network_taken_home_is_the_fitted_ensemble(whole, tmp_path: Path) -> None:
    trainer, _ = whole
    save_inference(tmp_path / "model", trainer.inference_model())
    network, header = load_network(tmp_path / "model", LAYOUT)

    for name, part in trainer.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], part), name
    assert [one["name"] for one in header["metadata"]["members"]] == [
        "member 0 (alphazero)",
        "member 1 (transformer)",
    ]


def test_members_of_one_kind_have_seeds_of_their_own() -> None:
    trainer = EnsembleTrainer(ensemble_run(TRANSFORMER, TRANSFORMER))
    one, other = (member.trainer.network.state_dict() for member in trainer.members)

    assert any(not torch.equal(part, other[name]) for name, part in one.items())


def test_a_member_that_fails_names_itself() -> None:
    trainer = again()
    member = trainer.members[1].trainer
    with torch.no_grad():
        next(member.network.parameters()).fill_(float("inf"))

    with pytest.raises(TrainingDivergedError) as caught:
        finish(trainer)
    assert str(caught.value).startswith("member 1 (transformer): epoch 1, batch 1: the loss is nan")
    assert caught.value.batch["policy"].shape == (16, 7)


def test_an_error_of_another_kind_keeps_its_reason() -> None:
    named = pytest.raises(MemberFailedError, match=r"^member 3 \(dqn\): OSError: no space")
    with named, failing_as("member 3 (dqn)"):
        raise OSError("no space left")
    with pytest.raises(MemoryError), failing_as("member 3 (dqn)"):
        raise MemoryError


def test_a_member_that_stops_early_waits_for_the_others() -> None:
    trainer = again()
    for _ in units(trainer):
        if trainer.members[0].trainer.epochs == 1:
            trainer.members[0].trainer.stopped = True
    assert [member.trainer.epochs for member in trainer.members] == [1, 2]
    assert trainer.epochs == 2
    assert not trainer.stopped


def test_networks_that_are_not_those_of_the_members_are_refused() -> None:
    spec = ensemble_run()
    brain = spec.content["brain"]
    members = brain["architecture"]["ensemble"]["members"][::-1]
    changed = {**brain, "architecture": {"type": "ensemble", "ensemble": {"members": members}}}

    with pytest.raises(SpecError, match="found transformer, alphazero; .* trains alphazero, tran"):
        EnsembleTrainer(dataclasses.replace(spec, content={**spec.content, "brain": changed}))


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("reports", "values"), [{}], r"parts.reports.values"),
        (("member_1", "epochs"), 99, r"parts.member_1.state.epochs"),
        (("combining", "solved", "filled"), 10**6, r"parts.combining.filled"),
    ],
)
def test_a_damaged_state_is_refused(path, value, named: str) -> None:
    state = again().state_dict()
    place = state["parts"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(CheckpointError, match=named):
        again().load_state_dict(state)


def test_members_of_all_kinds_train_together() -> None:
    kinds = (ALPHAZERO, MUZERO, TRANSFORMER, PPO, DQN)
    trainer = EnsembleTrainer(ensemble_run(*kinds, epochs=1))
    events = finish(trainer)
    values = reports(events)[-1]
    players = {e.summary["member"] for e in events if isinstance(e, EpisodeFinished)}

    assert values["ensemble_score"] <= min(values[f"member_{i}_score"] for i in range(5)) + 1e-9
    assert sum(values[f"member_{i}_weight"] for i in range(5)) == pytest.approx(1.0)
    assert {"member 0 (alphazero)", "member 1 (muzero)", "member 3 (ppo)"} <= players
    for network, member in zip(trainer.network.members, trainer.members, strict=True):
        own = member.trainer.best_network().state_dict()
        for name, part in network.state_dict().items():
            assert torch.equal(part, own[name]), (member.name, name)
