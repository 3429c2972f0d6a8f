"""The town: a small world in which an agent keeps itself alive."""

from hamlet.envs.town.env import TownEnv
from hamlet.envs.town.errors import IllegalActionError
from hamlet.envs.town.level import TownLevel, level_from_data
from hamlet.envs.town.observations import layout_for
from hamlet.envs.town.packs import LevelPack, list_levels, load_pack
from hamlet.envs.town.rewards import RewardStreams

__all__ = [
    "IllegalActionError",
    "LevelPack",
    "RewardStreams",
    "TownEnv",
    "TownLevel",
    "layout_for",
    "level_from_data",
    "list_levels",
    "load_pack",
]
