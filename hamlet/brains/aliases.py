"""Short names in a brain spec, written out before anything is checked or hashed.

network            = architecture, where the family's fields may stand without its block
recurrent          = recurrent_spatial, as type and as block
affordance_encoder = underfoot_encoder
filters            = channels (vision encoder)
hidden_dim: n      = hidden_sizes: [n] (encoders, head) or hidden_size: n (lstm)
num_res_blocks, num_blocks = blocks (residual networks of a board)
num_layers, num_blocks = layers, d_model = width, num_heads = heads (transformer)
type: mlp          accepted in an encoder of one group and dropped: it is the only type
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from hamlet.errors import Problem
from hamlet.schema import join

SPATIAL = "recurrent_spatial"
DENSE_ENCODERS = ("position_encoder", "meter_encoder", "underfoot_encoder", "clock_encoder")

_RESIDUAL = {"num_res_blocks": "blocks", "num_blocks": "blocks"}
# Other names of fields of a family's block.
BLOCK_NAMES = {
    **dict.fromkeys(("alphazero", "muzero", "ppo", "dqn"), _RESIDUAL),
    "transformer": {
        "num_layers": "layers",
        "num_blocks": "layers",
        "d_model": "width",
        "num_heads": "heads",
    },
}


class Expansion:
    """A document with its short names written out.

    Attributes:
        data: the document in long names; the original is left as it was.
        problems: names given in both forms, by the path that the writer used.
    """

    def __init__(self, data: Any, families: Iterable[str]) -> None:
        self.problems: list[Problem] = []
        self._written: dict[str, str] = {}
        self.data = data
        if isinstance(data, Mapping):
            self.data = dict(data)
            short = "network" in data
            self._rename(self.data, "", "network", "architecture")
            self._open(self.data, "", "architecture", lambda a: self._family(a, short, families))

    def as_written(self, path: str) -> str:
        """The path that the writer used for what is at `path` in long names."""
        for end in [match.start() for match in re.finditer(r"[.\[]|$", path)][::-1]:
            if path[:end] in self._written:
                return self._written[path[:end]] + path[end:]
        return path

    def _rename(self, mapping: dict, path: str, short: str, long: str) -> None:
        if short not in mapping:
            return
        long_path, short_path = join(path, long), self.as_written(join(path, short))
        if path:
            short_path = join(self.as_written(path), short)
        if long in mapping:
            message = f"given twice: {short} is another name for {long}; keep one of them"
            self.problems.append(Problem(short_path, message))
        else:
            mapping[long] = mapping[short]
            self._written[long_path] = short_path
        del mapping[short]

    @staticmethod
    def _open(mapping: dict, path: str, name: str, edit: Any) -> None:
        """Let `edit` change a copy of the mapping under `name`, if there is one."""
        if isinstance(mapping.get(name), Mapping):
            mapping[name] = dict(mapping[name])
            edit(mapping[name])

    def _family(self, architecture: dict, short: bool, families: Iterable[str]) -> None:
        path = "architecture"
        if architecture.get("type") == "recurrent":
            architecture["type"] = SPATIAL
        self._rename(architecture, path, "recurrent", SPATIAL)
        if short:
            self._move_into_block(architecture, set(families))
        block = join(path, SPATIAL)
        self._open(architecture, path, SPATIAL, lambda spatial: self._spatial(spatial, block))
        for name, names in BLOCK_NAMES.items():
            self._open(architecture, path, name, partial(self._rename_all, join(path, name), names))

    def _rename_all(self, path: str, names: Mapping[str, str], block: dict) -> None:
        for short, long in names.items():
            self._rename(block, path, short, long)

    def _move_into_block(self, architecture: dict, families: set[str]) -> None:
        family = architecture.get("type")
        direct = [key for key in architecture if key != "type" and key not in families]
        if not isinstance(family, str) or family not in families or not direct:
            return
        if family in architecture:
            for key in direct:
                message = f"stands beside the block {family}; put it inside, or drop the block"
                self.problems.append(Problem(join("network", key), message))
        else:
            architecture[family] = {key: architecture[key] for key in direct}
            self._written[join("architecture", family)] = "network"
        for key in direct:
            del architecture[key]

    def _spatial(self, spatial: dict, path: str) -> None:
        self._rename(spatial, path, "affordance_encoder", "underfoot_encoder")
        here = join(path, "vision_encoder")
        self._open(
            spatial,
            path,
            "vision_encoder",
            lambda vision: self._rename(vision, here, "filters", "channels"),
        )
        for name in (*DENSE_ENCODERS, "q_head"):
            self._open(spatial, path, name, lambda dense, name=name: self._dense(dense, path, name))
        lstm = join(path, "lstm")
        self._open(
            spatial,
            path,
            "lstm",
            lambda fields: self._rename(fields, lstm, "hidden_dim", "hidden_size"),
        )

    def _dense(self, dense: dict, path: str, name: str) -> None:
        here = join(path, name)
        if name in DENSE_ENCODERS and dense.get("type") == "mlp":
            del dense["type"]
        wrapped = "hidden_dim" in dense and "hidden_sizes" not in dense
        self._rename(dense, here, "hidden_dim", "hidden_sizes")
        if wrapped:
            sizes = join(here, "hidden_sizes")
            dense["hidden_sizes"] = [dense["hidden_sizes"]]
            self._written[f"{sizes}[0]"] = self._written[sizes]
