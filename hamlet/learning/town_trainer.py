"""Train a Q-learner in the town.

Letters: N environments, D numbers of an observation, A actions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.town import TownEnv
from hamlet.errors import CheckpointError
from hamlet.learning.agents import Circumstances, make_agent
from hamlet.learning.curiosity import Curiosity
from hamlet.learning.curriculum import Change, Curriculum, FinishedEpisode
from hamlet.learning.curriculum_stages import stage
from hamlet.learning.episode_book import EpisodeBook
from hamlet.learning.epsilon import EpsilonSchedule, behaviour_entropy, epsilon_greedy
from hamlet.learning.next_masks import NextMasks
from hamlet.learning.randomness import derived_seed, generator_for
from hamlet.learning.saved_state import generator_state, load_generator
from hamlet.learning.town import read_content
from hamlet.learning.town_metrics import EpisodeMeans
from hamlet.learning.town_settings import curriculum_settings
from hamlet.learning.trainer import (
    CheckpointDue,
    EpisodeFinished,
    Event,
    MetricsReported,
    Progress,
    RunFinished,
    StageChanged,
    Trainer,
)
from hamlet.learning.transitions import Collected
from hamlet.learning.update_clock import UpdateClock
from hamlet.model import HamletModel
from hamlet.recording.episode import Episode
from hamlet.recording.recorder import EpisodeRecorder, StepRecord
from hamlet.runspec import RunSpec

RECORDED_ROW = 0
NO_CURRICULUM = 0  # the stage that is reported where the curriculum is off


class TownTrainer(Trainer):
    """One unit of work is one step of all N environments and the updates that are due after it.

    Attributes:
        env, agent, curiosity, curriculum: the parts; `curriculum` is None where it is off.
        env_steps, finished_episodes: counted over the whole run.
    """

    def __init__(
        self,
        spec: RunSpec,
        device: str | torch.device = "cpu",
        *,
        live_stream_callback: Callable[[Episode], None] | None = None,
    ) -> None:
        """Args: live_stream_callback: see `EpisodeRecorder`.

        Raises: SpecError naming every fault of the spec.
        """
        level, brain, training = read_content(spec)
        self.spec, self.level = spec, level
        self.device = torch.device(device)
        self.num_envs = training["num_envs"]
        self.checkpoint_every = training["checkpoint_every"]
        self.env = TownEnv(
            level, self.num_envs, self.device, seed=derived_seed(spec.seed, "environment")
        )
        layout = self.env.layout
        self.agent = make_agent(brain, layout, self.num_envs, spec.seed, self.device)
        self.curiosity = Curiosity(training, layout, level.max_steps, spec.seed, self.device)
        self.curriculum: Curriculum | None = None
        if training["curriculum"]["enabled"]:
            settings = curriculum_settings(training)
            self.curriculum = Curriculum(settings, level.max_steps, self.num_envs)
            self._apply_stage(range(self.num_envs), self.curriculum.stage_of(0))
        self.epsilon = EpsilonSchedule(**training["epsilon"])
        update = training["update"]
        self.updates_due = UpdateClock(
            update["every"], update["most_per_step"], training["learning_starts"]
        )
        self.recorder = EpisodeRecorder(
            level.max_steps,
            level.width,
            layout.affordances,
            meters=len(layout.meters),
            actions=len(layout.actions),
            row=RECORDED_ROW,
            device=self.device,
            live_stream_callback=live_stream_callback,
        )
        self._next_masks = NextMasks(self.env)
        self._book = EpisodeBook(self.num_envs, self.device)
        self._means = EpisodeMeans()
        self._generator = generator_for(spec.seed, "exploration", self.device)
        self.env_steps = self.finished_episodes = 0
        self._reported = (0, time.perf_counter())  # env steps and moment of the last report
        self._begin_recording()
        self._note_epsilon()

    # One unit of work

    def advance(self) -> Iterator[Event]:
        """Step all environments, store, learn, and deal with the episodes that ended.

        The work is done when this returns; the iterator only hands the events over.
        """
        if self.finished:
            return iter(())
        ended = self._step()
        updates = self.updates_due.updates_after(self.env_steps, self.num_envs)
        self.agent.learn(updates, Circumstances(self.env.sparse, self._share_done))
        events: list[Event] = []
        if bool(ended.any()):
            self._finish_episodes(ended, events)
        return iter(events)

    def _step(self) -> Tensor:
        """Act once in every environment. Returns: [N] bool, episodes that ended."""
        env = self.env
        observations, masks = env.obs, env.action_mask
        before = (env.cell, env.hour, env.progress, env.meters)
        q_values = self.agent.q_values(observations)
        actions, greedy = epsilon_greedy(q_values, masks, self.epsilon.value, self._generator)
        following, streams, terminated, truncated, info = env.step(actions)
        intrinsic, novelty = self.curiosity.reward(following, info["intrinsic_modifier"])
        self.agent.remember(
            Collected(
                observations=observations,
                masks=masks,
                actions=actions,
                extrinsic=info["dense_extrinsic"],
                intrinsic=intrinsic,
                shaping=streams.shaping,
                terminated=terminated,
                truncated=truncated,
                next_observations=following,
                next_masks=self._next_masks(),
            )
        )
        paid = (streams.extrinsic, intrinsic, streams.shaping)
        entropy = self._entropy.index_select(0, masks.sum(dim=1))
        self._book.add(*paid, info["dense_extrinsic"], entropy)
        self.recorder.record(
            StepRecord(
                *before, masks, q_values, actions, greedy, *paid, novelty, info["affordance"]
            )
        )
        self.env_steps += self.num_envs
        if self.curriculum is not None:
            self.curriculum.steps_taken()
        return terminated | truncated

    def _finish_episodes(self, ended: Tensor, events: list[Event]) -> None:
        """Report the episodes that ended, in order of environment, as far as the budget goes."""
        envs = ended.nonzero().flatten().tolist()
        for env in envs:
            self._finish_episode(env, events)
            if self.finished:
                break
        if self.finished:
            events.append(RunFinished(self._report(events)))
            return
        if self._means.due:
            self._report(events)
        self.env.reset(ended)
        if self.curriculum is not None:
            self.curriculum.episodes_begin(envs)
        if bool(ended[RECORDED_ROW]):
            self._begin_recording()
        self._note_epsilon()

    def _finish_episode(self, env: int, events: list[Event]) -> None:
        totals = self._book.take(env)
        steps = int(self.env.steps[env])
        reason = self.env.end_reason(env)
        if bool(self.env.terminated[env]):
            reason = f"death: {reason}"
        self.finished_episodes += 1
        number = self.finished_episodes
        summary = {
            "survival_steps": steps,
            "score": totals.dense,
            "reason": reason,
            "stage": self._stage_of(env),
            "return_extrinsic": totals.extrinsic,
            "return_intrinsic": totals.intrinsic,
            "return_shaping": totals.shaping,
            "epsilon": self.epsilon.value,
            "intrinsic_weight": self.curiosity.weight,
            "env_row": env,
            "env_steps": self.env_steps,
        }
        recording = None
        if env == RECORDED_ROW:
            recording = self.recorder.finish(number, reason, self.env.meters[env])
        events.append(EpisodeFinished(number, summary, recording))
        self._means.add(summary)
        self.epsilon.episode_finished()
        self.curiosity.annealing.episode_finished(steps)
        if self.curriculum is not None:
            episode = FinishedEpisode(steps, totals.dense, totals.entropy / steps)
            change = self.curriculum.episode_finished(env, episode)
            if change:
                self._change_stage(env, change, events)
        if number % self.checkpoint_every == 0:
            events.append(CheckpointDue(number))

    # Curriculum

    def _stage_of(self, env: int) -> int:
        return self.curriculum.stage_of(env) if self.curriculum else NO_CURRICULUM

    def _change_stage(self, env: int, change: Change, events: list[Event]) -> None:
        self._apply_stage(self.curriculum.rows_of(env), change.new)
        at = self.finished_episodes
        events.append(StageChanged(at, change.old, change.new, change.statistics))

    def _apply_stage(self, envs: Any, number: int) -> None:
        wanted = stage(number)
        rows = torch.zeros(self.num_envs, dtype=torch.bool, device=self.device)
        rows[list(envs)] = True
        self.env.set_stage(wanted.active_meters, wanted.loss_multiplier, wanted.sparse, rows=rows)

    # What others see

    def _report(self, events: list[Event]) -> dict[str, float]:
        """Add the numbers since the last report to `events`, and return them."""
        now = time.perf_counter()
        steps_before, moment = self._reported
        self._reported = (self.env_steps, now)
        values = self._means.take() if len(self._means) else {}
        loss = self.agent.learner.take_mean_loss()
        if loss is not None:
            values["loss"] = loss
        values |= {
            "epsilon": self.epsilon.value,
            "intrinsic_weight": self.curiosity.weight,
            "env_steps": float(self.env_steps),
            "updates": float(self.agent.learner.updates),
        }
        if self.curriculum is not None:
            statistics = self.curriculum.statistics(RECORDED_ROW)
            values |= {f"curriculum_{name}": value for name, value in statistics.items()}
        # The one number that depends on the clock on the wall; nothing is computed from it.
        values["env_steps_per_s"] = (self.env_steps - steps_before) / max(now - moment, 1e-9)
        events.append(MetricsReported(self.finished_episodes, values))
        return values

    def _begin_recording(self) -> None:
        layout = self.env.layout_of(RECORDED_ROW)
        self.recorder.begin(
            {
                "mode": "live_training",
                "survival_limit": self.level.max_steps,
                "curriculum_stage": self._stage_of(RECORDED_ROW),
                "multiplier": float(self.env.multiplier[RECORDED_ROW]),
                "epsilon": self.epsilon.value,
                "intrinsic_weight": self.curiosity.weight,
                "layout": layout,
            }
        )

    def _note_epsilon(self) -> None:
        entropy = behaviour_entropy(len(self.env.layout.actions), self.epsilon.value)
        self._entropy = entropy.to(self.device)

    @property
    def _share_done(self) -> float:
        return self.finished_episodes / self.spec.budget

    @property
    def progress(self) -> Progress:
        return Progress(self.finished_episodes, self.spec.budget, "episode")

    def inference_model(self) -> HamletModel:
        return HamletModel(self.agent.learner.snapshot(), self.metadata())

    def metadata(self) -> dict[str, Any]:
        return {
            "training_episode": self.finished_episodes,
            "epsilon": self.epsilon.value,
            "curriculum_stage": self._stage_of(RECORDED_ROW),
            "level": self.level.name,
            "level_hash": self.level.hash,
        }

    # Saving

    def _parts(self) -> dict[str, Any]:
        parts = {
            "agent": self.agent,
            "env": self.env,
            "curiosity": self.curiosity,
            "recorder": self.recorder,
            "book": self._book,
            "means": self._means,
        }
        return parts | ({"curriculum": self.curriculum} if self.curriculum else {})

    def state_dict(self) -> dict[str, Any]:
        return {
            "spec_hash": self.spec.hash,
            "parts": {name: part.state_dict() for name, part in self._parts().items()},
            "exploration": generator_state(self._generator),
            "epsilon": self.epsilon.value,
            "owed_steps": self.updates_due.owed_steps,
            "env_steps": self.env_steps,
            "finished_episodes": self.finished_episodes,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if state.get("spec_hash") != self.spec.hash:
            raise CheckpointError(
                f"found the state of run spec {state.get('spec_hash')}; this run is "
                f"{self.spec.hash}. Start a trainer from the saved run's own spec."
            )
        try:
            for name, part in self._parts().items():
                part.load_state_dict(state["parts"][name])
            load_generator(self._generator, state["exploration"], "exploration")
            self.epsilon.value = state["epsilon"]
            self.updates_due.owed_steps = state["owed_steps"]
            self.env_steps = state["env_steps"]
            self.finished_episodes = state["finished_episodes"]
        except KeyError as error:
            raise CheckpointError(f"the state lacks {error}; it was cut or changed") from None
        self._reported = (self.env_steps, time.perf_counter())
        self._note_epsilon()
