"""Self-play as a job: a version plays against itself, its games are kept some at a time.

Games are played in groups, side by side. A game's number decides what it draws, so a group that a
killed worker left is played again to the same games, and those that were kept stay as they are.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone

from hamlet.datasets.games import Game as PlayedGame
from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Choice, Integer, Section, Text, Unread, validate
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import Job
from registry.jobs.predicting import DEVICES
from registry.models import ModelVersion, User
from training.games import rows, services
from training.games.evaluating import VersionEvaluator, find_board_version
from training.games.reading import find_classroom
from training.games.rows import Keeping

if TYPE_CHECKING:
    from hamlet.search.evaluating import Evaluate
    from hamlet.search.self_play import SelfPlay, SelfPlaySettings
    from hamlet.search.self_play_games import SelfPlayGame
    from registry.jobs.context import JobContext

NAME = "selfplay"
MOST_GAMES = 100_000
WRITTEN_AT_ONCE = 10
SIDE_BY_SIDE = 32
UNIFORM = "uniform"
REQUEST = Section(
    {
        "num_games": Integer(1, MOST_GAMES),
        "version": Text(default=None, longest=160, optional=True),
        "device": Choice(*DEVICES, default="cpu"),
        "seed": Integer(0, 2**63 - 1, default=None, optional=True),
        "classroom": Unread(
            str | int, "the name or number of a class", default=None, optional=True
        ),
        "options": Unread(dict, "a mapping", default={}, optional=True),
    }
)


def read(user: User, request: Any) -> Prepared:
    """Args: request: `num_games`, and `version`, `device`, `seed`, `classroom`, `options`.

    Raises: SpecError naming every fault, VersionNotFoundError, ArchivedVersionError.
    """
    problems: list[Problem] = []
    asked = validate(REQUEST, snake_cased(request, "", problems))
    settings = read_settings(asked["options"] or {}, problems)
    classroom = None
    try:
        classroom = find_classroom(user, asked["classroom"])
    except SpecError as error:
        problems += error.problems
    if problems:
        raise SpecError(problems)
    version = find_board_version(user, asked["version"]) if asked["version"] else None
    seed = secrets.randbits(62) if asked["seed"] is None else asked["seed"]
    return Prepared(
        request={"num_games": asked["num_games"], "seed": seed, "settings": settings.to_data()},
        total=asked["num_games"],
        version=version,
        classroom=classroom or (version.model.classroom if version else None),
        device=asked["device"],
    )


def read_settings(options: Mapping[str, Any], problems: list[Problem]) -> SelfPlaySettings | None:
    """`temperature` may stand beside `search`: one number holds for the whole game."""
    from hamlet.search.self_play import SelfPlaySettings

    data = {"parallel_games": SIDE_BY_SIDE, **options}
    temperature = data.pop("temperature", None)
    search = data.get("search") or {}
    if temperature is not None and isinstance(search, Mapping):
        if "temperature" in search:
            message = "stands in search too; give it once"
            problems.append(Problem("options.temperature", message))
        if not isinstance(temperature, Mapping):
            temperature = {"first": temperature, "then": temperature}
        data["search"] = {**search, "temperature": temperature}
    elif not search:
        data["search"] = {}
    try:
        return SelfPlaySettings.from_data(data, "options")
    except SpecError as error:
        problems += error.problems
        return None


def work(context: JobContext) -> Finished:
    """Raises: LeaseLostError, Cancelled, HandedBack, and whatever keeps the job from its end."""
    from hamlet.search.self_play import SelfPlaySettings

    asked = context.request
    settings = SelfPlaySettings.from_data(asked["settings"])
    playing = _Playing(context, settings)
    while playing.first < asked["num_games"]:
        playing.play_group(min(settings.parallel_games, asked["num_games"] - playing.first))
    return Finished(result={**playing.counts, "seed": asked["seed"]}, done=playing.counts["games"])


class _Playing:
    """One worker's part of a job.

    Attributes:
        first: number of the first game of the group at hand.
        counts: games (as played), mirrored, examples_generated (plies of both).
    """

    def __init__(self, context: JobContext, settings: SelfPlaySettings) -> None:
        state = context.state or {"first": 0, "counts": {}}
        self.context, self.settings = context, settings
        self.first = state["first"]
        self.counts = {"games": 0, "mirrored": 0, "examples_generated": 0, **state["counts"]}
        job = context.job
        self.keeping = Keeping(
            job.owner,
            job.classroom,
            origin=job.pk,
            versions={name_of(job.version): job.version} if job.version else None,
        )
        self.evaluate = evaluator_of(context)

    def play_group(self, count: int) -> None:
        """Play games `first` to `first + count`, and write them as they end."""
        waiting: list[SelfPlayGame] = []
        self_play = self._begin(count)
        while not self_play.done:
            waiting += self_play.advance()
            if sum(not game.mirrored for game in waiting) >= WRITTEN_AT_ONCE:
                self._write(waiting, self.first)
                waiting = []
            else:
                self.context.progress(self.counts["games"])
        self._write(waiting, self.first + count)
        self.first += count

    def _begin(self, count: int) -> SelfPlay:
        from hamlet.learning.randomness import derived_seed
        from hamlet.search.self_play import SelfPlay

        seed = derived_seed(self.context.request["seed"], f"group {self.first}")
        return SelfPlay(self.evaluate, self.settings, seed, games=count)

    def _write(self, games: Sequence[SelfPlayGame], next_first: int) -> None:
        """Keep the games of this group that are not kept yet, and where a next worker begins."""
        numbers = [2 * (self.first + game.number) + game.mirrored for game in games]
        kept = services.known_numbers(self.keeping, numbers)
        new = {n: game for n, game in zip(numbers, games, strict=True) if n not in kept}
        counts = dict(self.counts)
        for game in new.values():
            counts["mirrored" if game.mirrored else "games"] += 1
            counts["examples_generated"] += len(game)
        job = self.context.job
        played = [as_played(game, job.pk, n, name_of(job.version)) for n, game in new.items()]
        block = services.store_search(played)  # the file first, then the rows that name it
        self.context.write(
            lambda: services.record_games(played, self.keeping, numbers=list(new), block=block),
            state={"first": next_first, "counts": counts},
            done=counts["games"],
        )
        self.counts = counts


def as_played(game: SelfPlayGame, origin: UUID, number: int, player: str) -> PlayedGame:
    """A game of self-play as games are kept. Args: number: within the origin."""
    from hamlet.learning.connect_four import finished_games

    return replace(
        finished_games.as_played(game, player),
        id=str(rows.uid_of(origin, number)),
        played_at=timezone.now(),
        mirror_of=str(rows.uid_of(origin, number - 1)) if game.mirrored else None,
    )


def evaluator_of(context: JobContext) -> Evaluate:
    """Raises: ArtifactDamagedError, OverloadedError, ArchivedVersionError."""
    if context.job.version is None:
        from hamlet.search.evaluators import UniformEvaluator

        return UniformEvaluator()
    from registry.jobs.calculating import load_version
    from registry.serving.targets import target_of

    version = context.job.version
    return VersionEvaluator(load_version(version, target_of(version), context.device))


def name_of(version: ModelVersion | None) -> str:
    return f"{version.model.name}/{version.number}" if version else UNIFORM


def subject(job: Job) -> tuple[str, str]:
    if job.version is None:
        return "search without a network", ""
    return name_of(job.version), job.version.get_absolute_url()


SELF_PLAY = JobKind(
    name=NAME,
    title="Self-play",
    unit="game",
    permission="training.add_run",
    refusal="You may not start self-play. Ask an instructor.",
    read=read,
    work=work,
    subject=subject,
    memory_advice="Play fewer games side by side (options.parallel_games), or search less.",
)
