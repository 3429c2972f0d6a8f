"""Networks that value each action, and how an action is chosen by the values.

Shapes: B batch, D observation, A actions, L recurrent layers, H hidden size.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hamlet.brains.blocks import Hidden
from hamlet.brains.network import CompiledBrain
from hamlet.errors import ShapeError
from hamlet.signature import BATCH, TensorSpec


class QBrain(CompiledBrain):
    """A network from an observation, and a hidden state if it is recurrent, to Q-values."""

    hidden_shape: tuple[int, int] | None = None  # (L, H); None if not recurrent

    def forward(self, obs: Tensor, hidden: Hidden | None = None) -> tuple[Tensor, Hidden | None]:
        """Args: obs [B, D] float32; hidden as `initial_hidden` gives it, or None for a fresh one.

        Returns: (q_values [B, A], next hidden or None).
        Raises: ShapeError if obs or hidden has another shape.
        """
        raise NotImplementedError

    def initial_hidden(self, batch: int) -> Hidden | None:
        """Zeros (h [L, B, H], c [L, B, H]) on the network's device; None if not recurrent."""
        if self.hidden_shape is None:
            return None
        layers, size = self.hidden_shape
        # Two tensors, since a caller may clear rows of one in place.
        return (
            torch.zeros(layers, batch, size, device=self.device),
            torch.zeros(layers, batch, size, device=self.device),
        )

    def input_specs(self) -> tuple[TensorSpec, ...]:
        actions = len(self.layout.actions)
        return (
            TensorSpec("observation", "float32", (BATCH, self.layout.size)),
            TensorSpec("action_mask", "bool", (BATCH, actions), optional=True, some_true=True),
            *self._hidden_specs(optional=True),
        )

    def output_specs(self) -> tuple[TensorSpec, ...]:
        return (
            TensorSpec("actions", "int64", (BATCH,)),
            TensorSpec("q_values", "float32", (BATCH, len(self.layout.actions))),
            *self._hidden_specs(optional=False),
        )

    def _hidden_specs(self, *, optional: bool) -> tuple[TensorSpec, ...]:
        if self.hidden_shape is None:
            return ()
        layers, size = self.hidden_shape
        shape = (layers, BATCH, size)
        # Taken together or not at all; both are always given.
        partners = ("hidden_c", "hidden_h") if optional else (None, None)
        return tuple(
            TensorSpec(name, "float32", shape, optional=optional, together_with=partner)
            for name, partner in zip(("hidden_h", "hidden_c"), partners, strict=True)
        )

    def answer(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        hidden = (inputs["hidden_h"], inputs["hidden_c"]) if "hidden_h" in inputs else None
        q_values, hidden = self(inputs["observation"], hidden)
        actions = choose_actions(q_values, inputs.get("action_mask"))
        outputs = {"actions": actions, "q_values": q_values}
        if hidden is not None:
            outputs["hidden_h"], outputs["hidden_c"] = hidden
        return outputs

    def check_observation(self, obs: Tensor, rank: int) -> None:
        if obs.dim() != rank or obs.shape[-1] != self.layout.size:
            lead = "T, B, " if rank == 3 else "B, "
            raise ShapeError(
                f"found observations of shape {list(obs.shape)}; "
                f"expected [{lead}{self.layout.size}], as the layout of this brain says"
            )

    def refuse_hidden(self, hidden: Hidden | None) -> None:
        if hidden is not None:
            raise ShapeError(
                f"found a hidden state; a {self.spec.type} brain keeps none, so pass hidden=None"
            )


def choose_actions(
    q_values: Tensor,
    action_mask: Tensor | None = None,
    epsilon: float = 0.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """The legal action of highest value, or with probability epsilon any legal one, evenly.

    Args:
        q_values: [B, A]. action_mask: [B, A] bool, true where legal; None if all are.
        generator: draws the exploration; nothing is drawn with epsilon 0.
    Returns: [B] int64. Of equal values the first action is taken.
    """
    legal = q_values if action_mask is None else q_values.masked_fill(~action_mask, -torch.inf)
    greedy = legal.argmax(dim=1)
    if epsilon == 0.0:
        return greedy
    if generator is None:
        raise ValueError("epsilon above 0 draws random numbers; pass a torch.Generator")
    chances = torch.ones_like(q_values) if action_mask is None else action_mask.float()
    device = generator.device
    explored = torch.multinomial(chances.to(device), 1, generator=generator).squeeze(1)
    exploring = torch.rand(len(q_values), generator=generator, device=device) < epsilon
    return torch.where(exploring.to(greedy.device), explored.to(greedy.device), greedy)
