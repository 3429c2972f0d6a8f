"""Connect Four for one player behind Gymnasium's interface; the opponent's reply is part of the
environment. Needs Gymnasium (extra `games`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from hamlet.envs.connect_four.drawing import as_picture, as_text
from hamlet.envs.connect_four.planes import planes_of
from hamlet.envs.connect_four.position import COLUMNS, NAMES, RED, YELLOW, Position
from hamlet.errors import HamletError

try:
    import gymnasium
    from gymnasium import spaces
except ImportError as error:
    raise HamletError(
        'ConnectFourGymEnv needs gymnasium, which is missing. pip install "hamlet[games]"'
    ) from error

RENDER_MODES = ("ansi", "rgb_array")
Opponent = Callable[[Position], int]  # the column it plays, 0 to 6


class ConnectFourGymEnv(gymnasium.Env):
    """One game against an opponent who answers within `step`.

    Observation: [3, 6, 7] float32, the input of networks, always with the player to move but for
    the end of a game. Action: a column, 0 to 6. Reward: 1 for a game won, -1 for one lost, 0
    otherwise. `info` holds `action_mask` [7] bool and `moves`, the columns played so far.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": 2}

    def __init__(
        self,
        opponent: Opponent | str = "random",
        *,
        plays: int | None = None,
        seed: int = 0,
        render_mode: str | None = None,
    ) -> None:
        """
        Args:
            opponent: a function from position to column, or the name of a player: random,
                one_ply, minimax, mcts, solver.
            plays: 1 for Red, who moves first, 2 for Yellow; by default drawn for each game.
            seed: used until `reset` is given one.

        Raises: HamletError for another side or mode, or a name that no player has.
        """
        if plays not in (None, RED, YELLOW):
            raise HamletError(f"plays: found {plays!r}; expected 1 (Red), 2 (Yellow) or None")
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise HamletError(
                f"render_mode: found {render_mode!r}; expected one of {', '.join(RENDER_MODES)}"
            )
        self.opponent, self.plays, self.render_mode = opponent, plays, render_mode
        self.observation_space = spaces.Box(0.0, 1.0, (3, 6, COLUMNS), np.float32)
        self.action_space = spaces.Discrete(COLUMNS)
        self.position, self.moves, self.side = Position(), [], RED
        self._next_seed: int | None = seed
        self._reply = self._opponent_of(seed)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin a game; where the opponent is Red, its first stone lies already."""
        seed = self._next_seed if seed is None else seed
        super().reset(seed=seed)
        if seed is not None:
            self._reply = self._opponent_of(seed)
        self._next_seed = None
        self.position, self.moves = Position(), []
        self.side = self.plays or int(self.np_random.integers(RED, YELLOW + 1))
        if self.side == YELLOW:
            self._play(self._reply(self.position))
        return self._observation(), self._info()

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Play a column and let the opponent answer.

        Raises: IllegalMoveError for a column that may not be played; nothing has moved then.
        """
        self._play(action)
        if not self.position.ended:
            self._play(self._reply(self.position))
        won = self.position.winner
        reward = 0.0 if not won else 1.0 if won == self.side else -1.0
        return self._observation(), reward, self.position.ended, False, self._info()

    def action_masks(self) -> np.ndarray:
        """[7] bool of the present state, under the name that sb3-contrib looks for."""
        return np.array(self.position.legal())

    def render(self) -> str | np.ndarray | None:
        if self.render_mode == "rgb_array":
            return as_picture(self.position)
        return as_text(self.position) if self.render_mode == "ansi" else None

    def _play(self, column: Any) -> None:
        if isinstance(column, np.generic | np.ndarray) and column.size == 1:
            column = column.item()  # a float stays one, and is refused
        self.position = self.position.play(column)
        self.moves.append(column)

    def _observation(self) -> np.ndarray:
        """As the player sees it, also at the end, when the opponent may have moved last."""
        position, mine = self.position, self.side == self.position.player
        own = torch.tensor([position.own if mine else position.other])
        red = torch.tensor([self.side == RED])
        return planes_of(own, torch.tensor([position.occupied]), red)[0].numpy()

    def _info(self) -> dict[str, Any]:
        return {
            "action_mask": self.action_masks(),
            "moves": list(self.moves),
            "plays": NAMES[self.side],
        }

    def _opponent_of(self, seed: int) -> Opponent:
        if not isinstance(self.opponent, str):
            return self.opponent
        from hamlet.search.players import opponent_named

        return opponent_named(self.opponent, seed=seed)
