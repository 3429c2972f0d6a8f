"""REST: put a version into service, and go back to the one before it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from hamlet.learning.connect_four.naming import snake_cased
from hamlet.schema import Choice, Flag, Section, Text, validate
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.aliases import activating
from registry.aliases.services import LONGEST_REASON
from registry.api import find_model
from registry.api_schema import TEXT, answers, body

MOVE = Access(Scope.MANAGE, "registry.change_alias")
REASON = {**TEXT, "maxLength": LONGEST_REASON}
IMMEDIATE = "immediate"
DEPLOY = Section(
    {
        "strategy": Choice(IMMEDIATE, default=IMMEDIATE),
        "activate": Flag(True),
        "reason": Text("", longest=LONGEST_REASON),
    }
)
ROLLBACK = Section(
    {
        "reason": Text(longest=LONGEST_REASON),
        "from_version": Text(None, longest=32, optional=True),
    }
)
DEPLOYED = {
    "deployment": None,
    "model": "dropper",
    "model_version": "1.2.0",
    "replaced_version": "1.1.0",
    "message": "dropper 1.2.0 is in service, in place of 1.1.0.",
}
WENT_BACK = {
    "deployment": None,
    "model": "dropper",
    "previous_version": "1.1.0",
    "replaced_version": "1.2.0",
    "message": "dropper 1.1.0 is in service again, in place of 1.2.0.",
}
NO_DEPLOYMENT = "always null: the alias production alone puts a version into service"


@extend_schema_serializer(
    examples=[OpenApiExample("in service", response_only=True, value=DEPLOYED)]
)
class DeployedVersion(serializers.Serializer):
    """A version that was put into service, or made ready for it."""

    deployment = serializers.CharField(allow_null=True, help_text=NO_DEPLOYMENT)
    model = serializers.CharField()
    model_version = serializers.CharField()
    replaced_version = serializers.CharField(
        allow_null=True, help_text="that was in service; null where none was, or nothing moved"
    )
    message = serializers.CharField()


@extend_schema_serializer(
    examples=[OpenApiExample("back in service", response_only=True, value=WENT_BACK)]
)
class RolledBack(serializers.Serializer):
    """A model whose version before is in service again."""

    deployment = serializers.CharField(allow_null=True, help_text=NO_DEPLOYMENT)
    model = serializers.CharField()
    previous_version = serializers.CharField(help_text="that is in service again")
    replaced_version = serializers.CharField(help_text="that was in service until now")
    message = serializers.CharField()


def read_body(section: Section, data: Any) -> dict[str, Any]:
    """The fields of a body, in snake_case or camelCase. Raises: SpecError."""
    problems: list[Problem] = []
    plain = snake_cased(data, "", problems)
    if problems:
        raise SpecError(problems)
    return validate(section, plain)


class Deploy(APIView):
    access = {"POST": MOVE}

    @extend_schema(
        operation_id="deploy",
        request=body(
            [],
            strategy={"type": "string", "enum": [IMMEDIATE], "default": IMMEDIATE},
            activate={
                "type": "boolean",
                "default": True,
                "description": "false: stage the version, and let what is in service stay",
            },
            reason=REASON,
        ),
        responses=answers(DeployedVersion, 404, 409, 422, takes_body=True),
    )
    def post(self, request: Request, version_id: str) -> Response:
        """Put a version into service at once: `model:1.0.0`, or the id of the run that made it.
        The alias `production` moves to it, from one moment to the next; asking twice moves
        once."""
        version = activating.version_for(request.user, version_id)
        asked = read_body(DEPLOY, request.data)
        if not asked["activate"]:
            activating.stage(version, request.user, reason=asked["reason"])
            replaced, message = None, f"{version} is ready; nothing was put into service."
        else:
            moved = activating.activate(version, request.user, reason=asked["reason"])
            replaced = moved.replaced.number if moved.replaced else None
            place = f", in place of {replaced}" if replaced else ""
            message = f"{version} is in service{place}."
        return Response(
            {
                "deployment": None,
                "model": version.model.name,
                "model_version": version.number,
                "replaced_version": replaced,
                "message": message,
            }
        )


class RollBack(APIView):
    access = {"POST": MOVE}

    @extend_schema(
        operation_id="roll_back",
        request=body(
            ["reason"],
            reason=REASON,
            from_version={
                **TEXT,
                "description": "number of the version that is to leave; 409 if another one is in "
                "service, so that a request sent twice goes back once",
            },
        ),
        responses=answers(RolledBack, 404, 409, 422, takes_body=True),
    )
    def post(self, request: Request, name: str) -> Response:
        """Go back to the version that was in service before. Asked again, it goes one further
        back: send `from_version` where a lost answer may make you ask twice."""
        model = find_model(request, name)
        asked = read_body(ROLLBACK, request.data)
        moved = activating.roll_back(
            model, request.user, reason=asked["reason"], leaving=asked["from_version"]
        )
        now, left = moved.now.number, moved.replaced.number
        return Response(
            {
                "deployment": None,
                "model": model.name,
                "previous_version": now,
                "replaced_version": left,
                "message": f"{model.name} {now} is in service again, in place of {left}.",
            }
        )
