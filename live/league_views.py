"""The page of the league: ratings with their intervals, who met whom, and a form that starts a
tournament. Who may see what comes from training.league.queries."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from hamlet.errors import SpecError
from registry.accounts.queries import taught_classrooms
from registry.errors import RegistryError
from registry.jobs import services as jobs
from registry.pages import page_for
from training.league import playing, queries
from training.league.entrants import POOL, in_words

VIEW_GAME, ADD_RUN = "training.view_game", "training.add_run"
# Of a bar's drawing, in its own units: all of it, its margins for arrows, and where those end.
WIDTH, EDGE, TIP = 220.0, 32.0, 6.0
BEGIN_WITH = ("random", "one_ply", "minimax")


@require_safe
@page_for(VIEW_GAME)
def league(request: HttpRequest) -> HttpResponse:
    """Everybody who has played in a tournament, best first."""
    return render(request, "live/league.html", context_of(request))


@require_POST
@page_for(ADD_RUN)
def start_tournament(request: HttpRequest) -> HttpResponse:
    """Start one, and go to its job."""
    try:
        job, _ = jobs.queue_job(request.user, request_of(request), kind=playing.NAME)
    except SpecError as error:
        problem = "; ".join(f"{found.path}: {found.message}" for found in error.problems)
        status = 422
    except RegistryError as error:
        problem, status = str(error), 409
    else:
        return redirect("jobs:job", job_id=job.pk)
    context = {**context_of(request), "problem": problem}
    return render(request, "live/league.html", context, status=status)


def request_of(request: HttpRequest) -> dict[str, Any]:
    """What the form says, as the API takes it."""
    form = request.POST
    lines = form.get("versions", "").splitlines()
    asked: dict[str, Any] = {
        "players": [
            *({"name": name} for name in form.getlist("pool")),
            *(in_words(line) for line in lines if line.strip()),
        ],
        "classroom": form.get("classroom") or None,
    }
    if games := form.get("games_per_pair", "").strip():
        asked["games_per_pair"] = int(games) if games.isdecimal() and len(games) < 9 else games
    return asked


def context_of(request: HttpRequest) -> dict[str, Any]:
    table = queries.standings(request.user)
    may_start = request.user.has_perm(ADD_RUN)
    form = request.POST
    chosen = form.getlist("pool") if form else BEGIN_WITH
    return {
        "table": table,
        "ratings": rows_of(table),
        "cross": cross_of(table),
        "width": WIDTH,
        "may_start": may_start,
        "pool": [(name, name in chosen) for name in POOL],
        "versions": form.get("versions", ""),
        "games_per_pair": form.get("games_per_pair", playing.DEFAULT_GAMES),
        "most_games": playing.MOST_GAMES,
        "most_players": playing.MOST_PLAYERS,
        "classes": taught_classrooms(request.user).order_by("name") if may_start else [],
        "classroom": form.get("classroom", ""),
        "base": request.build_absolute_uri("/").rstrip("/"),
    }


def rows_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    """What the template shows of each player, with its bar."""
    known = [
        value
        for one in table["ratings"]
        for value in (one["rating"], one["low"], one["high"])
        if value is not None
    ]
    scale = Scale(min([0.0, *known]), max([0.0, *known]))
    return [
        {
            **one,
            "place": place,
            "words": words_of(one, table["anchor"]),
            "bar": bar_of(one, scale),
            "seats": [seat_words(one[seat]) for seat in ("as_red", "as_yellow")],
            "within": within_words(one) if one["bound"] else "",
        }
        for place, one in enumerate(table["ratings"], 1)
    ]


class Scale:
    """Rating points to the width of a bar."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.span = low, (high - low) or 1.0

    def __call__(self, rating: float) -> float:
        return round(EDGE + (rating - self.low) / self.span * (WIDTH - 2 * EDGE), 1)


def bar_of(one: dict[str, Any], scale: Scale) -> dict[str, Any]:
    """Where its line begins and ends, its mark, and whether an arrow says that it goes on."""
    low, high = one["low"], one["high"]
    return {
        "zero": scale(0.0),
        "begin": TIP if low is None else scale(low),
        "end": WIDTH - TIP if high is None else scale(high),
        "mark": None if one["rating"] is None else scale(one["rating"]),
        "bound": one["bound"],
    }


def words_of(one: dict[str, Any], anchor: str | None) -> str:
    """`at least 120`, `230 (150 to 310)`; readable without the bar."""
    if one["player"] == anchor:
        return "0 (the others are measured from here)"
    if one["bound"] == "at_least":
        return f"at least {one['low']:.0f}"
    if one["bound"] == "at_most":
        return f"at most {one['high']:.0f}"
    if one["bound"] == "none":
        return "not known"
    return f"{one['rating']:.0f} ({one['low']:.0f} to {one['high']:.0f})"


def within_words(one: dict[str, Any]) -> str:
    """How it stands among those it can be compared with, where no rating can be given."""
    found = one["in_group"]
    if not found:
        return ""
    bounds = f"{found['low']:.0f} to {found['high']:.0f}"
    return f"{found['mean']:+.0f} ({bounds}) against the mean of group {one['group']}"


def seat_words(results: dict[str, int]) -> str:
    return f"{results['wins']} / {results['draws']} / {results['losses']}"


def cross_of(table: dict[str, Any]) -> list[dict[str, Any]]:
    """A row for each player with a cell for each; empty where two have not met."""
    met = {(pair["player"], pair["opponent"]): pair for pair in table["pairs"]}
    players = [one["player"] for one in table["ratings"]]
    return [
        {
            "place": place,
            "player": player,
            "cells": [
                {
                    "itself": player == other,
                    "words": seat_words(met[player, other]) if (player, other) in met else "",
                }
                for other in players
            ],
        }
        for place, player in enumerate(players, 1)
    ]
