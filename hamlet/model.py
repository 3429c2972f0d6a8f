"""Trained models, ready to answer: pure, without gradient, without state of their own.

Shapes: B batch, D observation, A actions, L recurrent layers, H hidden size.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hamlet.answering import refuse_not_finite
from hamlet.brains import BoardBrain, CompiledBrain, QBrain, choose_actions
from hamlet.brains.blocks import Hidden
from hamlet.checkpoint import load_network
from hamlet.errors import HamletError, InputError, Problem
from hamlet.layout import ObservationLayout
from hamlet.predicting import Numbers, as_mask, batched, check_epsilon, is_single, predict_board
from hamlet.request_memory import most_rows
from hamlet.schema import describe
from hamlet.signature import Signature

ALIGNMENT = 64  # bytes, as PyTorch allocates


class HamletModel:
    """A network frozen for use.

    Attributes:
        network: in evaluation mode, its weights never change. device: where it stands.
        metadata: what the checkpoint says of its making; plain data.
        adapter: the system whose own request form fits this model.
    """

    def __init__(
        self,
        network: CompiledBrain,
        metadata: Mapping[str, Any] | None = None,
        *,
        adapter: str | None = None,
    ) -> None:
        """Take a snapshot of `network`: training it further does not change this model."""
        self._set_up(copy.deepcopy(network), metadata, adapter)

    def _set_up(
        self, network: CompiledBrain, metadata: Mapping[str, Any] | None, adapter: str | None
    ) -> None:
        self.network = network.eval().requires_grad_(False)
        self.device = network.device
        self.metadata = dict(metadata or {})
        self.adapter = adapter if adapter is not None else network.spec.family.adapter
        self._signature = Signature(
            inputs=network.input_specs(),
            outputs=network.output_specs(),
            layout=network.layout,
            action_names=network.layout.actions,
            adapter=self.adapter,
            hashes={"brain_spec": network.hash, "layout": network.layout.hash},
            most_rows=most_rows(network),
        )

    @classmethod
    def load_from_checkpoint(
        cls,
        source: str | Path | bytes,
        *,
        device: str | torch.device = "cpu",
        layout: ObservationLayout | None = None,
    ) -> HamletModel:
        """Read an inference or a training checkpoint, from a file or from its bytes.

        Args:
            layout: of the environment it is to act in; a model made for another is refused.
        Raises: CheckpointError with the reason; nothing in a file is ever executed.
        """
        network, header = load_network(source, layout)
        model = cls.__new__(cls)
        model._set_up(network.to(device), header["metadata"], header["adapter"])
        return model

    @property
    def is_recurrent(self) -> bool:
        return self.network.is_recurrent

    @property
    def parameter_count(self) -> int:
        return self.network.parameter_count

    @property
    def weight_bytes(self) -> int:
        return sum(weight.nbytes for weight in self.network.state_dict().values())

    def signature(self) -> Signature:
        """What `run` takes and gives, and what this model was made from."""
        return self._signature

    def predict(
        self,
        obs: Numbers,
        hidden: Hidden | None = None,
        epsilon: float = 0.0,
        action_mask: Numbers | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, Any]:
        """Value the actions of one observation or of a batch, and choose.

        Args:
            obs: [D] or [B, D]; planes of a board have an axis for each of their sizes instead.
            hidden: what the call before returned; None begins an episode. Recurrent models only.
            epsilon: chance of a random legal action instead of the best one.
            action_mask: [A] or [B, A], true (or 1) where legal; None if all are.
            generator: draws the random actions; needed with epsilon above 0, unused with 0.
        Returns: {"actions": int64 [] or [B], "q_values": [A] or [B, A], "hidden": (h, c), each
            [L, B, H], or None}. The mask decides the choice alone: `q_values` are as the network
            gave them, those of illegal actions too. A model of a board gives `policy` and `value`
            in their place, as `hamlet.predicting.predict_board` says.
        Raises: InputError naming what does not fit.
        """
        if isinstance(self.network, BoardBrain):
            if hidden is not None:
                self._hidden_inputs(hidden)
            return predict_board(self, obs, epsilon, action_mask, generator)
        if not isinstance(self.network, QBrain):
            raise HamletError(f"a {self.network.spec.type} model has no Q-values; use run()")
        check_epsilon(epsilon, generator)
        single = is_single(obs)
        inputs = {"observation": batched(obs) if single else obs}
        if action_mask is not None:
            inputs["action_mask"] = as_mask(action_mask)
        if hidden is not None:
            inputs.update(self._hidden_inputs(hidden))
        tensors = self._signature.check_inputs(inputs)
        outputs = self.run_checked(tensors)
        actions, q_values = outputs["actions"], outputs["q_values"]
        if epsilon > 0:
            mask = tensors.get("action_mask")
            mask = None if mask is None else mask.to(q_values.device)
            actions = choose_actions(q_values, mask, float(epsilon), generator)
        following = (outputs["hidden_h"], outputs["hidden_c"]) if self.is_recurrent else None
        return {
            "actions": actions[0] if single else actions,
            "q_values": q_values[0] if single else q_values,
            "hidden": following,
        }

    def run(self, inputs: Mapping[str, Numbers]) -> dict[str, Tensor]:
        """Answer inputs by the names of the signature, with outputs by its names.

        Raises: InputError naming what does not fit.
        """
        return self.run_checked(self._signature.check_inputs(inputs))

    def run_checked(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """`run` for what `signature().check_inputs` returned, or several such joined along
        each tensor's batch axis.

        Raises: InputError if an answer is not finite.
        """
        placed = {name: own_memory(tensor.to(self.device)) for name, tensor in tensors.items()}
        with torch.no_grad():
            outputs = self.network.answer(placed)
        refuse_not_finite(outputs)
        return outputs

    def _hidden_inputs(self, hidden: Any) -> dict[str, Any]:
        if not self.is_recurrent:
            message = f"a {self.network.spec.type} model keeps no hidden state; pass None"
            raise InputError([Problem("hidden", message)])
        if not isinstance(hidden, tuple | list) or len(hidden) != 2:
            raise InputError([Problem("hidden", "expected the pair (h, c) that predict returned")])
        return {"hidden_h": hidden[0], "hidden_c": hidden[1]}


class StatefulModel:
    """Keeps the hidden state of a recurrent model between calls, one row per environment.

    With a model that is not recurrent it does the same as the model itself.
    """

    def __init__(self, model: HamletModel) -> None:
        self.model = model
        self.hidden: Hidden | None = None

    def predict(
        self,
        obs: Numbers,
        epsilon: float = 0.0,
        action_mask: Numbers | None = None,
        generator: torch.Generator | None = None,
    ) -> dict[str, Any]:
        """`HamletModel.predict` with the hidden state of the call before.

        The batch size is that of the first call, until `reset()`.
        """
        answer = self.model.predict(obs, self.hidden, epsilon, action_mask, generator)
        self.hidden = answer["hidden"]
        return answer

    def reset(self, mask: Numbers | None = None) -> None:
        """Begin new episodes.

        Args:
            mask: [B] bool, true for the rows to begin anew; None for all, and then the next
                batch may have another size.
        Raises: InputError if the mask has another length.
        """
        if mask is None or self.hidden is None:
            self.hidden = None
            return
        h, c = self.hidden
        try:
            rows = torch.as_tensor(mask, dtype=torch.bool, device=self.model.device)
            shape = list(rows.shape)
        except (TypeError, ValueError, RuntimeError):
            message = f"found {describe(mask)}; expected [{h.shape[1]}] bools, one per row"
            raise InputError([Problem("mask", message)]) from None
        if shape != [h.shape[1]]:
            message = f"found shape {shape}; expected [{h.shape[1]}], one per row"
            raise InputError([Problem("mask", message)])
        rows = rows.view(1, -1, 1)
        self.hidden = (h.masked_fill(rows, 0.0), c.masked_fill(rows, 0.0))


def own_memory(tensor: Tensor) -> Tensor:
    """The tensor, copied if its numbers lie elsewhere than a tensor of its own would have them.

    The last bits of a matrix product depend on where the factors lie, and equal questions are
    to get equal answers.
    """
    if tensor.is_contiguous() and tensor.data_ptr() % ALIGNMENT == 0:
        return tensor
    return tensor.clone(memory_format=torch.contiguous_format)
