"""Tags and descriptions: what people write on models and versions to find them again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,59}")
MOST_TAGS = 50
LONGEST_VALUE = 200
LONGEST_DESCRIPTION = 10_000


def check_tags(tags: Any, path: str = "tags") -> dict[str, str]:
    """Raises: SpecError naming every fault."""
    if not isinstance(tags, Mapping):
        raise SpecError([Problem(path, f"found {describe(tags)}; expected a mapping of texts")])
    problems = []
    if len(tags) > MOST_TAGS:
        problems.append(Problem(path, f"found {len(tags)} tags; at most {MOST_TAGS} are kept"))
    for key, value in list(tags.items())[:MOST_TAGS]:
        problems += tag_problems(key, value, path)
    if problems:
        raise SpecError(problems)
    return dict(tags)


def tag_problems(key: Any, value: Any, path: str) -> list[Problem]:
    if not isinstance(key, str) or not KEY.fullmatch(key):
        expected = "a name of 1 to 60 letters, digits, -, _ and ., beginning with a letter"
        return [Problem(path, f"found the tag {describe(key)}; expected {expected}")]
    if not isinstance(value, str) or len(value) > LONGEST_VALUE or "\x00" in value:
        expected = f"a text of at most {LONGEST_VALUE} characters"
        return [Problem(f"{path}.{key}", f"found {describe(value)}; expected {expected}")]
    return []


def check_description(text: Any, path: str = "description") -> str:
    """Raises: SpecError."""
    if not isinstance(text, str) or len(text) > LONGEST_DESCRIPTION or "\x00" in text:
        expected = f"a text of at most {LONGEST_DESCRIPTION} characters"
        raise SpecError([Problem(path, f"found {describe(text)}; expected {expected}")])
    return text
