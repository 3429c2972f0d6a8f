"""The analysis of a game: a job that asks perfect play about every position, the last one first.

The end of a game is solved in no time and its opening takes longest, so whoever waits sees the
moves appear from the end backwards. What was found about a position is kept for every game.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

from hamlet.datasets.packing import unpack_moves
from hamlet.envs.connect_four.position import NAMES, RED, YELLOW, Position
from hamlet.schema import Section, Text, validate
from registry.jobs import dispatch, services
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import Job, JobStatus
from registry.models import User
from training.games.errors import GameConflictError
from training.games.models import Game, PositionFinding
from training.games.queries import visible_games

if TYPE_CHECKING:
    from hamlet.search.analysis import Finding, JudgedMove
    from registry.jobs.context import JobContext

NAME = "analysis"
REQUEST = Section({"game": Text(longest=36)})
NOTHING = {
    "moves": [],
    "losing_ply": None,
    "lost_from": None,
    "mistakes": {"Red": {}, "Yellow": {}},
}
SLOW_BELOW = 8  # stones; such positions take the solver up to minutes, unless its book has them
LOSER_OF = {RED: YELLOW, YELLOW: RED}


def read(user: User, request: Any) -> Prepared:
    """Args: request: `game`, the id of a game that the user may see.

    Raises: SpecError, Game.DoesNotExist.
    """
    uid = UUID(validate(REQUEST, request)["game"])
    game = visible_games(user).select_related("classroom").get(uid=uid)

    def point_at_it(job: Job) -> None:
        """Of two who ask at once, one makes the job."""
        if not Game.objects.filter(pk=game.pk, analysis=None).update(analysis=job):
            raise GameConflictError("Somebody else has this game analysed already; look again.")

    return Prepared(
        request={"game": str(uid)},
        total=game.plies,
        classroom=game.classroom,
        on_made=point_at_it,
    )


def started(user: User, game: Game, *, again: bool = False) -> Game:
    """The game with its analysis, which begins now if nobody has asked for it before.

    Args:
        game: one that the user may see. again: one that failed or was cancelled is tried again.
    Raises: TooManyJobsError, NotChangeableError, StatusConflictError.
    """
    job = game.analysis
    if job is None:
        with contextlib.suppress(GameConflictError):  # the other one of two at once
            services.queue_job(user, {"game": str(game.uid)}, kind=NAME)
    elif again and job.status in (JobStatus.FAILED, JobStatus.CANCELLED):
        services.retry_job(job)
    else:
        return game
    return Game.objects.select_related("analysis").get(pk=game.pk)


def pending(game: Game) -> bool:
    return game.analysis is not None and not game.analysis.ended


def analysis_data(game: Game) -> dict[str, Any]:
    """How far the analysis is, and the moves that are done, by ply."""
    job = game.analysis
    found = NOTHING if job is None else job.result or job.state or NOTHING
    return {
        "game_id": str(game.uid),
        "status": "not_asked" if job is None else job.status,
        "reason": "" if job is None else job.reason,
        "progress": {
            "done": 0 if job is None else job.done,
            "total": game.plies,
            "unit": ANALYSIS.unit,
        },
        **{name: found[name] for name in NOTHING},
        "moves": sorted(found["moves"], key=lambda move: move["ply"]),
    }


def work(context: JobContext) -> Finished:
    """Raises: LeaseLostError, Cancelled, HandedBack, and whatever keeps the job from its end."""
    from hamlet.search.analysis import analyse  # brings numba
    from hamlet.search.solver_limits import Limits, SolveCancelled

    game = Game.objects.get(uid=context.request["game"])
    columns = unpack_moves(bytes(game.moves))
    while True:
        judged: list[JudgedMove] = []
        limits, known = Limits(stop=_Stop(context)), known_findings(columns)
        make_way(context, columns, known)
        try:
            for move in analyse(columns, known=known, limits=limits):
                judged.append(move)
                note(context, game, judged)
                make_way(context, columns[: -len(judged)], known)
        except SolveCancelled:
            context.progress(context.done)  # which says why, by what it raises
        else:
            return Finished(result=report(game, judged), done=game.plies)


def make_way(context: JobContext, left: list[int], known: dict[int, Finding]) -> None:
    """Leave openings to the workers for long work: whoever has finished a game waits for its end.

    Args: left: the moves that are not judged yet.
    Raises: Resting.
    """
    if 0 < len(left) <= SLOW_BELOW and Position.after(left[:-1]).canonical_key not in known:
        context.move_to(dispatch.WORK)


def known_findings(columns: list[int]) -> dict[int, Finding]:
    """What earlier analyses found about the positions of this game."""
    from hamlet.search.analysis import Finding, line_of

    keys = {position.canonical_key for position in line_of(columns)}
    kept = PositionFinding.objects.filter(canonical_key__in=keys)
    return {row.canonical_key: Finding(row.score, tuple(row.best_columns)) for row in kept}


def note(context: JobContext, game: Game, judged: list[JudgedMove]) -> None:
    """Keep what was found about the newest position, with how far the analysis is."""
    if len(judged) <= context.done:
        return  # an earlier worker had come so far
    move = judged[-1]
    kept = PositionFinding(
        canonical_key=move.key,
        score=move.finding.score,
        best_columns=list(move.finding.best_columns),
    )
    context.write(
        lambda: PositionFinding.objects.bulk_create([kept], ignore_conflicts=True),
        state=report(game, judged),
        done=len(judged),
    )


def report(game: Game, judged: list[JudgedMove]) -> dict[str, Any]:
    """What is known after the last so many moves of a game were judged."""
    from hamlet.search.analysis import summarise

    summary = summarise(judged, LOSER_OF.get(game.winner)).to_data()
    moves = [{**move.to_data(), "player": NAMES[move.player]} for move in judged]
    mistakes = {
        NAMES[int(player)]: {kind: count for kind, count in kinds.items() if count}
        for player, kinds in summary["mistakes"].items()
    }
    return {**summary, "moves": moves, "mistakes": mistakes}


class _Stop:
    """As the solver asks: whether to stop."""

    def __init__(self, context: JobContext) -> None:
        self.is_set = context.stop_wished


def subject(job: Job) -> tuple[str, str]:
    game = Game.objects.filter(uid=job.request["game"]).first()
    return (f"game {job.request['game'][:8]}", game.get_absolute_url() if game else "")


ANALYSIS = JobKind(
    name=NAME,
    title="Analysis of a game",
    unit="position",
    permission="training.view_game",
    refusal="You may not look at games. Ask an instructor.",
    read=read,
    work=work,
    queues=dispatch.INFERENCE,
    subject=subject,
)
