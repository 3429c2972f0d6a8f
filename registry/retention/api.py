"""REST: rules of retention, and what they would do today."""

from __future__ import annotations

import itertools
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from hamlet.schema import describe
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api import find_model
from registry.api_schema import answers, body
from registry.models import RegisteredModel
from registry.queries import visible_models
from registry.retention import queries, services
from registry.retention.serializers import PlannedData, RetentionData, RuleData

MOST_PLANNED = 200
DAYS = {"type": "integer", "minimum": 0}
RULE_BODY = body(
    [],
    keep_newest={"type": "integer", "minimum": 0, "default": 10},
    archive_after_days={**DAYS, "default": 30},
    delete_after_days={**DAYS, "nullable": True, "default": None},
)
VIEW = Access(Scope.READ, "registry.view_retentionrule")
CHANGE = Access(Scope.MANAGE, "registry.change_retentionrule")
DELETE = Access(Scope.MANAGE, "registry.delete_retentionrule")


def described(rules: QuerySet, models: QuerySet[RegisteredModel]) -> dict[str, Any]:
    planned = list(itertools.islice(queries.plan(timezone.now(), models), MOST_PLANNED + 1))
    return {
        "rules": RuleData(rules, many=True).data,
        "planned": PlannedData(planned[:MOST_PLANNED], many=True).data,
        "more": len(planned) > MOST_PLANNED,
    }


def change(model: RegisteredModel | None, request: Request) -> Response:
    if not isinstance(request.data, dict):
        message = f"found {describe(request.data)}; expected a mapping"
        raise SpecError([Problem("(document)", message)])
    return Response(RuleData(services.set_rule(model, request.data, request.user)).data)


def remove(model: RegisteredModel | None, request: Request) -> Response:
    if not services.remove_rule(model, request.user):
        get_object_or_404(queries.visible_rules(request.user), model=model)
    return Response(status=204)


class Retention(APIView):
    access = {"GET": VIEW, "PUT": CHANGE, "DELETE": DELETE}

    @extend_schema(operation_id="get_retention", responses=answers(RetentionData))
    def get(self, request: Request) -> Response:
        """All rules that you may see, and what they would do now. Changes nothing."""
        rules = queries.visible_rules(request.user).order_by(*queries.RULE_ORDER)
        return Response(described(rules, visible_models(request.user)))

    @extend_schema(
        operation_id="set_retention",
        request=RULE_BODY,
        responses=answers(RuleData, 422, takes_body=True),
    )
    def put(self, request: Request) -> Response:
        """The rule for all models that have none of their own."""
        return change(None, request)

    @extend_schema(operation_id="remove_retention", responses=answers(None, 404, status=204))
    def delete(self, request: Request) -> Response:
        """End the rule for all models that have none of their own."""
        return remove(None, request)


class ModelRetention(APIView):
    access = {"GET": VIEW, "PUT": CHANGE, "DELETE": DELETE}

    @extend_schema(operation_id="get_model_retention", responses=answers(RetentionData, 404))
    def get(self, request: Request, name: str) -> Response:
        """The rule that holds for a model, and what it would do now. Changes nothing."""
        model = find_model(request, name)
        rule = queries.rule_of(model)
        rules = queries.visible_rules(request.user).filter(pk=rule.pk if rule else None)
        return Response(described(rules, RegisteredModel.objects.filter(pk=model.pk)))

    @extend_schema(
        operation_id="set_model_retention",
        request=RULE_BODY,
        responses=answers(RuleData, 404, 422, takes_body=True),
    )
    def put(self, request: Request, name: str) -> Response:
        """The rule of one model; it takes the place of the one for all models."""
        return change(find_model(request, name), request)

    @extend_schema(operation_id="remove_model_retention", responses=answers(None, 404, status=204))
    def delete(self, request: Request, name: str) -> Response:
        """End the rule of a model; the one for all models holds again."""
        return remove(find_model(request, name), request)
