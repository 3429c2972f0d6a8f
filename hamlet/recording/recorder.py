"""Watch one environment of a batch and write its episodes down, step by step.

Letters: N environments, A actions, M meters.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from hamlet.errors import CheckpointError
from hamlet.recording.episode import Episode
from hamlet.schema import describe

logger = logging.getLogger(__name__)

DIGITS = 5
STREAMS = ("extrinsic", "intrinsic", "shaping")
WHOLE = ("cell", "hour", "progress", "action", "greedy", "affordance")


@dataclass(frozen=True)
class StepRecord:
    """One step of N environments. The first five say how things stood when the agent chose.

    Attributes:
        cell, hour, progress: [N] int64. meters: [N, M]. mask: [N, A] bool.
        q_values: [N, A] by which it chose. action: [N] int64. greedy: [N] bool.
        extrinsic, intrinsic, shaping: [N] what the step paid. novelty: [N] normalised error of
            the observation it led to. affordance: [N] id of the place used, -1 for none.
        terms: [N] each, what `shaping` is the sum of, in the order of the recorder's names.
    """

    cell: Tensor
    hour: Tensor
    progress: Tensor
    meters: Tensor
    mask: Tensor
    q_values: Tensor
    action: Tensor
    greedy: Tensor
    extrinsic: Tensor
    intrinsic: Tensor
    shaping: Tensor
    novelty: Tensor
    affordance: Tensor
    terms: tuple[Tensor, ...] = ()


class EpisodeRecorder:
    """Keeps the present episode of one row in two tables and hands it over when it ends.

    Two tables of preallocated rows, one for fractions and one for whole numbers, cost a step two
    small copies; names, lists and rounding wait until the episode has ended.
    """

    def __init__(
        self,
        max_steps: int,
        grid_width: int,
        affordances: Sequence[str],
        *,
        meters: int,
        actions: int,
        shaping_terms: Sequence[str] = (),
        row: int = 0,
        device: torch.device | str = "cpu",
        live_stream_callback: Callable[[Episode], None] | None = None,
    ) -> None:
        """Args:
        shaping_terms: names of those that are on; each has a column `shaping_<name>`.
        live_stream_callback: gets every finished episode. It must not block; if it fails, that
            is logged once per kind of error and training goes on.
        """
        self.row, self.grid_width, self.affordances = row, grid_width, tuple(affordances)
        self.live_stream_callback = live_stream_callback
        self._sizes = (meters, actions)
        self._terms = tuple(f"shaping_{term}" for term in shaping_terms)
        width = meters + actions + len(self._terms) + len(STREAMS) + 1
        self._fractions = torch.zeros(max_steps, width, device=device)
        self._whole = torch.zeros(max_steps, len(WHOLE) + actions, dtype=torch.int64, device=device)
        self._start: dict[str, Any] = {}
        self._steps = 0
        self._failures: set[str] = set()

    def begin(self, start: Mapping[str, Any]) -> None:
        """A new episode starts; `start` is plain data for the player."""
        self._start = dict(start)
        self._steps = 0

    def record(self, step: StepRecord) -> None:
        row, mine = self.row, slice(self.row, self.row + 1)
        fractions = (*step.terms, step.extrinsic, step.intrinsic, step.shaping, step.novelty)
        torch.cat(
            (step.meters[row], step.q_values[row], *(values[mine] for values in fractions)),
            out=self._fractions[self._steps],
        )
        whole = [getattr(step, name)[mine] for name in WHOLE]
        torch.cat((*whole, step.mask[row]), out=self._whole[self._steps])
        self._steps += 1

    def finish(self, number: int, reason: str, meters_at_end: Tensor) -> Episode:
        """The episode ended: put it together and offer it to the watcher.

        Args: number: within the run, from 1. meters_at_end: [M].
        """
        columns = self._columns()
        uses = [self.affordances[kind] for kind in self._used()]
        names = (*self._terms, *STREAMS)
        sums = self._fractions[: self._steps, -len(names) - 1 : -1].double().sum(dim=0)
        totals = dict(zip(names, rounded(sums), strict=True))
        episode = Episode(
            number=number,
            start=self._start,
            columns=columns,
            end={
                "reason": reason,
                "survival_steps": self._steps,
                "totals": {name: totals[name] for name in (*STREAMS, *self._terms)},
                "visits": dict(Counter(uses)),
                "transitions": dict(Counter(f"{a}>{b}" for a, b in pairwise(uses) if a != b)),
                "meters_at_end": rounded(meters_at_end),
            },
            ended_at=time.time(),
        )
        self._offer(episode)
        return episode

    def _columns(self) -> dict[str, list[Any]]:
        """The steps by the names under which they travel."""
        meters, actions = self._sizes
        values = rounded(self._fractions[: self._steps])
        whole = self._whole[: self._steps]
        cell, mask = whole[:, 0], whole[:, len(WHOLE) :].bool()
        named = dict(zip(WHOLE, whole[:, : len(WHOLE)].unbind(1), strict=True))
        after_values = meters + actions
        named_streams = {
            name: [row[after_values + place] for row in values]
            for place, name in enumerate((*self._terms, *STREAMS, "novelty"))
        }
        streams = {name: named_streams[name] for name in (*STREAMS, "novelty", *self._terms)}
        return {
            "x": (cell % self.grid_width).tolist(),
            "y": (cell // self.grid_width).tolist(),
            "meters": [row[:meters] for row in values],
            "action": named["action"].tolist(),
            "mask": mask.tolist(),
            "q_values": [row[meters:after_values] for row in values],
            **streams,
            "hour": named["hour"].tolist(),
            "progress": named["progress"].tolist(),
            "greedy": named["greedy"].bool().tolist(),
        }

    def _used(self) -> list[int]:
        """Affordances used, in order, one entry per INTERACT that had an effect."""
        kinds = self._whole[: self._steps, WHOLE.index("affordance")]
        return kinds[kinds >= 0].tolist()

    def _offer(self, episode: Episode) -> None:
        if self.live_stream_callback is None:
            return
        try:
            self.live_stream_callback(episode)
        except Exception as error:
            # Watching must never stop training.
            kind = type(error).__name__
            if kind not in self._failures:
                self._failures.add(kind)
                logger.exception("episode %d could not be offered to watchers", episode.number)

    def state_dict(self) -> dict[str, Any]:
        """The episode in progress."""
        return {
            "start": self._start,
            "fractions": self._fractions[: self._steps].clone(),
            "whole": self._whole[: self._steps].clone(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Raises: CheckpointError if the saved steps do not fit this recorder."""
        steps = self._saved_steps(state["whole"])
        for name, table in (("fractions", self._fractions), ("whole", self._whole)):
            saved, fitting = state[name], table[:steps]
            tensor = isinstance(saved, Tensor)
            if not tensor or saved.shape != fitting.shape or saved.dtype != table.dtype:
                found = f"{list(saved.shape)} {saved.dtype}" if tensor else describe(saved)
                raise CheckpointError(
                    f"{name}: found {found}; expected {list(fitting.shape)} {table.dtype}"
                )
            table[:steps] = saved
        places = self._whole[:steps, WHOLE.index("affordance")]
        if not bool(((places >= -1) & (places < len(self.affordances))).all()):
            last = len(self.affordances) - 1
            raise CheckpointError(f"whole: found a place that there is not; expected -1 to {last}")
        if not isinstance(state["start"], Mapping):
            raise CheckpointError(f"start: found {describe(state['start'])}; expected a mapping")
        self._start, self._steps = dict(state["start"]), steps

    def _saved_steps(self, whole: Any) -> int:
        longest = len(self._whole)  # the last episode of a run stays, whole as it is
        if not isinstance(whole, Tensor) or whole.ndim != 2 or len(whole) > longest:
            found = f"{list(whole.shape)}" if isinstance(whole, Tensor) else describe(whole)
            raise CheckpointError(f"whole: found {found}; expected at most {longest} steps")
        return len(whole)


def rounded(values: Tensor) -> Any:
    """Nested lists of numbers with 5 significant digits; None for what is not finite."""
    exact = values.detach().to("cpu", torch.float64)
    magnitude = exact.abs().clamp_min(1e-300).log10().floor()
    scale = 10.0 ** (DIGITS - 1 - magnitude.clamp(-290, 290))
    # Adding 0 turns a negative zero into a plain one.
    short = torch.where(exact == 0, 0.0, (exact * scale).round() / scale) + 0.0
    if bool(short.isfinite().all()):
        return short.tolist()
    return without_gaps(torch.where(exact.isfinite(), short, torch.nan).tolist())


def without_gaps(values: Any) -> Any:
    if isinstance(values, list):
        return [without_gaps(value) for value in values]
    return None if values != values else values  # noqa: PLR0124 - NaN alone differs from itself
