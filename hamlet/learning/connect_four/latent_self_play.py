"""Self-play that searches in a learned model."""

from __future__ import annotations

from typing import Any

from hamlet.learning.connect_four.started_self_play import StartedSelfPlay


class LatentSelfPlay(StartedSelfPlay):
    """Its trees are of no use once a move is made, so their states, which would be most of a
    checkpoint, are left out of it."""

    def state_dict(self) -> dict[str, Any]:
        self.search.dynamics.latents = None
        return super().state_dict()
