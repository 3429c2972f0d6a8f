"""YAML written by strangers, read without surprises, and written so that it reads back."""

from __future__ import annotations

import re
from typing import Any

import yaml

from hamlet.errors import Problem, SpecError
from hamlet.wording import describe

MAX_DOCUMENT_BYTES = 64 * 1024
MAX_DEPTH = 32


def read_yaml(text: str | bytes, *, name: str = "(document)") -> Any:
    """Read one YAML document.

    Tags, anchors, aliases, duplicate keys, deep nesting and large documents are refused before
    anything is built, so that a few bytes can never become gigabytes.

    Raises: SpecError with the line of the fault.
    """
    size = len(text) if isinstance(text, bytes) else len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_DOCUMENT_BYTES:
        message = f"found {size} bytes; expected at most {MAX_DOCUMENT_BYTES}"
        raise SpecError([Problem(name, message)])
    try:
        _check_events(text, name)
        return yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, SpecError):
            raise
        message = f"not valid YAML: {' '.join(str(error).split())}"
        raise SpecError([Problem(name, message)]) from None


def write_yaml(data: Any) -> str:
    """Plain data as YAML that `read_yaml` turns into the same data; keys keep their order."""
    return yaml.dump(data, Dumper=_StrictDumper, sort_keys=False, allow_unicode=True)


def _check_events(text: str | bytes, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"{name} line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise SpecError([Problem(where, "anchors and aliases are not allowed")])
        if getattr(event, "tag", None):
            raise SpecError([Problem(where, f"the tag {describe(event.tag)} is not allowed")])
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise SpecError([Problem(where, f"nested deeper than {MAX_DEPTH}")])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where PyYAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            where = f"line {key_node.start_mark.line + 1}"
            if not isinstance(key, str | int | float | bool | None):
                raise SpecError([Problem(where, "a mapping key must be plain text")])
            if key in seen:
                raise SpecError([Problem(where, f"{describe(key)} stands twice")])
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


class _StrictDumper(yaml.SafeDumper):
    """SafeDumper that knows what `_StrictLoader` takes for a number, and quotes such text."""


# YAML 1.1 reads `1e-4` and `2.5e4` as text, since it asks for a dot and a sign. People write
# them, and mean a number.
for _kind in (_StrictLoader, _StrictDumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )
