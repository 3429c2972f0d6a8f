"""Every field of a level.yaml refuses what does not belong there, and says where and why."""

import copy
import math
from typing import Any

import pytest

from hamlet.envs.town import TownEnv, level_from_data, load_pack
from hamlet.errors import ShapeError, SpecError
from hamlet.schema import read_yaml
from tests.town.reference import METERS
from tests.town.towns import level_data, make_level

HUGE = 10**400
WRONG_TYPES: list[Any] = [None, [], {}, "x\x00", True, 1.5, HUGE]
NOT_NUMBERS = [None, "1", True, [], {}, math.nan, math.inf, -math.inf, HUGE]
EXTRINSICS = {
    "multiplicative": {"meters": ["energy"]},
    "constant_base_with_bonus": {
        "base": 1.0,
        "bonuses": [{"meter": "energy", "weight": 0.5, "center": 0.5}],
    },
    "weighted_sum": {"weights": [{"meter": "energy", "weight": 0.5}]},
    "min_of": {"meters": ["energy"]},
    "threshold": {"meters": ["energy"], "above": 0.5, "reward": 1.0, "otherwise": 0.0},
}


def full_data() -> dict[str, Any]:
    """A level that uses every field."""
    return level_data(
        intrinsic_modifiers=[{"meter": "energy", "min": 0.0, "max": 0.2, "multiplier": 0.0}],
        temporal={"enabled": True, "start_hour": 7},
    )


def with_value(path: tuple, value: Any, data: dict[str, Any] | None = None) -> dict[str, Any]:
    data = copy.deepcopy(data or full_data())
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


def without(path: tuple, data: dict[str, Any] | None = None) -> dict[str, Any]:
    data = copy.deepcopy(data or full_data())
    place = data
    for key in path[:-1]:
        place = place[key]
    del place[path[-1]]
    return data


def spelled(path: tuple) -> str:
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return text.removeprefix(".")


def refusal(data: Any) -> dict[str, str]:
    with pytest.raises(SpecError) as caught:
        level_from_data(data)
    return {problem.path: problem.message for problem in caught.value.problems}


BAD: list[tuple[tuple, list[Any]]] = [
    (("version",), [0, 2, "1", 1.0, True, None]),
    (("name",), ["", "a b", "../x", "x" * 41, 3, None, "a\x00"]),
    (("title",), ["x" * 81, 3, None, [], "a\x00"]),
    (("description",), ["x" * 601, 3, None, {}]),
    (("grid",), [None, 8, [8, 8], "8x8"]),
    (("grid", "width"), [1, 0, -3, 65, 8.0, "8", True, None, HUGE, math.nan]),
    (("grid", "height"), [1, 0, -3, 65, 8.5, "8", False, None, HUGE, math.inf]),
    (("view",), ["window", 4, 1, 33, -5, 5.0, True, None, [], HUGE, math.nan]),
    (("grid_encoding",), ["pixels", 1, None, ["planes"]]),
    (("affordances",), [[], "Bed", None, {}, ["Bed", "Bed"], 3]),
    (("active_meters",), [[], "energy", None, ["energy", "energy"]]),
    (("start",), [None, 1.0, []]),
    (("base_losses",), [None, 1.0, []]),
    (("disabled_actions",), ["WAIT", None, ["REST", "REST"], {}]),
    (("temporal",), [None, True, []]),
    (("temporal", "enabled"), ["yes", 1, None]),
    (("temporal", "start_hour"), [-1, 24, 7.5, "noon", True, None, math.nan]),
    (("max_steps",), [0, -1, 100_001, 5.0, "5", True, None, HUGE]),
    (("episode_budget",), [0, 10_000_001, 1.0, None, HUGE]),
    (("extrinsic",), [None, "energy", []]),
    (("intrinsic_modifiers",), [None, {}, [{}] * 17]),
    (("intrinsic_modifiers", 0, "min"), [-0.1, 1.1, *NOT_NUMBERS]),
    (("intrinsic_modifiers", 0, "max"), [-0.1, 1.1, *NOT_NUMBERS]),
    (("intrinsic_modifiers", 0, "multiplier"), [-1.0, 11.0, *NOT_NUMBERS]),
    (("intrinsic_modifiers", 0, "meter"), ["hunger", 0, None]),
    (("shaping",), [None, 0.1, []]),
    (("retirement_bonus",), [-1001.0, 1001.0, *NOT_NUMBERS]),
    (("shaping", "discount"), [-0.1, 1.1, *NOT_NUMBERS]),
    *(
        (("shaping", term), [-11.0, 11.0, *NOT_NUMBERS])
        for term in ("approach", "completion", "balance", "crisis_avoidance", "diversity")
    ),
    *((("start", name), [-0.1, 1.1, *NOT_NUMBERS]) for name in METERS),
    *((("base_losses", name), [-0.1, 1.1, *NOT_NUMBERS]) for name in METERS),
]
CASES = [(path, value) for path, values in BAD for value in values]


