"""The scripts that trained agents are measured against."""

import pytest
import torch

from hamlet.envs.town import TownEnv, list_levels, load_pack
from hamlet.envs.town.policies import POLICIES, Heuristic, RandomLegal, make_policy
from hamlet.envs.town.tables import ACTION_NAMES, AFFORDANCE_ID, AFFORDANCES, INTERACT, REST, WAIT
from hamlet.errors import SpecError
from tests.town.reference import METERS
from tests.town.towns import make_level, put, stand_on

FULL = dict.fromkeys(METERS, 1.0)


def live(name: str, level, rows: int, seed: int = 31) -> TownEnv:
    """Let a policy play until every row has ended; an illegal action would raise."""
    env, policy = TownEnv(level, rows, seed=seed, debug=True), make_policy(name, seed=1)
    while not bool((env.terminated | env.truncated).all()):
        env.step(policy.act(env))
    return env


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("level", list_levels())
def test_policy_chooses_legal_actions_only_also_for_ended_rows(policy, level):
    short = make_level(level, max_steps=40)
    env = live(policy, short, 12)
    chosen = make_policy(policy).act(env)
    assert chosen.dtype == torch.int64
    assert chosen.tolist() == [WAIT] * 12


def test_idle_waits_and_rest_only_rests_where_it_may():
    env = TownEnv(load_pack("L1").level, 3)
    assert make_policy("idle").act(env).tolist() == [WAIT] * 3
    assert make_policy("rest_only").act(env).tolist() == [REST] * 3
    without = TownEnv(load_pack("L0.5").level, 3)
    assert make_policy("rest_only").act(without).tolist() == [WAIT] * 3


def test_random_legal_takes_each_legal_action_equally_often():
    env = TownEnv(make_level("L0", grid={"width": 2, "height": 2}), 4000, seed=1)
    policy = RandomLegal(seed=2)
    chosen, mask = policy.act(env), env.action_mask
    assert mask.gather(1, chosen.unsqueeze(1)).all()
    for pattern in mask.unique(dim=0):
        rows = (mask == pattern).all(dim=1)
        counts = torch.bincount(chosen[rows], minlength=8)[pattern]
        expected = int(rows.sum()) / int(pattern.sum())
        # Six standard deviations of a binomial count.
        assert ((counts - expected).abs() < 6 * expected**0.5).all()


def test_random_legal_repeats_itself_with_the_same_seed():
    env = TownEnv(load_pack("L1").level, 50)
    one, two, other = (RandomLegal(seed) for seed in (3, 3, 4))
    first = [one.act(env).tolist() for _ in range(3)]
    assert first == [two.act(env).tolist() for _ in range(3)]
    assert first != [other.act(env).tolist() for _ in range(3)]


def test_entropy_is_one_for_random_choice_and_nothing_for_a_script():
    env = TownEnv(make_level(max_steps=1), 3)
    assert RandomLegal().entropy(env).tolist() == [1.0] * 3
    for name in ("idle", "rest_only", "heuristic"):
        assert make_policy(name).entropy(env).tolist() == [0.0] * 3
    env.step(torch.full((3,), WAIT))
    assert RandomLegal().entropy(env).tolist() == [0.0] * 3  # one legal action: no choice


@pytest.mark.parametrize("name", ["clever", None, 3])
def test_unknown_policy_is_refused(name):
    with pytest.raises(SpecError, match="policy: found .*expected one of random_legal"):
        make_policy(name)


def decision(env: TownEnv, row: int = 0) -> str:
    return ACTION_NAMES[int(Heuristic().act(env)[row])]


def heading(env: TownEnv, steps: int = 30) -> int:
    """Id of the first place that the heuristic uses, -1 for none."""
    policy = Heuristic()
    for _ in range(steps):
        _, _, _, _, info = env.step(policy.act(env))
        if int(info["affordance"][0]) >= 0:
            return int(info["affordance"][0])
    return -1


