"""Several board networks that answer as one: the weighted mean of what they say.

Each member's logits are divided by its temperature and become a policy over the columns that are
not full; policies and values are averaged with convex weights. Weights and temperatures are
numbers of the network, fitted after its members (`hamlet.learning.ensemble_weights`), and stand in
every file of it. All of it is one graph.

Sources: Lakshminarayanan et al., https://arxiv.org/abs/1612.01474 (ensembles); Guo et al.,
https://arxiv.org/abs/1706.04599 (temperatures).
Shapes: B batch, A columns, M members.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn

from hamlet.brains.board import BoardBrain, open_columns
from hamlet.brains.masked_categorical import legal_policy, masked_logits
from hamlet.errors import Problem, SpecError
from hamlet.layout import ObservationLayout
from hamlet.readers import ListOf, Reader

if TYPE_CHECKING:
    from hamlet.brains.spec import BrainSpec

MOST_MEMBERS = 16
LEAST_CHANCE = 1e-12  # of a column, before its logarithm is taken
COLDEST, HOTTEST = 0.05, 20.0  # temperatures
DEFAULT_MEMBERS = [{"architecture": {"type": name}} for name in ("alphazero", "transformer")]


class MemberSpec(Reader):
    """A whole brain spec of a board network that is no ensemble itself."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        from hamlet.brains.spec import BrainSpec

        try:
            spec = BrainSpec.from_data(value, path)
        except SpecError as error:
            problems += error.problems
            return value
        network = spec.family.network
        if not issubclass(network, BoardBrain) or issubclass(network, BoardEnsembleBrain):
            message = f"found {spec.type}; expected a network of one board, and no ensemble"
            problems.append(Problem(f"{path}.architecture.type", message))
        return spec.data


FIELDS = {
    "members": ListOf(MemberSpec(), shortest=2, longest=MOST_MEMBERS, default=DEFAULT_MEMBERS)
}


class MemberAnswers(NamedTuple):
    """policies: [M, B, A], 0 on full columns. values: [M, B]. weights: [M]."""

    policies: Tensor
    values: Tensor
    weights: Tensor


class Combination(nn.Module):
    """How much each member counts, and how sure it is taken to be.

    Attributes:
        weights: [M], not negative, of sum 1. temperatures: [M], above 0.
    """

    keeps_shape = True

    def __init__(self, members: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.empty(members))
        self.register_buffer("temperatures", torch.empty(members))

    def draw(self, generator: torch.Generator) -> None:
        """All members alike, as they are."""
        self.weights.fill_(1.0 / len(self.weights))
        self.temperatures.fill_(1.0)

    def forward(self, logits: Tensor, values: Tensor, legal: Tensor) -> tuple[Tensor, Tensor]:
        """Args: logits [M, B, A]; values [M, B, 1]; legal [B, A] bool.

        Returns: (log of the mean policy [B, A], mean value [B, 1]).
        """
        shares = self.weights.view(-1, 1, 1)
        warmed = logits / self.temperatures.view(-1, 1, 1)
        policies = masked_logits(warmed, legal).softmax(dim=-1)
        mean = (policies * shares).sum(dim=0)
        return mean.clamp_min(LEAST_CHANCE).log(), (values * shares).sum(dim=0)


class BoardEnsembleBrain(BoardBrain):
    """Members side by side, and the weighted mean of their answers."""

    def __init__(self, spec: BrainSpec, layout: ObservationLayout) -> None:
        super().__init__(spec, layout)
        specs = member_specs(spec.block)
        self.members = nn.ModuleList(each.family.network(each, layout) for each in specs)
        self.combination = Combination(len(specs))

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        self.check_planes(planes)
        logits, values = self.ask_members(planes)
        policy, value = self.combination(logits, values, open_columns(planes))
        return policy, value

    def member_answers(self, planes: Tensor) -> MemberAnswers:
        """What each member says by itself, at its temperature."""
        self.check_planes(planes)
        logits, values = self.ask_members(planes)
        legal = open_columns(planes).expand(logits.shape)
        warmed = logits / self.combination.temperatures.view(-1, 1, 1)
        return MemberAnswers(
            legal_policy(warmed, legal), values.squeeze(-1), self.combination.weights
        )

    def set_combination(self, weights: Sequence[float], temperatures: Sequence[float]) -> None:
        """Raises: SpecError unless the weights are convex and the temperatures within bounds."""
        problems = _combination_problems(weights, temperatures, len(self.members))
        if problems:
            raise SpecError(problems)
        device = self.combination.weights.device
        shares = torch.tensor(list(weights), dtype=torch.float64)
        self.combination.weights.copy_((shares / shares.sum()).float().to(device))
        self.combination.temperatures.copy_(torch.tensor(list(temperatures), device=device))

    def ask_members(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """What `combination` makes one answer of: logits [M, B, A], values [M, B, 1]."""
        answers = [member(planes) for member in self.members]
        return torch.stack([policy for policy, _ in answers]), torch.stack(
            [value for _, value in answers]
        )


def member_specs(block: dict[str, Any]) -> list[BrainSpec]:
    from hamlet.brains.spec import BrainSpec

    return [BrainSpec(member) for member in block["members"]]


def activations(block: dict[str, Any], layout: ObservationLayout) -> dict[str, int]:
    """Numbers that one observation leaves in memory on its way through, by member."""
    return {
        f"members[{index}]": sum(spec.family.activations(spec.block, layout).values())
        for index, spec in enumerate(member_specs(block))
    }


def check_layout(block: dict[str, Any], layout: ObservationLayout) -> Iterator[Problem]:
    for index, spec in enumerate(member_specs(block)):
        for path, message in spec.family.check_layout(spec.block, layout):
            yield Problem(f"members[{index}].architecture.{spec.type}.{path}", message)


def _combination_problems(
    weights: Sequence[float], temperatures: Sequence[float], members: int
) -> list[Problem]:
    problems = []
    if len(weights) != members or not all(0 <= weight <= 1 for weight in weights):
        message = f"found {len(weights)}; expected {members} numbers from 0 to 1, one per member"
        problems.append(Problem("weights", message))
    elif abs(sum(weights) - 1.0) > 1e-4:
        message = f"their sum is {sum(weights):g}; expected 1"
        problems.append(Problem("weights", message))
    good = all(COLDEST <= temperature <= HOTTEST for temperature in temperatures)
    if len(temperatures) != members or not good:
        message = f"expected {members} numbers from {COLDEST:g} to {HOTTEST:g}, one per member"
        problems.append(Problem("temperatures", message))
    return problems