@pytest.mark.parametrize(("path", "value"), CASES, ids=lambda item: str(item)[:40])
def test_bad_value_is_refused_with_its_path(path, value):
    problems = refusal(with_value(path, value))
    assert any(found.startswith(spelled(path)) for found in problems)
    message = next(text for found, text in problems.items() if found.startswith(spelled(path)))
    assert len(message) < 500


def test_every_field_of_the_schema_stands_in_the_list_of_bad_values():
    tried = {path for path, _ in BAD}
    for name, value in full_data().items():
        assert (name,) in tried
        if isinstance(value, dict) and name != "extrinsic":
            assert all((name, inner) in tried for inner in value)


REQUIRED = [
    *[(name,) for name in ("version", "name", "title", "description", "grid")],
    *[(name,) for name in ("max_steps", "episode_budget", "extrinsic")],
    ("grid", "width"),
    ("grid", "height"),
    ("extrinsic", "kind"),
    ("extrinsic", "meters"),
    ("intrinsic_modifiers", 0, "meter"),
    ("intrinsic_modifiers", 0, "multiplier"),
]


@pytest.mark.parametrize("path", REQUIRED, ids=spelled)
def test_missing_field_is_named(path):
    (found,) = refusal(without(path)).items()
    assert found[0] == spelled(path)
    assert found[1].startswith("missing; ")


OPTIONAL = sorted(set(full_data()) - {path[0] for path in REQUIRED})


@pytest.mark.parametrize("name", OPTIONAL)
def test_other_fields_may_be_left_out(name):
    # L1 is made of defaults, apart from what the test adds.
    left_out = level_from_data(without((name,), level_data("L1")))
    assert left_out == load_pack("L1").level


@pytest.mark.parametrize(
    "path",
    [
        ("gird",),
        ("grid", "depth"),
        ("start", "hunger"),
        ("base_losses", "hunger"),
        ("temporal", "speed"),
        ("extrinsic", "weight"),
        ("intrinsic_modifiers", 0, "maximum"),
        ("shaping", "greed"),
        ("zones",),
        ("agents",),
    ],
    ids=spelled,
)
def test_unknown_field_is_refused(path):
    problems = refusal(with_value(path, 1))
    assert list(problems) == [spelled(path)]
    assert problems[spelled(path)].startswith("unknown field; expected one of")


def test_near_miss_gets_a_hint():
    assert "did you mean grid?" in refusal(with_value(("gird",), 1))["gird"]
    assert "did you mean Shower?" in refusal(level_data(affordances=["Showr"]))["affordances[0]"]


@pytest.mark.parametrize("kind", EXTRINSICS)
def test_each_kind_of_reward_takes_its_own_fields_only(kind):
    good = {"kind": kind, **EXTRINSICS[kind]}
    assert make_level(extrinsic=good).extrinsic == good
    assert refusal(level_data(extrinsic={**good, "slope": 1.0}))["extrinsic.slope"]
    for field in set(EXTRINSICS[kind]) - {"base", "reward", "otherwise"}:
        bad = {name: value for name, value in good.items() if name != field}
        assert refusal(level_data(extrinsic=bad)) == {
            f"extrinsic.{field}": "missing; it has no default"
        }


@pytest.mark.parametrize(
    ("extrinsic", "path"),
    [
        ({"kind": "most_money", "meters": ["money"]}, "extrinsic.kind"),
        ({"kind": ["min_of"], "meters": ["money"]}, "extrinsic.kind"),
        ({"kind": "min_of", "meters": []}, "extrinsic.meters"),
        ({"kind": "min_of", "meters": ["energy", "energy"]}, "extrinsic.meters[1]"),
        ({"kind": "min_of", "meters": ["hunger"]}, "extrinsic.meters[0]"),
        ({"kind": "threshold", "meters": ["energy"], "above": math.nan}, "extrinsic.above"),
        (
            {"kind": "threshold", "meters": ["energy"], "above": 0.5, "reward": HUGE},
            "extrinsic.reward",
        ),
        (
            {"kind": "threshold", "meters": ["energy"], "above": 0.5, "otherwise": -11},
            "extrinsic.otherwise",
        ),
        ({"kind": "weighted_sum", "weights": []}, "extrinsic.weights"),
        (
            {"kind": "weighted_sum", "weights": [{"meter": "energy", "weight": math.inf}]},
            "extrinsic.weights[0].weight",
        ),
        (
            {"kind": "constant_base_with_bonus", "base": "1", "bonuses": []},
            "extrinsic.base",
        ),
        (
            {"kind": "constant_base_with_bonus", "bonuses": [{"meter": "energy", "weight": True}]},
            "extrinsic.bonuses[0].weight",
        ),
        (
            {
                "kind": "constant_base_with_bonus",
                "bonuses": [{"meter": "energy", "weight": 1, "center": 2}],
            },
            "extrinsic.bonuses[0].center",
        ),
    ],
)
def test_bad_reward_is_refused_with_its_path(extrinsic, path):
    assert path in refusal(level_data(extrinsic=extrinsic))


