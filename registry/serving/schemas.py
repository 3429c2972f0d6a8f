"""What the OpenAPI document says of predictions, and how rows of their log look."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, OpenApiParameter, PolymorphicProxySerializer
from rest_framework import serializers

from registry.serving.models import Prediction

TEXT = {"type": "string"}
INPUTS = {
    "type": "object",
    "description": "by name, as the signature says; at most its most_rows rows",
    "additionalProperties": True,
}
OWN_FORM = {
    "description": "or the system's own form (town: observation, action_mask, hidden_h, hidden_c)"
}
ROUTE = {
    "model": {**TEXT, "example": "walker"},
    "version": {**TEXT, "example": "1.0.0", "nullable": True},
    "alias": {**TEXT, "default": "latest", "nullable": True},
}
PREDICT_BODY = {
    "application/json": {
        "type": "object",
        "required": ["model"],
        "properties": {
            **ROUTE,
            "inputs": INPUTS,
            "session": {
                **TEXT,
                "description": "keep a recurrent model's state under this key; the reply says for "
                "how long",
            },
            "session_reset": {"type": "boolean", "description": "begin the session anew"},
        },
        "additionalProperties": OWN_FORM,
    }
}
MEMBERS_BODY = {
    "type": "object",
    "title": "Members",
    "required": ["members"],
    "properties": {
        "members": {
            "type": "array",
            "minItems": 1,
            "maxItems": 32,
            "items": {
                "type": "object",
                "required": ["model"],
                "properties": {
                    **ROUTE,
                    "weight": {"type": "number", "description": "with weighted alone"},
                    "state": {
                        "type": "object",
                        "description": "hidden_h and hidden_c of this member's last answer",
                        "additionalProperties": True,
                    },
                },
            },
        },
        "method": {**TEXT, "enum": ["mean", "vote", "weighted"], "default": "mean"},
        "inputs": INPUTS,
    },
    "additionalProperties": OWN_FORM,
}
VOTE_BODY = {
    "type": "object",
    "title": "Vote on a board",
    "required": ["board"],
    "properties": {
        "board": {
            "description": "of Connect Four: int[6][7] with row 0 on top, moves as digits 1 to 7, "
            "or 42 digits row by row"
        },
        "player": {"description": "who is to move, if it is said: 1 (Red) or 2 (Yellow)"},
        "model_ids": {
            "type": "array",
            "minItems": 2,
            "maxItems": 32,
            "items": TEXT,
            "nullable": True,
            "description": "versions as model:number or model:alias; without them the three "
            "newest validated versions of the model vote",
        },
        "model": {
            **TEXT,
            "nullable": True,
            "description": "whose newest versions vote; may be left out where you see one alone",
        },
        "weights": {
            "type": "array",
            "items": {"type": "number", "minimum": 0},
            "nullable": True,
            "description": "one for each version, in order (newest first); equal if left out",
        },
    },
    "additionalProperties": False,
}
ENSEMBLE_BODY = {"application/json": {"anyOf": [MEMBERS_BODY, VOTE_BODY]}}
PREDICT_EXAMPLES = [
    OpenApiExample(
        "By name",
        value={"model": "walker", "alias": "best", "inputs": {"observation": [[0.0, 0.5]]}},
        request_only=True,
    ),
    OpenApiExample(
        "The town's own form, with a session",
        value={"model": "walker", "observation": [0.0, 0.5], "session": "agent-1"},
        request_only=True,
    ),
]
ENSEMBLE_EXAMPLES = [
    OpenApiExample(
        "Weighted",
        value={
            "members": [
                {"model": "walker", "version": "1.0.0", "weight": 3},
                {"model": "walker", "alias": "best", "weight": 1},
            ],
            "method": "weighted",
            "inputs": {"observation": [[0.0, 0.5]]},
        },
        request_only=True,
    ),
    OpenApiExample(
        "A vote on a board",
        value={"board": "4453", "model_ids": ["dropper:1.1.0", "dropper:best"], "weights": [2, 1]},
        request_only=True,
    ),
]
LOG_FILTERS = [
    OpenApiParameter("model", str, description="its name"),
    OpenApiParameter("version", str, description="a number, or an alias as it stands now"),
    OpenApiParameter("since", str, description="as in 2026-11-20T12:00:00Z"),
    OpenApiParameter("until", str, description="before this time"),
]


class WhoAnswered(serializers.Serializer):
    model = serializers.CharField()
    version = serializers.CharField()
    alias = serializers.CharField(allow_null=True, help_text="the alias that was asked for")
    aliases = serializers.ListField(child=serializers.CharField())
    artifact_sha256 = serializers.CharField()
    engine = serializers.CharField(help_text="onnxruntime or pytorch")
    outputs = serializers.DictField()
    action_names = serializers.ListField(child=serializers.CharField(), required=False)
    batch_rows = serializers.IntegerField(help_text="rows of the run that answered")


class SessionData(serializers.Serializer):
    key = serializers.CharField()
    steps = serializers.IntegerField(help_text="questions answered since it began")
    expires_in_s = serializers.IntegerField()


class PredictionData(WhoAnswered):
    """Who answered, what, and in how much time."""

    request_id = serializers.CharField()
    session = SessionData(required=False)
    timing_ms = serializers.DictField(child=serializers.FloatField())


class MemberData(WhoAnswered):
    weight = serializers.FloatField(required=False)


class EnsembleData(serializers.Serializer):
    """What the members say together, what each said, and how far they disagree."""

    request_id = serializers.CharField()
    method = serializers.CharField()
    outputs = serializers.DictField()
    action_names = serializers.ListField(child=serializers.CharField())
    disagreement = serializers.ListField(
        child=serializers.FloatField(), help_text="share of members that chose another action"
    )
    q_std = serializers.ListField(child=serializers.ListField(child=serializers.FloatField()))
    members = MemberData(many=True)
    timing_ms = serializers.DictField(child=serializers.FloatField())


class VoteData(serializers.Serializer):
    """What one version says by itself."""

    model = serializers.CharField()
    version = serializers.CharField()
    aliases = serializers.ListField(child=serializers.CharField())
    artifact_sha256 = serializers.CharField()
    engine = serializers.CharField()
    move = serializers.IntegerField()
    policy = serializers.ListField(child=serializers.FloatField())
    value = serializers.FloatField()
    weight = serializers.FloatField(help_text="its share; all of them sum to 1")


class DisagreementData(serializers.Serializer):
    divergence_bits = serializers.FloatField(
        help_text="mean Jensen-Shannon divergence of each two members' policies, 0 to 1"
    )
    dissent = serializers.FloatField(help_text="share of members that vote for another move")


class VotedData(serializers.Serializer):
    """What versions say together of a board, what each says, and how far they disagree."""

    request_id = serializers.CharField()
    move = serializers.IntegerField(help_text="column 0 to 6")
    policy = serializers.ListField(
        child=serializers.FloatField(), help_text="weighted mean; exactly 0 on full columns"
    )
    value = serializers.FloatField(help_text="for the side to move, 1: it wins")
    confidence = serializers.FloatField()
    legal = serializers.ListField(child=serializers.BooleanField())
    votes = VoteData(many=True)
    disagreement = DisagreementData()
    model = serializers.CharField(allow_null=True, help_text="null where several have voted")
    model_version = serializers.CharField(allow_null=True, help_text="null: votes has them all")
    deployment = serializers.CharField(allow_null=True)
    arm = serializers.CharField(allow_null=True)
    inference_time_ms = serializers.FloatField(help_text="of the slowest member")
    timing_ms = serializers.DictField(child=serializers.FloatField())


TOGETHER = PolymorphicProxySerializer(
    component_name="Together",
    serializers=[EnsembleData, VotedData],
    resource_type_field_name=None,
)


class PredictionRow(serializers.Serializer):
    """One question to one version, as the log has it."""

    request_id = serializers.CharField()
    asked_at = serializers.DateTimeField()
    api = serializers.CharField()
    model = serializers.CharField(source="model_name")
    version = serializers.CharField(source="version_number")
    artifact_sha256 = serializers.CharField()
    engine = serializers.CharField()
    user = serializers.CharField(source="user.username", default=None, allow_null=True)
    token = serializers.CharField(source="token.name", default=None, allow_null=True)
    status = serializers.IntegerField()
    problem = serializers.CharField()
    rows = serializers.IntegerField()
    batch_rows = serializers.IntegerField()
    timing_ms = serializers.SerializerMethodField()

    def get_timing_ms(self, row: Prediction) -> dict[str, float]:
        return {
            "parse": row.parse_ms,
            "queue": row.queue_ms,
            "run": row.run_ms,
            "total": row.total_ms,
        }


class PredictionDetail(PredictionRow):
    inputs = serializers.JSONField(allow_null=True, help_text="where the sample has it")
    outputs = serializers.JSONField(allow_null=True)


class PredictionAnswers(serializers.Serializer):
    request_id = serializers.CharField()
    items = PredictionDetail(many=True)


def prediction_data(row: Prediction) -> dict[str, Any]:
    return PredictionRow(row).data


def prediction_detail(row: Prediction) -> dict[str, Any]:
    return PredictionDetail(row).data
