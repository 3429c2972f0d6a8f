"""Which games a dataset is built from, settled when it is asked for."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from hamlet.errors import Problem, SpecError
from registry.models import User
from training.games.models import Game
from training.games.queries import newest_id, usable_games
from training.games.rows import as_uuid, id_of

MOST_PROBLEMS = 20


def chosen_games(user: User, kept: dict[str, Any]) -> int:
    """Settle which games are meant, so that one recorded later changes nothing.

    Returns: how many there are. Raises: SpecError if there are none, or some are not to be found.
    """
    games = usable_games(user)
    filters = kept["options"]["filters"]
    if (wanted := filters["game_ids"]) is not None:
        filters["game_ids"] = named_games(user, games, wanted)
    kept["newest_game"] = newest_id(games)
    count = games.count()
    if not count:
        message = (
            "there is no game that you may learn from yet. Record some (POST /api/v1/games), play "
            "some (POST /api/v1/selfplay), or send examples"
        )
        raise SpecError([Problem("options", message)])
    return count


def named_games(user: User, games: QuerySet[Game], wanted: list[str]) -> list[str]:
    """The ids as the builder will read them. Raises: SpecError naming those that are not there."""
    by_ours = {text: uid for text in wanted if (uid := as_uuid(text)) is not None}
    own = Q(owner=user, given_id__in=wanted)
    found: dict[str, Game] = {}
    for row in games.filter(own | Q(uid__in=by_ours.values())).only("uid", "given_id", "owner"):
        found[str(row.uid)] = row
        if row.given_id and row.owner_id == user.pk:
            found[row.given_id] = row
    problems = [
        Problem(f"options.filters.game_ids[{index}]", f"found {text!r}; there is no such game")
        for index, text in enumerate(wanted)
        if text not in found
    ]
    if problems:
        raise SpecError(problems[:MOST_PROBLEMS])
    return list(dict.fromkeys(id_of(found[text], user.pk) for text in wanted))
