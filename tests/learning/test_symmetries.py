"""A turned town is as true as the town itself: same rules, same moves, turned along."""

import pytest
import torch

from hamlet.envs.town import TownEnv, load_pack
from hamlet.errors import SpecError
from hamlet.learning.agents import Circumstances, FeedforwardAgent
from hamlet.learning.symmetries import STEPS, Symmetries
from hamlet.learning.transitions import Collected, Transitions
from tests.brains.specs import SMALL, changed
from tests.learning.small_worlds import layout_of, transitions

ROWS = 32


def played(level: str) -> tuple[TownEnv, Transitions]:
    """One step of legal random play in 32 towns, each move taken somewhere."""
    env = TownEnv(load_pack(level).level, ROWS, "cpu", 5)
    before, masks = env.obs.clone(), env.action_mask.clone()
    actions = torch.multinomial(
        env.action_mask.float(), 1, generator=torch.Generator().manual_seed(1)
    ).squeeze(1)
    after, *_ = env.step(actions)
    batch = transitions(
        ROWS,
        observations=before,
        masks=masks,
        actions=actions,
        next_observations=after.clone(),
        next_masks=env.action_mask.clone(),
    )
    return env, batch


def seen(env: TownEnv, observations: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Column and row by the position group, and all 15 planes as maps."""
    layout = env.layout
    side = env.level.width - 1
    x, y = (observations[:, layout.group("position").slice] * side).round().long().unbind(1)
    planes = observations[:, layout.group("grid").slice].view(-1, *layout.group("grid").shape)
    return x, y, planes


@pytest.mark.parametrize("way", range(8))
@pytest.mark.parametrize("level", ["L0", "L0.5", "L1"])
def test_turned_step_obeys_the_rules_of_the_town(level, way):
    env, batch = played(level)
    Symmetries(env.layout).turn(batch, way)
    x, y, planes = seen(env, batch.observations)
    next_x, next_y, next_planes = seen(env, batch.next_observations)
    rows = torch.arange(ROWS)
    assert bool((planes[rows, -1, y, x] == 1).all())
    assert bool((next_planes[rows, -1, next_y, next_x] == 1).all())
    assert torch.equal(planes[:, :-1], next_planes[:, :-1])
    moves = torch.zeros(len(env.layout.actions), 2, dtype=torch.int64)
    for name, step in STEPS.items():
        moves[env.layout.actions.index(name)] = torch.tensor(step)
    assert torch.equal(torch.stack((next_x - x, next_y - y), 1), moves[batch.actions])
    last = env.level.width - 1
    borders = torch.stack((y > 0, y < last, x > 0, x < last), 1)
    assert torch.equal(batch.masks[:, :4], borders)
    borders = torch.stack((next_y > 0, next_y < last, next_x > 0, next_x < last), 1)
    assert torch.equal(batch.next_masks[:, :4], borders)
    underfoot = batch.next_observations[:, env.layout.group("underfoot").slice]
    assert torch.equal(underfoot[:, :-1], next_planes[rows, :-1, next_y, next_x])


def test_window_turns_around_the_agent():
    env, batch = played("L2")
    *_, plain = seen(env, batch.observations.clone())
    Symmetries(env.layout).turn(batch, 5)  # axes swapped, then up and down mirrored
    *_, turned = seen(env, batch.observations)
    assert torch.equal(turned, plain.transpose(2, 3).flip(2))


def test_eight_different_towns_and_the_first_is_the_town_itself():
    env, batch = played("L1")
    symmetries = Symmetries(env.layout)
    original = batch.observations.clone()
    shown = []
    for way in range(8):
        batch.observations.copy_(original)
        symmetries.turn(batch, way)
        shown.append(batch.observations.clone())
    assert torch.equal(shown[0], original)
    assert all(not torch.equal(shown[a], shown[b]) for a in range(8) for b in range(a + 1, 8))


def test_each_way_is_drawn_as_often_as_any_other():
    symmetries = Symmetries(TownEnv(load_pack("L0").level, 1).layout)
    drawn = symmetries.draw(8000, torch.Generator().manual_seed(0))
    counts = torch.bincount(torch.tensor(drawn), minlength=8)
    # Binomial(8000, 1/8): mean 1000, standard deviation 30.
    assert counts.min() > 850
    assert counts.max() < 1150


def test_layout_without_a_map_is_refused_by_the_path_of_the_field():
    with pytest.raises(SpecError, match=r"replay\.symmetries: found true"):
        Symmetries(layout_of(4))


@pytest.mark.parametrize("prioritized", [False, True])
@pytest.mark.parametrize(("symmetries", "knows"), [(True, True), (False, False)])
def test_what_pays_on_the_left_is_known_to_pay_above(symmetries, knows, prioritized):
    env = TownEnv(load_pack("L0.5").level, ROWS, "cpu", 5)  # no map of it looks the same turned
    layout = env.layout
    spec = changed(
        SMALL["feedforward"],
        {
            "architecture.feedforward.hidden_layers": [32],
            "optimizer.learning_rate": 0.01,
            "q_learning.gamma": 0.0,
            "replay.symmetries": symmetries,
            "replay.prioritized": prioritized,
        },
    )
    agent = FeedforwardAgent(spec, layout, ROWS, seed=0)
    zeros, no = torch.zeros(ROWS), torch.zeros(ROWS, dtype=torch.bool)
    names = ("UP", "LEFT", "RIGHT", "DOWN")
    for name in names:  # one town, in which only LEFT pays
        action = torch.full((ROWS,), layout.actions.index(name))
        pays = torch.full((ROWS,), float(name == "LEFT"))
        same = env.obs[:1].expand(ROWS, -1)
        agent.remember(
            Collected(
                same, env.action_mask, action, pays, zeros, zeros, no, no, same, env.action_mask
            )
        )
    for _ in range(40):
        agent.learn(8, Circumstances(no, 0.0))
    turner = Symmetries(layout)
    up, left = layout.actions.index("UP"), layout.actions.index("LEFT")
    found = []
    for way in range(8):
        trial = transitions(
            1,
            observations=env.obs[:1].clone(),
            next_observations=env.obs[:1].clone(),
            masks=env.action_mask[:1].clone(),
            actions=torch.tensor([left]),
            next_masks=env.action_mask[:1].clone(),
        )
        turner.turn(trial, way)
        if int(trial.actions) == up:
            values = agent.q_values(trial.observations)[0, :4]
            found.append(int(values.argmax()) == up)
    assert len(found) == 2
    assert all(found) == knows
