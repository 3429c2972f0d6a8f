"""What every benchmark's command line has in common."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import machine_facts
from benchmarks.measuring import CLOCKS
from benchmarks.report import Report


def parser_for(name: str, description: str, *, rounds: int = 5) -> argparse.ArgumentParser:
    """The options that all benchmarks take; a benchmark adds its own."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: only to see it run")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--rounds", type=positive, default=rounds, help="turns each one takes")
    parser.add_argument("--threads", type=positive, default=1, help="of torch, on both sides")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def add_timing(parser: argparse.ArgumentParser, *, seconds: float) -> None:
    """Options of benchmarks that count work per second."""
    parser.add_argument("--seconds", type=float, default=seconds, help="of each measurement")
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="cpu: on a machine that is not quiet"
    )


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {value}; expected 1 or more")
    return value


def begin(
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
    *,
    quick: Mapping[str, Any],
    packages: Iterable[str] = (),
) -> tuple[argparse.Namespace, Report]:
    """Read the command line, set the threads, print the header.

    Args:
        quick: options that `--quick` overrules.
        packages: distributions whose versions matter to the figures.
    """
    options = parser.parse_args(argv)
    if options.quick:
        vars(options).update({"rounds": 1, **quick})
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # child processes read it
    torch.set_num_threads(options.threads)
    name = parser.prog.rpartition(".")[2]
    # Where files lie says nothing about the figures, and results are committed.
    settings = {
        key: value
        for key, value in vars(options).items()
        if key != "quick" and not isinstance(value, Path)
    }
    report = Report(name, options.quick, settings, machine_facts(packages), options.json)
    report.begin()
    return options, report
