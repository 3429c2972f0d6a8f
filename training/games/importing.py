"""Games from a file with one record in a line: all of them are checked, then all are kept.

A game that is kept already, by the same id and with the same moves, is left as it is; so a file
may be brought twice, and an import that a killed worker left goes on where it was.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from django.db import transaction
from django.db.models import Q

from hamlet.datasets.game_records import read_game, write_game
from hamlet.datasets.games import Game as PlayedGame
from hamlet.errors import Problem, SpecError
from hamlet.json_documents import read_json
from hamlet.schema import Flag, Section, Text, Unread, validate
from registry.artifacts.models import Artifact
from registry.artifacts.store import open_verified
from registry.jobs.kinds import Finished, JobKind, Prepared
from registry.jobs.models import Job
from registry.models import Classroom, User
from training.games import rows, services
from training.games.models import Game
from training.games.reading import find_classroom, versions_of
from training.games.rows import Keeping

if TYPE_CHECKING:
    from registry.jobs.context import JobContext

NAME = "game_import"
AT_ONCE = 200
LONGEST_LINE = 1 << 20
MOST_PROBLEMS = 20
REQUEST = Section(
    {
        "file": Text(longest=64),
        "classroom": Unread(
            str | int, "the name or number of a class", default=None, optional=True
        ),
        "consent": Flag(default=False),
    }
)


def read(user: User, request: Any) -> Prepared:
    """Args: request: `file` (sha256 of what was stored), `classroom`, `consent`.

    Raises: SpecError.
    """
    asked = validate(REQUEST, request)
    classroom = find_classroom(user, asked["classroom"])
    file = Artifact.objects.get(pk=asked["file"])
    return Prepared(request={"consent": asked["consent"]}, classroom=classroom, question=file)


def work(context: JobContext) -> Finished:
    """Raises: LeaseLostError, Cancelled, HandedBack, and whatever keeps the job from its end."""
    user, job = context.need_owner(), context.job
    state = context.state
    if state is None:
        with opened(job.question) as lines:
            total = check_all(user, lines, context.progress)
        state = {"read": 0, "new": 0}
        context.save(state, done=0, total=total)
    with opened(job.question) as lines:
        for batch in batches(games_of(lines, skip=state["read"])):
            state = keep_batch(context, user, job.classroom, batch, state)
    return Finished(result={"games": state["read"], "new": state["new"]}, done=state["read"])


def import_file(
    user: User,
    path: Path,
    *,
    classroom: Classroom | None = None,
    consent: bool = False,
    progress: Callable[[int], object] | None = None,
) -> tuple[int, int]:
    """The same at once, in one transaction. Returns: (games read, new ones among them).

    Raises: SpecError; OSError, UnicodeDecodeError if the file cannot be read.
    """
    read_so_far = kept = 0
    with transaction.atomic():
        with path.open(encoding="utf-8") as lines:
            check_all(user, lines)
        with path.open(encoding="utf-8") as lines:
            for batch in batches(games_of(lines)):
                new = unknown(user, batch)
                versions = versions_of(user, new)
                keeping = Keeping(user, classroom, consent=consent, versions=versions)
                block = services.store_search(new)
                kept += services.record_games(new, keeping, block=block, given=True)
                read_so_far += len(batch)
                if progress is not None:
                    progress(read_so_far)
    return read_so_far, kept


def keep_batch(
    context: JobContext,
    user: User,
    classroom: Classroom | None,
    batch: Sequence[PlayedGame],
    state: dict[str, int],
) -> dict[str, int]:
    """Keep some games and how far the import is, in one transaction. Returns: the new state."""
    new = unknown(user, batch)
    keeping = Keeping(
        user,
        classroom,
        consent=context.request["consent"],
        versions=versions_of(user, list(new)),
    )
    block = services.store_search(new)
    state = {"read": state["read"] + len(batch), "new": state["new"] + len(new)}
    context.write(
        lambda: services.record_games(new, keeping, block=block, given=True),
        state=state,
        done=state["read"],
    )
    return state


def check_all(
    user: User, lines: Iterable[str], progress: Callable[[int], object] | None = None
) -> int:
    """Read every game, so that nothing is kept of a file with a fault.

    Returns: how many there are.
    Raises: SpecError naming the first wrong games by their index, and ids that are given twice or
        that another game of this user has.
    """
    seen: set[str] = set()
    count = 0
    for batch in batches(games_of(lines)):
        twice = [g.id for i, g in enumerate(batch) if g.id in seen or seen.add(g.id)]
        if twice:
            message = f"the id {twice[0]!r} is given twice; each stands once"
            raise SpecError([Problem("games", message)])
        unknown(user, batch)
        count += len(batch)
        if progress is not None:
            progress(count)
    if not count:
        raise SpecError([Problem("games", "found no games; expected one record in a line")])
    return count


def unknown(user: User, batch: Sequence[PlayedGame]) -> list[PlayedGame]:
    """Those that are not kept yet. Raises: SpecError if a kept one has other moves."""
    named = {game.id: game for game in batch}
    ours = [uid for uid in map(rows.as_uuid, named) if uid is not None]
    wanted = Q(owner=user, given_id__in=named) | Q(owner=user, given_id=None, uid__in=ours)
    kept = {rows.id_of(row): row for row in Game.objects.filter(wanted)}
    for game_id, row in kept.items():
        if not services.same_game(rows.without_search(row), named[game_id]):
            message = f"you have another game with the id {game_id!r}; give this one its own"
            raise SpecError([Problem("games", message)])
    return [game for game in batch if game.id not in kept]


def games_of(lines: Iterable[str], *, skip: int = 0) -> Iterator[PlayedGame]:
    """Args: skip: games that were read before. Raises: SpecError naming a game by its index."""
    records = (line for line in lines if line.strip())
    for index, line in enumerate(records):
        if index < skip:
            continue
        here = f"games[{index}]"
        if len(line) > LONGEST_LINE:
            raise SpecError([Problem(here, f"longer than {LONGEST_LINE} characters")])
        try:
            record = read_json(line)
        except ValueError as error:
            raise SpecError([Problem(here, f"not JSON ({error})")]) from None
        try:
            yield read_game(record, here)
        except SpecError as error:
            raise SpecError(list(error.problems)[:MOST_PROBLEMS]) from None


def opened(file: Artifact) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_verified(file), encoding="utf-8")


def batches(games: Iterator[PlayedGame]) -> Iterator[list[PlayedGame]]:
    while batch := list(islice(games, AT_ONCE)):
        yield batch


def export_lines(games: Iterable[PlayedGame]) -> Iterator[bytes]:
    """One record in a line, as `games_of` reads them."""
    for game in games:
        yield orjson.dumps(write_game(game)) + b"\n"


def subject(job: Job) -> tuple[str, str]:
    return "games from a file", ""


IMPORT = JobKind(
    name=NAME,
    title="Import of games",
    unit="game",
    permission="training.add_dataset",
    refusal="You may not import games. Ask an instructor.",
    read=read,
    work=work,
    subject=subject,
)
