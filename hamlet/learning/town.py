"""The town as a system: from a person's request to a RunSpec and a trainer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hamlet.brains import BrainSpec
from hamlet.envs.town import (
    LevelPack,
    TownLevel,
    layout_for,
    level_from_data,
    list_levels,
    load_pack,
)
from hamlet.envs.town.packs import pack_problems
from hamlet.envs.town.training_schema import read_training
from hamlet.errors import Problem, SpecError, attempt
from hamlet.learning.town_memory import memory_problems
from hamlet.runspec import MAX_SEED, RunSpec
from hamlet.schema import (
    Choice,
    Integer,
    Reader,
    Section,
    Unread,
    describe,
    hint,
    read_yaml,
    validate,
)
from hamlet.sections import merged
from hamlet.systems import LevelChoice

if TYPE_CHECKING:
    from hamlet.layout import ObservationLayout
    from hamlet.learning.town_trainer import TownTrainer
    from hamlet.signature import Signature

SYSTEM = "town"
TRAINER = "dqn"
MOST_EPISODES = 10_000_000
PLAIN_PACK, WINDOW_PACK, CLOCK_PACK = "L1", "L2", "L3"


class LevelField(Reader):
    """The name of a shipped level, or a whole level as a mapping."""

    def read(self, value: Any, path: str, problems: list[Problem]) -> Any:
        if not isinstance(value, str | Mapping) or (
            isinstance(value, str) and value not in list_levels()
        ):
            known = list_levels()
            message = (
                f"found {describe(value)}; expected one of {', '.join(known)}, or a mapping with "
                f"a whole level{hint(value, known)}"
            )
            problems.append(Problem(path, message))
        return value


REQUEST_SCHEMA = Section(
    {
        "system": Choice(SYSTEM, default=SYSTEM),
        "trainer": Choice(TRAINER, default=TRAINER),
        "level": LevelField(),
        "brain": Unread(Mapping | str, "YAML text or a mapping", default=None, optional=True),
        "training": Unread(Mapping, "a mapping", default=None, optional=True),
        "seed": Integer(0, MAX_SEED, default=0),
        "episodes": Integer(1, MOST_EPISODES, default=None, optional=True),
    }
)
CONTENT_SCHEMA = Section(
    {
        "level": LevelField(),
        "brain": Unread(Mapping, "a mapping", default=None, optional=True),
        "training": Unread(Mapping, "a mapping", default=None, optional=True),
    }
)


def request_schema() -> Section:
    """The fields that a person may set."""
    return REQUEST_SCHEMA


def levels() -> list[LevelChoice]:
    """The shipped levels, easiest first."""
    packs = [load_pack(name) for name in list_levels()]
    return [
        LevelChoice(
            name=pack.level.name,
            title=pack.level.title,
            description=pack.level.description,
            budget=pack.level.episode_budget,
        )
        for pack in packs
    ]


def build_runspec(request: Mapping[str, Any]) -> RunSpec:
    """Check a request and write every default out, so that equal hashes mean equal runs.

    `brain` stands for the level's own brain where it is left out; `training` changes single
    settings of the level's own. A level given as a mapping borrows both from the shipped level of
    its name, or else from L1 (full view), L2 (window) or L3 (window and clock).

    Raises: SpecError naming every fault by its path in the request.
    """
    read = validate(REQUEST_SCHEMA, request)
    problems: list[Problem] = []
    pack, level = choose_level(read["level"], problems)
    brain = training = None
    if pack is not None:
        brain = attempt(problems, read_brain, read["brain"], pack)
        training = attempt(
            problems, read_training, merged(pack.training, read["training"] or {}), "training"
        )
    if brain is not None and training is not None:
        problems += fitting_problems(level, brain, training)
    if problems:
        raise SpecError(problems)
    return RunSpec(
        system=SYSTEM,
        trainer=TRAINER,
        seed=read["seed"],
        budget=read["episodes"] or level.episode_budget,
        content={"level": level.to_data(), "brain": brain.data, "training": training},
    )


def read_folder(folder: Path) -> dict[str, Any]:
    """The request for a level pack of one's own. It holds all of the pack, so that nobody who
    runs it needs the folder.

    Only for people at this machine: a folder must never be named over the network.

    Raises: SpecError naming every fault of the three files.
    """
    pack = load_pack(folder)
    return {"level": pack.level.to_data(), "brain": pack.brain, "training": pack.training}


def make_trainer(spec: RunSpec, device: str = "cpu") -> TownTrainer:
    """Raises: SpecError if the content is not that of a town, or was changed by hand and is
    wrong now."""
    from hamlet.learning.town_trainer import TownTrainer

    return TownTrainer(spec, device)


def observation_layout(spec: RunSpec) -> ObservationLayout:
    """Raises: SpecError if the content holds no level of a town."""
    content = validate(CONTENT_SCHEMA, spec.content, "content")
    return layout_for(level_from_data(content["level"], "content.level"))


def read_content(spec: RunSpec) -> tuple[TownLevel, BrainSpec, dict[str, Any]]:
    """The checked parts of a town's RunSpec. Raises: SpecError naming every fault."""
    for name, found, expected in (
        ("system", spec.system, SYSTEM),
        ("trainer", spec.trainer, TRAINER),
    ):
        if found != expected:
            message = f"found {describe(found)}; this trainer is for {expected}"
            raise SpecError([Problem(name, message)])
    content = validate(CONTENT_SCHEMA, spec.content, "content")
    level = level_from_data(content["level"], "content.level")
    brain = BrainSpec.from_data(content["brain"], "content.brain")
    training = read_training(content["training"], "content.training")
    problems = fitting_problems(level, brain, training)
    if problems:
        raise SpecError(problems)
    return level, brain, training


