"""The town for one agent in plain Python, written as one would without tensors.

Stepping TownEnv with one row at a time is slow for reasons of its own (every operation on a tensor
of one row costs as much as on a hundred), so beating that says little. This is the peer that says
something: floats in a list, one numpy array for the observation, tables worked out beforehand.
A test plays it beside TownEnv. It knows what the shipped levels need: grid planes, rewards
`multiplicative` and `constant_base_with_bonus`, no shaping, no curriculum.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import gymnasium
import numpy as np

from hamlet.envs.town.gym import observation_box
from hamlet.envs.town.level import TownLevel
from hamlet.envs.town.packs import load_pack
from hamlet.envs.town.relations import DUST
from hamlet.envs.town.rules import PENNY, use_of
from hamlet.envs.town.tables import (
    ACTIONS,
    AFFORDANCE_ID,
    AFFORDANCES,
    CASCADES,
    CRISIS,
    HOURS,
    INTERACT,
    METER_ID,
    METER_NAMES,
    MODULATION_FLOOR,
    MODULATION_RATE,
    MODULATION_SPAN,
    MOVES,
    NOTHING,
    WAIT,
)

ENERGY, MONEY, HEALTH, FITNESS = (METER_ID[n] for n in ("energy", "money", "health", "fitness"))


class PlainTown(gymnasium.Env):
    """One town of a shipped level."""

    metadata = {"render_modes": []}

    def __init__(self, level: str) -> None:
        self.level = read = load_pack(level).level
        self.observation_space = observation_box(read)
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self._active = [name in read.active_meters for name in METER_NAMES]
        self._uses = [use_of(affordance, read.temporal) for affordance in AFFORDANCES]
        self._effects = [pairs(action.effect, self._active) for action in ACTIONS]
        self._losses = [
            (index, loss)
            for index, loss in enumerate(read.base_losses)
            if loss and self._active[index]
        ]
        self._cascades = [
            (METER_ID[c.source], METER_ID[c.target], c.strength / CRISIS)
            for c in CASCADES
            if self._active[METER_ID[c.source]] and self._active[METER_ID[c.target]]
        ]
        self._masks = [[legal(read, cell, use) for use in (0, 1)] for cell in range(read.cells)]
        self._clock = [
            (math.sin(2 * math.pi * hour / HOURS), math.cos(2 * math.pi * hour / HOURS))
            for hour in range(HOURS)
        ]
        self._view = Window(read) if read.window else Full(read)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        read, draw = self.level, self.np_random
        cells = draw.permutation(read.cells)[: len(read.affordances)].tolist()
        places = {AFFORDANCE_ID[n]: c for n, c in zip(read.affordances, cells, strict=True)}
        hour = int(draw.integers(HOURS)) if read.start_hour is None else read.start_hour
        return self.place(places, int(draw.integers(read.cells)), hour)

    def place(self, places: dict[int, int], cell: int, hour: int):
        """Begin an episode with affordance id -> cell, the agent on `cell`, at `hour`."""
        self._ground = [NOTHING] * self.level.cells
        for kind, where in places.items():
            self._ground[where] = kind
        self._meters = list(self.level.start)
        self._cell, self._hour, self._progress, self._steps = cell, hour, 0, 0
        self._view.lay_out(self._ground)
        return self._observe(), {"action_mask": self._mask()}

    def step(self, action: int):
        action = int(action)
        if not self._mask()[action]:
            action = WAIT
        meters = self._meters
        add(meters, self._effects[action])
        if action < MOVES:
            self._cell += ACTIONS[action].dx + ACTIONS[action].dy * self.level.width
        kind = self._ground[self._cell]
        paid = finished = False
        if action == INTERACT:
            paid, finished = self._use(kind)
        self._wear()
        self._steps += 1
        terminated = self._dead(ENERGY) or self._dead(HEALTH)
        truncated = not terminated and self._steps >= self.level.max_steps
        if self.level.temporal:
            self._hour = (self._hour + 1) % HOURS
            kept = action >= MOVES and not finished and self._open(kind)
            self._progress = self._progress + paid if kept else 0
        info = {"action_mask": self._mask()}
        return self._observe(), self._reward(), terminated, truncated, info

    def _use(self, kind: int) -> tuple[bool, bool]:
        """Pay for and take one tick of the place underfoot: (paid, finished)."""
        price, last_tick, tick, completion = self._uses[kind]
        if self._active[MONEY] and self._meters[MONEY] < price - PENNY:
            return False, False
        finished = self._progress == last_tick
        changes = completion if finished else tick
        add(self._meters, [(i, c) for i, c in enumerate(changes) if c and self._active[i]])
        return True, finished

    def _wear(self) -> None:
        """Base loss, modulation and cascades, in the order of the rules."""
        meters = self._meters
        for index, loss in self._losses:
            meters[index] = max(0.0, meters[index] - loss)
        if self._active[HEALTH]:
            pull = MODULATION_FLOOR + MODULATION_SPAN * (1.0 - meters[FITNESS])
            meters[HEALTH] = max(0.0, meters[HEALTH] - MODULATION_RATE * pull)
        for source, target, strength in self._cascades:
            lacking = CRISIS - meters[source]
            if lacking > 0.0:
                meters[target] = max(0.0, meters[target] - strength * lacking)
        for index, value in enumerate(meters):
            if value <= DUST:
                meters[index] = 0.0

    def _dead(self, meter: int) -> bool:
        return self._active[meter] and self._meters[meter] <= 0.0

    def _reward(self) -> float:
        spec = self.level.extrinsic
        if spec["kind"] == "multiplicative":
            return math.prod(self._meters[METER_ID[name]] for name in spec["meters"])
        bonuses = (
            (self._meters[METER_ID[b["meter"]]] - b["center"]) * b["weight"]
            for b in spec["bonuses"]
        )
        return spec["base"] + sum(bonuses)

    def _open(self, kind: int) -> bool:
        if kind == NOTHING:
            return False
        return not self.level.temporal or AFFORDANCES[kind].is_open(self._hour)

    def _mask(self) -> np.ndarray:
        return self._masks[self._cell][self._open(self._ground[self._cell])]

    def _observe(self) -> np.ndarray:
        obs = self._view.look(self._cell)
        obs[-29:-27] = self._view.positions[self._cell]
        obs[-27:-19] = self._meters
        obs[-19:-4] = 0.0
        obs[-19 + self._ground[self._cell]] = 1.0
        sine, cosine = self._clock[self._hour]
        obs[-4:] = sine, cosine, self._progress / 10.0, self._steps / self.level.max_steps
        return obs


class Full:
    """Planes of the whole map; only the agent's moves."""

    def __init__(self, level: TownLevel) -> None:
        self.cells, self.positions = level.cells, positions(level)

    def lay_out(self, ground: Sequence[int]) -> None:
        self._still = np.zeros(15 * self.cells + 29, np.float32)
        for cell, kind in enumerate(ground):
            if kind != NOTHING:
                self._still[kind * self.cells + cell] = 1.0

    def look(self, cell: int) -> np.ndarray:
        obs = self._still.copy()
        obs[NOTHING * self.cells + cell] = 1.0
        return obs


