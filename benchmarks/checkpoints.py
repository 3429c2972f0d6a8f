"""How large checkpoints are, how fast they are written and read, and how fast a model answers.

    python -m benchmarks.checkpoints [--quick] [--json FILE]

The run is the default one of L1, trained until its replay is full. The peer is torch.save and
torch.load(weights_only=True) of the very same state. It does less: it flushes nothing to the disk,
checks no digest and builds no network. So saving has a second peer that flushes as we do, and
loading a model has a second one that also builds the network and takes up the weights.

`warm`: the file is in the page cache. `cold`: it was thrown out of the page cache first
(posix_fadvise), so it comes from the disk; the process is warm. `fresh process`: a new Python that
imports what it needs, loads the model and answers once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.answer_times import latencies
from benchmarks.command import begin, parser_for
from benchmarks.machine import ROOT, filesystem
from benchmarks.measuring import Spread, median_ms, ratio, take_turns
from benchmarks.report import Table, verdict
from benchmarks.subjects import advances, town_trainer
from hamlet.brains import BrainSpec, compile_brain
from hamlet.checkpoint import load_training, save_inference, save_trainer
from hamlet.model import HamletModel

LEVEL = "L1"
MIB = 2**20
SMALLER_GOAL, WARM_GOAL_MS = 10.0, 50.0
FILLS = (0.0, 0.25, 0.5, 1.0)


def main(argv: Sequence[str] | None = None) -> int:
    parser = parser_for("checkpoints", "Checkpoint sizes, load times and predict latency.")
    parser.add_argument("--repetitions", type=int, default=30, help="per turn; predict takes x 10")
    parser.add_argument("--replay", type=int, default=None, help="transitions; default the level's")
    parser.add_argument("--folder", type=Path, help="where files go; default a temporary one")
    quick = {"repetitions": 3, "replay": 400}
    packages = ["safetensors", "stable_baselines3"]
    options, report = begin(parser, argv, quick=quick, packages=packages)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        brain = {"replay": {"capacity": options.replay}} if options.replay else {}
        trainer = town_trainer(LEVEL, seed=options.seed, brain=brain)
        report.add(sizes(trainer, Path(folder), judged=options.replay is None))
        report.add(times(trainer, Path(folder), options))
        report.add(fresh_processes(Path(folder), options))
    report.add(latencies(trainer, options))
    report.end()
    return 0


# Sizes


def sizes(trainer: Any, folder: Path, *, judged: bool) -> Table:
    """Both files at several fills of the replay; the last ones stay in `folder`.

    Args:
        judged: whether the goal applies: it is about the level's own replay, not a smaller one.
    """
    table = Table(f"Sizes of a default {LEVEL} run", notes=SIZE_NOTES)
    replay = trainer.agent.replay
    for fill in FILLS:
        while len(replay) < fill * replay.capacity:
            advances(trainer, trainer.num_envs, trainer.num_envs)()
        training = save_trainer(folder / "training.safetensors", trainer).size
        inference = save_inference(folder / "inference.safetensors", trainer.inference_model()).size
        torch.save(trainer.state_dict(), folder / "training.pt")
        torch.save(weights_of(trainer), folder / "inference.pt")
        smaller = Spread((training / inference,), "x")
        table.rows.append(
            {
                "replay": f"{len(replay):,} ({fill:.0%})",
                "training, MiB": training / MIB,
                "the same by torch.save, MiB": (folder / "training.pt").stat().st_size / MIB,
                "inference, MiB": inference / MIB,
                "its weights by torch.save, MiB": (folder / "inference.pt").stat().st_size / MIB,
                "training / inference": training / inference,
                "goal": verdict(smaller, SMALLER_GOAL) if fill == 1 and judged else "-",
            }
        )
    return table


SIZE_NOTES = [
    "the replay keeps grid planes as bytes; as float32 it would be 3.7 times as large",
]


def weights_of(trainer: Any) -> dict[str, torch.Tensor]:
    return dict(trainer.inference_model().network.state_dict())


# Saving and loading


def times(trainer: Any, folder: Path, options: Namespace) -> Table:
    """Median milliseconds of saving and loading both kinds, beside torch's own."""
    model, state, weights = trainer.inference_model(), trainer.state_dict, weights_of(trainer)
    spec, layout = trainer.spec.content["brain"], trainer.env.layout
    files = {name: folder / name for name in NAMES}
    jobs: dict[str, tuple[Callable, dict[str, Callable]]] = {
        "save training": (
            partial(save_trainer, files["training.safetensors"], trainer),
            {
                "torch.save": lambda: torch.save(state(), files["training.pt"]),
                "torch.save, flushed": lambda: flushed(state(), files["training.pt"]),
            },
        ),
        "save inference": (
            partial(save_inference, files["inference.safetensors"], model),
            {
                "torch.save": lambda: torch.save(weights, files["inference.pt"]),
                "torch.save, flushed": lambda: flushed(weights, files["inference.pt"]),
            },
        ),
        "load training": (
            partial(load_training, files["training.safetensors"]),
            {"torch.load": partial(torch_load, files["training.pt"])},
        ),
        "load inference": (
            partial(HamletModel.load_from_checkpoint, files["inference.safetensors"]),
            {
                "torch.load": partial(torch_load, files["inference.pt"]),
                "torch.load + network": partial(
                    rebuilt, files["inference.pt"], BrainSpec.from_data(spec), layout
                ),
            },
        ),
    }
    disk = f"the files lay on {filesystem(folder)}; on tmpfs nothing is ever cold"
    table = Table("Saving and loading, milliseconds", notes=[*TIME_NOTES, disk])
    for job, (ours, peers) in jobs.items():
        for cold in (False, True) if job.startswith("load") else (False,):
            table.rows.append(time_row(job, cold, ours, peers, files, options))
    return table


