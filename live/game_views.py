"""Pages of games: the list, and one game with its analysis. Who may see what comes from
training.games.queries, as everywhere."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from hamlet.datasets.games import WINNERS
from hamlet.errors import SpecError
from registry.errors import RegistryError
from registry.pages import page_for
from registry.pagination import Page, next_url, page_of
from training.games import analyses, queries
from training.games.models import Game, GameSource

VIEW_GAME = "training.view_game"
FILTERS = ("source", "result", "player", "version", "mine", "run")
STONES = 21  # of each player
WORDS = {
    "slower_win": "wins later than it could",
    "faster_loss": "loses sooner than it had to",
    "draws_a_win": "gives a win away for a draw",
    "loses_a_draw": "loses a draw",
    "loses_a_win": "loses a win",
}
SOURCES = {
    "human": "people",
    "self_play": "self-play",
    "tournament": "tournaments",
    "import": "files",
}


@require_safe
@page_for(VIEW_GAME)
def game_list(request: HttpRequest) -> HttpResponse:
    """Games, newest first."""
    wanted = {name: request.GET.get(name, "") for name in FILTERS}
    problem, page = None, Page([], None)
    try:
        games = queries.listed_games(request.user, wanted)
        page = page_of(request, games, queries.NEWEST_FIRST)
    except SpecError as error:
        if any(found.path in ("cursor", "limit") for found in error.problems):
            return redirect("live:game-list")
        problem = "; ".join(f"{found.path}: {found.message}" for found in error.problems)
    context = {
        "games": [row_of(game) for game in page.items],
        "next": next_url(request, page),
        "first": "cursor" not in request.GET,
        "wanted": wanted,
        "filtered": any(wanted.values()),
        "sources": [(value, SOURCES[value]) for value in GameSource.values],
        "results": list(WINNERS),
        "players": queries.PLAYERS,
        "problem": problem,
        "base": request.build_absolute_uri("/").rstrip("/"),
    }
    return render(request, "live/games.html", context, status=422 if problem else 200)


def row_of(game: Game) -> dict[str, Any]:
    """What the templates show of a game."""
    data = queries.game_summary(game)
    return {
        **data,
        "short_id": data["game_id"][:8],
        "played_at": game.played_at,
        "source_words": SOURCES[game.source],
        "red": player_words(data["players"]["red"]),
        "yellow": player_words(data["players"]["yellow"]),
        "columns": [int(letter) for letter in data["move_string"]],
    }


def player_words(player: dict[str, Any]) -> str:
    name = player["version"] or ("a person" if player["type"] == "human" else "a program")
    return f"{name} ({player['rating']:.0f})" if player["rating"] is not None else name


@require_safe
@page_for(VIEW_GAME)
def game_page(request: HttpRequest, game_id: UUID) -> HttpResponse:
    game = find_game(request, game_id)
    return render(request, "live/games_one.html", context_of(game))


@require_safe
@page_for(VIEW_GAME)
def game_analysis(request: HttpRequest, game_id: UUID) -> HttpResponse:
    """The analysis alone, for htmx, which asks again while it is under way."""
    return render(request, "live/games_analysis.html", context_of(find_game(request, game_id)))


@require_POST
@page_for(VIEW_GAME)
def analyse_game(request: HttpRequest, game_id: UUID) -> HttpResponse:
    """Start the analysis, or try one again that failed."""
    game, problem = find_game(request, game_id), None
    try:
        game = analyses.started(request.user, game, again=True)
    except RegistryError as error:
        problem = str(error)
    if problem is None and not request.htmx:
        return redirect("live:game", game_id=game_id)
    context = {**context_of(find_game(request, game_id)), "problem": problem}
    template = "live/games_analysis.html" if request.htmx else "live/games_one.html"
    return render(request, template, context, status=409 if problem else 200)


def context_of(game: Game) -> dict[str, Any]:
    data = queries.game_data(game)
    analysis = analyses.analysis_data(game)
    moves = [move | words_of(move) for move in analysis["moves"]]
    return {
        "game": row_of(game),
        "metadata": data["metadata"],
        "analysis": analysis,
        "judged": moves,
        "mistakes": [(who, count_words(kinds)) for who, kinds in analysis["mistakes"].items()],
        "pending": analyses.pending(game),
        "may_start": analysis["status"] in ("not_asked", "failed", "cancelled"),
        "drawing": {
            "moves": [move["position"] for move in data["moves"]],
            "values": [move.get("value") for move in data["moves"]],
            "visits": [move.get("visits") for move in data["moves"]],
        },
    }


def words_of(move: dict[str, Any]) -> dict[str, Any]:
    """What the table says of a move that was judged."""
    return {
        "number": move["ply"] + 1,
        "words": WORDS.get(move["mistake"], ""),
        "best_words": ", ".join(str(column + 1) for column in move["best_columns"]),
        "before": outcome_words(move["score_before"], move["ply"], moved=0),
        "after": outcome_words(move["score_after"], move["ply"], moved=1),
    }


def outcome_words(score: int, ply: int, *, moved: int) -> str:
    """Who wins, and with how many more stones of the winner.

    Args:
        score: of the player of a move: 22 less the stones that the winner will have played,
            negative for a loss. ply: of the move. moved: 1 if its stone is on the board, else 0.
    """
    if score == 0:
        return "draw"
    played = ply // 2 + moved if score > 0 else ply - ply // 2
    left = STONES + 1 - abs(score) - played
    if score < 0:
        return f"loss in {left}"
    return f"win in {left}" if left else "won"


def count_words(kinds: dict[str, int]) -> str:
    """How often a player made which mistake."""
    found = [f"{count} × {WORDS.get(kind, kind)}" for kind, count in kinds.items()]
    return ", ".join(found) or "no mistake"


def find_game(request: HttpRequest, game_id: UUID) -> Game:
    """Raises: Http404."""
    related = queries.visible_games(request.user).select_related(
        "owner", "analysis", "block__artifact", "red_version__model", "yellow_version__model"
    )
    return get_object_or_404(related, uid=game_id)
