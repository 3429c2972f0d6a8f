"""The optional shaping terms: each alone, each in its own column."""

import pytest
import torch

from hamlet.envs.town import TownEnv
from tests.town.reference import METERS
from tests.town.towns import act, make_level, meter, put, random_legal, stand_on

STILL = dict.fromkeys(METERS, 0.0)
TERMS = ("approach", "completion", "balance", "crisis_avoidance", "diversity")


def shaped(rows: int = 1, *, discount: float = 0.9, level: str = "L1", **weights: float) -> TownEnv:
    changes = {} if level == "L3" else {"base_losses": STILL}
    return TownEnv(make_level(level, shaping={"discount": discount, **weights}, **changes), rows)


def agent_at(env: TownEnv, cell: int) -> None:
    saved = env.state_dict()
    saved["cell"][:] = cell
    env.load_state_dict(saved)


def bed_in_the_corner() -> TownEnv:
    level = make_level(
        "L0", base_losses=STILL, shaping={"discount": 0.9, "approach": 1.0}, max_steps=100
    )
    env = TownEnv(level, 1)
    saved = env.state_dict()
    saved["places"][0, 0] = 0
    env.load_state_dict(saved)
    return env


def test_approach_pays_for_coming_nearer_to_what_the_lowest_need_needs():
    env = bed_in_the_corner()
    agent_at(env, 8)  # four steps from the bed, the farthest there is
    _, streams, _, _, _ = act(env, "UP")
    assert float(streams.shaping[0]) == pytest.approx(0.9 * -3 / 4 - -4 / 4)
    _, streams, _, _, _ = act(env, "DOWN")
    assert float(streams.shaping[0]) == pytest.approx(0.9 * -4 / 4 - -3 / 4)


def test_approach_is_silent_where_nothing_helps():
    level = make_level(
        "L0", active_meters=["mood", "money"], shaping={"approach": 1.0}, base_losses=STILL
    )
    env = TownEnv(level, 1)
    agent_at(env, 4)
    assert float(act(env, "UP")[1].shaping[0]) == 0.0


def test_balance_pays_for_closing_the_gap():
    env = shaped(balance=2.0)
    put(env, mood=0.5, health=0.9)  # money plays no part; the gap is 1 - .5
    act(env, "WAIT")
    before = 1.0 - meter(env, "mood")
    _, streams, _, _, _ = act(env, "MEDITATE")
    assert meter(env, "mood") == pytest.approx(0.52)
    expected = 2.0 * (0.9 * -(1.0 - 0.52) - -before)
    assert float(streams.shaping[0]) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("term", ["approach", "balance"])
def test_potential_based_terms_depend_on_where_an_episode_starts_and_ends_only(term):
    """With discount g, the discounted sum telescopes to g^T P(last) - P(first), and P is 0 in
    death; so no route between two states earns more than another."""
    env = shaped(20, discount=0.9, level="L3", **{term: 1.5})
    first = potential(env, term)
    generator = torch.Generator().manual_seed(3)
    total, discount = torch.zeros(20, dtype=torch.float64), 1.0
    lasts = first.clone()
    ended_at = torch.zeros(20, dtype=torch.int64)
    for step in range(1, 200):
        running = ~(env.terminated | env.truncated)
        _, streams, terminated, _, _ = env.step(random_legal(env, generator))
        total += discount * streams.terms[term].double()
        discount *= 0.9
        ended_at[running] = step
        lasts = torch.where(running, potential(env, term).masked_fill(terminated, 0.0), lasts)
    assert env.terminated.sum() >= 10
    expected = 1.5 * (0.9 ** ended_at.double() * lasts - first)
    assert total.tolist() == pytest.approx(expected.tolist(), abs=1e-5)


def potential(env: TownEnv, term: str) -> torch.Tensor:
    return env._shaping.potentials(env)[term].double()


def test_potential_of_a_death_is_nothing_and_of_the_time_limit_is_kept():
    def last_payment(**meters: float) -> float:
        env = TownEnv(make_level(shaping={"discount": 0.9, "balance": 1.0}, max_steps=1), 1)
        put(env, mood=0.4, **meters)
        return float(act(env, "WAIT")[1].shaping[0])

    assert last_payment(energy=0.0) == pytest.approx(0.0 - -1.0, abs=1e-6)
    # Alive at the limit: 1 - health is the least loss, mood falls by .001 to .399.
    highest = 1 - 0.000505
    assert last_payment() == pytest.approx(0.9 * -(highest - 0.399) - -0.6, abs=1e-5)


def test_new_episode_and_new_stage_pay_nothing_for_the_jump():
    env = shaped(1, discount=1.0, balance=1.0)
    put(env, mood=0.4, health=1.0)
    env.reset()
    _, streams, _, _, _ = act(env, "WAIT")
    assert abs(float(streams.shaping[0])) < 0.001
    put(env, mood=0.4)
    env.set_stage(["energy", "hygiene"])
    _, streams, _, _, _ = act(env, "WAIT")
    assert abs(float(streams.shaping[0])) < 0.001


def test_completion_pays_each_finished_use():
    env = shaped(level="L3", completion=0.5)
    stand_on(env, "HomeMeal")
    assert float(act(env, "INTERACT")[1].shaping[0]) == 0.0
    assert float(act(env, "INTERACT")[1].shaping[0]) == 0.5
    assert float(act(env, "WAIT")[1].shaping[0]) == 0.0


def test_crisis_avoidance_charges_the_share_of_needs_in_crisis():
    env = shaped(crisis_avoidance=0.7)
    put(env, satiation=0.1, mood=0.2, money=0.0)
    assert float(act(env, "WAIT")[1].shaping[0]) == pytest.approx(-0.7 * 2 / 7)
    put(env, satiation=1.0, mood=1.0)
    assert float(act(env, "WAIT")[1].shaping[0]) == 0.0


def test_diversity_pays_the_first_use_of_each_place_in_an_episode():
    env = shaped(diversity=0.25)

    def use(place: str) -> float:
        stand_on(env, place)
        return float(act(env, "INTERACT")[1].shaping[0])

    assert [use(place) for place in ("Park", "Job", "Park", "Shower", "Job")] == [
        0.25,
        0.25,
        0.0,
        0.25,
        0.0,
    ]
    env.reset()
    assert use("Park") == 0.25


def test_each_term_has_its_column_and_the_stream_is_their_sum():
    weights = dict(zip(TERMS, (0.1, 0.2, 0.3, 0.4, 0.5), strict=True))
    env = shaped(8, level="L3", **weights)
    generator = torch.Generator().manual_seed(5)
    for _ in range(30):
        _, streams, _, _, _ = env.step(random_legal(env, generator))
        assert tuple(streams.terms) == TERMS
        total = torch.zeros(8)
        for column in streams.terms.values():
            assert column.dtype == torch.float32
            total = total + column
        assert streams.shaping.equal(total)


@pytest.mark.parametrize("term", TERMS)
def test_ended_rows_earn_no_shaping(term):
    env = TownEnv(make_level(max_steps=1, shaping={term: 1.0}), 3)
    put(env, mood=0.1)
    act(env, "WAIT")
    _, streams, _, _, _ = act(env, "WAIT")
    assert streams.shaping.tolist() == [0.0] * 3
