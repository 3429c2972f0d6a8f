"""Several learners side by side, each by its own algorithm, asked together.

An epoch is one of each member. When all are done, convex weights and one temperature per member
are fitted on examples that none of them learned from, see `combining`.

Sources: Lakshminarayanan et al., https://arxiv.org/abs/1612.01474 (ensembles); Breiman 1996,
https://doi.org/10.1007/BF00117832 (weights).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from hamlet.learning.connect_four.combining import NO_SPLIT, Combining
from hamlet.learning.connect_four.ensemble_members import Member, failing_as, game_of, make_members
from hamlet.learning.connect_four.strength import strengths_together
from hamlet.learning.connect_four.trainer import BoardTrainer
from hamlet.learning.ensemble_weights import FittedWeights
from hamlet.learning.saved_state import load_list
from hamlet.learning.trainer import EpisodeFinished, Event, Files, MetricsReported, Remarked
from hamlet.runspec import RunSpec

STOPPED = "all members have stopped before their last epoch"


class Reports:
    """What each member said about the epoch at hand."""

    def __init__(self, members: int) -> None:
        self.values: list[dict[str, float]] = [{} for _ in range(members)]

    def take(self) -> dict[str, float]:
        named = {
            f"member_{index}_{name}": value
            for index, values in enumerate(self.values)
            for name, value in values.items()
        }
        self.values = [{} for _ in self.values]
        return named

    def state_dict(self) -> dict[str, Any]:
        return {"values": [dict(values) for values in self.values]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError."""
        count = len(self.values)
        self.values = [
            {str(name): float(value) for name, value in values.items()}
            for values in load_list(state["values"], count, count, "values")
        ]


class EnsembleTrainer(BoardTrainer):
    """One unit of work is one of a member, or a step towards the weights.

    Attributes:
        network: the ensemble. Its members are those of the trainers as they were after the last
            epoch, with equal weights until the last one is over.
    """

    def __init__(
        self, spec: RunSpec, device: str | torch.device = "cpu", files: Files | None = None
    ) -> None:
        """Raises: SpecError naming every fault of the spec, or a file that is not given."""
        super().__init__(spec, device, files)
        self.network.eval()
        self.members = make_members(self.content, spec.seed, self.device, files, self.network)
        for member in self.members:
            member.trainer.measured = False  # but all together, see `strength`
        self.combining = Combining(self.content, files, spec.seed, self.device)
        self.reports = Reports(len(self.members))
        self._equal_weights()

    def _equal_weights(self) -> None:
        count = len(self.members)
        self.network.set_combination([1.0 / count] * count, [1.0] * count)

    def work(self) -> list[Event]:
        member = self._behind()
        if member is not None:
            return self._advance(member)
        if not self.combining.ready:
            self.combining.gather()
            return []
        return self._combine()

    def _behind(self) -> int | None:
        """The first member that has not finished the epoch at hand."""
        for index, member in enumerate(self.members):
            if not member.trainer.finished and member.trainer.epochs <= self.epochs:
                return index
        return None

    def _advance(self, index: int) -> list[Event]:
        member = self.members[index]
        with failing_as(member.name):
            told = list(member.trainer.advance())
        events = [each for event in told for each in self._retold(index, event)]
        if self._behind() is None and not all(each.trainer.finished for each in self.members):
            self._take_members()
            values = {**self.reports.take(), **self.combining.validate(self.network)}
            events += self.end_epoch(values)
        return events

    def _retold(self, index: int, event: Event) -> list[Event]:
        """What a member says, as said by the ensemble. When its checkpoint is due, or it is done,
        is the ensemble's own affair."""
        member = self.members[index]
        match event:
            case EpisodeFinished():
                self.games += 1
                return [game_of(member, event, self.games)]
            case Remarked():
                return [Remarked(event.at, f"{member.name}: {event.text}")]
            case MetricsReported():
                self.reports.values[index] = dict(event.values)
        return []

    def _take_members(self) -> None:
        for network, member in zip(self.network.members, self.members, strict=True):
            network.load_state_dict(member.trainer.best_network().state_dict())

    def _combine(self) -> list[Event]:
        """The end: fit the weights, and report the last epoch."""
        self._take_members()
        fitted = self.combining.fit(self.network)
        values = {
            **self.reports.take(),
            **self.combining.validate(self.network),
            "ensemble_score": fitted.score,
        }
        for index in range(len(self.members)):
            values[f"member_{index}_score"] = fitted.member_scores[index]
            values[f"member_{index}_weight"] = fitted.weights[index]
            values[f"member_{index}_temperature"] = fitted.temperatures[index]
        at = self.epochs + 1
        events: list[Event] = [Remarked(at, in_words(self.members, fitted))]
        if self.content.dataset is not None and self.combining.held_back is None:
            events.insert(0, Remarked(at, NO_SPLIT))
        stop = STOPPED if at < self.spec.budget else ""
        return events + self.end_epoch(values, stop=stop)

    def strength(self) -> dict[str, float]:
        """Of the ensemble, and of each member by itself."""
        whole, members = strengths_together(self.network)
        for index, rates in enumerate(members):
            whole |= {f"member_{index}_{name}": rate for name, rate in rates.items()}
        return whole

    def metadata(self) -> dict[str, Any]:
        combination = self.network.combination
        weights, temperatures = combination.weights.tolist(), combination.temperatures.tolist()
        members = [
            {"name": member.name, "weight": weight, "temperature": temperature}
            for member, weight, temperature in zip(self.members, weights, temperatures, strict=True)
        ]
        return {**super().metadata(), "members": members}

    # Saving

    def parts(self) -> dict[str, Any]:
        return {
            **{f"member_{index}": each.trainer for index, each in enumerate(self.members)},
            "reports": self.reports,
            "combining": self.combining,
        }


def in_words(members: list[Member], fitted: FittedWeights) -> str:
    shares = ", ".join(
        f"{member.name} counts {weight:.0%} at temperature {temperature:.2f}"
        for member, weight, temperature in zip(
            members, fitted.weights, fitted.temperatures, strict=True
        )
    )
    best = fitted.member_scores[fitted.best_member]
    alone = f"{members[fitted.best_member].name} alone {best:.4f}"
    return f"{shares}; the loss of all together is {fitted.score:.4f}, of {alone}"
