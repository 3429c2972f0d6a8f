"""Connect Four as a system: from a person's request to a RunSpec and a trainer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from hamlet.brains import BrainSpec
from hamlet.brains.aliases import BLOCK_NAMES
from hamlet.brains.families import FAMILIES
from hamlet.brains.presets import preset
from hamlet.errors import Problem, SpecError, attempt
from hamlet.learning.connect_four.config import (
    MODEL_TYPES,
    ONE_DEVICE,
    read_config,
    without_nothing,
)
from hamlet.learning.connect_four.content import CONTENT_SCHEMA, SYSTEM, read_content
from hamlet.learning.connect_four.ensemble_settings import DEFAULT_MEMBERS
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.learning.connect_four.packs import LevelPack, levels, load_pack, pack_names
from hamlet.learning.randomness import derived_seed
from hamlet.runspec import MAX_SEED, RunSpec
from hamlet.schema import (
    Choice,
    Integer,
    Section,
    Text,
    Unread,
    describe,
    hint,
    read_yaml,
    validate,
)
from hamlet.sections import merged

if TYPE_CHECKING:
    import numpy as np

    from hamlet.layout import ObservationLayout
    from hamlet.learning.connect_four.asking import Run
    from hamlet.learning.connect_four.trainer import BoardTrainer
    from hamlet.learning.connect_four.voting import Count
    from hamlet.learning.trainer import Files
    from hamlet.signature import Signature

__all__ = [
    "adapt_request",
    "ballot",
    "build_runspec",
    "deliberation",
    "files_of",
    "levels",
    "make_trainer",
    "observation_layout",
    "request_schema",
    "shape_reply",
]

DEFAULT_LEVEL, ENSEMBLE = "alphazero", "ensemble"
REQUEST_SCHEMA = Section(
    {
        "system": Choice(SYSTEM, default=SYSTEM),
        "level": Text(None, longest=60, optional=True),
        "config": Unread(Mapping, "a mapping", default=None, optional=True),
        "brain": Unread(Mapping | str, "YAML text or a mapping", default=None, optional=True),
        "seed": Integer(0, MAX_SEED, default=0),
        "epochs": Integer(1, 10**6, default=None, optional=True),
        "dataset": CONTENT_SCHEMA.fields["dataset"],
        "base": CONTENT_SCHEMA.fields["base"],
    }
)


def request_schema() -> Section:
    """The fields that a person may set."""
    return REQUEST_SCHEMA


def build_runspec(request: Mapping[str, Any]) -> RunSpec:
    """Check a request and write every default out, so that equal hashes mean equal runs.

    `level` names a shipped pack; without one it is that of `config.model_type`, or AlphaZero's.
    `config` changes single settings of the pack, `brain` stands in place of its network, and
    `dataset` and `base` name stored files by their sha256.

    Raises: SpecError naming every fault by its path in the request.
    """
    problems: list[Problem] = []
    read = validate(REQUEST_SCHEMA, request)
    given = without_nothing(snake_cased(read["config"] or {}, "config", problems))
    if read["epochs"] is not None:
        if "epochs" in given:
            problems.append(Problem("epochs", "given twice: here and in config; say it once"))
        given["epochs"] = read["epochs"]
    pack = attempt(problems, choose_pack, read["level"], given)
    if pack is None:
        raise SpecError(problems)
    own = take_architecture(given, pack.config["model_type"])
    if read["brain"] is not None:
        take_architecture(pack.config, pack.config["model_type"])  # another brain stands in for it
    wanted = merged(pack.config, given)
    architecture = {**take_architecture(wanted, pack.config["model_type"]), **own}
    config = attempt(problems, read_config, wanted, "config")
    brain = attempt(problems, read_brain, read["brain"], pack, architecture, wanted)
    if problems:
        raise SpecError(problems)
    spec = RunSpec(
        system=SYSTEM,
        trainer=config["model_type"],
        seed=read["seed"],
        budget=config["epochs"],
        content={
            "level": pack.name,
            "brain": brain.data,
            "config": config,
            "dataset": read["dataset"],
            "base": read["base"],
        },
    )
    try:
        read_content(spec)
    except SpecError as error:
        found = [Problem(p.path.removeprefix("content."), p.message) for p in error.problems]
        raise SpecError(found) from None
    return spec


def choose_pack(level: str | None, given: Mapping[str, Any]) -> LevelPack:
    """Raises: SpecError if there is no such pack, or it is one for another type."""
    model_type = given.get("model_type")
    if level is None and isinstance(model_type, str):
        level = model_type if model_type in pack_names() else None
        if level is None:
            known = ", ".join(MODEL_TYPES)
            message = f"found {describe(model_type)}; expected one of {known}"
            raise SpecError([Problem("config.model_type", message + hint(model_type, MODEL_TYPES))])
    pack = load_pack(level or DEFAULT_LEVEL)
    own = pack.config["model_type"]
    if model_type not in (None, own):
        message = f"found {describe(model_type)}; the level {pack.name} trains {own}; leave one out"
        raise SpecError([Problem("config.model_type", message)])
    return pack


def take_architecture(config: dict[str, Any], model_type: str) -> dict[str, Any]:
    """Take out of the config what the network is made of, by its names in the brain spec."""
    advanced = config.get("advanced_config")
    if not isinstance(advanced, Mapping) or model_type == ENSEMBLE:
        return {}
    aliases = BLOCK_NAMES.get(model_type, {})
    fields = FAMILIES[model_type].fields
    taken = {aliases.get(k, k): v for k, v in advanced.items() if k in aliases or k in fields}
    config["advanced_config"] = {
        k: v for k, v in advanced.items() if k not in aliases and k not in fields
    }
    return taken


def read_brain(
    value: str | Mapping[str, Any] | None,
    pack: LevelPack,
    architecture: Mapping[str, Any],
    config: Mapping[str, Any],
) -> BrainSpec:
    """Raises: SpecError with paths below `brain`, or `config.advanced_config`."""
    model_type = pack.config["model_type"]
    dropout = dropout_of(config)
    block = {**architecture, **({} if dropout is None else {"dropout": dropout})}
    if value is not None:
        if block:
            message = "stands beside brain, which says it already; say it once"
            raise SpecError([Problem(f"config.{name}", message) for name in block])
        data = read_yaml(value, name="brain") if isinstance(value, str) else value
        return BrainSpec.from_data(data, "brain")
    if model_type == ENSEMBLE:
        block["members"] = [spec.content["brain"] for spec in member_specs(config)]
    else:
        block = {**preset(model_type, pack.size).block, **block}
    data = {"architecture": {"type": model_type, model_type: block}}
    return BrainSpec.from_data(data, "config.advanced_config")


def member_specs(config: Mapping[str, Any], seed: int = 0) -> list[RunSpec]:
    """What each member of an ensemble is, as a run of its own with a seed of its own.

    Args: config: of the ensemble. Raises: SpecError with paths below `config.advanced_config`.
    """
    advanced = config.get("advanced_config")
    members = (advanced if isinstance(advanced, Mapping) else {}).get("members", DEFAULT_MEMBERS)
    specs, problems = [], []
    for index, member in enumerate(members if isinstance(members, list) else []):
        path = f"config.advanced_config.members[{index}]"
        try:
            specs.append(
                member_spec(member, config["epochs"], derived_seed(seed, f"member {index}"))
            )
        except SpecError as error:
            problems += [
                Problem(f"{path}.{p.path.removeprefix('config.')}", p.message)
                for p in error.problems
            ]
    if problems:
        raise SpecError(problems)
    return specs


def member_spec(member: Any, epochs: Any, seed: int) -> RunSpec:
    """Raises: SpecError with paths below `config`, as if the member were all of a request."""
    given = snake_cased(member, "", [])
    for name, value, why in (
        ("model_type", ENSEMBLE, "a member of an ensemble is no ensemble itself"),
        ("epochs", None, "members train as long as their ensemble; say it there"),
    ):
        if isinstance(given, Mapping) and name in given and value in (None, given[name]):
            raise SpecError([Problem(name, f"found {describe(given[name])}; {why}")])
    if isinstance(given, Mapping) and given.get("devices", 1) != 1:
        message = f"found {describe(given['devices'])}; expected 1: {ONE_DEVICE[ENSEMBLE]}"
        raise SpecError([Problem("devices", message)])
    return build_runspec({"config": member, "epochs": epochs, "seed": seed % MAX_SEED})


def dropout_of(config: Mapping[str, Any]) -> Any:
    section = config.get("regularization")
    return section.get("dropout") if isinstance(section, Mapping) else None


def files_of(spec: RunSpec) -> dict[str, str]:
    """The stored files that a run begins from, as sha256 by role. Raises: SpecError."""
    return read_content(spec).files


def make_trainer(spec: RunSpec, device: str = "cpu", files: Files | None = None) -> BoardTrainer:
    """Raises: SpecError if the content is none of Connect Four, or a file is not given."""
    if spec.trainer not in MODEL_TYPES:
        message = f"found {describe(spec.trainer)}; expected one of {', '.join(MODEL_TYPES)}"
        raise SpecError([Problem("trainer", message)])
    from hamlet.learning.connect_four.learners import learner_for

    return learner_for(spec.trainer)(spec, device, files)


def observation_layout(spec: RunSpec) -> ObservationLayout:
    from hamlet.envs.connect_four.layout import LAYOUT

    return LAYOUT


def adapt_request(signature: Signature, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """`board` and `player` as the network's input.

    Raises: SpecError saying what is wrong with the board, or that the game is over.
    """
    from hamlet.learning.connect_four import asking

    return asking.inputs_of(asking.read_body(body)[0])


def shape_reply(body: Mapping[str, Any], outputs: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """`move`, `policy` over legal columns, `value`, `confidence` and `legal`."""
    from hamlet.learning.connect_four import asking

    return asking.shaped_reply(asking.read_body(body)[0], outputs)


def deliberation(body: Mapping[str, Any]) -> Callable[[Run], dict[str, Any]] | None:
    """The search that a request wishes, to be called with what runs the network; None for none.

    Raises: SpecError as `adapt_request` does.
    """
    from hamlet.learning.connect_four import asking

    if body.get("search") is None:
        return None
    position, search = asking.read_body(body)
    return partial(asking.searched_reply, position, search)


def ballot(body: Mapping[str, Any]) -> Count:
    """What makes one answer of what several networks say of a board. Raises: SpecError."""
    from hamlet.learning.connect_four import voting

    return voting.ballot(body)
