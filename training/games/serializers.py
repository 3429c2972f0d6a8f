"""How games look on the API. The data itself comes from `training.games.queries`."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from hamlet.datasets.games import AI, HUMAN, REASONS, WINNERS
from training.games.models import GameSource

GAME_ID = "0f5c1d52-6c4e-4b0a-9d8e-6a0f4a1d2b3c"


class PlayerData(serializers.Serializer):
    type = serializers.ChoiceField([HUMAN, AI])
    rating = serializers.FloatField(allow_null=True)
    version = serializers.CharField(allow_null=True, help_text="of an ai, as model/number")


class PlayersData(serializers.Serializer):
    red = PlayerData()
    yellow = PlayerData()


class ResultData(serializers.Serializer):
    winner = serializers.ChoiceField(list(WINNERS))
    reason = serializers.ChoiceField(REASONS)


class GameSummary(serializers.Serializer):
    """A game, without its moves one by one."""

    game_id = serializers.UUIDField(help_text="by which the platform knows it")
    id = serializers.CharField(help_text="by which its sender knows it; else the same")
    system = serializers.CharField()
    timestamp = serializers.DateTimeField()
    source = serializers.ChoiceField(GameSource.choices)
    players = PlayersData()
    move_string = serializers.CharField(help_text="columns 1 to 7, Red first")
    plies = serializers.IntegerField()
    result = ResultData()
    mirror_of = serializers.CharField(allow_null=True)
    owner = serializers.CharField(allow_null=True)
    run_id = serializers.UUIDField(allow_null=True)
    consent = serializers.BooleanField(
        allow_null=True, help_text="null: no human took part; false: for its owner alone"
    )
    url = serializers.CharField()
    analysis_url = serializers.CharField()


class MoveData(serializers.Serializer):
    position = serializers.IntegerField(help_text="column 0 to 6")
    player = serializers.ChoiceField(["Red", "Yellow"])
    thinking_time_ms = serializers.IntegerField(required=False)
    visits = serializers.ListField(
        child=serializers.IntegerField(), required=False, help_text="of a search, by column"
    )
    value = serializers.FloatField(required=False, help_text="of a search, for the mover")
    explored = serializers.BooleanField(
        required=False, help_text="drawn by lot or given by an opening: no target"
    )


class GameData(GameSummary):
    """A game with its moves, and what a search found where that is stored."""

    moves = MoveData(many=True)
    metadata = serializers.DictField()
    searched = serializers.BooleanField()


@extend_schema_serializer(component_name="AnalysedMove")
class AnalysedMove(serializers.Serializer):
    """A move against perfect play. Scores are those of the mover: 22 less the stones that the
    winner will have played, negative for a loss, 0 for a draw."""

    ply = serializers.IntegerField()
    player = serializers.ChoiceField(["Red", "Yellow"])
    played = serializers.IntegerField(help_text="column 0 to 6")
    best_columns = serializers.ListField(child=serializers.IntegerField())
    score_before = serializers.IntegerField()
    score_after = serializers.IntegerField()
    class_before = serializers.CharField(help_text="win, draw or loss")
    class_after = serializers.CharField(help_text="win, draw or loss")
    mistake = serializers.ChoiceField(
        ["none", "slower_win", "draws_a_win", "loses_a_draw", "loses_a_win", "faster_loss"]
    )


@extend_schema_serializer(
    examples=[
        OpenApiExample(
            "running",
            response_only=True,
            value={
                "game_id": GAME_ID,
                "status": "running",
                "reason": "",
                "progress": {"done": 1, "total": 7, "unit": "position"},
                "moves": [
                    {
                        "ply": 6,
                        "player": "Red",
                        "played": 3,
                        "best_columns": [3],
                        "score_before": 18,
                        "score_after": 18,
                        "class_before": "win",
                        "class_after": "win",
                        "mistake": "none",
                    }
                ],
                "losing_ply": None,
                "lost_from": None,
                "mistakes": {"Red": {}, "Yellow": {}},
            },
        )
    ]
)
class AnalysisData(serializers.Serializer):
    """A game against perfect play; while it runs, its last moves."""

    game_id = serializers.UUIDField()
    status = serializers.CharField(help_text="as that of a job; succeeded: all moves are there")
    reason = serializers.CharField(help_text="why it failed, or what it waits for")
    progress = serializers.DictField()
    moves = AnalysedMove(many=True)
    losing_ply = serializers.IntegerField(
        allow_null=True, help_text="of the loser's last move before which he could still hold"
    )
    lost_from = serializers.IntegerField(
        allow_null=True,
        help_text="the first ply from which the loser could no longer hold, 0: never",
    )
    mistakes = serializers.DictField(help_text="how many of each kind, by player")


MOVE_SCHEMA = {
    "type": "object",
    "required": ["position"],
    "properties": {
        "position": {"type": "integer", "minimum": 0, "maximum": 6},
        "player": {"enum": ["Red", "Yellow", 1, 2]},
        "thinking_time_ms": {"type": "integer", "minimum": 0},
        "board": {"description": "the one before the move; it must agree with the replay"},
    },
}
PLAYER_SCHEMA = {
    "type": "object",
    "required": ["type"],
    "properties": {
        "type": {"type": "string", "enum": [HUMAN, AI]},
        "rating": {"type": "number", "nullable": True},
        "version": {"type": "string", "nullable": True, "example": "walker/1.0.0"},
    },
}
GAME_BODY = {
    "application/json": {
        "type": "object",
        "required": ["players", "moves", "result"],
        "properties": {
            "id": {"type": "string", "description": "your own name for it"},
            "timestamp": {"type": "string", "format": "date-time"},
            "players": {
                "type": "object",
                "required": ["red", "yellow"],
                "properties": {"red": PLAYER_SCHEMA, "yellow": PLAYER_SCHEMA},
            },
            "moves": {"type": "array", "items": MOVE_SCHEMA, "minItems": 1, "maxItems": 42},
            "result": {
                "type": "object",
                "required": ["winner"],
                "properties": {
                    "winner": {"type": "string", "enum": list(WINNERS)},
                    "reason": {"type": "string", "enum": list(REASONS)},
                },
            },
            "source": {"type": "string", "enum": GameSource.values},
            "metadata": {"type": "object", "additionalProperties": True},
            "classroom": {"type": "string", "description": "name or number of a class of yours"},
            "consent": {
                "type": "boolean",
                "default": False,
                "description": "the humans agree that the class sees the game and learns from it",
            },
        },
        "example": {
            "players": {"red": {"type": "human"}, "yellow": {"type": "ai", "rating": 1200}},
            "moves": [{"position": c} for c in (3, 2, 3, 2, 3, 2, 3)],
            "result": {"winner": "Red", "reason": "normal"},
        },
    }
}
SELF_PLAY_BODY = {
    "application/json": {
        "type": "object",
        "required": ["num_games"],
        "properties": {
            "num_games": {"type": "integer", "minimum": 1, "maximum": 100_000},
            "version": {
                "type": "string",
                "nullable": True,
                "description": "model/number or model@alias",
            },
            "device": {"type": "string", "enum": ["cpu", "cuda", "any"], "default": "cpu"},
            "seed": {
                "type": "integer",
                "nullable": True,
                "description": "drawn and kept where none is given",
            },
            "classroom": {
                "type": "string",
                "nullable": True,
                "description": "name or number of a class of yours",
            },
            "options": {
                "type": "object",
                "nullable": True,
                "properties": {
                    "temperature": {"type": "number", "description": "of the whole game"},
                    "exploration_rate": {"type": "number", "minimum": 0, "maximum": 1},
                    "symmetric_games": {"type": "boolean", "default": False},
                    "parallel_games": {"type": "integer", "default": 32},
                    "search": {"type": "object", "nullable": True, "additionalProperties": True},
                },
            },
        },
        "example": {
            "num_games": 100,
            "options": {"exploration_rate": 0.05, "search": {"simulations": 100}},
        },
    }
}