@pytest.mark.parametrize("document", [None, [], "L1", 3, True])
def test_document_that_is_no_mapping_is_refused(document):
    assert "expected a mapping" in refusal(document)["(document)"]


def test_all_faults_are_named_at_once():
    data = level_data(max_steps=0, title=3, affordances=["Beds"])
    assert set(refusal(data)) == {"max_steps", "title", "affordances[0]"}


def test_more_places_than_cells_are_refused():
    problems = refusal(level_data(grid={"width": 3, "height": 4}))
    assert problems == {"affordances": "found 14 places for 12 cells; enlarge the grid"}


def test_start_hour_without_a_clock_is_refused():
    problems = refusal(level_data(temporal={"enabled": False, "start_hour": "random"}))
    assert "the clock stands still" in problems["temporal.start_hour"]


@pytest.mark.parametrize("name", ["energy", "health"])
def test_agent_that_starts_dead_is_refused(name):
    assert "dead" in refusal(level_data(start={name: 0.0}))[f"start.{name}"]


def test_modifier_that_never_counts_is_refused():
    modifier = {"meter": "energy", "min": 0.5, "max": 0.5, "multiplier": 0.0}
    assert (
        "expected more than min"
        in (refusal(level_data(intrinsic_modifiers=[modifier]))["intrinsic_modifiers[0].max"])
    )


@pytest.mark.parametrize("name", [None, "all", "ALL", ["all"]])
def test_only_the_word_all_stands_for_everything(name):
    data = level_data(affordances=name)
    if name == "all":
        assert len(level_from_data(data).affordances) == 14
    else:
        assert any(path.startswith("affordances") for path in refusal(data))


def test_order_and_spelling_of_a_list_do_not_matter():
    one = make_level(affordances=["Job", "Bed"], grid={"width": 3, "height": 3})
    two = make_level(affordances=["Bed", "Job"], grid={"width": 3, "height": 3})
    assert one.hash == two.hash


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\nversion: 1\n",
        "a: &x [1]\nb: *x\n",
        "!!python/object/apply:os.system ['true']\n",
        "[" * 100,
        "a: \x00\n",
        "? {a: 1}\n: 2\n",
    ],
    ids=["twice", "alias", "tag", "deep", "nul", "odd key"],
)
def test_hostile_yaml_is_refused(tmp_path, text):
    for name, own in load_pack("L0").texts.items():
        (tmp_path / name).write_text(own, encoding="utf-8")
    (tmp_path / "level.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError):
        load_pack(tmp_path)


@pytest.mark.parametrize("count", [0, -1, 65_537, 10**12, HUGE, 1.0, True, None, "4", math.nan])
def test_absurd_number_of_environments_is_refused(count):
    with pytest.raises(SpecError, match="num_envs: found"):
        TownEnv(load_pack("L0").level, count)


def test_town_that_would_not_fit_is_refused_before_memory_is_taken():
    wide = make_level(grid={"width": 64, "height": 64})
    assert TownEnv(wide, 2).obs.shape == (2, 15 * 64 * 64 + 29)
    with pytest.raises(SpecError, match=r"num_envs: found 65536, which takes \d+ MiB"):
        TownEnv(wide, 65_536)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "1", True, HUGE, [-1], ["1"], [None]])
def test_bad_seed_is_refused(seed):
    with pytest.raises(SpecError, match="seed: found"):
        TownEnv(load_pack("L0").level, 1, seed=seed)


def test_list_of_seeds_of_the_wrong_length_is_refused():
    with pytest.raises(ShapeError, match="found 2 seeds; expected 3"):
        TownEnv(load_pack("L0").level, 3, seed=[1, 2])


def test_shipped_files_hold_nothing_that_the_schema_fills_in_wrongly():
    for name in ("L0", "L0.5", "L1", "L2", "L3"):
        pack = load_pack(name)
        written = read_yaml(pack.texts["level.yaml"])
        data = pack.level.to_data()
        for field in ("title", "max_steps", "grid", "view", "extrinsic"):
            assert data[field] == written[field]
