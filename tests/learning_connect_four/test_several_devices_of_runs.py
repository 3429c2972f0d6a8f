"""Runs on several devices: which may have them, and that one learns as it says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hamlet.errors import SpecError
from hamlet.learning.connect_four.system import build_runspec
from tests.learning_connect_four.games_by_hand import RED_WINS, YELLOW_WINS
from tests.learning_connect_four.given_datasets import dataset_of
from tests.learning_connect_four.test_alphazero_from_examples import finish, reports, trainer_of

DATASET = {"manifest": "0" * 64, "shards": ["1" * 64]}


def refused(**config: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        build_runspec({"system": "connect_four", "config": config, "dataset": DATASET})
    return [(problem.path, problem.message) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("model_type", "why"),
    [
        ("muzero", "its updates unroll games"),
        ("ppo", "it learns from games that one process plays"),
        ("dqn", "it learns from games that one process plays"),
        ("ensemble", "its members learn one after the other"),
    ],
)
def test_learners_that_several_devices_would_not_help_say_why(model_type: str, why: str) -> None:
    ((path, message),) = refused(model_type=model_type, devices=2)
    assert path == "config.devices"
    assert message.startswith("found 2; expected 1: ")
    assert why in message


def test_a_member_of_an_ensemble_has_one_device() -> None:
    members = [{"model_type": "alphazero", "devices": 2}, {"model_type": "alphazero", "devices": 1}]
    ((path, message),) = refused(model_type="ensemble", advanced_config={"members": members})
    assert path == "config.advanced_config.members[0].devices"
    assert "expected 1" in message


@pytest.mark.parametrize("model_type", ["alphazero", "transformer"])
def test_several_devices_need_examples(model_type: str) -> None:
    config = {"model_type": model_type, "devices": 2}
    with pytest.raises(SpecError, match="begins without examples"):
        build_runspec({"system": "connect_four", "config": config})
    spec = build_runspec({"system": "connect_four", "config": config, "dataset": DATASET})
    assert spec.content["config"]["devices"] == 2


def test_a_run_of_two_processes_learns_and_says_so(tmp_path: Path) -> None:
    games = [RED_WINS, YELLOW_WINS, *(tuple(6 - move for move in RED_WINS) for _ in range(4))]
    dataset, files = dataset_of(tmp_path, games)
    trainer = trainer_of("alphazero", dataset, files, iterations=0, devices=2)
    told = reports(finish(trainer))
    assert len(told) == 4
    assert {values["devices"] for values in told} == {2.0}
    assert all(values["examples_per_s"] > 0 for values in told)
    assert told[-1]["train_loss"] < told[0]["train_loss"]
