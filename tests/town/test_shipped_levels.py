"""The shipped level packs hold what the table of levels promises."""

import os
from pathlib import Path

import pytest

from hamlet.envs.town import TownEnv, level_from_data, list_levels, load_pack
from hamlet.errors import SpecError
from tests.town.reference import METERS, PLACES
from tests.town.towns import level_data

ALL = [place.name for place in PLACES]
PRODUCT = {"kind": "multiplicative", "meters": ["energy", "health"]}
BASE_WITH_BONUS = {
    "kind": "constant_base_with_bonus",
    "base": 1.0,
    "bonuses": [
        {"meter": "energy", "weight": 0.5, "center": 0.5},
        {"meter": "health", "weight": 0.5, "center": 0.5},
    ],
}
OFF, ON = {"enabled": False, "start_hour": 0}, {"enabled": True, "start_hour": "random"}
TABLE = {
    "L0": (3, "full", ["Bed"], ["energy", "money"], ["MEDITATE"], OFF, 1000, 500),
    "L0.5": (
        5,
        "full",
        ["Bed", "HomeMeal", "Hospital", "Job"],
        METERS,
        ["REST", "MEDITATE"],
        OFF,
        2000,
        1000,
    ),
    "L1": (8, "full", ALL, METERS, [], OFF, 500, 5000),
    "L2": (8, 5, ALL, METERS, [], OFF, 500, 10000),
    "L3": (8, 5, ALL, METERS, [], ON, 500, 10000),
}
LEARNING = {  # decision 9 gives the reasons
    "L0": (0.1, "dueling", 0.99, 100_000, 200),
    "L0.5": (0.1, "dueling", 0.998, 100_000, 1000),
    "L1": (1.0, "dueling", 0.9992, 50_000, 1000),
    "L2": (0.1, "recurrent_spatial", 0.998, 10000, 1000),
    "L3": (1.0, "recurrent_spatial", 0.998, 10000, 1000),
}
CURRICULUM = {  # advance, retreat, entropy, dwell
    "L0": (0.8, 0.2, 0.3, 100),
    "L0.5": (0.5, 0.2, 0.5, 50),
    "L1": (0.7, 0.3, 0.5, 1000),
    "L2": (0.7, 0.3, 0.5, 1000),
    "L3": (0.7, 0.3, 0.5, 1000),
}


def test_five_levels_are_shipped_easiest_first():
    assert list_levels() == tuple(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_level_matches_the_table(name):
    level = load_pack(name).level
    side, view, affordances, active, off, temporal, max_steps, budget = TABLE[name]
    data = level.to_data()
    assert data["name"] == name
    assert data["grid"] == {"width": side, "height": side}
    assert data["view"] == view
    assert sorted(data["affordances"]) == sorted(affordances)
    assert data["active_meters"] == active
    assert data["disabled_actions"] == off
    assert data["temporal"] == temporal
    assert (data["max_steps"], data["episode_budget"]) == (max_steps, budget)
    assert data["grid_encoding"] == "planes"
    assert data["retirement_bonus"] == 0.0
    assert data["intrinsic_modifiers"] == []
    assert not any(weight for term, weight in data["shaping"].items() if term != "discount")


@pytest.mark.parametrize("name", TABLE)
def test_extrinsic_reward_matches_the_table(name):
    expected = {
        "L0": {"kind": "multiplicative", "meters": ["energy"]},
        "L0.5": BASE_WITH_BONUS,
    }.get(name, PRODUCT)
    assert load_pack(name).level.to_data()["extrinsic"] == expected


@pytest.mark.parametrize("name", TABLE)
def test_learning_settings_match_the_table(name):
    pack = load_pack(name)
    base_weight, brain, decay, capacity, learning_starts = LEARNING[name]
    assert pack.training["intrinsic"]["base_weight"] == base_weight
    assert pack.training["epsilon"] == {"start": 1.0, "decay": decay, "minimum": 0.01}
    assert pack.training["learning_starts"] == learning_starts
    assert pack.brain["architecture"]["type"] == brain
    assert pack.brain["replay"]["capacity"] == capacity


@pytest.mark.parametrize("name", TABLE)
def test_curriculum_thresholds_match_the_table(name):
    curriculum = load_pack(name).training["curriculum"]
    fields = ("advance_survival", "retreat_survival", "entropy_below", "dwell_steps")
    assert tuple(curriculum[field] for field in fields) == CURRICULUM[name]
    assert curriculum["scope"] == "shared"


def test_meters_start_and_fall_as_the_tables_say():
    usual = level_data("L1")
    ones = {**dict.fromkeys(METERS, 1.0), "money": 0.5}
    losses = {"energy": 0.005, "hygiene": 0.003, "satiation": 0.004, "mood": 0.001}
    losses |= {"social": 0.006, "fitness": 0.002, "money": 0.0, "health": 0.0}
    assert usual["start"] == ones
    assert usual["base_losses"] == losses
    special = level_data("L0.5")
    assert special["start"] == {
        **ones,
        "energy": 0.5,
        "satiation": 0.5,
        "health": 0.8,
        "money": 0.3,
    }
    assert special["base_losses"] == {name: 0.001 if loss else 0.0 for name, loss in losses.items()}


def test_every_level_is_another_level():
    assert len({load_pack(name).level.hash for name in list_levels()}) == 5


def test_title_and_description_are_short():
    for name in list_levels():
        level = load_pack(name).level
        assert 3 <= len(level.title) <= 30
        assert 40 <= len(level.description) <= 250
        assert "\n" not in level.description.strip()


@pytest.mark.parametrize("name", TABLE)
def test_level_survives_the_way_through_plain_data(name):
    level = load_pack(name).level
    again = level_from_data(level.to_data())
    assert again == level
    assert again.hash == level.hash


def test_hash_changes_with_any_value():
    level = load_pack("L1").level
    assert level_from_data(level_data(max_steps=501)).hash != level.hash
    assert level_from_data(level_data(title="Another")).hash != level.hash


def test_pack_keeps_the_files_as_people_wrote_them():
    pack = load_pack("L0")
    assert set(pack.texts) == {"level.yaml", "brain.yaml", "training.yaml"}
    assert pack.texts["level.yaml"].startswith("# One bed")


@pytest.mark.parametrize("name", ["L9", "../town/L1", "/etc", "", "l1", None, 3, ["L1"]])
def test_unknown_level_is_refused_and_the_choices_are_named(name):
    with pytest.raises(SpecError, match=r"level: found .*expected one of L0, L0\.5, L1, L2, L3"):
        load_pack(name)


def copy_pack(folder: Path) -> Path:
    for name, text in load_pack("L1").texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_pack_can_be_loaded_from_a_folder(tmp_path):
    folder = copy_pack(tmp_path)
    pack = load_pack(folder)
    assert pack.level.hash == load_pack("L1").level.hash
    assert TownEnv(pack.level, 2).obs.shape == (2, 989)


def test_missing_file_of_a_pack_is_named(tmp_path):
    folder = copy_pack(tmp_path)
    (folder / "brain.yaml").unlink()
    with pytest.raises(SpecError, match=r"brain\.yaml: cannot be read.*No such file"):
        load_pack(folder)


def test_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SpecError, match=r"level\.yaml: cannot be read"):
        load_pack(tmp_path / "nowhere")


