"""Held-out episodes: the same towns for everyone, counted right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch

from hamlet import request_memory
from hamlet.envs.town import TownEnv, TownLevel, level_from_data, load_pack
from hamlet.envs.town.policies import Policy, make_policy
from hamlet.envs.town.tables import WAIT
from hamlet.errors import SpecError
from hamlet.evaluation import evaluate as evaluation
from hamlet.evaluation.evaluate import evaluate
from hamlet.learning.curriculum_stages import stage
from hamlet.learning.town_trainer import TownTrainer
from tests.learning.small_worlds import TOWN, small_run

LEVEL = level_from_data(TOWN)
L1 = load_pack("L1").level


class Remembering(Policy):
    """Waits, and writes down where everything stands at the start."""

    def __init__(self) -> None:
        self.starts: list[torch.Tensor] = []

    def act(self, env: TownEnv) -> torch.Tensor:
        if not bool(env.steps.any()):
            self.starts.append(torch.cat((env.places, env.cell.unsqueeze(1)), dim=1))
        return torch.full((env.num_envs,), WAIT)


def starts_of(level: TownLevel, **options: int) -> torch.Tensor:
    watching = Remembering()
    evaluate(watching, level, **options)
    return torch.cat(watching.starts)


def test_everyone_plays_the_same_towns_in_any_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = starts_of(LEVEL, episodes=23)
    monkeypatch.setattr(evaluation, "AT_ONCE", 5)
    assert torch.equal(starts_of(LEVEL, episodes=23), whole)
    assert torch.equal(starts_of(LEVEL, episodes=7), whole[:7])
    assert not torch.equal(starts_of(LEVEL, episodes=23, seed=1), whole)
    assert len(whole.unique(dim=0)) > 15


@pytest.mark.parametrize("name", ["random_legal", "heuristic", "idle"])
def test_a_script_plays_an_episode_the_same_in_any_batch(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    level = replace(load_pack("L1").level, max_steps=150)
    whole = evaluate(make_policy(name, 3), level, episodes=23)
    monkeypatch.setattr(evaluation, "AT_ONCE", 5)
    parts = evaluate(make_policy(name, 3), level, episodes=23)
    assert torch.equal(parts.survival, whole.survival)
    assert torch.equal(parts.extrinsic_per_step, whole.extrinsic_per_step)
    if name == "random_legal":
        other = evaluate(make_policy(name, 4), level, episodes=23)
        assert not torch.equal(other.extrinsic_per_step, whole.extrinsic_per_step)
        assert len(whole.survival.unique()) > 5


class Listening(Remembering):
    """Writes down the seeds from which it may draw."""

    def begin(self, seeds: Sequence[int]) -> None:
        self.seeds = list(seeds)


def test_a_script_does_not_draw_the_numbers_that_placed_the_town() -> None:
    script = Listening()
    evaluate(script, LEVEL, episodes=5)
    env = TownEnv(LEVEL, 5, "cpu")
    env.reset(seed=script.seeds)
    assert len(set(script.seeds)) == 5
    placed = torch.cat((env.places, env.cell.unsqueeze(1)), dim=1)
    assert not torch.equal(placed, script.starts[0])


def test_waiting_is_counted_as_worked_by_hand() -> None:
    # L1: idle dies of energy after 191 steps wherever it stands.
    found = evaluate(make_policy("idle"), L1, episodes=4)
    assert found.survival.tolist() == [191] * 4
    assert not found.reached_limit.any()
    # Energy 1 - 0.005 t and health 1 - ... are both at most 1 and fall to a death.
    assert 0.2 < float(found.extrinsic_per_step.mean()) < 0.8


def test_the_time_limit_can_be_moved() -> None:
    short = evaluate(make_policy("idle"), replace(L1, max_steps=50), episodes=3)
    assert short.survival.tolist() == [50] * 3
    assert short.reached_limit.all()
    longer = evaluate(make_policy("idle"), replace(L1, max_steps=50), episodes=3, limit_factor=4)
    assert longer.survival.tolist() == [191] * 3
    assert longer.max_steps == 200


def test_a_milder_stage_is_survived_longer_and_paid_by_the_levels_own_reward() -> None:
    first = evaluate(make_policy("idle"), L1, episodes=3, stage=stage(1))
    assert (first.survival > 191).all()
    last = evaluate(make_policy("idle"), L1, episodes=3, stage=stage(5))
    plain = evaluate(make_policy("idle"), L1, episodes=3)
    assert torch.equal(last.extrinsic_per_step, plain.extrinsic_per_step)


@pytest.mark.parametrize("brain", ["feedforward", "recurrent"])
def test_a_model_plays_greedily_and_the_same_each_time(brain: str) -> None:
    model = TownTrainer(small_run(brain)).inference_model()
    results = [evaluate(model, LEVEL, episodes=12) for _ in range(2)]
    assert torch.equal(results[0].survival, results[1].survival)
    assert torch.equal(results[0].extrinsic_per_step, results[1].extrinsic_per_step)


def test_a_group_can_be_hidden_from_a_model() -> None:
    model = TownTrainer(small_run("feedforward")).inference_model()
    level = replace(LEVEL, max_steps=60)
    seen = evaluate(model, level, episodes=20)
    blind = evaluate(model, level, episodes=20, zeroed_groups=["meters", "grid", "clock"])
    assert not torch.equal(seen.extrinsic_per_step, blind.extrinsic_per_step)
    nothing_hidden = evaluate(model, level, episodes=20, zeroed_groups=[])
    assert torch.equal(seen.extrinsic_per_step, nothing_hidden.extrinsic_per_step)


def test_progress_is_told_while_it_plays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "AT_ONCE", 4)
    told: list[int] = []
    evaluate(make_policy("idle"), LEVEL, episodes=10, on_progress=told.append)
    assert told == [4, 8, 10]


def test_a_model_that_takes_few_rows_plays_fewer_side_by_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = TownTrainer(small_run("feedforward")).inference_model()
    room = 5 * request_memory.bytes_per_row(whole.network)
    monkeypatch.setattr(request_memory, "MOST_REQUEST_BYTES", room)
    few = TownTrainer(small_run("feedforward")).inference_model()
    assert few.signature().most_rows == 5
    told: list[int] = []
    found = evaluate(few, LEVEL, episodes=12, on_progress=told.append)
    assert told == [5, 10, 12]
    assert torch.equal(found.survival, evaluate(whole, LEVEL, episodes=12).survival)


def test_a_summary_is_plain_data_with_intervals() -> None:
    found = evaluate(make_policy("random_legal"), L1, episodes=30).summary()
    assert found["episodes"] == 30
    assert found["max_steps"] == 500
    survival = found["survival"]
    assert survival["low"] < survival["mean"] < survival["high"]
    assert set(found) == {
        "episodes",
        "max_steps",
        "survival",
        "extrinsic_per_step",
        "reached_limit",
    }


def test_a_model_for_other_observations_is_refused() -> None:
    model = TownTrainer(small_run("feedforward")).inference_model()
    with pytest.raises(SpecError, match="group grid: .*evaluate it on its own level"):
        evaluate(model, L1, episodes=1)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"episodes": 0}, "episodes: found 0"),
        ({"limit_factor": 0}, "limit_factor: found 0"),
        ({"zeroed_groups": ["clock"]}, "a script does not look"),
        ({"episodes": -3}, "episodes: found -3; expected a whole number from 1 to 100000"),
        ({"episodes": 10**9}, "episodes: found 1000000000"),
        ({"episodes": "10"}, "episodes: found '10'"),
        ({"episodes": 2.5}, "episodes: found 2.5"),
        ({"episodes": True}, "episodes: found True"),
        ({"seed": -1}, "seed: found -1"),
        ({"seed": "a"}, "seed: found 'a'"),
        ({"limit_factor": 1.5}, "limit_factor: found 1.5"),
        ({"limit_factor": 101}, "limit_factor: found 101; expected a whole number from 1 to 100"),
        ({"stage": 3}, "stage: found 3; expected a Stage"),
        ({"zeroed_groups": "clock"}, "zeroed_groups: found 'clock'; expected a list"),
        ({"zeroed_groups": None}, "zeroed_groups: found nothing"),
        ({"level": "L1"}, "level: found 'L1'; expected a TownLevel"),
        ({"subject": "idle"}, "model: found 'idle'; expected a HamletModel or a Policy"),
    ],
)
def test_arguments_out_of_range_are_refused(options: dict, part: str) -> None:
    with pytest.raises(SpecError, match=part):
        evaluate(**{"subject": make_policy("idle"), "level": LEVEL, **options})


def test_an_unknown_group_is_named_by_its_place() -> None:
    model = TownTrainer(small_run("feedforward")).inference_model()
    with pytest.raises(SpecError, match=r"zeroed_groups\[1\]: found 'sky'; expected one of grid"):
        evaluate(model, LEVEL, episodes=1, zeroed_groups=["clock", "sky"])
