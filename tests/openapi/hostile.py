"""Bodies that nobody sends by mistake: malformed JSON and YAML, and values of every wrong kind."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

DEEP = 10_000
MALFORMED: dict[str, bytes] = {
    "nothing": b"",
    "half": b'{"name": ',
    "comma": b'{"a": 1,}',
    "two documents": b"{} {}",
    "NaN": b'{"a": NaN}',
    "infinity": b'{"a": -Infinity}',
    "overflow": b'{"a": 1e309}',
    "endless number": b'{"a": ' + b"9" * 5000 + b"}",
    "key twice": b'{"a": 1, "a": 2}',
    "deep list": b"[" * DEEP + b"]" * DEEP,
    "deep mapping": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "NUL": rb'{"a": "\u0000"}',
    "lone surrogate": rb'{"a": "\udc00"}',
    "latin-1": b'{"a": "caf\xe9"}',
    "utf-16": '{"a": 1}'.encode("utf-16"),
    "pickle": b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00\x8c\x02os.",
    "yaml": b"a: !!python/object/apply:os.system [ls]",
    "xml": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
}
MEDIA_TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/yaml",
    "application/xml",
    "application/x-python-pickle",
    "multipart/form-data; boundary=x",
    "nothing at all",
)
DOCUMENTS: tuple[Any, ...] = (None, True, 0, -1.5, "text", [], [{}], [[[]]])
VALUES: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    10**40,
    1.5,
    "",
    "../../etc/passwd",
    "x" * 300_000,
    "\u202eabc",
    "a\r\nSet-Cookie: b=c",
    "\x1b[31mred",
    "{{ 7|add:7 }}{% debug %}",
    "'; DROP TABLE registry_user; --",
    [],
    {},
    [None],
    {"__proto__": 1, "a": {"b": [1]}},
    list(range(2000)),
    {str(number): number for number in range(2000)},
)


def with_every_wrong_value(good: Any) -> Iterator[tuple[str, Any]]:
    """(what was changed, body): each field of a good body by each value, those inside by some."""
    for path, _ in places(good):
        for value in VALUES if len(path) == 1 else VALUES[:: len(path) + 2]:
            yield f"{path} = {json.dumps(value)[:40]}", changed(good, path, value)


def without_each_field(good: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in good:
        yield name, {key: value for key, value in good.items() if key != name}


def places(data: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """Fields of a mapping and those of mappings inside; of a list the first entry alone."""
    items = data.items() if isinstance(data, dict) else enumerate(data[:1])
    for key, value in items:
        yield (*path, key), value
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def changed(data: Any, path: tuple, value: Any) -> Any:
    data = copy.deepcopy(data)
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return data


YAML_FAULTS: dict[str, str] = {
    "object": "architecture: !!python/object/apply:os.system ['touch /tmp/x']",
    "name": "architecture: !!python/name:os.system",
    "billion laughs": "\n".join(
        ["a: &a [x, x, x]", *(f"{b}: &{b} [*{a}, *{a}, *{a}]" for a, b in ("ab", "bc", "cd"))]
    ),
    "merge": "base: &x {type: dueling}\narchitecture: {<<: *x}",
    "key twice": "architecture: {type: dueling}\narchitecture: {type: feedforward}",
    "long scalar": "description: " + "x" * 200_000,
    "deep": "[" * 5000 + "]" * 5000,
    "unknown field": "architecture: {type: dueling}\nreward: 1",
    "NaN": "architecture: {type: dueling}\nq_learning: {gamma: .nan}",
    "overflow": "architecture: {type: dueling}\nq_learning: {gamma: 1e309}",
    "negative layer": "architecture: {type: feedforward, feedforward: {hidden_layers: [-1]}}",
    "no layer": "architecture: {type: feedforward, feedforward: {hidden_layers: []}}",
    "a thousand layers": "architecture: {type: feedforward, feedforward: {hidden_layers: "
    + str([8] * 1000)
    + "}}",
    "huge layer": "architecture: {type: feedforward, feedforward: {hidden_layers: [1000000000]}}",
    "huge hidden size": "architecture: {type: recurrent_spatial, recurrent_spatial: "
    "{lstm: {hidden_size: 1000000000}}}",
    "two documents": "architecture: {type: dueling}\n---\na: 1",
    "list": "- architecture",
    "nothing": " ",
    "tab": "architecture:\n\ttype: dueling",
    "date key": "2026-01-01: 1",
}
