"""Learning through time: gradients, burn-in, threaded targets, padding."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch

from hamlet.brains import BrainSpec
from hamlet.learning.recurrent import RecurrentLearner
from hamlet.learning.sequences import Windows
from hamlet.model import HamletModel
from tests.learning.small_worlds import ACTIONS, BLIND_LAYOUT, BRAINS

BURN_IN, TRAINED, BATCH, HIDDEN = 2, 4, 3, 8
STEPS = BURN_IN + TRAINED


def learner(**sections: Any) -> RecurrentLearner:
    spec = copy.deepcopy(BRAINS["recurrent"])
    spec["architecture"]["recurrent_spatial"]["vision_encoder"] = {"type": "none"}
    made = RecurrentLearner(
        BrainSpec.from_data(spec | sections), BLIND_LAYOUT, torch.Generator().manual_seed(0)
    )
    # A target network of its own makes it visible which network a number came from.
    other = RecurrentLearner(
        BrainSpec.from_data(spec | sections), BLIND_LAYOUT, torch.Generator().manual_seed(1)
    )
    made.target.load_state_dict(other.online.state_dict())
    return made


def windows(**columns: Any) -> Windows:
    drawn = torch.Generator().manual_seed(7)
    valid = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    valid[BURN_IN:] = True
    nothing = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    made = {
        "observations": torch.rand(STEPS + 1, BATCH, BLIND_LAYOUT.size, generator=drawn),
        "masks": torch.ones(STEPS + 1, BATCH, len(ACTIONS), dtype=torch.bool),
        "actions": torch.randint(len(ACTIONS), (STEPS, BATCH), generator=drawn),
        "extrinsic": torch.rand(STEPS, BATCH, generator=drawn),
        "intrinsic": torch.zeros(STEPS, BATCH),
        "shaping": torch.zeros(STEPS, BATCH),
        "terminated": nothing,
        "truncated": nothing,
        "valid": valid,
        "burned": torch.ones(BATCH, dtype=torch.bool),
        "h": torch.rand(1, BATCH, HIDDEN, generator=drawn),
        "c": torch.rand(1, BATCH, HIDDEN, generator=drawn),
        "env_rows": torch.arange(BATCH),
    }
    return Windows(**made | columns)


def lstm_gradient(made: RecurrentLearner) -> torch.Tensor:
    return dict(made.online.named_parameters())["lstm.layers.0.weight_hh_l0"].grad


def test_a_loss_on_the_last_step_reaches_the_recurrent_weights() -> None:
    made, given = learner(), windows()
    last = torch.zeros_like(given.valid)
    last[-1] = True
    loss, _ = made.sequence_loss(replace(given, valid=last), given.extrinsic)
    loss.backward()
    assert lstm_gradient(made).abs().max() > 0


def test_a_loss_on_the_last_step_reaches_the_first_trained_input_and_not_the_burn_in() -> None:
    made, given = learner(), windows()
    observations = given.observations.clone().requires_grad_()
    last = torch.zeros_like(given.valid)
    last[-1] = True
    loss, _ = made.sequence_loss(
        replace(given, observations=observations, valid=last), given.extrinsic
    )
    loss.backward()
    reached = observations.grad.abs().amax(dim=(1, 2))
    assert (reached[BURN_IN:STEPS] > 0).all()
    assert (reached[:BURN_IN] == 0).all()


def test_burn_in_runs_without_gradient_for_both_networks() -> None:
    made = learner()
    for network in (made.online, made.target):
        h, c = made._burned_in(network, windows(), BURN_IN)
        assert h.grad_fn is None
        assert c.grad_fn is None


def test_burn_in_brings_a_stale_state_up_to_date() -> None:
    made, given = learner(), windows()
    h, c = made._burned_in(made.online, given, BURN_IN)
    state = (given.h, given.c)
    with torch.no_grad():
        for t in range(BURN_IN):
            _, state = made.online(given.observations[t], state)
    assert torch.allclose(h, state[0], atol=1e-6)
    assert torch.allclose(c, state[1], atol=1e-6)


def test_windows_at_an_episode_start_begin_with_the_stored_state() -> None:
    made = learner()
    given = windows(burned=torch.tensor([True, False, True]))
    h, _ = made._burned_in(made.online, given, BURN_IN)
    assert torch.equal(h[:, 1], given.h[:, 1])
    assert not torch.equal(h[:, 0], given.h[:, 0])


@pytest.mark.parametrize("double", [True, False])
def test_targets_are_threaded_along_the_window_worked_step_by_step(double: bool) -> None:
    made = learner(q_learning={"use_double_dqn": double})
    terminated = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    terminated[3, 0] = True
    truncated = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    truncated[-1, 1] = True
    masks = torch.ones(STEPS + 1, BATCH, len(ACTIONS), dtype=torch.bool)
    masks[STEPS, 2] = torch.tensor([False, True, False])
    given = windows(terminated=terminated, truncated=truncated, masks=masks)
    with torch.no_grad():
        # By hand: both networks see one observation after the other, each with its own state.
        q_values = {}
        for name, network in (("online", made.online), ("target", made.target)):
            state, rows = (given.h, given.c), []
            for t in range(STEPS + 1):
                q, state = network(given.observations[t], state)
                rows.append(q)
            q_values[name] = torch.stack(rows)
        online_q = q_values["online"][BURN_IN:]
        targets = made.targets(given, given.extrinsic, BURN_IN, online_q)
    for k in range(TRAINED):
        t = BURN_IN + k
        for row in range(BATCH):
            chooser = q_values["online" if double else "target"][t + 1, row].clone()
            chooser[~masks[t + 1, row]] = -torch.inf
            worth = q_values["target"][t + 1, row, chooser.argmax()]
            dead = bool(terminated[t, row])
            expected = given.extrinsic[t, row] + (0.0 if dead else 0.99 * worth)
            assert targets[k, row].item() == pytest.approx(expected.item(), abs=1e-5), (k, row)


def test_padding_does_not_change_the_loss_or_the_gradient() -> None:
    made = learner()
    valid = windows().valid.clone()
    valid[BURN_IN + 2 :, 1] = False
    plain = windows(valid=valid)
    rubbish = {
        name: getattr(plain, name).clone() for name in ("observations", "actions", "extrinsic")
    }
    rubbish["observations"][BURN_IN + 3 :, 1] = 1e4
    rubbish["actions"][BURN_IN + 2 :, 1] = 2
    rubbish["extrinsic"][BURN_IN + 2 :, 1] = -1e6
    results = []
    for given in (plain, replace(plain, **rubbish)):
        made._weights.clear_gradient()
        loss, errors = made.sequence_loss(given, given.extrinsic)
        loss.backward()
        assert (errors[2:, 1] == 0).all()
        results.append((loss.item(), lstm_gradient(made).clone()))
    assert results[0][0] == results[1][0]
    assert torch.equal(results[0][1], results[1][1])


def test_the_loss_is_the_mean_over_real_steps() -> None:
    made = learner(loss={"type": "mse"})
    valid = torch.zeros(STEPS, BATCH, dtype=torch.bool)
    valid[BURN_IN, 0] = valid[BURN_IN + 1, 2] = True
    given = windows(valid=valid)
    loss, errors = made.sequence_loss(given, given.extrinsic)
    assert loss.item() == pytest.approx((errors**2).sum().item() / 2, rel=1e-5)


def test_learning_leaves_the_state_of_the_rollout_alone() -> None:
    made, given = learner(), windows()
    with torch.no_grad():
        _, rollout = made.online(given.observations[0], (given.h, given.c))
    before = [part.clone() for part in rollout]
    stored = [given.h.clone(), given.c.clone()]
    made.update(given, given.extrinsic)
    assert all(map(torch.equal, rollout, before))
    assert torch.equal(given.h, stored[0])
    assert torch.equal(given.c, stored[1])


def test_a_display_forward_leaves_the_state_of_the_rollout_alone() -> None:
    made, given = learner(), windows()
    with torch.no_grad():
        _, rollout = made.online(given.observations[0], (given.h, given.c))
    before = [part.clone() for part in rollout]
    shown = HamletModel(made.snapshot()).predict(given.observations[1], hidden=rollout)
    assert all(map(torch.equal, rollout, before))
    assert not torch.equal(shown["hidden"][0], rollout[0])


def test_learning_brings_values_to_the_rewards() -> None:
    made = learner(optimizer={"learning_rate": 0.01})
    ends = torch.ones(STEPS, BATCH, dtype=torch.bool)
    given = windows(terminated=ends)
    first = made.update(given, given.extrinsic).abs().mean()
    for _ in range(200):
        last = made.update(given, given.extrinsic).abs().mean()
    assert last < 0.1 * first
