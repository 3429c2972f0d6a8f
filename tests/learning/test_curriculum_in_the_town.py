"""The curriculum and the town together: scripts climb and fall, the trainer applies stages."""

from __future__ import annotations

import pytest
import torch

from hamlet.envs.town import TownEnv, load_pack
from hamlet.envs.town.policies import Policy, make_policy
from hamlet.envs.town.tables import METER_ID
from hamlet.envs.town.training_schema import read_training
from hamlet.learning.curriculum import Curriculum, FinishedEpisode
from hamlet.learning.curriculum_stages import stage
from hamlet.learning.town_settings import curriculum_settings
from hamlet.learning.town_trainer import TownTrainer
from hamlet.learning.trainer import EpisodeFinished, StageChanged
from tests.learning.small_worlds import finish, small_run

ENVS = 20
PACK = load_pack("L1")


class AlwaysMove(Policy):
    """Walks to and fro and does nothing else."""

    def act(self, env: TownEnv) -> torch.Tensor:
        return env.action_mask[:, :4].float().argmax(dim=1)


def stages_lived_through(policy: Policy, first: int, last: int, most_steps: int) -> list[int]:
    """The stages that a script goes through, until it reaches `last`."""
    env = TownEnv(PACK.level, ENVS, seed=3)
    settings = curriculum_settings(read_training(PACK.training))
    curriculum = Curriculum(settings, PACK.level.max_steps, ENVS, first_stage=first)
    apply(env, first)
    dense = torch.zeros(ENVS)
    stages = [first]
    for _ in range(most_steps):
        entropy = policy.entropy(env)
        _, _, terminated, truncated, info = env.step(policy.act(env))
        dense += info["dense_extrinsic"]
        curriculum.steps_taken()
        ended = terminated | truncated
        rows = ended.nonzero().flatten().tolist()
        for row in rows:
            steps = int(env.steps[row])
            episode = FinishedEpisode(steps, float(dense[row]), float(entropy[row]))
            change = curriculum.episode_finished(row, episode)
            if change:
                apply(env, change.new)
                stages.append(change.new)
        if stages[-1] == last:
            break
        if bool(ended.any()):
            dense[ended] = 0.0
            env.reset(ended)
            curriculum.episodes_begin(rows)
            policy.reset(ended)
    return stages


def apply(env: TownEnv, number: int) -> None:
    wanted = stage(number)
    env.set_stage(wanted.active_meters, wanted.loss_multiplier, wanted.sparse)


def test_the_heuristic_climbs_from_the_first_stage_to_the_last() -> None:
    assert stages_lived_through(make_policy("heuristic"), 1, 5, 3000) == [1, 2, 3, 4, 5]


def test_a_script_that_always_moves_falls_to_the_first_stage() -> None:
    assert stages_lived_through(AlwaysMove(), 4, 1, 4000) == [4, 3, 2, 1]


def one_step(number: int, action: int = 5) -> TownEnv:
    """A town after one WAIT at a stage."""
    env = TownEnv(PACK.level, 1, seed=0)
    apply(env, number)
    env.step(torch.tensor([action]))
    return env


def test_each_part_of_a_stage_changes_the_next_step() -> None:
    # Multiplier: energy falls by 0.005 x 0.2 at stage 1 and 0.005 at stage 4.
    assert 1 - one_step(1).meters[0, 0].item() == pytest.approx(0.001, rel=1e-3)
    assert 1 - one_step(4).meters[0, 0].item() == pytest.approx(0.005, rel=1e-3)
    # Active meters: satiation stands still at stage 1 and falls at stage 2.
    satiation = METER_ID["satiation"]
    assert one_step(1).meters[0, satiation].item() == 1.0
    assert one_step(2).meters[0, satiation].item() < 1.0
    # Reward mode: stage 4 pays the level's reward, stage 5 nothing while alive.
    for number, pays in ((4, True), (5, False)):
        env = TownEnv(PACK.level, 1, seed=0)
        apply(env, number)
        _, streams, _, _, info = env.step(torch.tensor([5]))
        assert bool(streams.extrinsic[0] > 0.5) is pays
        assert info["dense_extrinsic"][0] > 0.5


CURRICULUM = {
    "num_envs": 3,
    "epsilon": {"start": 0.1, "decay": 0.9},
    "curriculum": {"enabled": True, "dwell_steps": 10},
}


def test_the_trainer_logs_each_change_with_its_statistics_and_applies_it() -> None:
    trainer = TownTrainer(small_run(training=CURRICULUM, episodes=90))
    events = finish(trainer)
    changes = [event for event in events if isinstance(event, StageChanged)]
    # Days of six steps are survived by anyone, so it climbs.
    assert [(change.old, change.new) for change in changes][:2] == [(1, 2), (2, 3)]
    first = changes[0].statistics
    assert first["survival"] > 0.7
    assert first["progress"] > -0.05
    assert first["entropy"] < 0.5
    assert first["dwell_steps"] >= 10
    stages = [event.summary["stage"] for event in events if isinstance(event, EpisodeFinished)]
    assert stages[0] == 1
    assert stages == sorted(stages)
    assert (trainer.env.multiplier == stage(stages[-1]).loss_multiplier).all()


def test_each_environment_may_have_its_own_stage() -> None:
    own = CURRICULUM | {"curriculum": CURRICULUM["curriculum"] | {"scope": "per_env"}}
    trainer = TownTrainer(small_run(training=own, episodes=65))
    seen = set()
    while not trainer.finished:
        list(trainer.advance())
        expected = [stage(trainer.curriculum.stage_of(env)).loss_multiplier for env in range(3)]
        assert trainer.env.multiplier.tolist() == pytest.approx(expected)
        seen.add(tuple(expected))
    assert len(seen) > 1


@pytest.mark.parametrize("scope", ["shared", "per_env"])
def test_an_episode_is_reported_at_the_stage_at_which_it_began(scope: str) -> None:
    own = CURRICULUM | {"curriculum": CURRICULUM["curriculum"] | {"scope": scope}}
    # The first towns end the day together, so one of them changes the stage of the others' last
    # step; episodes of unequal length make changes in the middle of an episode.
    weak = {"start": {"energy": 0.06}, "affordances": ["Bed"], "max_steps": 40}
    trainer = TownTrainer(small_run(training=own, town=weak, episodes=200))
    began = [trainer.curriculum.stage_of(env) for env in range(3)]
    changed_within = 0
    while not trainer.finished:
        for event in trainer.advance():
            if not isinstance(event, EpisodeFinished):
                continue
            env = event.summary["env_row"]
            assert event.summary["stage"] == began[env]
            if event.recording:
                assert event.recording.start["curriculum_stage"] == began[env]
            changed_within += trainer.curriculum.stage_of(env) != began[env]
        for env in range(3):
            if int(trainer.env.steps[env]) == 0:
                began[env] = trainer.curriculum.stage_of(env)
    assert changed_within > 0


def test_without_a_curriculum_the_level_is_played_as_it_is() -> None:
    trainer = TownTrainer(small_run(episodes=5))
    assert not any(isinstance(event, StageChanged) for event in finish(trainer))
    assert (trainer.env.multiplier == 1.0).all()
    assert trainer.metadata()["curriculum_stage"] == 0
