"""Each field of a brain spec changes what is built: network, optimiser, loss, learner, replay."""

from typing import Any

import pytest
import torch

from hamlet.brains import BrainSpec, compile_brain, make_loss, make_optimizer
from hamlet.brains.optimizing import make_scheduler
from hamlet.errors import SpecError
from hamlet.learning.agents import Circumstances, make_agent
from hamlet.learning.transitions import Collected
from tests.brains.layouts import TINY
from tests.brains.specs import Q_FAMILIES, SMALL, changed, leaves

UPDATES = 4
ONLY_TEXT = {"version", "description"}
LEARNERS = ("q_learning.", "replay.")

BLOCK_CHANGES: dict[str, dict[str, Any]] = {
    "feedforward": {
        "hidden_layers": [16, 9],
        "activation": "gelu",
        "dropout": 0.5,
        "layer_norm": False,
    },
    "dueling": {
        "shared_layers": [17, 8],
        "value_stream.hidden_layers": [9],
        "advantage_stream.hidden_layers": [9],
        "activation": "swish",
        "dropout": 0.5,
        "layer_norm": False,
    },
    "recurrent_spatial": {
        "vision_encoder.type": "none",
        "vision_encoder.channels": [4, 5],
        "vision_encoder.kernel_sizes": [3, 1],
        "vision_encoder.strides": [1, 2],
        "vision_encoder.padding": [1, 0],
        "vision_encoder.output_size": 9,
        "vision_encoder.activation": "tanh",
        **{
            f"{group}_encoder.{field}": value
            for group in ("position", "meter", "underfoot", "clock")
            for field, value in (("hidden_sizes", [5]), ("activation", "elu"))
        },
        "lstm.hidden_size": 13,
        "lstm.num_layers": 3,
        "lstm.dropout": 0.5,
        "q_head.hidden_sizes": [9],
        "q_head.activation": "tanh",
    },
}

# Base of the learning sections that has the field, and its other value.
ADAM = {"optimizer.type": "adam"}
DECAYING = {"optimizer.weight_decay": 0.1}
SGD = {"optimizer.type": "sgd", "optimizer.sgd_momentum": 0.5}
RMSPROP = {"optimizer.type": "rmsprop"}
STEPS = {"optimizer.schedule": {"type": "step_decay", "step_size": 2, "gamma": 0.5}}
COSINE = {"optimizer.schedule": {"type": "cosine", "t_max": 8, "eta_min": 1e-5}}
EXPONENTIAL = {"optimizer.schedule": {"type": "exponential", "gamma": 0.5}}
# At a delta of 1 Huber and smooth L1 are one and the same.
HUBER = {"loss.type": "huber", "loss.huber_delta": 0.25}
LEARNING_CHANGES = [
    *((base, "optimizer.learning_rate", 0.01) for base in (ADAM, SGD, RMSPROP)),
    *((base, "optimizer.weight_decay", 0.1) for base in (ADAM, SGD, RMSPROP)),
    # Without weight decay Adam and AdamW are one and the same.
    *((DECAYING, "optimizer.type", kind) for kind in ("adamw", "rmsprop", "sgd")),
    (ADAM, "optimizer.adam_beta1", 0.5),
    (ADAM, "optimizer.adam_beta2", 0.9),
    (ADAM, "optimizer.adam_eps", 1e-3),
    (SGD, "optimizer.sgd_momentum", 0.9),
    (SGD, "optimizer.sgd_nesterov", True),
    (RMSPROP, "optimizer.rmsprop_alpha", 0.5),
    (RMSPROP, "optimizer.rmsprop_eps", 1e-2),
    (ADAM, "optimizer.schedule.type", "exponential"),
    (STEPS, "optimizer.schedule.step_size", 3),
    (STEPS, "optimizer.schedule.gamma", 0.25),
    (COSINE, "optimizer.schedule.t_max", 16),
    (COSINE, "optimizer.schedule.eta_min", 1e-4),
    (EXPONENTIAL, "optimizer.schedule.gamma", 0.25),
    ({}, "loss.type", "huber"),
    (HUBER, "loss.type", "smooth_l1"),
    (HUBER, "loss.huber_delta", 0.5),
    ({"loss.type": "smooth_l1"}, "loss.huber_delta", 0.5),
]

