"""The town, batched: N independent worlds stepped together, with no loop over them.

Shapes: N environments, C cells (cell = row * width + column, row 0 on top), D observation size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from hamlet.envs.town import state, view
from hamlet.envs.town.checks import (
    check_actions,
    check_mask,
    check_size,
    check_stage,
    describe_illegal,
    mask_of,
)
from hamlet.envs.town.errors import IllegalActionError
from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.observations import Observer, layout_for
from hamlet.envs.town.placement import place_at_random
from hamlet.envs.town.relations import Relations
from hamlet.envs.town.rewards import RewardStreams, extrinsic_reward, intrinsic_modifier
from hamlet.envs.town.rules import Rules
from hamlet.envs.town.shaping import Outcome, Shaping
from hamlet.envs.town.tables import (
    HOURS,
    METER_NAMES,
    MOVES,
    NOTHING,
)

Info = dict[str, Tensor]


class TownEnv:
    """N towns of one level.

    Every tensor below is replaced, never written to, when the town moves on: what you took from
    the environment stays as it was.

    Attributes:
        obs: [N, D] float32, the present observation; `layout` says what each number means.
        action_mask: [N, 8] bool, true where an action is legal now.
        cell, steps, progress, hour: [N] int64. meters: [N, 8] in [0, 1].
        places: [N, 14] cell of each affordance, -1 where the level has none.
        ground: [N, C] affordance id of each cell, NOTHING where there is none.
        tried: [N, 14] bool, affordances whose use was completed in this episode; kept up to date
            only where the level has shaping terms.
        terminated, truncated: [N] bool, how the row's episode ended; both false while it runs.
        active: [N, 8] bool. multiplier: [N] of base losses. sparse: [N] bool. See `set_stage`.
        generator: the one source of randomness.
    """

    def __init__(
        self,
        level: TownLevel,
        num_envs: int,
        device: str | torch.device = "cpu",
        seed: int | Sequence[int] = 0,
        *,
        debug: bool = False,
    ) -> None:
        """Make the towns and reset all of them.

        Args:
            seed: of the first `reset`. debug: raise on an illegal action instead of waiting.

        Raises: SpecError if `num_envs` is out of range or the observations would not fit.
        """
        self.level, self.layout = level, layout_for(level)
        check_size(level, num_envs)
        self.num_envs, self.debug = num_envs, debug
        self.device = torch.device(device)
        self.generator = torch.Generator(device=self.device)
        self._rules = Rules(level, self.device)
        self._relations = Relations(level.base_losses, self.device)
        self._observer = Observer(level, num_envs, self.device)
        self._shaping = Shaping(level, self.device)
        self._extrinsic = extrinsic_reward(level.extrinsic)
        self._modifier = intrinsic_modifier(level.intrinsic_modifiers)
        self._start = torch.tensor(level.start, device=self.device)
        self._level_active = torch.tensor(
            [name in level.active_meters for name in METER_NAMES], device=self.device
        )
        self._clear()
        self.set_stage()
        self.reset(seed=seed)

    def _clear(self) -> None:
        """Fill every state tensor with the values of an empty town."""
        count, options = self.num_envs, {"device": self.device}
        self.cell = torch.zeros(count, dtype=torch.int64, **options)
        self.steps, self.progress, self.hour = (torch.zeros_like(self.cell) for _ in range(3))
        self.meters = self._start.repeat(count, 1)
        self.places = torch.full((count, NOTHING), -1, **options)
        self.ground = torch.full((count, self.level.cells), NOTHING, **options)
        self.tried = torch.zeros(count, NOTHING, dtype=torch.bool, **options)
        self.terminated = torch.zeros(count, dtype=torch.bool, **options)
        self.truncated, self.sparse = self.terminated.clone(), self.terminated.clone()
        self._ended = self.terminated
        self.active = self._level_active.repeat(count, 1)
        self.multiplier = torch.ones(count, **options)

    def set_stage(
        self,
        active_meters: Sequence[str] = METER_NAMES,
        loss_multiplier: float = 1.0,
        sparse: bool = False,
        *,
        rows: Tensor | None = None,
    ) -> None:
        """Make the chosen rows harder or easier from their next step on.

        A meter is active where both the level and the stage name it. One that becomes inactive
        goes back to its start value. Rows that have ended stay ended.

        Args:
            active_meters: names. loss_multiplier: of base losses, 0 or more.
            sparse: pay -1 at death and else 0 instead of the level's reward.
            rows: [N] bool, the environments meant; all by default.

        Raises: SpecError on an unknown meter, a negative multiplier or another kind of value;
            ShapeError if `rows` is no mask. Nothing has changed then.
        """
        check_stage(active_meters, loss_multiplier, sparse)
        chosen = check_mask(rows, self.num_envs, self.device)
        wanted = torch.tensor([name in active_meters for name in METER_NAMES], device=self.device)
        wide = chosen.unsqueeze(1)
        self.active = torch.where(wide, self._level_active & wanted, self.active)
        self.multiplier = self.multiplier.masked_fill(chosen, loss_multiplier)
        self.sparse = self.sparse.masked_fill(chosen, sparse)
        live = wide & ~(self.terminated | self.truncated).unsqueeze(1)
        self.meters = torch.where(live & ~self.active, self._start, self.meters)
        self._apply_stage()
        self._refresh()

    def reset(self, mask: Tensor | None = None, seed: int | Sequence[int] | None = None) -> Tensor:
        """Begin a new episode in the chosen rows.

        Args:
            mask: [N] bool, the rows to reset; all by default.
            seed: restarts the generator. A sequence gives each chosen row, in order, a seed of
                its own, so that an episode can be had again in any batch.

        Returns: [N, D] the present observation of all rows.
        Raises: ShapeError if the mask or the list of seeds has another length than needed.
        """
        chosen = check_mask(mask, self.num_envs, self.device)
        rows = chosen.nonzero().squeeze(1)
        drawn = place_at_random(self.level, len(rows), self.generator, seed)
        self.places = self.places.index_copy(0, rows, drawn.places)
        self.ground = self.ground.index_copy(0, rows, drawn.ground)
        self.cell = self.cell.index_copy(0, rows, drawn.cell)
        self.hour = self.hour.index_copy(0, rows, drawn.hour)
        self._observer.view.lay_out(rows, drawn.ground)
        self.meters = torch.where(chosen.unsqueeze(1), self._start, self.meters)
        self.steps, self.progress = (
            counts.masked_fill(chosen, 0) for counts in (self.steps, self.progress)
        )
        self.tried = self.tried & ~chosen.unsqueeze(1)
        self.terminated, self.truncated = self.terminated & ~chosen, self.truncated & ~chosen
        self._refresh()
        return self.obs

    def step(self, actions: Tensor) -> tuple[Tensor, RewardStreams, Tensor, Tensor, Info]:
        """Take one action in every row. A row that has ended stays as it is and earns 0.

        Args:
            actions: [N] whole numbers from 0 to 7. An illegal one counts as WAIT.

        Returns: (obs, reward_streams, terminated, truncated, info).
            obs: [N, D] the true next observation, also where an episode ended.
            terminated, truncated: [N] bool; they stay true until the row is reset.
            info: tensors by name. action_mask [N, 8] for the next step; running [N] bool, rows
            that were live before this step; actions [N] as executed; illegal [N] bool;
            affordance [N] id of the place used, -1 for none; completed and refused_poor [N]
            bool; dense_extrinsic [N] the level's reward also where the stage is sparse;
            intrinsic_modifier [N] factor for the learner's curiosity.
        Raises: ShapeError on wrong shape, type or range; IllegalActionError in debug mode.
        """
        actions, illegal = self._legal(actions)
        running = ~self._ended
        self.cell = self.cell + self._rules.move.index_select(0, actions)
        underfoot = self.ground.gather(1, self.cell.unsqueeze(1)).squeeze(1)
        active = self.active if self._some_inactive else None
        meters, use = self._rules.act(actions, underfoot, self.meters, self.progress, active)
        self.meters = torch.where(running.unsqueeze(1), self._relations.apply(meters), self.meters)
        died = self._relations.deaths(self.meters) & running
        self.steps = self.steps + running
        retired = (self.steps >= self.level.max_steps) & (running & ~died)
        self.terminated, self.truncated = self.terminated | died, self.truncated | retired
        streams, dense = self._pay(running, died, retired, use)
        if self.level.temporal:
            self._pass_hour(running, actions, underfoot, use)
        self._present(underfoot)
        info = {
            "action_mask": self.action_mask,
            "running": running,
            "actions": actions,
            "illegal": illegal,
            **use,
            "dense_extrinsic": dense,
            "intrinsic_modifier": self._modifier(self.meters),
        }
        return self.obs, streams, self.terminated, self.truncated, info

    def _legal(self, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The actions that will be executed [N], and where that is WAIT instead of the given."""
        actions = check_actions(actions, self.num_envs, self.device)
        legal = mask_of(actions, self.action_mask)
        illegal = ~legal
        if self.debug and bool(illegal.any()):
            raise IllegalActionError(describe_illegal(actions, self.action_mask, illegal))
        return torch.where(legal, actions, self._rules.wait), illegal

    def _pay(
        self, running: Tensor, died: Tensor, retired: Tensor, use: Info
    ) -> tuple[RewardStreams, Tensor]:
        """The streams of this step, and the level's reward [N] whatever the stage pays."""
        dense = self._extrinsic(self.meters)
        if self.level.retirement_bonus:
            dense = dense + retired * self.level.retirement_bonus
        dense = torch.where(running, dense, self._rules.zero)
        extrinsic = torch.where(self.sparse, -died.float(), dense) if self._some_sparse else dense
        if not self._shaping.names:
            return RewardStreams(extrinsic, torch.zeros_like(dense), {}), dense
        terms = self._shaping.step(self, Outcome(running, died, use["completed"], self._try(use)))
        return RewardStreams(extrinsic, reduce(torch.add, terms.values()), terms), dense

    def _try(self, use: Info) -> Tensor:
        """[N] bool, uses completed for the first time in their episode; remembers them."""
        place = use["affordance"].clamp_min(0).unsqueeze(1)
        known = self.tried.gather(1, place)
        completed = use["completed"].unsqueeze(1)
        self.tried = self.tried.scatter(1, place, known | completed)
        return (completed & ~known).squeeze(1)

    def _pass_hour(self, running: Tensor, actions: Tensor, underfoot: Tensor, use: Info) -> None:
        """Tick the clock; progress grows by use and is lost by a move, an end or a closing."""
        self.hour = (self.hour + running) % HOURS
        still_open = self._rules.open.index_select(0, underfoot * HOURS + self.hour)
        kept = (actions >= MOVES) & still_open & ~use["completed"]
        self.progress = (self.progress + (use["affordance"] >= 0)) * kept

    def _present(self, underfoot: Tensor) -> None:
        """Work out mask and observation of the present state."""
        rules = self._rules
        spot = underfoot * HOURS + self.hour
        self._ended = self.terminated | self.truncated
        row = torch.add(self.cell, rules.open.index_select(0, spot), alpha=self.level.cells)
        row = torch.where(self._ended, rules.ended_row, row)
        self.action_mask = rules.legal.index_select(0, row)
        self.obs = self._observer.observe(self.cell, spot, self.progress, self.meters, self.steps)

    def _refresh(self) -> None:
        """Take up a state that no step led to."""
        self._present(self.ground.gather(1, self.cell.unsqueeze(1)).squeeze(1))
        self._shaping.restart(self)

    def _apply_stage(self) -> None:
        self._relations.set(self.active, self.multiplier)
        self._some_inactive = not bool(self.active.all())
        self._some_sparse = bool(self.sparse.any())

    @property
    def shaping_terms(self) -> tuple[str, ...]:
        """The shaping terms that are on, in the order in which their rewards are added up."""
        return self._shaping.names

    def state_dict(self) -> dict[str, Any]:
        """Everything that a later step depends on, the generator included."""
        return state.save(self)

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from a saved state. Raises: CheckpointError, with nothing changed."""
        state.load(self, saved)
        everyone = torch.arange(self.num_envs, device=self.device)
        self._observer.view.lay_out(everyone, self.ground)
        self._apply_stage()
        self._refresh()

    def snapshot(self, row: int) -> dict[str, Any]:
        """Where the agent of one row stands and how it is, as plain data."""
        return view.snapshot(self, row)

    def layout_of(self, row: int) -> dict[str, Any]:
        """What a player must know of the row's episode before its first step, as plain data."""
        return view.layout_of(self, row)

    def end_reason(self, row: int) -> str:
        """`energy`, `health`, both, `time limit`, or `running`."""
        return view.end_reason(self, row)