def test_a_link_or_a_pipe_in_the_place_of_a_file_is_refused(tmp_path):
    folder = copy_pack(tmp_path)
    secret = tmp_path / "secret.yaml"
    (folder / "brain.yaml").rename(secret)
    (folder / "brain.yaml").symlink_to(secret)
    with pytest.raises(SpecError, match=r"brain\.yaml: is a symbolic link"):
        load_pack(folder)
    (folder / "brain.yaml").unlink()
    os.mkfifo(folder / "brain.yaml")
    with pytest.raises(SpecError, match=r"brain\.yaml: is no plain file"):
        load_pack(folder)
    (folder / "brain.yaml").unlink()
    (folder / "brain.yaml").mkdir()
    with pytest.raises(SpecError, match=r"brain\.yaml: "):
        load_pack(folder)


def test_the_three_files_are_checked_together_and_every_fault_is_named(tmp_path):
    folder = copy_pack(tmp_path)
    for name in ("level", "brain", "training"):
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
        (folder / f"{name}.yaml").write_text(f"{text}\ncolour: red\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        load_pack(folder)
    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["level.colour", "brain.colour", "training.colour"]
    assert all("unknown field" in problem.message for problem in caught.value.problems)


def test_files_that_are_good_alone_may_be_wrong_together(tmp_path):
    folder = copy_pack(tmp_path)
    level = (folder / "level.yaml").read_text(encoding="utf-8")
    shaped = f"{level}\nshaping: {{approach: 1.0, discount: 0.5}}\n"
    (folder / "level.yaml").write_text(shaped, encoding="utf-8")
    with pytest.raises(SpecError, match=r"level\.shaping\.discount: found 0\.5; expected 0\.99"):
        load_pack(folder)
    (folder / "level.yaml").write_text(level, encoding="utf-8")
    brain = "architecture: {type: recurrent_spatial, recurrent_spatial: {vision_encoder: {"
    kernels = "kernel_sizes: [15, 15], padding: [0, 0]}}}"
    (folder / "brain.yaml").write_text(brain + kernels, encoding="utf-8")
    with pytest.raises(SpecError, match=r"brain\.architecture\..*kernel_sizes\[0\]"):
        load_pack(folder)


def test_a_pack_is_its_readers_own():
    load_pack("L0").training["num_envs"] = 4095
    load_pack("L0").brain["replay"]["capacity"] = 7
    assert load_pack("L0").training["num_envs"] == 8
    assert load_pack("L0").brain["replay"]["capacity"] == 100_000


def test_large_or_binary_file_is_refused_before_it_is_parsed(tmp_path):
    folder = copy_pack(tmp_path)
    (folder / "training.yaml").write_bytes(b"a: 1\n" * 100_000)
    with pytest.raises(SpecError, match=r"training\.yaml: found more than"):
        load_pack(folder)
    (folder / "training.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"training\.yaml: is not UTF-8"):
        load_pack(folder)