# Family, base of the spec, field and its other value. Dueling brains learn as feedforward ones.
SMALL_REPLAY = {"replay.capacity": 64, "replay.batch_size": 8}
SMALL_WINDOWS = {**SMALL_REPLAY, "replay.sequence_length": 4, "replay.burn_in": 2}
PRIORITIZED = {**SMALL_REPLAY, "replay.prioritized": True}
IN_BOTH = (
    ("q_learning.gamma", 0.5),
    ("q_learning.target_update_frequency", 2),
    ("q_learning.use_double_dqn", False),
    ("q_learning.gradient_clip", 0.01),
    ("replay.capacity", 24),
    ("replay.batch_size", 5),
)
LEARNER_CHANGES = [
    *(("feedforward", SMALL_REPLAY, path, value) for path, value in IN_BOTH),
    *(("recurrent_spatial", SMALL_WINDOWS, path, value) for path, value in IN_BOTH),
    ("feedforward", SMALL_REPLAY, "q_learning.n_step", 3),
    ("feedforward", SMALL_REPLAY, "q_learning.advantage_learning", 0.5),
    ("feedforward", SMALL_REPLAY, "replay.prioritized", True),
    ("feedforward", SMALL_REPLAY, "replay.symmetries", True),
    ("feedforward", PRIORITIZED, "replay.priority_alpha", 0.1),
    ("feedforward", PRIORITIZED, "replay.priority_beta", 0.9),
    ("feedforward", PRIORITIZED, "replay.priority_beta_annealing", False),
    ("recurrent_spatial", SMALL_WINDOWS, "replay.sequence_length", 5),
    ("recurrent_spatial", SMALL_WINDOWS, "replay.burn_in", 1),
]
REFUSED = {"recurrent_spatial": {"q_learning.n_step": 2, "replay.prioritized": True}}


def outcome(spec: BrainSpec) -> list[torch.Tensor]:
    """Everything the spec decides: weights after a few updates, and values in training mode."""
    network = compile_brain(spec, TINY, generator=torch.Generator().manual_seed(1))
    observations = torch.rand(6, TINY.size, generator=torch.Generator().manual_seed(2))
    optimizer = make_optimizer(spec, network.parameters())
    scheduler, loss = make_scheduler(spec, optimizer), make_loss(spec)
    values = []
    for _ in range(UPDATES):
        q_values, _ = network(observations)
        values.append(q_values.detach())
        optimizer.zero_grad()
        # Far and near targets, so that the square and the line of a loss are both met.
        loss(q_values, torch.linspace(-2, 2, 8).expand(6, 8)).mean().backward()
        optimizer.step()
        scheduler.step()
    return values


def differs(one: BrainSpec, other: BrainSpec) -> bool:
    pairs = zip(outcome(one), outcome(other), strict=True)
    return not all(torch.equal(a, b) for a, b in pairs)


def _block_cases():
    for family, changes in BLOCK_CHANGES.items():
        for path, value in changes.items():
            yield pytest.param(family, path, value, id=f"{family}.{path}")


@pytest.mark.parametrize(("family", "path", "value"), list(_block_cases()))
def test_a_field_of_the_architecture_changes_the_network(family, path, value):
    block = f"architecture.{family}"
    base = {f"{block}.lstm.num_layers": 2} if family == "recurrent_spatial" else {}
    if path == "lstm.dropout":
        base[f"{block}.{path}"] = 0.1
    before = changed(SMALL[family], base)
    change = {**base, f"{block}.{path}": value}
    if path == "vision_encoder.type":
        change = {**base, f"{block}.vision_encoder": {"type": value}}
    assert differs(before, changed(SMALL[family], change))


