"""How tournaments and standings look on the API."""

from __future__ import annotations

from rest_framework import serializers

from hamlet.search.settings import MOST_SIMULATIONS
from training.league.entrants import POOL
from training.league.playing import DEFAULT_GAMES, FEWEST_PLAYERS, MOST_GAMES, MOST_PLAYERS


class RatingInterval(serializers.Serializer):
    mean = serializers.FloatField()
    low = serializers.FloatField()
    high = serializers.FloatField()
    confidence = serializers.FloatField()


class ResultsOfSeat(serializers.Serializer):
    wins = serializers.IntegerField()
    draws = serializers.IntegerField()
    losses = serializers.IntegerField()


class PlayerRating(serializers.Serializer):
    player = serializers.CharField(help_text="name of the pool, model/number or model/number @64")
    rating = serializers.FloatField(
        allow_null=True, help_text="null where the games give no number; see bound and note"
    )
    low = serializers.FloatField(allow_null=True, help_text="of the 95 % interval, or a bound")
    high = serializers.FloatField(allow_null=True, help_text="of the 95 % interval, or a bound")
    bound = serializers.ChoiceField(
        ["at_least", "at_most", "none"],
        allow_null=True,
        help_text="what is known instead of a rating: low alone, high alone, neither",
    )
    games = serializers.IntegerField()
    wins = serializers.IntegerField()
    draws = serializers.IntegerField()
    losses = serializers.IntegerField()
    as_red = ResultsOfSeat(help_text="moving first")
    as_yellow = ResultsOfSeat(help_text="moving second")
    group = serializers.IntegerField(help_text="players of one number are comparable, from 1")
    in_group = RatingInterval(allow_null=True, help_text="against the mean of the group")
    note = serializers.CharField(allow_blank=True)


class PairResult(serializers.Serializer):
    """What came of two players that met, for the first one."""

    player = serializers.CharField()
    opponent = serializers.CharField()
    games = serializers.IntegerField()
    wins = serializers.IntegerField()
    draws = serializers.IntegerField()
    losses = serializers.IntegerField()


class Standings(serializers.Serializer):
    """Ratings are 400 log10 of the strength, by the Bradley-Terry model with draws."""

    anchor = serializers.CharField(allow_null=True, help_text="whose rating is 0")
    games = serializers.IntegerField()
    first_move = RatingInterval(
        allow_null=True, help_text="rating points that moving first is worth"
    )
    draw_weight = serializers.FloatField(allow_null=True)
    ratings = PlayerRating(many=True)
    pairs = PairResult(many=True)


TOURNAMENT_BODY = {
    "application/json": {
        "type": "object",
        "required": ["players"],
        "properties": {
            "players": {
                "type": "array",
                "minItems": FEWEST_PLAYERS,
                "maxItems": MOST_PLAYERS,
                "items": {
                    "oneOf": [
                        {"type": "string", "description": "a name, or model/number@simulations"},
                        {
                            "type": "object",
                            "required": ["name"],
                            "properties": {"name": {"type": "string", "enum": list(POOL)}},
                        },
                        {
                            "type": "object",
                            "required": ["version"],
                            "properties": {
                                "version": {
                                    "type": "string",
                                    "description": "model/number or model@alias",
                                },
                                "simulations": {
                                    "type": "integer",
                                    "minimum": 1,
                                    "maximum": MOST_SIMULATIONS,
                                    "description": "of its search; without, it does not search",
                                },
                            },
                        },
                    ]
                },
            },
            "games_per_pair": {
                "type": "integer",
                "minimum": 2,
                "maximum": MOST_GAMES,
                "multipleOf": 2,
                "default": DEFAULT_GAMES,
            },
            "seed": {
                "type": "integer",
                "nullable": True,
                "description": "drawn and kept where none is given",
            },
            "device": {"type": "string", "enum": ["cpu", "cuda", "any"], "default": "cpu"},
            "classroom": {
                "type": "string",
                "description": "name or number of a class of yours that sees the games; without "
                "it, the class of the versions that play, if it is one",
            },
        },
    }
}