NAMES = ("training.safetensors", "training.pt", "inference.safetensors", "inference.pt")
TIME_NOTES = [
    "each cell: median (lowest to highest) over the rounds of the median of one round",
    "ours checks a digest on loading, and flushes file and folder to the disk on saving",
    "ratios: the peer's time divided by ours, so above 1 ours is faster",
]


def time_row(
    job: str,
    cold: bool,
    ours: Callable,
    peers: dict[str, Callable],
    files: dict[str, Path],
    options: Namespace,
) -> dict:
    contestants = {"ours": ours, **peers}
    before = partial(forget, files.values()) if cold else None
    timed = {
        name: partial(median_ms, work, options.repetitions, before=before)
        for name, work in contestants.items()
    }
    for work in contestants.values():
        work()
    found = take_turns(timed, options.rounds, unit="ms")
    is_goal = job == "load inference" and not cold
    first, *more = peers
    return {
        "what": f"{job}, {'cold' if cold else 'warm'}" if job.startswith("load") else job,
        "ours": found["ours"],
        "peer 1": found[first],
        "peer 1 / ours": ratio(found[first], found["ours"]),
        "peer 1 is": first,
        "peer 2": found[more[0]] if more else None,
        "peer 2 / ours": ratio(found[more[0]], found["ours"]) if more else None,
        "peer 2 is": more[0] if more else "-",
        "goal": verdict(found["ours"], WARM_GOAL_MS, at_most=True) if is_goal else "-",
    }


def forget(paths: Iterable[Path]) -> None:
    """Throw files out of the page cache."""
    for path in paths:
        forget_one(path)


def forget_one(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)  # only pages that are on the disk can go
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(handle)


def flushed(state: Any, path: Path) -> None:
    """torch.save that survives a power cut: temporary name, flush, rename, flush the folder."""
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def torch_load(path: Path) -> Any:
    return torch.load(path, weights_only=True)


def rebuilt(path: Path, spec: BrainSpec, layout: Any) -> torch.nn.Module:
    network = compile_brain(spec, layout)
    network.load_state_dict(torch_load(path))
    return network.eval()


# A fresh process

OURS_FRESH = """
from hamlet.model import HamletModel
model = HamletModel.load_from_checkpoint({path!r})
model.predict([0.0] * {size})
"""
TORCH_FRESH = """
import torch
torch.load({path!r}, weights_only=True)
"""


def fresh_processes(folder: Path, options: Namespace) -> Table:
    """From `python` to the first answer, and from `python` to torch's bare weights."""
    size = HamletModel.load_from_checkpoint(folder / "inference.safetensors").network.layout.size
    programs = {
        "ours, first answer": OURS_FRESH.format(
            path=str(folder / "inference.safetensors"), size=size
        ),
        "torch.load, no answer": TORCH_FRESH.format(path=str(folder / "inference.pt")),
    }
    timed = {name: partial(run_program, text) for name, text in programs.items()}
    found = take_turns(timed, options.rounds, unit="ms")
    row = {**found, "ours / torch.load": ratio(*found.values())}
    return Table("A fresh process, milliseconds", [row], ["nearly all of it is importing torch"])


def run_program(text: str) -> float:
    command = [sys.executable, "-c", text]
    return median_ms(partial(subprocess.run, command, check=True, cwd=ROOT), 1)


if __name__ == "__main__":
    sys.exit(main())
