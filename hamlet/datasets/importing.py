"""A dataset from lines of JSON or from CSV, ours or somebody else's, read piece by piece.

What was exported and not changed since becomes the same dataset again, its manifest included.
Everything else is checked like any example that is sent, and built anew.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hamlet.datasets.building import Chunk, build_into
from hamlet.datasets.errors import DatasetError
from hamlet.datasets.exporting import COLUMNS, FORMATS, JSON, MANIFEST, unguarded
from hamlet.datasets.given_examples import read_examples
from hamlet.datasets.manifest import FILE_NAME, Manifest, read_manifest
from hamlet.datasets.new_folder import appearing
from hamlet.datasets.options import read_options
from hamlet.datasets.partitions import Partitions
from hamlet.datasets.rows import LOOSE, ROW
from hamlet.datasets.shards import ShardWriter
from hamlet.datasets.summary import ExampleSummary
from hamlet.datasets.text_lines import without_mark
from hamlet.errors import InputError, Problem
from hamlet.json_documents import read_json

ROWS_AT_ONCE = 4096
LONGEST_LINE = 16 * 2**20  # the line of the manifest is the longest
WHOLE = ("move", "ply", "count", "copy", "player")
REAL = ("value", "weight", "spread")
REQUIRED = ("board", "move", "value")


def import_dataset(
    folder: str | Path,
    lines: Iterable[str],
    format: str,
    options: Any = None,
    *,
    seed: int = 0,
    evaluation_sets: Mapping[str, np.ndarray] | None = None,
) -> Manifest:
    """Read examples into a new folder, which holds all of them or does not exist.

    Args:
        lines: of the file, as a text file opened with newline="" gives them.
        format: json or csv.
        options: to build with; without any, examples are kept as they are.
        evaluation_sets: canonical keys by name, for the report of overlap.

    Raises: InputError naming the index of the first wrong examples; DatasetError for another
        format, or if nothing is left.
    """
    if format not in FORMATS:
        raise DatasetError(f"format: found {format!r}; expected one of {', '.join(FORMATS)}")
    settings = read_options({"deduplicate": False} if options is None else options)
    with appearing(Path(folder)) as work:
        spool = _Spool(work / "spool.rows")
        entries = (_json_entries if format == JSON else _csv_entries)(without_mark(lines))
        claimed = spool.fill(entries)
        manifest = None
        if claimed is not None and options is None:
            manifest = _restored(work, spool, claimed, evaluation_sets or {})
        if manifest is None:
            manifest = build_into(
                work, (), spool.chunks(), settings, seed, evaluation_sets=evaluation_sets
            )
        spool.path.unlink()
        return manifest


class _Spool:
    """Rows that were read and checked, in a file until it is known what becomes of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers: dict[str, int] = {}

    def fill(self, entries: Iterator[Any]) -> Any:
        """Write the rows. Returns: the manifest that came along, unread; None without one."""
        claimed, first = None, 0
        with open(self.path, "wb") as file:
            for batch in iter(lambda: list(islice(entries, ROWS_AT_ONCE)), []):
                if first == 0 and isinstance(batch[0], dict) and MANIFEST in batch[0]:
                    claimed = batch[0].pop(MANIFEST)
                    batch = batch if batch[0] else batch[1:]  # noqa: PLW2901
                if batch:
                    rows, ids = read_examples(batch, first=first, stored=True)
                    numbers = [self.numbers.setdefault(one, len(self.numbers)) for one in ids]
                    rows["game"] = np.array([*numbers, LOOSE])[rows["game"]]
                    rows.tofile(file)
                    first += len(batch)
        if first == 0:
            raise InputError([Problem("examples", "found no examples; expected one or more")])
        return claimed

    def chunks(self) -> Iterator[Chunk]:
        ids = list(self.numbers)
        with open(self.path, "rb") as file:
            while len(rows := np.fromfile(file, dtype=ROW, count=ROWS_AT_ONCE)):
                used, local = np.unique(rows["game"], return_inverse=True)
                loose = int(used[0] == LOOSE)
                rows["game"] = local - loose
                yield rows, [ids[number] for number in used[loose:]]

    def rows(self) -> Iterator[np.ndarray]:
        with open(self.path, "rb") as file:
            while len(rows := np.fromfile(file, dtype=ROW, count=ROWS_AT_ONCE)):
                yield rows


