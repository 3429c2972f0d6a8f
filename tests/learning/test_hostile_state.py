"""A training state that is damaged or means harm is refused by the path of what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from hamlet.errors import CheckpointError
from hamlet.learning.saved_state import below
from hamlet.learning.town_trainer import TownTrainer
from hamlet.runspec import RunSpec
from tests.learning.small_worlds import BRAINS, small_run

KINDS: dict[str, RunSpec] = {
    "prioritized n_step": small_run(
        BRAINS["dueling"]
        | {
            "replay": {"capacity": 64, "batch_size": 8, "prioritized": True},
            "q_learning": {"n_step": 3},
        },
        town={"shaping": {"approach": 0.5}},
    ),
    "recurrent curriculum": small_run(
        "recurrent", training={"curriculum": {"enabled": True, "scope": "per_env"}}
    ),
}
NAN = float("nan")
STATES: dict[str, dict[str, Any]] = {}


def state_of(kind: str) -> dict[str, Any]:
    """The state of a run after 25 steps of each environment, to be changed at will."""
    if kind not in STATES:
        trainer = TownTrainer(KINDS[kind])
        for _ in range(25):
            list(trainer.advance())
        STATES[kind] = trainer.state_dict()
    return copy.deepcopy(STATES[kind])


def place_of(state: Any, path: str) -> tuple[Any, Any]:
    """The container in which the last name of `path` stands, and its key."""
    *parents, last = [int(name) if name.isdigit() else name for name in path.split("/")]
    for name in parents:
        state = state[name]
    return state, last


def refusal(kind: str, state: Any) -> str:
    with pytest.raises(CheckpointError) as refused:
        TownTrainer(KINDS[kind]).load_state_dict(state)
    return str(refused.value)


P, R = KINDS
AGENT, REPLAY = "parts/agent", "parts/agent/replay"


@pytest.mark.parametrize(
    ("kind", "path", "value", "named"),
    [
        (P, "parts/epsilon/value", NAN, "epsilon.value: found nan; expected a number from 0.01"),
        (P, "parts/epsilon/value", 2.0, "parts.epsilon.value: found 2.0"),
        (P, "parts/epsilon/value", "1", "parts.epsilon.value: found '1'"),
        (P, "env_steps", -1, "state.env_steps: found -1; expected a whole number from 0"),
        (P, "env_steps", True, "state.env_steps: found True"),
        (P, "finished_episodes", 31, "finished_episodes: found 31; expected a whole number from"),
        (
            P,
            "parts/update_clock/owed_steps",
            4,
            "update_clock.owed_steps: found 4; expected",
        ),
        (P, "exploration", torch.zeros(3), "state.exploration: found a tensor"),
        (P, "parts", None, "state"),
        (P, f"{REPLAY}/cursor", 64, "state.parts.agent.replay.cursor: found 64"),
        (P, f"{REPLAY}/filled", 10**9, "agent.replay.filled: found 1000000000"),
        (P, f"{REPLAY}/filled", -1, "agent.replay.filled: found -1"),
        (P, f"{REPLAY}/priorities", None, "agent.replay.priorities: found a NoneType"),
        (P, f"{REPLAY}/highest", torch.tensor(NAN).double(), "agent.replay.highest: found numbers"),
        (P, f"{REPLAY}/columns/extrinsic", torch.zeros(3), "replay.columns.extrinsic: found"),
        (P, f"{REPLAY}/columns", [], "replay.columns: found entries"),
        (P, f"{REPLAY}/observations/grid", torch.zeros(2), "replay.observations.grid: found"),
        (P, f"{AGENT}/n_step/cursor", 3, "agent.n_step.cursor: found 3"),
        (P, f"{AGENT}/n_step", None, "agent.n_step: cannot be read"),
        (P, f"{AGENT}/learner/updates", -5, "agent.learner.updates: found -5"),
        (P, f"{AGENT}/learner/loss_count", 10**6, "agent.learner.loss_count: found 1000000"),
        (P, f"{AGENT}/learner/optimizer", [], "agent.learner.optimizer: found a list of 0"),
        (P, f"{AGENT}/learner/optimizer/0/exp_avg", torch.zeros(1), "optimizer.exp_avg: found"),
        (P, f"{AGENT}/learner/optimizer/0/step", torch.tensor(NAN), "optimizer.step: found"),
        (P, "parts/curiosity/annealing/weight", 7.0, "curiosity.annealing.weight: found 7.0"),
        (P, "parts/curiosity/annealing/survival", ["x"], "annealing.survival[0]: found 'x'"),
        (P, "parts/curiosity/rnd/moments/count", torch.tensor(-1.0).double(), "moments.count"),
        (P, "parts/book/sums", torch.zeros(1), "parts.book.sums: found a tensor [1]"),
        (P, "parts/reports/rows", [[1.0]], "parts.reports.rows[0]: found a list of 1"),
        (P, "parts/recorder/whole", torch.zeros(99, 14).long(), "recorder.whole: found [99, 14]"),
        (P, "parts/recorder/start", 5, "recorder.start: found 5; expected a mapping"),
        (P, "parts/env/hour", torch.full((3,), 99), "env.town state: hour: found values outside"),
        (R, f"{AGENT}/h", torch.zeros(1), "parts.agent.h: found a tensor [1]"),
        (R, f"{REPLAY}/staged/place", torch.full((3,), 6), "replay.staged.place: found numbers"),
        (R, f"{REPLAY}/cursor", -1, "replay.cursor: found -1"),
        (R, "parts/curriculum/trackers/0/stage", 6, "curriculum.trackers[0].stage: found 6"),
        (R, "parts/curriculum/trackers", [], "curriculum.trackers: found a list of 0"),
        (R, "parts/curriculum/vector_steps", NAN, "curriculum.vector_steps: found nan"),
    ],
)
def test_a_wrong_field_is_named_by_its_path(kind: str, path: str, value: Any, named: str) -> None:
    state = state_of(kind)
    container, last = place_of(state, path)
    assert last in container or isinstance(container, list)
    container[last] = value
    assert named in refusal(kind, state)


@pytest.mark.parametrize(
    ("kind", "path", "value", "named"),
    [
        (P, f"{REPLAY}/columns/actions", 8, "columns.actions: found numbers outside [0, 7]"),
        (P, f"{REPLAY}/columns/env_rows", 3, "columns.env_rows: found numbers outside [0, 2]"),
        (P, f"{REPLAY}/columns/steps", 0, "columns.steps: found numbers outside [1, 64]"),
        (P, f"{REPLAY}/columns/shaping", NAN, "columns.shaping: found numbers outside"),
        (P, f"{REPLAY}/priorities", -1.0, "replay.priorities: found numbers outside"),
        (P, f"{AGENT}/n_step/waiting/actions", -1, "waiting.actions: found numbers outside"),
        (R, f"{REPLAY}/columns/actions", -1, "columns.actions: found numbers outside [0, 7]"),
        (R, f"{REPLAY}/columns/env_rows", -1, "columns.env_rows: found numbers outside [0, 2]"),
        (R, f"{REPLAY}/columns/valid", False, "columns.valid: found a window without any step"),
        (R, f"{REPLAY}/staged/actions", 8, "replay.staged.actions: found numbers outside [0, 7]"),
        (R, "parts/recorder/whole", 99, "place that there is not; expected -1 to 13"),
    ],
)
def test_a_number_that_no_run_stores_is_named_by_its_column(
    kind: str, path: str, value: Any, named: str
) -> None:
    state = state_of(kind)
    container, last = place_of(state, path)
    container[last][0] = value
    assert named in refusal(kind, state)


def replaced(node: Any, names: list[str], value: Any) -> Any:
    """The tree with one place changed; what lies beside the way there is shared."""
    if not names:
        return value
    copied = copy.copy(node)
    name = int(names[0]) if isinstance(node, list) else names[0]
    copied[name] = replaced(node[name], names[1:], value)
    return copied


def leaves(node: Any, path: str = "") -> Iterator[str]:
    children = node.items() if isinstance(node, dict) else enumerate(node)
    for name, child in children:
        here = f"{path}/{name}" if path else str(name)
        yield here
        if isinstance(child, dict | list) and name not in ("start", "episodes", "rows"):
            yield from leaves(child, here)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", ["x", None, [1], {"a": None}, -0.5])
def test_any_field_of_another_kind_is_refused_and_nothing_else_is_raised(
    kind: str, value: Any
) -> None:
    original = state_of(kind)
    accepted = set()
    trainer = TownTrainer(KINDS[kind])
    for path in leaves(original):
        try:
            trainer.load_state_dict(replaced(original, path.split("/"), value))
        except CheckpointError:
            continue
        accepted.add(path)
    # An optimiser before its first step has nothing; any mapping may be the start of an episode;
    # whether an episode saw a change of stage is taken for yes or no.
    harmless = {"parts/recorder/start", "parts/curiosity/annealing/survival"}
    harmless |= {"parts/curiosity/rnd/optimizer/0", f"{AGENT}/learner/optimizer/0"}
    assert {path for path in accepted if "saw_change/" not in path} <= harmless


def test_a_missing_field_is_named() -> None:
    paths = ("parts/epsilon", "parts/agent", f"{REPLAY}/columns/steps", f"{AGENT}/learner/online")
    for path in paths:
        state = state_of(P)
        container, last = place_of(state, path)
        del container[last]
        assert last in refusal(P, state)


@pytest.mark.parametrize("state", [None, [], {}, {"spec_hash": [1]}, "x"])
def test_what_is_no_state_is_refused(state: Any) -> None:
    assert "this run is" in refusal(P, state)


def test_full_device_is_not_taken_for_a_damaged_state() -> None:
    with pytest.raises(torch.OutOfMemoryError), below("parts"):
        raise torch.OutOfMemoryError
