"""What a run of Connect Four is made of: its brain, how it learns, and the files it begins from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hamlet.brains import BrainSpec, CompiledBrain, blueprint, compile_brain
from hamlet.checkpoint import load_network
from hamlet.envs.connect_four.layout import LAYOUT
from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.config import read_config
from hamlet.learning.connect_four.iterations import iterations_of
from hamlet.learning.randomness import generator_for
from hamlet.learning.trainer import Files
from hamlet.runspec import MAX_SEED, RunSpec
from hamlet.schema import Integer, ListOf, Section, Text, Unread, describe, validate

SYSTEM = "connect_four"
SHA256 = Text(pattern=r"[0-9a-f]{64}", shape="a sha256 in hexadecimal")
MOST_SHARDS = 10_000

CONTENT_SCHEMA = Section(
    {
        "level": Text(longest=60),
        "brain": Unread(Mapping, "a mapping"),
        "config": Unread(Mapping, "a mapping"),
        "dataset": Section(
            {"manifest": SHA256, "shards": ListOf(SHA256, shortest=1, longest=MOST_SHARDS)},
            default=None,
            optional=True,
        ),
        "base": Section({"checkpoint": SHA256}, default=None, optional=True),
        "split_seed": Integer(0, MAX_SEED, default=None, optional=True),
    }
)


@dataclass(frozen=True)
class Content:
    """The checked content of a RunSpec.

    Attributes:
        config: every field of `hamlet.learning.connect_four.config`, with its default written out.
        dataset: sha256 of the manifest, then of the shards; None for a run without examples.
        base: sha256 of the checkpoint whose weights it begins with; None for new ones.
        split_seed: decides which examples are held back, in place of the seed of the run: members
            of an ensemble hold back the same ones.
    """

    level: str
    brain: BrainSpec
    config: dict[str, Any]
    dataset: tuple[str, ...] | None
    base: str | None
    split_seed: int | None = None

    @property
    def files(self) -> dict[str, str]:
        """sha256 by role."""
        manifest, *shards = self.dataset or (None,)
        named = {"dataset": manifest, "base": self.base}
        named.update({f"dataset.{index}": shard for index, shard in enumerate(shards)})
        return {role: digest for role, digest in named.items() if digest is not None}


def read_content(spec: RunSpec) -> Content:
    """Raises: SpecError naming every fault."""
    if spec.system != SYSTEM:
        message = f"found {describe(spec.system)}; this trainer is for {SYSTEM}"
        raise SpecError([Problem("system", message)])
    read = validate(CONTENT_SCHEMA, spec.content, "content")
    brain = BrainSpec.from_data(read["brain"], "content.brain")
    config = read_config(read["config"], "content.config")
    problems = []
    for path, found in (("trainer", spec.trainer), ("content.brain.architecture.type", brain.type)):
        if found != config["model_type"]:
            message = f"found {describe(found)}; this run learns {config['model_type']}"
            problems.append(Problem(path, message))
    if spec.budget != config["epochs"]:
        message = f"found {spec.budget}; expected the epochs of the config, {config['epochs']}"
        problems.append(Problem("budget", message))
    if problems:
        raise SpecError(problems)
    blueprint(brain, LAYOUT)
    dataset, base = read["dataset"], read["base"]
    if config["devices"] > 1 and dataset is None:
        message = (
            f"found {config['devices']}; expected 1 for a run that begins without examples: its "
            "games are played by one process, and only a fit to examples is shared"
        )
        raise SpecError([Problem("content.config.devices", message)])
    self_play = config["advanced_config"].get("self_play")
    if self_play is not None:
        iterations_of(self_play, spec.budget, dataset is not None)  # refuses what does not fit
    return Content(
        level=read["level"],
        brain=brain,
        config=config,
        dataset=dataset and (dataset["manifest"], *dataset["shards"]),
        base=base and base["checkpoint"],
        split_seed=read["split_seed"],
    )


def first_network(content: Content, seed: int, files: Files | None) -> CompiledBrain:
    """The network as it is before it learns: new, or with the weights of the base.

    Raises: SpecError if the base is missing or has another shape.
    """
    if content.base is None:
        return compile_brain(content.brain, LAYOUT, generator=generator_for(seed, "weights"))
    network, _ = load_network(path_of(content.base, files, "content.base"), LAYOUT)
    if network.hash != content.brain.hash:
        message = (
            f"found weights of the brain {network.hash[:19]}…; this run trains "
            f"{content.brain.hash[:19]}…; begin from a version with the same brain"
        )
        raise SpecError([Problem("content.base", message)])
    return network


def path_of(digest: str, files: Files | None, path: str) -> Path:
    """Raises: SpecError if nobody gives the files of this run."""
    if files is None:
        message = "needs a stored file; give the trainer what finds it: files=..."
        raise SpecError([Problem(path, message)])
    return files(digest)