@pytest.mark.parametrize(
    ("need", "value", "places"),
    [
        ("energy", 0.3, {"Bed", "LuxuryBed", "FastFood", "Recreation"}),
        ("satiation", 0.35, {"HomeMeal", "FastFood", "Bar"}),
        ("health", 0.3, {"Doctor", "Hospital", "LuxuryBed", "Bed", "HomeMeal"}),
        ("hygiene", 0.32, {"Shower"}),
        ("mood", 0.35, {"Therapist", "Recreation", "Bar", "Park"}),
        ("social", 0.32, {"Bar", "Park", "FastFood", "Job", "Labor"}),
        ("fitness", 0.2, {"Gym", "Park"}),
    ],
)
def test_worst_need_is_looked_after(need, value, places):
    for seed in range(4):
        env = TownEnv(load_pack("L1").level, 1, seed=seed)
        put(env, **FULL | {need: value})
        assert AFFORDANCES[heading(env)].name in places


def test_worst_is_measured_against_its_threshold():
    """Hygiene .4 of .45 is less urgent than energy .5 of .6, though its number is lower."""
    env = TownEnv(load_pack("L1").level, 1, seed=1)
    put(env, **FULL | {"hygiene": 0.4, "energy": 0.5})
    used = AFFORDANCES[heading(env)]
    assert used.total_effect().get("energy", 0.0) > 0


def test_content_agent_rests_and_a_poor_one_works():
    env = TownEnv(load_pack("L1").level, 1, seed=2)
    put(env, **FULL)
    assert decision(env) == "REST"
    put(env, **FULL | {"money": 0.29})
    assert AFFORDANCES[heading(env)].name in ("Job", "Labor")


def test_need_that_cannot_be_paid_for_sends_to_work():
    env = TownEnv(load_pack("L1").level, 1, seed=3)
    put(env, **FULL | {"hygiene": 0.31, "money": 0.0})
    assert AFFORDANCES[heading(env)].name in ("Job", "Labor")


def test_work_that_would_exhaust_is_left_alone():
    env = TownEnv(make_level("L0.5"), 1, seed=4)
    stand_on(env, "Job")
    put(env, **FULL | {"energy": 0.25, "money": 0.0})
    # Working takes .15 and the effort: .25 would become less than .12.
    assert decision(env) == "WAIT"
    put(env, energy=0.3)
    assert decision(env) == "INTERACT"


def test_way_to_work_counts_as_effort_too():
    """Eight steps at .006 each make the difference between .144 and .096 left after work."""
    env = TownEnv(make_level("L0.5"), 1)

    def choice(job: int) -> str:
        saved = env.state_dict()
        saved["places"][0] = -1
        saved["places"][0, AFFORDANCE_ID["Job"]] = job
        saved["cell"][0] = 0
        env.load_state_dict(saved)
        put(env, **FULL | {"energy": 0.3, "money": 0.0})
        return decision(env)

    assert choice(job=1) == "RIGHT"
    assert choice(job=24) == "WAIT"


def test_nearer_place_wins_unless_the_gain_makes_up_for_the_way():
    level = make_level(
        "L0", affordances=["Bed", "LuxuryBed"], grid={"width": 20, "height": 2}, active_meters="all"
    )
    env = TownEnv(level, 1)

    def goes_to(bed: int, luxury: int) -> str:
        saved = env.state_dict()
        saved["places"][0, :2] = torch.tensor([bed, luxury])
        saved["cell"][0] = 8
        saved["meters"][0] = 1.0
        saved["meters"][0, 0] = 0.2
        env.load_state_dict(saved)
        return decision(env)

    # From .2 energy, a bed gives .5 and a luxury bed .75: worth 2.5 steps.
    assert goes_to(bed=6, luxury=10) == "RIGHT"
    assert goes_to(bed=6, luxury=12) == "RIGHT"
    assert goes_to(bed=6, luxury=13) == "LEFT"