@pytest.mark.parametrize(("base", "path", "value"), LEARNING_CHANGES)
def test_a_field_of_optimizer_or_loss_changes_learning(base, path, value):
    before = changed(SMALL["feedforward"], base)
    change = {**base, path: value}
    if path == "optimizer.schedule.type":
        change = {**base, "optimizer.schedule": {"type": value, "gamma": 0.5}}
    assert differs(before, changed(SMALL["feedforward"], change))


def learned(spec: BrainSpec) -> dict[str, torch.Tensor]:
    """Weights after an agent lived some steps in three environments and learned from them."""
    agent = make_agent(spec, TINY, 3, seed=0)
    drawn = torch.Generator().manual_seed(5)
    for step in range(16):
        obs, following = (torch.rand(3, TINY.size, generator=drawn) for _ in range(2))
        legal = torch.ones(3, 8, dtype=torch.bool)
        ended = torch.tensor([step == 7, False, step == 11])
        rewards = [torch.rand(3, generator=drawn) * 0.1 for _ in range(3)]
        actions = torch.randint(8, (3,), generator=drawn)
        agent.q_values(obs)
        agent.remember(
            Collected(obs, legal, actions, *rewards, ended, ended & False, following, legal)
        )
    for _ in range(UPDATES):
        agent.learn(2, Circumstances(torch.zeros(3, dtype=torch.bool), share_done=0.5))
    return {name: value.clone() for name, value in agent.learner.online.state_dict().items()}


def learns_otherwise(one: BrainSpec, other: BrainSpec) -> bool:
    before, after = learned(one), learned(other)
    return not all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(("family", "base", "path", "value"), LEARNER_CHANGES)
def test_a_field_of_q_learning_or_replay_changes_learning(family, base, path, value):
    # Far steps, so that the online network has left its target behind.
    base = {**base, "optimizer.learning_rate": 0.01}
    before = changed(SMALL[family], base)
    assert dict(leaves(before.data))[path] != value
    assert learns_otherwise(before, changed(SMALL[family], {**base, path: value}))


@pytest.mark.parametrize("family", ["feedforward", "recurrent_spatial"])
def test_the_same_learner_learns_the_same(family):
    base = SMALL_WINDOWS if family == "recurrent_spatial" else PRIORITIZED
    assert not learns_otherwise(*(changed(SMALL[family], base) for _ in range(2)))


@pytest.mark.parametrize(
    ("family", "path", "value"),
    [(family, *field) for family, fields in REFUSED.items() for field in fields.items()],
)
def test_a_field_that_a_family_does_not_honour_is_refused_by_its_path(family, path, value):
    with pytest.raises(SpecError, match=path.replace(".", r"\.")):
        changed(SMALL[family], {path: value})


def test_changing_nothing_changes_nothing():
    spec = changed(SMALL["dueling"], {"architecture.dueling.dropout": 0.5})
    assert not differs(spec, changed(SMALL["dueling"], {"architecture.dueling.dropout": 0.5}))


def test_the_tables_above_leave_no_field_out():
    fields = set()
    for family in Q_FAMILIES:
        for learning in ({}, *(dict(base) for base, _, _ in LEARNING_CHANGES)):
            fields |= {path for path, _ in leaves(changed(SMALL[family], learning).data)}
    covered = {path for _, path, _ in LEARNING_CHANGES} | ONLY_TEXT | {"architecture.type"}
    for family, changes in BLOCK_CHANGES.items():
        covered |= {f"architecture.{family}.{path}" for path in changes}
    assert {path for path in fields - covered if not path.startswith(LEARNERS)} == set()


@pytest.mark.parametrize("family", Q_FAMILIES)
def test_the_table_of_learners_leaves_no_field_out(family):
    like = "recurrent_spatial" if family == "recurrent_spatial" else "feedforward"
    fields = {path for path, _ in leaves(changed(SMALL[family], {}).data)}
    if like == "feedforward":
        fields |= {path for path, _ in leaves(changed(SMALL[family], PRIORITIZED).data)}
    covered = {path for name, _, path, _ in LEARNER_CHANGES if name == like}
    covered |= set(REFUSED.get(family, {}))
    assert {path for path in fields if path.startswith(LEARNERS)} == covered
