"""Who plays in a tournament: players of the pool, and registered versions with or without search.

An entrant has one name wherever it plays: `minimax`, `dropper/1.0.0` (plays what its network likes
best) or `dropper/1.0.0 @64` (looks ahead with 64 simulations). Ratings go by that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, Integer, Section, Text, describe, hint, validate
from hamlet.search.settings import MOST_SIMULATIONS, SearchSettings
from registry.models import ModelVersion, User
from training.games.evaluating import VersionEvaluator, find_board_version
from training.games.models import Game

if TYPE_CHECKING:
    from hamlet.search.players import Player

POOL = ("random", "one_ply", "minimax", "mcts", "solver")
LONGEST_NAME = Game._meta.get_field("red_name").max_length
OF_POOL = Section({"name": Choice(*POOL)})
OF_VERSION = Section(
    {
        "version": Text(longest=160),
        "simulations": Integer(1, MOST_SIMULATIONS, default=None, optional=True),
    }
)


@dataclass(frozen=True)
class Entrant:
    """Attributes: pool: its name there, or empty. version: model/number, or empty. simulations:
    of a version's search; None plays without looking ahead."""

    pool: str = ""
    version: str = ""
    simulations: int | None = None

    @property
    def name(self) -> str:
        ahead = f" @{self.simulations}" if self.simulations is not None else ""
        return self.pool or f"{self.version}{ahead}"

    def to_data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        return cls(**data)


def in_words(text: str) -> dict[str, Any]:
    """What people write for an entrant, as a request has it: `minimax`, `model/1.0.0`,
    `model@best`, `model/1.0.0@64` or `model@best@64`."""
    text = text.strip()
    named, mark, last = text.rpartition("@")
    if mark and last.strip().isdecimal() and ("/" in named or "@" in named):
        return {"version": named.strip(), "simulations": int(last[:20])}
    return {"version": text} if "/" in text or "@" in text else {"name": text}


def read_entrants(user: User, players: list[Any], problems: list[Problem]) -> list[Entrant]:
    """The entrants whom this user may let play.

    Args:
        players: text as `in_words` takes it, or mappings with `name`, or with `version` and
            perhaps `simulations`. problems: gets every fault.
    Raises: VersionNotFoundError, ArchivedVersionError.
    """
    entrants: list[Entrant] = []
    for index, player in enumerate(players):
        path = f"players[{index}]"
        try:
            entrant = read_entrant(user, player, path)
        except SpecError as error:
            problems += error.problems
            continue
        if entrant in entrants:
            problems.append(Problem(path, f"{entrant.name} stands twice; expected each once"))
        entrants.append(entrant)
    return entrants


def read_entrant(user: User, player: Any, path: str) -> Entrant:
    """Raises: SpecError, VersionNotFoundError, ArchivedVersionError."""
    asked = in_words(player) if isinstance(player, str) else player
    if not isinstance(asked, Mapping):
        message = f"found {describe(player)}; expected a name, or a mapping with name or version"
        raise SpecError([Problem(path, message)])
    if "version" not in asked:
        found = asked.get("name")
        if isinstance(found, str) and found not in POOL:
            message = (
                f"found {describe(found)}; expected one of {', '.join(POOL)}{hint(found, POOL)}, "
                "or a version as model/number"
            )
            raise SpecError([Problem(f"{path}.name", message)])
        return Entrant(pool=validate(OF_POOL, asked, path)["name"])
    given = validate(OF_VERSION, asked, path)
    try:
        version = find_board_version(user, given["version"])
    except SpecError as error:
        raise SpecError([Problem(f"{path}.{p.path}", p.message) for p in error.problems]) from None
    named = f"{version.model.name}/{version.number}"
    entrant = Entrant(version=named, simulations=given["simulations"])
    if len(entrant.name) > LONGEST_NAME:
        message = f"its name has {len(entrant.name)} letters; expected at most {LONGEST_NAME}"
        raise SpecError([Problem(f"{path}.version", message)])
    return entrant


def versions_of(user: User, entrants: list[Entrant]) -> dict[str, ModelVersion]:
    """The versions that play, by the names of their entrants, if the user may still see them.

    Raises: VersionNotFoundError, ArchivedVersionError.
    """
    return {
        entrant.name: find_board_version(user, entrant.version)
        for entrant in entrants
        if entrant.version
    }


def player_of(entrant: Entrant, version: ModelVersion | None, device: str) -> Player:
    """Raises: ArtifactDamagedError, OverloadedError."""
    from hamlet.search.players import NetworkPlayer, player_named  # brings numba

    if version is None:
        return player_named(entrant.pool)
    from registry.jobs.calculating import load_version
    from registry.serving.targets import target_of

    evaluate = VersionEvaluator(load_version(version, target_of(version), device))
    search = None
    if entrant.simulations is not None:
        search = SearchSettings(simulations=entrant.simulations, reuse_tree=False)
    return NetworkPlayer(evaluate, search, title=entrant.name)
