"""Processes that share the batches of a supervised fit, each with a copy of the network.

The process that trains is the first of them and starts the others, on further GPUs or on the
processors of this machine. For every batch it hands out its weights, each process calculates its
part, and the gradients are added up; the update itself it does alone. (The usual data-parallel
training lets every process do the same update; here the others remember nothing, so checkpoints,
pauses and resumption are as with one process.)

Sources: Li et al. 2020, https://arxiv.org/abs/2006.15704 (data-parallel training in PyTorch).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor

import hamlet
from hamlet.errors import HamletError, Problem, SpecError
from hamlet.learning.replica import EXAMPLES, SETUP, join
from hamlet.learning.shared_batch import Given, part_of, share_weights, shared_gradients
from hamlet.learning.supervised_examples import Examples

if TYPE_CHECKING:
    from hamlet.learning.supervised import SupervisedFit

TIMEOUT_S = 120.0  # for one exchange; a process that is silent for longer is lost
ENDS_WITHIN_S = 5.0
LOOPBACK = Path("/sys/class/net/lo")


_running: list[weakref.finalize] = []  # of this process; a group of processes is one at a time


class ReplicaLostError(HamletError):
    """A process that learns along ended, or no longer answers."""


class Replicas:
    """The other processes, from their start to their end.

    Attributes: devices: how many processes there are with this one.
    """

    def __init__(
        self,
        fit: SupervisedFit,
        sums: int,
    ) -> None:
        """Args: fit: whose batches they share. sums: as `shared_gradients` has it.

        Raises: SpecError if there are not so many GPUs; ReplicaLostError if one does not start.
        """
        # Not the fit itself, or neither would ever be dropped.
        self.network, self.objective = fit.network, fit.objective
        self.devices, self.sums, self.timeout_s = fit.devices, sums, TIMEOUT_S
        network, devices, order = fit.network, fit.devices, fit.order
        on_gpu = network.device.type == "cuda"
        if on_gpu and torch.cuda.device_count() < devices:
            found = torch.cuda.device_count()
            message = f"found {devices}; this host has {found} GPU{'' if found == 1 else 's'}"
            raise SpecError([Problem("config.devices", message)])
        setup = {
            "backend": "nccl" if on_gpu else "gloo",
            "brain": network.spec.data,
            "threads": torch.get_num_threads(),
            "objective": asdict(fit.objective),
            "devices": devices,
            **{name: getattr(order, name) for name in ("batch_size", "seed", "flip")},
            **{"fixed_norms": fit.fixed_norms, "sums": sums, "timeout_s": self.timeout_s},
        }
        self._folder = tempfile.TemporaryDirectory(prefix="hamlet-replicas-")
        folder = Path(self._folder.name)
        (folder / SETUP).write_text(json.dumps(setup), "utf-8")
        save_file(fit.training.tensors(), folder / EXAMPLES)
        self._children: list[subprocess.Popen[str]] = []
        while _running:  # of a trainer that was thrown away and not collected yet
            _running.pop()()
        # Also where nobody says close: the trainer is dropped, or this process ends.
        self._end = weakref.finalize(self, end, self._children, self._folder)
        _running.append(self._end)
        with self._losing("start"):
            self._children += [start(folder, rank) for rank in range(1, devices)]
            join(folder, 0, setup)

    @property
    def pids(self) -> list[int]:
        return [child.pid for child in self._children]

    def loss(
        self, epoch: int, number: int, examples: Examples, flipped: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """What `Objective` says of a whole batch, calculated by all processes.

        Args: examples, flipped: as `Order.batch(epoch, number)` gives them.
        Returns: (scalar to descend, [sums] float64 of what the objective tells, times weights).
        Raises: ReplicaLostError.
        """
        with self._losing(f"epoch {epoch + 1}, batch {number + 1}"):
            for child in self._children:
                child.stdin.write(json.dumps([epoch, number]) + "\n")
                child.stdin.flush()
            share_weights(self.network)
            part = part_of(examples, flipped, 0, self.devices)
            loss, gradients, told = shared_gradients(self.network, self.objective, part, self.sums)
        return Given.apply(loss, gradients, *self.network.parameters()), told

    def close(self) -> None:
        """Let the others end; safe to do twice."""
        self._end()

    @contextlib.contextmanager
    def _losing(self, when: str) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, OSError) as error:
            why = self._why() or f"one of them did not answer for {self.timeout_s:.0f} s ({error})"
            self.close()
            raise ReplicaLostError(
                f"This run learns in {self.devices} processes, and {why} ({when}). Start it again, "
                "or with a smaller batch_size or devices if memory is short."
            ) from error

    def _why(self) -> str:
        """Which process has ended, and how; empty if none has."""
        for rank, child in enumerate(self._children, 1):
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = child.wait(ENDS_WITHIN_S if rank == 1 else 0.1)
                ended = f"was killed by {signal.Signals(-code).name}" if code < 0 else "ended"
                said = last_words(Path(self._folder.name) / f"{rank}.log")
                return f"process {rank + 1} {ended}{f': {said}' if said else ''}"
        return ""


def start(folder: Path, rank: int) -> subprocess.Popen[str]:
    """One further process; it learns of batches through its standard input."""
    if LOOPBACK.exists():
        # All are on this machine: nothing of theirs is to be heard on the network.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    paths = [str(Path(hamlet.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    with (folder / f"{rank}.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603 - our own words, as a list
            [sys.executable, "-m", "hamlet.learning.replica", str(folder), str(rank)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            text=True,
        )


def end(children: list[subprocess.Popen[str]], folder: Any) -> None:
    """Leave the group, and see to it that nothing of the others stays."""
    for child in children:
        with contextlib.suppress(OSError):
            child.stdin.close()
    for child in children:
        try:
            child.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    if dist.is_initialized():
        dist.destroy_process_group()
    folder.cleanup()


def last_words(log: Path) -> str:
    """The last line that a process wrote of what went wrong."""
    with contextlib.suppress(OSError):
        lines = log.read_text("utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else ""
    return ""
