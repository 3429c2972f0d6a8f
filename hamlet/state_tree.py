"""A tree of plain values and tensors, taken apart into JSON and named tensors, and put back.

The JSON form writes a tensor as {"tensor": name}, a mapping as {"map": {...}} (or {"items":
[[key, value]...]} where a key is a number), a tuple as {"tuple": [...]} and a float that JSON
does not know as {"float": "nan" | "inf" | "-inf"}. Everything else stands for itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from hamlet.errors import CheckpointError
from hamlet.schema import describe

DEEPEST = 64


def take_apart(tree: Any) -> tuple[Any, dict[str, Tensor]]:
    """Returns: (JSON form, tensors by name; a name is the path of the tensor in the tree).

    Raises: CheckpointError naming the path of a value that is neither plain nor a tensor.
    """
    tensors: dict[str, Tensor] = {}
    return _encode(tree, "", tensors, 0), tensors


def put_together(form: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The inverse of `take_apart`.

    Raises: CheckpointError if the form is malformed, names a tensor that is not there, or leaves
        one unused.
    """
    unused = set(tensors)
    tree = _decode(form, tensors, unused, 0)
    if unused:
        raise CheckpointError(f"state: tensors that nothing names: {', '.join(sorted(unused)[:8])}")
    return tree


def _encode(value: Any, path: str, tensors: dict[str, Tensor], depth: int) -> Any:
    if depth > DEEPEST:
        raise CheckpointError(f"state: {path} is nested deeper than {DEEPEST}")
    # Exact types: a subclass (a NumPy float, an enum) would come back as something else.
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, Tensor):
        return {"tensor": _name(value, path, tensors)}
    if isinstance(value, list | tuple):
        items = [
            _encode(item, f"{path}/{index}", tensors, depth + 1) for index, item in enumerate(value)
        ]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, Mapping):
        return _encode_mapping(value, path, tensors, depth)
    raise CheckpointError(
        f"state: {path or 'the root'} is a {type(value).__name__}; expected a dict, list, tensor, "
        "text, number, bool or None"
    )


def _encode_mapping(
    value: Mapping[Any, Any], path: str, tensors: dict[str, Tensor], depth: int
) -> dict[str, Any]:
    for key in value:
        if type(key) not in (str, int):
            raise CheckpointError(f"state: {path} has the key {describe(key)}; expected text")
    pairs = [
        (key, _encode(item, f"{path}/{key}" if path else str(key), tensors, depth + 1))
        for key, item in value.items()
    ]
    if all(isinstance(key, str) for key in value):
        return {"map": dict(pairs)}
    return {"items": [list(pair) for pair in pairs]}


def _name(tensor: Tensor, path: str, tensors: dict[str, Tensor]) -> str:
    name, count = path or "root", 1
    while name in tensors:  # a key may itself hold a slash
        count += 1
        name = f"{path}~{count}"
    tensors[name] = tensor
    return name


def _decode(form: Any, tensors: Mapping[str, Tensor], unused: set[str], depth: int) -> Any:
    if depth > 2 * DEEPEST:
        raise CheckpointError("state: nested too deeply")
    if isinstance(form, list):
        return [_decode(item, tensors, unused, depth + 1) for item in form]
    if not isinstance(form, dict):
        return form
    match form if len(form) == 1 else None:
        case {"tensor": str(name)} if name in unused:
            unused.discard(name)
            return tensors[name]
        case {"map": dict(mapping)}:
            return {k: _decode(v, tensors, unused, depth + 1) for k, v in mapping.items()}
        case {"items": list(pairs)} if all(_is_pair(pair) for pair in pairs):
            return {k: _decode(v, tensors, unused, depth + 1) for k, v in pairs}
        case {"tuple": list(items)}:
            return tuple(_decode(item, tensors, unused, depth + 1) for item in items)
        case {"float": "nan" | "inf" | "-inf" as text}:
            return float(text)
    raise CheckpointError(f"state: malformed at {describe(next(iter(form), None))}")


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and type(pair[0]) in (str, int)
