"""Level packs: folders with level.yaml, brain.yaml and training.yaml; five are shipped."""

from __future__ import annotations

import copy
import errno
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache, reduce
from importlib import resources
from importlib.resources.abc import Traversable
from operator import or_
from pathlib import Path
from typing import Any, BinaryIO

from hamlet.brains import BrainSpec, blueprint
from hamlet.envs.town.checks import check_size
from hamlet.envs.town.level import TownLevel, level_from_data
from hamlet.envs.town.observations import layout_for
from hamlet.envs.town.shaping import POTENTIAL_BASED
from hamlet.envs.town.training_schema import read_training
from hamlet.errors import Problem, SpecError, attempt
from hamlet.schema import MAX_DOCUMENT_BYTES, describe, hint, read_yaml

SYSTEM = "town"
SHIPPED = ("L0", "L0.5", "L1", "L2", "L3")
FILES = ("level.yaml", "brain.yaml", "training.yaml")


@dataclass(frozen=True)
class LevelPack:
    """A level with the brain and the training settings that suit it.

    Attributes:
        level: checked and built.
        brain, training: plain data, checked, with every default written out.
        texts: the three files as people wrote them, by file name.
    """

    level: TownLevel
    brain: Any
    training: Any
    texts: dict[str, str]


def list_levels() -> tuple[str, ...]:
    """Names of the shipped levels, easiest first."""
    return SHIPPED


def load_pack(name_or_folder: str | Path) -> LevelPack:
    """Load a shipped pack by its name (text), or any pack by its folder (a Path).

    Text is never taken for a path, so that a name sent over the network cannot leave the library.

    Raises: SpecError naming every fault of the three files, below `level`, `brain` and
        `training`, or each file that is missing or unreadable.
    """
    if isinstance(name_or_folder, Path):
        return read_pack(name_or_folder, open_plain)
    if isinstance(name_or_folder, str) and name_or_folder in SHIPPED:
        pack = shipped_pack(name_or_folder)
        # The caller's own copy: the next one gets the pack as it is shipped.
        own = {"brain": pack.brain, "training": pack.training, "texts": pack.texts}
        return replace(pack, **copy.deepcopy(own))
    expected = f"expected one of {', '.join(SHIPPED)}, or a Path to a folder with a level pack"
    message = f"found {describe(name_or_folder)}; {expected}{hint(name_or_folder, SHIPPED)}"
    raise SpecError([Problem("level", message)])


@cache
def shipped_pack(name: str) -> LevelPack:
    return read_pack(resources.files("hamlet") / "levels" / "town" / name, open_shipped)


def read_pack(folder: Traversable, opened: Callable[[Any], BinaryIO]) -> LevelPack:
    """Read the three files and check them, each by itself and then together."""
    problems: list[Problem] = []
    texts = {name: attempt(problems, read_text, folder / name, opened) for name in FILES}
    if problems:
        raise SpecError(problems)
    data = {name: attempt(problems, named_yaml, text, name) for name, text in texts.items()}
    if problems:
        raise SpecError(problems)
    level = attempt(problems, level_from_data, data["level.yaml"], "level")
    brain = attempt(problems, BrainSpec.from_data, data["brain.yaml"], "brain")
    training = attempt(problems, read_training, data["training.yaml"], "training")
    if not problems:
        problems += pack_problems(level, brain, training)
    if problems:
        raise SpecError(problems)
    return LevelPack(level, brain.data, training, texts)


def pack_problems(level: TownLevel, brain: BrainSpec, training: Mapping[str, Any]) -> list[Problem]:
    """What only shows when level, brain and training come together."""
    if brain.family.adapter != SYSTEM:
        message = f"found {brain.type}, which is no network for a town; take a Q-network"
        return [Problem("brain.architecture.type", message)]
    problems: list[Problem] = []
    layout = layout_for(level)
    for path, check in (
        ("brain", lambda: blueprint(brain, layout)),
        ("training", lambda: check_size(level, training["num_envs"])),
    ):
        try:
            check()
        except SpecError as error:
            problems += [Problem(f"{path}.{p.path}", p.message) for p in error.problems]
    return problems + discount_problems(level, brain)


def discount_problems(level: TownLevel, brain: BrainSpec) -> list[Problem]:
    """A potential leaves the best policy as it was only under the learner's own discount."""
    found, gamma = level.shaping["discount"], brain.data["q_learning"]["gamma"]
    if found == gamma or not any(level.shaping[term] for term in POTENTIAL_BASED):
        return []
    message = (
        f"found {found}; expected {gamma}, the brain's q_learning.gamma, since "
        f"{' and '.join(POTENTIAL_BASED)} are differences of a discounted potential"
    )
    return [Problem("level.shaping.discount", message)]


def named_yaml(text: str, name: str) -> Any:
    return read_yaml(text, name=name)


def read_text(file: Traversable, opened: Callable[[Any], BinaryIO]) -> str:
    """Raises: SpecError if the file is missing, no plain file, too large or not UTF-8."""
    try:
        with opened(file) as stream:
            content = stream.read(MAX_DOCUMENT_BYTES + 1)
        if len(content) > MAX_DOCUMENT_BYTES:
            message = f"found more than {MAX_DOCUMENT_BYTES} bytes; expected a short YAML file"
            raise SpecError([Problem(file.name, message)])
        return content.decode("utf-8")
    except OSError as error:
        if error.errno == errno.ELOOP:
            message = "is a symbolic link; put the file itself into the folder"
            raise SpecError([Problem(file.name, message)]) from None
        message = f"cannot be read ({error.strerror}); a level pack holds {', '.join(FILES)}"
        raise SpecError([Problem(file.name, message)]) from None
    except UnicodeDecodeError:
        raise SpecError([Problem(file.name, "is not UTF-8 text; save it as UTF-8")]) from None


def open_shipped(file: Traversable) -> BinaryIO:
    return file.open("rb")


def open_plain(file: Path) -> BinaryIO:
    """Open a file of a folder. Links and what is no plain file are refused: either would let a
    pack read something that its owner did not put there, or wait for ever.

    Raises: OSError; SpecError if it is no plain file.
    """
    # Each flag where the system knows it: no links; no waiting for a pipe; no change of line ends.
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    handle = os.open(file, reduce(or_, flags, os.O_RDONLY))
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise SpecError([Problem(file.name, "is no plain file; expected a short YAML file")])
    return os.fdopen(handle, "rb")
