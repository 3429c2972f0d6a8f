"""Tournaments as jobs: every two players meet, seats exchanged after each opening.

Games are played and kept some at a time. A game's number decides its opening and what it draws,
so what a killed worker left is played again to the same games, and those that were kept stay.

The openings have 8 to 10 stones and are about even by perfect play, so that players who always
move alike do not repeat one game, and so that the solver, slow on an empty board, is quick.
"""

from __future__ import annotations

import secrets
from itertools import combinations
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from hamlet.datasets.games import Game as PlayedGame
from hamlet.datasets.games import Player as Seat
from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Choice, Integer, ListOf, Section, Unread, validate
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import Job
from registry.jobs.predicting import DEVICES
from registry.models import Classroom, ModelVersion, User
from training.games import rows, services
from training.games.models import GameSource
from training.games.reading import find_classroom
from training.games.rows import Keeping
from training.league import queries
from training.league.entrants import Entrant, player_of, read_entrants, versions_of

if TYPE_CHECKING:
    from hamlet.search.arena import MatchGame
    from hamlet.search.players import Player
    from registry.jobs.context import JobContext

NAME = "tournament"
FEWEST_PLAYERS, MOST_PLAYERS = 2, 16
MOST_GAMES = 192  # of a pair: each of the 96 openings from both seats
DEFAULT_GAMES = 20
AT_ONCE = 20  # games of a pair, side by side and written together; even
REQUEST = Section(
    {
        "players": ListOf(
            Unread(str | dict, "a name, or a mapping with name or version"),
            shortest=FEWEST_PLAYERS,
            longest=MOST_PLAYERS,
        ),
        "games_per_pair": Integer(2, MOST_GAMES, default=DEFAULT_GAMES),
        "seed": Integer(0, 2**63 - 1, default=None, optional=True),
        "device": Choice(*DEVICES, default="cpu"),
        "classroom": Unread(
            str | int, "the name or number of a class", default=None, optional=True
        ),
    }
)


def read(user: User, request: Any) -> Prepared:
    """Args: request: `players`, and `games_per_pair`, `seed`, `device`, `classroom`.

    Raises: SpecError naming every fault, VersionNotFoundError, ArchivedVersionError.
    """
    problems: list[Problem] = []
    asked = validate(REQUEST, snake_cased(request, "", problems))
    per_pair = asked["games_per_pair"]
    if per_pair % 2:
        message = f"found {per_pair}; expected an even number, since seats are exchanged"
        problems.append(Problem("games_per_pair", message))
    classroom = None
    try:
        classroom = find_classroom(user, asked["classroom"])
    except SpecError as error:
        problems += error.problems
    entrants = read_entrants(user, asked["players"], problems)
    if problems:
        raise SpecError(problems)
    seed = secrets.randbits(62) if asked["seed"] is None else asked["seed"]
    return Prepared(
        request={
            "players": [entrant.to_data() for entrant in entrants],
            "games_per_pair": per_pair,
            "seed": seed,
        },
        total=per_pair * len(list(combinations(entrants, 2))),
        classroom=classroom or shared_classroom(versions_of(user, entrants)),
        device=asked["device"],
    )


def shared_classroom(versions: dict[str, ModelVersion]) -> Classroom | None:
    """The class that all versions belong to; None if they do not, or if none plays."""
    classes = {version.model.classroom for version in versions.values()}
    return classes.pop() if len(classes) == 1 else None


def work(context: JobContext) -> Finished:
    """Raises: LeaseLostError, Cancelled, HandedBack, and whatever keeps the job from its end."""
    tournament = _Tournament(context)
    batches = tournament.batches()
    for index in range((context.state or {"next": 0})["next"], len(batches)):
        tournament.play(index, *batches[index])
    result = queries.standings_of(queries.games_of_job(context.job.pk))
    return Finished(result={**result, "seed": context.request["seed"]}, done=result["games"])


class _Tournament:
    """One worker's part of a job."""

    def __init__(self, context: JobContext) -> None:
        from hamlet.search.openings import balanced_openings

        asked, job = context.request, context.job
        self.context, self.seed = context, asked["seed"]
        self.per_pair: int = asked["games_per_pair"]
        self.entrants = [Entrant.from_data(player) for player in asked["players"]]
        self.versions = versions_of(context.need_owner(), self.entrants)
        self.keeping = Keeping(job.owner, job.classroom, origin=job.pk, versions=self.versions)
        self.openings = shuffled(balanced_openings(), self.seed)
        self._players: dict[str, Player] = {}

    def batches(self) -> list[tuple[int, Entrant, Entrant, int]]:
        """(number of the pair, both of it, number of their first game), in the order of play."""
        return [
            (pair, one, other, first)
            for pair, (one, other) in enumerate(combinations(self.entrants, 2))
            for first in range(0, self.per_pair, AT_ONCE)
        ]

    def play(self, index: int, pair: int, one: Entrant, other: Entrant, first: int) -> None:
        """Play some games of a pair, and write them and where a next worker begins."""
        from hamlet.learning.randomness import derived_seed
        from hamlet.search.arena import play_match

        count = min(AT_ONCE, self.per_pair - first)
        match = play_match(
            self._player(one),
            self._player(other),
            self.openings[first // 2 : (first + count) // 2],
            seed=derived_seed(self.seed, f"pair {pair} from {first}"),
            on_ply=lambda finished, all_games: self.context.progress(self.context.done),
        )
        numbers = [pair * self.per_pair + first + i for i in range(count)]
        origin = self.context.job.pk
        games = [
            as_played(game, origin, number, (one.name, other.name))
            for game, number in zip(match.games, numbers, strict=True)
        ]
        block = services.store_search(games)  # the file first, then the rows that name it
        self.context.write(
            lambda: services.record_games(games, self.keeping, numbers=numbers, block=block),
            state={"next": index + 1},
            done=self.context.done + count,
        )

    def _player(self, entrant: Entrant) -> Player:
        if entrant.name not in self._players:
            version = self.versions.get(entrant.name)
            self._players[entrant.name] = player_of(entrant, version, self.context.device)
        return self._players[entrant.name]


def shuffled(openings: tuple[str, ...], seed: int) -> list[str]:
    """In an order of this tournament, so that two short ones do not play the same openings."""
    import numpy as np

    from hamlet.learning.randomness import derived_seed

    order = np.random.default_rng(derived_seed(seed, "openings")).permutation(len(openings))
    return [openings[i] for i in order]


def as_played(game: MatchGame, origin: UUID, number: int, names: tuple[str, str]) -> PlayedGame:
    """A game as games are kept; the moves of its opening are marked as chosen by nobody.

    Args: names: of both players; the game says who was Red.
    """
    import numpy as np

    return PlayedGame(
        id=str(rows.uid_of(origin, number)),
        moves=tuple(int(digit) - 1 for digit in game.moves),
        winner=game.winner,
        red=Seat(version=names[game.red]),
        yellow=Seat(version=names[1 - game.red]),
        played_at=timezone.now(),
        source=GameSource.TOURNAMENT.value,
        explored=np.arange(len(game.moves)) < game.opening,
        metadata={"opening_plies": game.opening},
    )


def subject(job: Job) -> tuple[str, str]:
    names = [Entrant.from_data(player).name for player in job.request["players"]]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more, ""


TOURNAMENT = JobKind(
    name=NAME,
    title="Tournament",
    unit="game",
    permission="training.add_run",
    refusal="You may not start tournaments. Ask an instructor.",
    read=read,
    work=work,
    subject=subject,
    memory_advice="Let versions search with fewer simulations.",
)
