"""A dataset that was built: opened, verified and read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hamlet.datasets.errors import DatasetError
from hamlet.datasets.manifest import FILE_NAME, Manifest, read_manifest
from hamlet.datasets.rows import LOOSE, ROW, canonical_keys_of
from hamlet.datasets.shards import Shard, read_shard
from hamlet.json_documents import read_json

LARGEST_MANIFEST = 64 * 2**20
COLUMNS = ("own", "occupied", "policy", "value", "weight", "move", "outcome")


@dataclass(frozen=True)
class Dataset:
    """A folder with a manifest and its shards."""

    folder: Path
    manifest: Manifest

    def shards(self) -> Iterator[tuple[np.ndarray, list[str]]]:
        """The rows of each shard and the game ids they refer to, checked against the manifest.

        Raises: DatasetError for a shard that is missing or not what the manifest says.
        """
        for shard in self.manifest.shards:
            try:
                content = (self.folder / shard.file_name).read_bytes()
            except OSError as error:
                raise DatasetError(
                    f"the shard {shard.file_name} cannot be read ({error.strerror}); "
                    "build the dataset again"
                ) from None
            yield checked_shard(content, shard)


def open_dataset(folder: str | Path) -> Dataset:
    """Raises: DatasetError if there is none, or its manifest is damaged."""
    folder = Path(folder)
    file = folder / FILE_NAME
    try:
        if file.stat().st_size > LARGEST_MANIFEST:
            raise DatasetError(f"{folder.name}: the manifest is larger than any of ours")
        data = read_json(file.read_bytes())
    except OSError as error:
        raise DatasetError(f"{folder.name}: no dataset there ({error.strerror})") from None
    except ValueError as error:
        raise DatasetError(f"{folder.name}: the manifest is damaged: {error}") from None
    return Dataset(folder, read_manifest(data))


def checked_shard(content: bytes, shard: Shard) -> tuple[np.ndarray, list[str]]:
    """Read the bytes of a shard. Raises: DatasetError if they are not those of the manifest."""
    found = hashlib.sha256(content).hexdigest()
    if found != shard.sha256:
        raise DatasetError(
            f"the shard {shard.sha256} was changed or damaged: its sha256 is {found}; "
            "fetch it again"
        )
    rows, ids = read_shard(content)
    if len(rows) != shard.rows:
        raise DatasetError(f"the shard has {len(rows)} rows; the manifest says {shard.rows}")
    return rows, ids


def load_examples(dataset: Dataset, *, most: int | None = None) -> dict[str, np.ndarray]:
    """All examples, in memory. most: refuse to load more than this many.

    Returns: the columns a trainer reads: own, occupied, group int64 [N]; policy float32 [N, 7] (all
        0: no target); value, weight float32 [N]; move, outcome int8 [N]. Examples of one group must
        not be parted between training and validation.
    Raises: DatasetError if there are more, or a shard is damaged.
    """
    total = dataset.manifest.total_examples
    if most is not None and total > most:
        raise DatasetError(f"the dataset has {total} examples; expected at most {most}")
    rows, groups, begin = np.empty(total, dtype=ROW), np.empty(total, dtype=np.int64), 0
    for shard, ids in dataset.shards():
        rows[begin : begin + len(shard)] = shard
        groups[begin : begin + len(shard)] = groups_of(shard, ids)
        begin += len(shard)
    return {name: rows[name].copy() for name in COLUMNS} | {"group": groups}


def groups_of(rows: np.ndarray, ids: list[str]) -> np.ndarray:
    """[N] int64, the same for all examples of one game; loose examples go by their position, the
    same for mirror images."""
    hashes = [int.from_bytes(hashlib.sha256(one.encode()).digest()[:8], "big") >> 1 for one in ids]
    of_game = np.array([*hashes, 0], dtype=np.int64)[rows["game"]]
    # Negative numbers are positions, others games, so that the two never meet.
    return np.where(rows["game"] == LOOSE, -1 - canonical_keys_of(rows), of_game)
