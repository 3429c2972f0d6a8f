"""Train a Q-learner in the town.

Letters: N environments, D numbers of an observation, A actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.town import TownEnv
from hamlet.learning.agents import Circumstances, make_agent
from hamlet.learning.curiosity import Curiosity
from hamlet.learning.curriculum import FinishedEpisode
from hamlet.learning.episode_book import EpisodeBook
from hamlet.learning.epsilon import EpsilonSchedule, behaviour_entropy, epsilon_greedy
from hamlet.learning.next_masks import NextMasks
from hamlet.learning.randomness import derived_seed, generator_for
from hamlet.learning.saved_state import (
    below,
    check_spec_hash,
    generator_state,
    load_generator,
    load_whole,
)
from hamlet.learning.town import read_content
from hamlet.learning.town_curriculum import TownCurriculum
from hamlet.learning.town_reports import TownReports, term_return
from hamlet.learning.trainer import (
    CheckpointDue,
    EpisodeFinished,
    Event,
    MetricsReported,
    Progress,
    RunFinished,
    Trainer,
)
from hamlet.learning.transitions import Collected
from hamlet.learning.update_clock import UpdateClock
from hamlet.model import HamletModel
from hamlet.recording.episode import Episode
from hamlet.recording.recorder import EpisodeRecorder, StepRecord
from hamlet.runspec import RunSpec

RECORDED_ROW = 0
MOST_STEPS = 10**15  # that a saved state may claim to have taken


class TownTrainer(Trainer):
    """One unit of work is one step of all N environments and the updates that are due after it.

    Attributes:
        env, agent, curiosity, curriculum, recorder: the parts.
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
        self.spec, self.device = spec, torch.device(device)
        self.level, brain, training = read_content(spec)
        count, seed = training["num_envs"], spec.seed
        self.num_envs, self.checkpoint_every = count, training["checkpoint_every"]
        self.env = TownEnv(self.level, count, self.device, derived_seed(seed, "environment"))
        layout = self.env.layout
        self.agent = make_agent(brain, layout, count, seed, self.device)
        self.curiosity = Curiosity(training, layout, self.level.max_steps, seed, self.device)
        self.curriculum = TownCurriculum(training, self.env)
        self.recorder = self._make_recorder(live_stream_callback)
        self.epsilon = EpsilonSchedule(**training["epsilon"])
        self.updates_due = UpdateClock(**training["update"], starts=training["learning_starts"])
        self._next_masks = NextMasks(self.env)
        self._book = EpisodeBook(count, self.device, terms=self.env.shaping_terms)
        self._reports = TownReports(self.env.shaping_terms)
        self._generator = generator_for(seed, "exploration", self.device)
        self.env_steps = self.finished_episodes = 0
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
        share_done = self.finished_episodes / self.spec.budget
        self.agent.learn(updates, Circumstances(self.env.sparse, share_done))
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
        dense, shaping = info["dense_extrinsic"], streams.shaping
        outcome = (terminated, truncated, following, self._next_masks())
        self.agent.remember(
            Collected(observations, masks, actions, dense, intrinsic, shaping, *outcome)
        )
        paid, terms = (streams.extrinsic, intrinsic, shaping), tuple(streams.terms.values())
        entropy = self._entropy.index_select(0, masks.sum(dim=1))
        self._book.add(*paid, dense, entropy, *terms)
        chosen = (masks, q_values, actions, greedy)
        self.recorder.record(
            StepRecord(*before, *chosen, *paid, novelty, info["affordance"], terms)
        )
        self.env_steps += self.num_envs
        self.curriculum.steps_taken()
        return terminated | truncated

    def _finish_episodes(self, ended: Tensor, events: list[Event]) -> None:
        """Report the episodes that ended, in order of environment, as far as the budget goes."""
        rows = ended.nonzero().flatten().tolist()
        for row in rows:
            self._finish_episode(row, events)
            if self.finished:
                report = self._report()
                events += [report, RunFinished(report.values)]
                return
        if self._reports.due:
            events.append(self._report())
        self.env.reset(ended)
        self.curriculum.episodes_begin(rows)
        if RECORDED_ROW in rows:
            self._begin_recording()
        self._note_epsilon()

    def _finish_episode(self, row: int, events: list[Event]) -> None:
        """Say how an episode went, and let what depends on finished episodes take it up."""
        totals = self._book.take(row)
        steps = int(self.env.steps[row])
        self.finished_episodes += 1
        number = self.finished_episodes
        summary = {
            "survival_steps": steps,
            "score": totals.dense,
            "reason": self._reason(row),
            "stage": self.curriculum.stage_played(row),
            "return_extrinsic": totals.extrinsic,
            "return_intrinsic": totals.intrinsic,
            "return_shaping": totals.shaping,
            **{term_return(term): paid for term, paid in totals.terms.items()},
            "epsilon": self.epsilon.value,
            "intrinsic_weight": self.curiosity.weight,
            "env_row": row,
            "env_steps": self.env_steps,
        }
        recording = None
        if row == RECORDED_ROW:
            meters = self.env.meters[row]
            recording = self.recorder.finish(number, summary["reason"], meters)
        events.append(EpisodeFinished(number, summary, recording))
        self._reports.add(summary)
        self.epsilon.episode_finished()
        self.curiosity.annealing.episode_finished(steps)
        episode = FinishedEpisode(steps, totals.dense, totals.entropy / steps)
        change = self.curriculum.episode_finished(row, episode, number)
        events += [change] if change else []
        if number % self.checkpoint_every == 0:
            events.append(CheckpointDue(number))

    def _reason(self, row: int) -> str:
        reason = self.env.end_reason(row)
        return f"death: {reason}" if bool(self.env.terminated[row]) else reason

    def _note_epsilon(self) -> None:
        entropy = behaviour_entropy(len(self.env.layout.actions), self.epsilon.value)
        self._entropy = entropy.to(self.device)

    # What others see

    def _report(self) -> MetricsReported:
        """The numbers since the last report."""
        values = {
            "epsilon": self.epsilon.value,
            "intrinsic_weight": self.curiosity.weight,
            "env_steps": float(self.env_steps),
            "updates": float(self.agent.learner.updates),
            **self.curriculum.statistics(RECORDED_ROW),
        }
        loss = self.agent.learner.take_mean_loss()
        if loss is not None:
            values["loss"] = loss
        return self._reports.report(self.finished_episodes, self.env_steps, values)

    def _make_recorder(self, callback: Callable[[Episode], None] | None) -> EpisodeRecorder:
        layout = self.env.layout
        return EpisodeRecorder(
            self.level.max_steps,
            self.level.width,
            layout.affordances,
            meters=len(layout.meters),
            actions=len(layout.actions),
            shaping_terms=self.env.shaping_terms,
            row=RECORDED_ROW,
            device=self.device,
            live_stream_callback=callback,
        )

    def _begin_recording(self) -> None:
        self.recorder.begin(
            {
                "mode": "live_training",
                "survival_limit": self.level.max_steps,
                "curriculum_stage": self.curriculum.stage_of(RECORDED_ROW),
                "multiplier": float(self.env.multiplier[RECORDED_ROW]),
                "epsilon": self.epsilon.value,
                "intrinsic_weight": self.curiosity.weight,
                "layout": self.env.layout_of(RECORDED_ROW),
            }
        )

    @property
    def progress(self) -> Progress:
        return Progress(self.finished_episodes, self.spec.budget, "episode")

    def inference_model(self) -> HamletModel:
        return HamletModel(self.agent.learner.snapshot(), self.metadata())

    def metadata(self) -> dict[str, Any]:
        return {
            "training_episode": self.finished_episodes,
            "epsilon": self.epsilon.value,
            "curriculum_stage": self.curriculum.stage_of(RECORDED_ROW),
            "level": self.level.name,
            "level_hash": self.level.hash,
        }

    # Saving

    def _parts(self) -> dict[str, Any]:
        return {
            "agent": self.agent,
            "env": self.env,
            "curiosity": self.curiosity,
            "curriculum": self.curriculum,
            "recorder": self.recorder,
            "book": self._book,
            "reports": self._reports,
            "epsilon": self.epsilon,
            "update_clock": self.updates_due,
        }

    def state_dict(self) -> dict[str, Any]:
        return {
            "spec_hash": self.spec.hash,
            "parts": {name: part.state_dict() for name, part in self._parts().items()},
            "exploration": generator_state(self._generator),
            "env_steps": self.env_steps,
            "finished_episodes": self.finished_episodes,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up a saved state.

        Raises: CheckpointError naming the field that cannot be that of this run. Part of the
            state may have been taken up by then, so throw this trainer away.
        """
        check_spec_hash(state, self.spec.hash)
        with below("state"):
            for name, part in self._parts().items():
                with below(f"parts.{name}"):
                    part.load_state_dict(state["parts"][name])
            load_generator(self._generator, state["exploration"], "exploration")
            self.env_steps = load_whole(state["env_steps"], 0, MOST_STEPS, "env_steps")
            self.finished_episodes = load_whole(
                state["finished_episodes"], 0, self.spec.budget, "finished_episodes"
            )
        self._reports.restart_clock(self.env_steps)
        self._note_epsilon()