def test_closed_place_is_not_gone_to_and_one_that_opens_in_time_is():
    level = make_level(
        "L3",
        affordances=["Therapist"],
        view="full",
        grid={"width": 10, "height": 2},
        start=FULL | {"mood": 0.35},
    )
    env = TownEnv(level, 1)

    def choice(hour: int, distance: int) -> str:
        saved = env.state_dict()
        saved["places"][0, AFFORDANCE_ID["Therapist"]] = distance
        saved["cell"][0] = 0
        saved["hour"][0] = hour
        env.load_state_dict(saved)
        return decision(env)

    assert choice(hour=12, distance=3) == "RIGHT"
    assert choice(hour=3, distance=4) == "REST"  # there at 7, opens at 8
    assert choice(hour=3, distance=5) == "RIGHT"
    assert choice(hour=16, distance=2) == "REST"  # there at 18, closed again


def test_use_that_was_begun_is_finished():
    env = TownEnv(load_pack("L3").level, 1, seed=5)
    stand_on(env, "Bed")
    put(env, **FULL | {"energy": 0.58})
    policy = Heuristic()
    taken = []
    for _ in range(5):
        taken.append(int(policy.act(env)[0]))
        env.step(torch.tensor(taken[-1:]))
    # From the first tick on energy is above its threshold of .6.
    assert taken == [INTERACT] * 5


def test_window_hides_what_was_not_seen_and_memory_keeps_what_was():
    level = make_level("L2", affordances=["Bed"], grid={"width": 12, "height": 3})
    env = TownEnv(level, 1)
    saved = env.state_dict()
    saved["places"][0, 0] = 0
    saved["cell"][0] = 12 + 2
    env.load_state_dict(saved)
    policy = Heuristic()
    put(env, **FULL)
    policy.act(env)  # sees the bed, needs nothing
    saved = env.state_dict()
    saved["cell"][0] = 12 + 9
    saved["steps"][0] = 1
    saved["meters"][0, 0] = 0.5
    env.load_state_dict(saved)
    assert ACTION_NAMES[int(policy.act(env)[0])] == "LEFT"  # remembers it
    policy.reset()
    assert policy.planner.memory.known[0, 0] == -1


def test_heuristic_forgets_when_an_episode_begins():
    env = TownEnv(load_pack("L2").level, 2, seed=6)
    policy = Heuristic()
    for _ in range(25):
        env.step(policy.act(env))
    walked = int(policy.planner.memory.seen[0].sum())
    env.reset(torch.tensor([True, False]))
    kept = policy.planner.memory.known[1].clone()
    policy.act(env)
    assert int(policy.planner.memory.seen[0].sum()) <= 25 <= walked
    assert policy.planner.memory.known[1].equal(kept)


def test_sweep_sees_the_whole_town():
    """A need that nothing met so far can serve: the town is walked until the place is found."""
    level = make_level(
        "L2", affordances=["Shower"], start=FULL | {"hygiene": 0.44}, view=3, max_steps=300
    )
    env = TownEnv(level, 40, seed=7)
    env.set_stage(["hygiene", "mood"])
    policy = Heuristic()
    used = torch.zeros(40, dtype=torch.bool)
    for _ in range(60):
        _, _, _, _, info = env.step(policy.act(env))
        used |= info["affordance"] >= 0
    assert used.all()


@pytest.mark.parametrize("level", ["L0", "L0.5", "L1"])
def test_heuristic_reaches_the_time_limit_where_it_sees_everything(level):
    env = live("heuristic", load_pack(level).level, 30)
    assert env.truncated.all()


@pytest.mark.parametrize(("level", "share"), [("L2", 0.9), ("L3", 0.5)])
def test_heuristic_mostly_reaches_it_through_a_window(level, share):
    env = live("heuristic", load_pack(level).level, 100)
    assert env.truncated.float().mean() > share


@pytest.mark.parametrize("level", list_levels())
def test_heuristic_outlives_the_trivial_scripts(level):
    level = load_pack(level).level
    best = max(
        float(live(name, level, 20).steps.float().mean())
        for name in ("random_legal", "idle", "rest_only")
    )
    assert float(live("heuristic", level, 20).steps.float().mean()) > 1.5 * best