def choose_level(
    value: str | Mapping[str, Any], problems: list[Problem]
) -> tuple[LevelPack | None, TownLevel | None]:
    """The level, and the pack whose brain and training go with it; (None, None) on faults."""
    if isinstance(value, str):
        pack = load_pack(value)
        return pack, pack.level
    level = attempt(problems, level_from_data, value, "level")
    if level is None:
        return None, None
    name = level.name if level.name in list_levels() else PLAIN_PACK
    if level.name not in list_levels() and level.window:
        name = CLOCK_PACK if level.temporal else WINDOW_PACK
    return load_pack(name), level


def read_brain(value: str | Mapping[str, Any] | None, pack: LevelPack) -> BrainSpec:
    """Raises: SpecError with paths below `brain`."""
    data = pack.brain if value is None else value
    if isinstance(data, str):
        data = read_yaml(data, name="brain")
    return BrainSpec.from_data(data, "brain")


def fitting_problems(
    level: TownLevel, brain: BrainSpec, training: Mapping[str, Any]
) -> list[Problem]:
    """Faults that only show when level, brain and training come together; sizes above all,
    before any memory is taken."""
    found = pack_problems(level, brain, training)
    if brain.family.adapter != SYSTEM:
        return found
    return found + memory_problems(layout_for(level), brain, training)


def adapt_request(signature: Signature, body: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the town's own form of a prediction request into inputs by signature name.

    Args:
        body: `observation`, one ([D]) or several ([[D], ...]); `action_mask` in the same form,
            if given; `hidden_h` and `hidden_c` as the answer before gave them, if given.

    Raises: SpecError on a field that is missing or unknown. What the fields hold is checked by
        `signature.check_inputs`.
    """
    read = validate(PREDICT_SCHEMA, body)
    single = is_flat(read["observation"])
    inputs = {"observation": [read["observation"]] if single else read["observation"]}
    if read["action_mask"] is not None:
        mask = read["action_mask"]
        inputs["action_mask"] = [mask] if is_flat(mask) else mask
    for part in ("hidden_h", "hidden_c"):
        if read[part] is not None:
            if signature.input(part) is None:
                message = "found a hidden state; this model keeps none, leave it out"
                raise SpecError([Problem(part, message)])
            inputs[part] = with_batch_axis(read[part])
    return inputs


NUMBERS = Unread(list, "a list", default=None, optional=True)
# What is in the lists is looked at by `signature.check_inputs`.
PREDICT_SCHEMA = Section(
    {
        "observation": Unread(list, "a list"),
        "action_mask": NUMBERS,
        "hidden_h": NUMBERS,
        "hidden_c": NUMBERS,
    }
)


def is_flat(values: list[Any]) -> bool:
    return not values or not isinstance(values[0], list)


def with_batch_axis(part: list[Any]) -> list[Any]:
    """[layers, H] of one observation becomes [layers, 1, H]."""
    if part and isinstance(part[0], list) and is_flat(part[0]):
        return [[layer] for layer in part]
    return part