class Window:
    """Planes of a square around the agent, cut from a map with a margin of nothing."""

    def __init__(self, level: TownLevel) -> None:
        self.level, self.side, self.positions = level, level.window, positions(level)
        self.size = 15 * self.side**2 + 29
        self.middle = NOTHING * self.side**2 + self.side**2 // 2

    def lay_out(self, ground: Sequence[int]) -> None:
        level, margin = self.level, self.side // 2
        self._map = np.zeros((14, level.height + 2 * margin, level.width + 2 * margin), np.float32)
        for cell, kind in enumerate(ground):
            if kind != NOTHING:
                row, column = divmod(cell, level.width)
                self._map[kind, row + margin, column + margin] = 1.0

    def look(self, cell: int) -> np.ndarray:
        row, column = divmod(cell, self.level.width)
        obs = np.zeros(self.size, np.float32)
        seen = self._map[:, row : row + self.side, column : column + self.side]
        obs[: 14 * self.side**2] = seen.reshape(-1)
        obs[self.middle] = 1.0
        return obs


def pairs(effect: dict[str, float], active: Sequence[bool]) -> list[tuple[int, float]]:
    found = [(METER_ID[name], amount) for name, amount in effect.items()]
    return [(index, amount) for index, amount in found if active[index]]


def add(meters: list[float], changes: Sequence[tuple[int, float]]) -> None:
    for index, amount in changes:
        meters[index] = min(1.0, max(0.0, meters[index] + amount))


def positions(level: TownLevel) -> list[tuple[float, float]]:
    """Column and row of every cell, each scaled to [0, 1]."""
    cells = (divmod(cell, level.width) for cell in range(level.cells))
    return [(column / (level.width - 1), row / (level.height - 1)) for row, column in cells]


def legal(level: TownLevel, cell: int, usable: int) -> np.ndarray:
    """[8] bool for an agent on `cell`, with or without an open place underfoot."""
    row, column = divmod(cell, level.width)
    found = [
        action.name not in level.disabled_actions
        and 0 <= column + action.dx < level.width
        and 0 <= row + action.dy < level.height
        for action in ACTIONS
    ]
    found[INTERACT] = found[INTERACT] and bool(usable)
    return np.array(found)
