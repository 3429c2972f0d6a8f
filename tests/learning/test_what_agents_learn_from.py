"""What reaches learning: the stored reward and mask, the stage, priorities, and a clean memory."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from hamlet.brains import BrainSpec
from hamlet.learning.agents import Agent, Circumstances, make_agent
from hamlet.learning.epsilon import behaviour_entropy
from hamlet.learning.town_trainer import TownTrainer
from hamlet.learning.trainer import EpisodeFinished
from tests.learning.small_worlds import BLIND_LAYOUT, BRAINS, collected, same, small_run

ENVS = 3
PRIORITIZED = {"capacity": 64, "batch_size": 8, "prioritized": True}


def agent(kind: str, **sections: Any) -> Agent:
    data = {**BRAINS[kind], **sections}
    if kind == "recurrent":
        vision = {"vision_encoder": {"type": "none"}}
        block = BRAINS["recurrent"]["architecture"]["recurrent_spatial"] | vision
        data["architecture"] = {"type": "recurrent_spatial", "recurrent_spatial": block}
    return make_agent(BrainSpec.from_data(data), BLIND_LAYOUT, ENVS, seed=0)


def live(one: Agent, steps: int, **columns: Any) -> None:
    for seed in range(steps):
        step = collected(ENVS, BLIND_LAYOUT.size, seed=seed, **columns)
        one.q_values(step.observations)
        one.remember(step)


def now(*, sparse: bool = False, share_done: float = 0.0) -> Circumstances:
    return Circumstances(torch.full((ENVS,), sparse), share_done)


def weights(one: Agent) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in one.learner.online.state_dict().items()}


def test_the_hidden_state_is_cleared_where_an_episode_ended_and_only_there() -> None:
    one = agent("recurrent")
    live(one, 3)
    ends = {
        "terminated": torch.tensor([True, False, False]),
        "truncated": torch.tensor([False, True, False]),
    }
    live(one, 1, **ends)
    for part in one.hidden:
        assert not part[:, :2].any()
        assert part[:, 2].all()


@pytest.mark.parametrize("kind", ["feedforward", "recurrent"])
def test_a_sparse_stage_teaches_deaths_and_nothing_else_of_the_level(kind: str) -> None:
    died = torch.tensor([False, True, False])
    sparse, by_hand, dense = (agent(kind) for _ in range(3))
    for one, rewards in (
        (sparse, {}),
        (by_hand, {"extrinsic": torch.tensor([0.0, -1.0, 0.0])}),
        (dense, {}),
    ):
        live(one, 12)
        live(one, 1, terminated=died)
        if rewards:
            one.load_state_dict(with_rewards(one.state_dict()))
        one.learn(4, now(sparse=one is sparse))
    assert same(weights(sparse), weights(by_hand))
    assert not same(weights(sparse), weights(dense))


def with_rewards(state: dict[str, Any]) -> dict[str, Any]:
    """The same memory, had every step paid -1 at death and else nothing."""
    columns = state["replay"]["columns"]
    columns["extrinsic"] = torch.where(columns["terminated"], -1.0, 0.0)
    return state


def test_one_sparse_environment_leaves_the_others_their_reward() -> None:
    for kind in ("feedforward", "recurrent"):
        some, every, none = (agent(kind) for _ in range(3))
        for one, rows in ((some, [1]), (every, [0, 1, 2]), (none, [])):
            live(one, 12)
            chosen = torch.zeros(ENVS, dtype=torch.bool)
            chosen[rows] = True
            one.learn(4, Circumstances(chosen, 0.0))
        assert not same(weights(some), weights(every))
        assert not same(weights(some), weights(none))


def stored(trainer: TownTrainer) -> dict[str, torch.Tensor]:
    """Columns of everything in the replay that happened; [rows] or [rows, actions]."""
    saved = trainer.agent.replay.state_dict()["columns"]
    if "valid" not in saved:
        return saved
    valid = saved["valid"]
    columns = {name: saved[name][valid] for name in ("extrinsic", "terminated", "truncated")}
    return columns | {"next_masks": saved["masks"][:, 1:][valid]}


@pytest.mark.parametrize("kind", ["feedforward", "recurrent"])
def test_the_levels_own_reward_is_stored_while_the_stage_pays_another(kind: str) -> None:
    trainer = TownTrainer(small_run(kind, episodes=1000))
    trainer.env.set_stage(sparse=True)
    for _ in range(7):
        list(trainer.advance())
    extrinsic = stored(trainer)["extrinsic"]
    # Energy x health of an agent that is well: near 1 at every step.
    assert len(extrinsic) >= 18
    assert (extrinsic > 0.5).all()


@pytest.mark.parametrize("kind", ["feedforward", "recurrent"])
def test_after_the_time_limit_the_actions_of_the_true_next_state_are_stored(kind: str) -> None:
    trainer = TownTrainer(small_run(kind, episodes=1000))
    for _ in range(6):
        list(trainer.advance())
    columns = stored(trainer)
    assert int(columns["truncated"].sum()) == ENVS
    # An ended town allows WAIT alone; the learner bootstraps from what would go on.
    assert (columns["next_masks"][columns["truncated"]].sum(dim=1) > 2).all()


def test_after_a_death_nothing_but_waiting_is_stored() -> None:
    weak = {"start": {"energy": 0.02}, "affordances": ["Park"], "max_steps": 50}
    trainer = TownTrainer(small_run(town=weak, episodes=1000))
    for _ in range(6):
        list(trainer.advance())
    columns = stored(trainer)
    assert columns["terminated"].any()
    assert (columns["next_masks"][columns["terminated"]].sum(dim=1) == 1).all()


LAST_STAGE = {
    "num_envs": 3,
    "epsilon": {"start": 0.8, "decay": 0.5, "minimum": 0.01},
    "curriculum": {"enabled": True, "dwell_steps": 10},
}


def at_the_last_stage() -> TownTrainer:
    trainer = TownTrainer(small_run(training=LAST_STAGE, episodes=1000))
    state = trainer.state_dict()
    curriculum = state["parts"]["curriculum"]
    curriculum["trackers"][0]["stage"] = 5
    curriculum["began_at"] = [5] * 3
    state["parts"]["env"]["sparse"][:] = True
    trainer.load_state_dict(state)
    return trainer


def test_the_last_stage_is_judged_by_the_levels_own_reward() -> None:
    trainer = at_the_last_stage()
    events = [event for _ in range(6) for event in trainer.advance()]
    finished = [event for event in events if isinstance(event, EpisodeFinished)]
    assert [event.summary["stage"] for event in finished] == [5, 5, 5]
    judged = trainer.curriculum.state_dict()["trackers"][0]["episodes"]
    for event, (steps, dense_return, _) in zip(finished, judged, strict=True):
        assert steps == 6
        assert event.summary["return_extrinsic"] == 0.0
        assert dense_return == event.summary["score"] > 3.0


def test_the_entropy_that_the_curriculum_sees_follows_epsilon() -> None:
    trainer = TownTrainer(small_run(training=LAST_STAGE | {"num_envs": 1}, episodes=1000))
    events = [event for _ in range(24) for event in trainer.advance()]
    recordings = [event.recording for event in events if isinstance(event, EpisodeFinished)]
    judged = trainer.curriculum.state_dict()["trackers"][0]["episodes"]
    expected = []
    for recording in recordings:
        table = behaviour_entropy(8, recording.start["epsilon"])
        legal = torch.tensor(recording.columns["mask"]).sum(dim=1)
        expected.append(float(table[legal].mean()))
    assert [episode.start["epsilon"] for episode in recordings] == [0.8, 0.4, 0.2, 0.1]
    assert [entropy for _, _, entropy in judged] == pytest.approx(expected, rel=1e-6)
    assert expected == sorted(expected, reverse=True)


def test_what_was_learned_from_gets_the_priority_of_its_error() -> None:
    one = agent("dueling", replay=PRIORITIZED)
    live(one, 6)
    before = one.replay.tree.values(torch.arange(18))
    assert torch.equal(before, torch.ones_like(before))
    one.learn(1, now())
    after = one.replay.tree.values(torch.arange(18))
    # Eight rows were drawn, some of them twice perhaps; the others stand as they stood.
    changed = after != 1.0
    assert 3 <= int(changed.sum()) <= 8
    batch = one.replay.rows(changed.nonzero().flatten())
    fresh = agent("dueling", replay=PRIORITIZED).learner
    chosen = fresh.q_values(batch.observations).gather(1, batch.actions.unsqueeze(1)).squeeze(1)
    rewards = batch.extrinsic + batch.intrinsic + batch.shaping
    errors = fresh.targets(batch, rewards, None) - chosen
    expected = (errors.abs().double() + 1e-6) ** 0.6
    assert torch.allclose(after[changed], expected, rtol=1e-3)


@pytest.mark.parametrize(("share_done", "beta"), [(0.0, 0.4), (0.5, 0.7), (1.0, 1.0)])
def test_beta_goes_from_its_start_to_one_over_the_run(share_done: float, beta: float) -> None:
    annealed = agent("dueling", replay=PRIORITIZED)
    settled = {"priority_beta": beta, "priority_beta_annealing": False}
    fixed = agent("dueling", replay=PRIORITIZED | settled)
    for one in (annealed, fixed):
        live(one, 6)
        one.learn(3, now(share_done=share_done))
        one.learn(3, now(share_done=share_done))
    for name, value in weights(annealed).items():
        assert torch.allclose(value, weights(fixed)[name], atol=1e-7), name
    other = agent("dueling", replay=PRIORITIZED | settled | {"priority_beta": beta - 0.1})
    live(other, 6)
    other.learn(6, now(share_done=share_done))
    assert not same(weights(annealed), weights(other))


def test_a_run_tells_its_agent_how_much_of_it_is_done() -> None:
    runs = []
    for annealing in (True, False):
        replay = PRIORITIZED | {"priority_beta_annealing": annealing}
        trainer = TownTrainer(small_run(BRAINS["dueling"] | {"replay": replay}, episodes=30))
        while not trainer.finished:
            list(trainer.advance())
        runs.append(weights(trainer.agent))
    assert not same(*runs)
