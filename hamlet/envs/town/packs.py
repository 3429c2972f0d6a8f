"""Level packs: folders with level.yaml, brain.yaml and training.yaml; five are shipped."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from hamlet.envs.town.level import TownLevel, level_from_data
from hamlet.errors import Problem, SpecError
from hamlet.schema import MAX_DOCUMENT_BYTES, describe, hint, read_yaml

SHIPPED = ("L0", "L0.5", "L1", "L2", "L3")
FILES = ("level.yaml", "brain.yaml", "training.yaml")


@dataclass(frozen=True)
class LevelPack:
    """A level with the brain and the training settings that suit it.

    Attributes:
        level: checked and built.
        brain, training: plain data; `hamlet.brains` and `hamlet.learning` check them.
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

    Raises: SpecError naming every fault of level.yaml, or the file that is missing or unreadable.
    """
    if isinstance(name_or_folder, Path):
        folder: Traversable = name_or_folder
    elif isinstance(name_or_folder, str) and name_or_folder in SHIPPED:
        folder = resources.files("hamlet") / "levels" / "town" / name_or_folder
    else:
        expected = f"expected one of {', '.join(SHIPPED)}, or a Path to a folder with a level pack"
        message = f"found {describe(name_or_folder)}; {expected}{hint(name_or_folder, SHIPPED)}"
        raise SpecError([Problem("level", message)])
    texts = {name: read_text(folder / name) for name in FILES}
    data = {name: read_yaml(text, name=name) for name, text in texts.items()}
    return LevelPack(
        level=level_from_data(data["level.yaml"]),
        brain=data["brain.yaml"],
        training=data["training.yaml"],
        texts=texts,
    )


def read_text(file: Traversable) -> str:
    """Raises: SpecError if the file is missing, too large or not UTF-8."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_DOCUMENT_BYTES + 1)
        if len(content) > MAX_DOCUMENT_BYTES:
            message = f"found more than {MAX_DOCUMENT_BYTES} bytes; expected a short YAML file"
            raise SpecError([Problem(file.name, message)])
        return content.decode("utf-8")
    except OSError as error:
        message = f"cannot be read ({error.strerror}); a level pack holds {', '.join(FILES)}"
        raise SpecError([Problem(file.name, message)]) from None
    except UnicodeDecodeError:
        raise SpecError([Problem(file.name, "is not UTF-8 text; save it as UTF-8")]) from None