def _restored(
    work: Path, spool: _Spool, claimed: Any, evaluation_sets: Mapping[str, np.ndarray]
) -> Manifest | None:
    """The dataset that was exported, if rows and statistics are those its manifest tells of. What
    it says of games cannot be counted again; it is taken if it can be so."""
    try:
        manifest = read_manifest(claimed)
    except DatasetError:
        return None
    if len(spool.numbers) > manifest.data["sources"]["games"]:
        return None
    folder = work / "restored"
    folder.mkdir()
    writer, spread = ShardWriter(folder, list(spool.numbers)), Partitions(folder / "spread")
    for rows in spool.rows():
        writer.add(rows)
        spread.add(rows)
    spread.finish()
    same = writer.finish() == manifest.shards and _same_statistics(
        spread, manifest, evaluation_sets
    )
    if same:
        for shard in manifest.shards:
            (folder / shard.file_name).replace(work / shard.file_name)
        (work / FILE_NAME).write_text(manifest.text(), encoding="utf-8")
    shutil.rmtree(folder)
    return manifest if same else None


def _same_statistics(
    spread: Partitions, manifest: Manifest, evaluation_sets: Mapping[str, np.ndarray]
) -> bool:
    """Whether the manifest says of its examples what they say themselves. Of the overlap with
    evaluation sets, what it says of those that are at hand is looked at: it may come from where
    there were others."""
    summary = ExampleSummary(evaluation_sets)
    for rows in spread:
        summary.add(rows)
    found, claimed = summary.report(), dict(manifest.data["statistics"]["examples"])
    overlap, said = found.pop("evaluation_overlap"), claimed.pop("evaluation_overlap", {})
    if found != claimed or not isinstance(said, Mapping):
        return False
    return all(said[name] == overlap[name] for name in overlap if name in said)


def _json_entries(lines: Iterable[str]) -> Iterator[Any]:
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise _line_fault(number, f"longer than {LONGEST_LINE} characters")
        if not line.strip():
            continue
        try:
            yield read_json(line)
        except ValueError as error:
            raise _line_fault(number, f"not JSON ({error})") from None


def _csv_entries(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    csv.field_size_limit(LONGEST_LINE)
    table = csv.reader(lines, strict=True)
    try:
        header = next(table, [])
        _check_header(header)
        for cells in table:
            if not cells:  # an empty line
                continue
            if len(cells) != len(header):
                message = f"found {len(cells)} cells; expected {len(header)}"
                raise _line_fault(table.line_num, message)
            named = zip(header, cells, strict=True)
            entry = {name: _value(name, cell) for name, cell in named if cell != ""}
            board = {"board": entry.pop("board", None), "player": entry.pop("player", None)}
            yield entry | {"board": board}
    except csv.Error as error:
        raise _line_fault(table.line_num, f"not CSV ({error})") from None


def _check_header(header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    unknown = [name[:60] for name in header if name not in COLUMNS]
    if missing or unknown or len(set(header)) != len(header):
        found = f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        message = f"columns {found}; expected some of {', '.join(COLUMNS)}, each once"
        raise _line_fault(1, message)


def _value(name: str, cell: str) -> Any:
    """The cell as JSON would have given it; text that is no number is left for the reader of
    examples to refuse."""
    try:
        if name == MANIFEST:
            return read_json(cell)
        if name == "policy":
            return [float(share) for share in cell.split()]
        if name in WHOLE:
            return int(cell)
        if name in REAL:
            return float(cell)
    except ValueError:
        return cell
    return unguarded(cell)


def _line_fault(number: int, message: str) -> InputError:
    return InputError([Problem(f"line {number}", message)])
