"""What feedforward and recurrent Q-learners share: two networks, one optimiser, one clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from hamlet.brains import (
    BrainSpec,
    CompiledBrain,
    compile_brain,
    make_loss,
    make_optimizer,
    make_scheduler,
)
from hamlet.layout import ObservationLayout
from hamlet.learning.flat_parameters import FlatParameters
from hamlet.learning.saved_state import (
    cloned,
    generator_state,
    load_generator,
    load_optimizer,
    load_tensor,
    load_tensors,
    load_whole,
    optimizer_state,
)
from hamlet.learning.sparse_input import skip_zeros

MOST_UPDATES = 10**12


class QLearner:
    """An online network that learns, and a target network that follows it in jumps.

    Attributes:
        online: acts and learns. target: values the next situation; a copy of `online` that is
            refreshed every `target_update_frequency` updates.
        updates: done so far.

    Source: Mnih et al. 2015, https://doi.org/10.1038/nature14236.
    """

    def __init__(
        self,
        spec: BrainSpec,
        layout: ObservationLayout,
        generator: torch.Generator,
        device: torch.device | str = "cpu",
    ) -> None:
        """Args: generator: on the CPU; draws the first weights and seeds dropout."""
        self.spec, self.layout, self.device = spec, layout, torch.device(device)
        self.online = compile_brain(spec, layout, generator=generator).to(device).eval()
        self.target = compile_brain(spec, layout).to(device).eval().requires_grad_(False)
        if self.device.type == "cpu":
            skip_zeros(self.online, layout)
            skip_zeros(self.target, layout)
        self._weights, self._target_weights = map(FlatParameters, (self.online, self.target))
        self._target_weights.copy_from(self._weights)
        self.optimizer = make_optimizer(spec, [self._weights.values])
        self.scheduler = make_scheduler(spec, self.optimizer)
        self.loss = make_loss(spec)
        rules = spec.data["q_learning"]
        self.discount = rules["gamma"]
        self.double = rules["use_double_dqn"]
        self.sync_every = rules["target_update_frequency"]
        self.gradient_clip = rules["gradient_clip"]
        self.updates = 0
        drops = any(getattr(module, "rate", 0.0) > 0 for module in self.online.modules())
        # cuDNN refuses to send gradients back through an LSTM that is in evaluation mode.
        self._trains = drops or self.device.type == "cuda"
        self._loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)
        self._loss_count = 0

    @contextmanager
    def _training_mode(self) -> Iterator[CompiledBrain]:
        """The online network with dropout on, where it has any."""
        if self._trains:
            self.online.train()
        try:
            yield self.online
        finally:
            if self._trains:
                self.online.eval()

    def _descend(self, loss: Tensor) -> None:
        """One step of the optimiser down the gradient at hand; then the target follows if it is
        time. Args: loss: scalar, for the record."""
        self._weights.clip_gradient(self.gradient_clip)
        self.optimizer.step()
        self.scheduler.step()
        self.updates += 1
        self._loss_sum += loss.detach()
        self._loss_count += 1
        if self.updates % self.sync_every == 0:
            self._target_weights.copy_from(self._weights)

    def snapshot(self) -> CompiledBrain:
        """A copy of the online network as its spec describes it, for use elsewhere."""
        network = compile_brain(self.spec, self.layout)
        network.load_state_dict(self.online.state_dict())
        return network

    def take_mean_loss(self) -> float | None:
        """Mean loss of the updates since the last call; None if there were none."""
        if not self._loss_count:
            return None
        mean = float(self._loss_sum) / self._loss_count
        self._loss_sum.zero_()
        self._loss_count = 0
        return mean

    def state_dict(self) -> dict[str, Any]:
        return {
            "online": cloned(self.online.state_dict()),
            "target": cloned(self.target.state_dict()),
            "optimizer": optimizer_state(self.optimizer),
            "dropout": generator_state(self.online.dropout_generator),
            "updates": self.updates,
            "loss_sum": self._loss_sum.clone(),
            "loss_count": self._loss_count,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the state is of another network or optimiser."""
        load_tensors(self.online.state_dict(), state["online"], "online")
        load_tensors(self.target.state_dict(), state["target"], "target")
        load_optimizer(self.optimizer, state["optimizer"], "optimizer")
        load_generator(self.online.dropout_generator, state["dropout"], "dropout")
        load_tensor(self._loss_sum, state["loss_sum"], "loss_sum")
        self.updates = load_whole(state["updates"], 0, MOST_UPDATES, "updates")
        self._loss_count = load_whole(state["loss_count"], 0, self.updates, "loss_count")
        self._go_on_with_the_schedule()

    def _go_on_with_the_schedule(self) -> None:
        """The learning rate follows from the number of updates alone."""
        rates = [
            base * factor(self.updates)
            for base, factor in zip(self.scheduler.base_lrs, self.scheduler.lr_lambdas, strict=True)
        ]
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        place = {"last_epoch": self.updates, "_step_count": self.updates + 1, "_last_lr": rates}
        self.scheduler.load_state_dict(self.scheduler.state_dict() | place)
