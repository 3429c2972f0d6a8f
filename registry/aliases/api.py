"""REST: aliases, their history and what they named at a time."""

from __future__ import annotations

from datetime import datetime

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import (
    OpenApiParameter,
    PolymorphicProxySerializer,
    extend_schema,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.schema import Flag, Section, Text, validate
from registry import queries, serializers
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.aliases import services
from registry.api import find_model
from registry.api_schema import PAGING, TEXT, answers, body, page
from registry.moments import read_time
from registry.pagination import page_data

ALIAS_NOW_OR_THEN = PolymorphicProxySerializer(
    component_name="AliasNowOrThen",
    serializers=[serializers.AliasData, serializers.AliasThen],
    resource_type_field_name=None,
)
VIEW_ALIAS = Access(Scope.READ, "registry.view_alias")


class AliasList(APIView):
    access = {"GET": VIEW_ALIAS}

    @extend_schema(
        operation_id="list_aliases", responses=answers(serializers.AliasData(many=True), 404)
    )
    def get(self, request: Request, name: str) -> Response:
        """Aliases of a model, by name, and the versions that they name now."""
        aliases = queries.aliases_of_model(find_model(request, name))
        return Response([serializers.alias_data(alias) for alias in aliases])


class AliasMoveList(APIView):
    access = {"GET": Access(Scope.READ, "registry.view_aliasmove")}

    @extend_schema(
        operation_id="list_alias_moves",
        parameters=PAGING,
        responses=answers(page(serializers.AliasMoveData), 404, 422),
    )
    def get(self, request: Request, name: str) -> Response:
        """Every move of every alias of a model, newest first."""
        moves = queries.moves_of_model(find_model(request, name))
        return Response(page_data(request, moves, queries.MOVE_ORDER, serializers.move_data))


class AliasDetail(APIView):
    access = {
        "GET": VIEW_ALIAS,
        "PUT": Access(Scope.MANAGE, "registry.change_alias"),
        "PATCH": Access(Scope.MANAGE, "registry.change_alias"),
        "DELETE": Access(Scope.MANAGE, "registry.delete_alias"),
    }

    @extend_schema(
        operation_id="get_alias",
        parameters=[OpenApiParameter("at", datetime, description="what it named at this time")],
        responses=answers(ALIAS_NOW_OR_THEN, 404, 422),
    )
    def get(self, request: Request, name: str, alias: str) -> Response:
        """What an alias names now, or named at a time: `?at=2026-11-20T12:00:00Z`."""
        model = find_model(request, name)
        at = request.GET.get("at")
        if at is None:
            return Response(
                serializers.alias_data(
                    get_object_or_404(queries.aliases_of_model(model), name=alias)
                )
            )
        when = read_time(at, "at")
        move = queries.alias_at(model, alias, when)
        number = (move.new_number or None) if move else None
        return Response({"alias": alias, "version": number, "at": when})

    @extend_schema(
        operation_id="move_alias",
        request=body(["version"], version=TEXT, reason=TEXT),
        responses=answers(serializers.AliasData, 404, 409, 422, takes_body=True),
    )
    def put(self, request: Request, name: str, alias: str) -> Response:
        """Let an alias name another version, from one moment to the next."""
        model = find_model(request, name)
        fields = Section({"version": Text(longest=50), "reason": Text("", longest=200)})
        read = validate(fields, request.data)
        version = queries.find_version(request.user, name, read["version"])
        moved = services.move_alias(model, alias, version, request.user, reason=read["reason"])
        return Response(serializers.alias_data(moved))

    @extend_schema(
        operation_id="protect_alias",
        request=body(["protected"], protected={"type": "boolean"}),
        responses=answers(serializers.AliasData, 404, 409, 422, takes_body=True),
    )
    def patch(self, request: Request, name: str, alias: str) -> Response:
        """Protect an alias, so that it stays where it is, or take the protection away."""
        model = find_model(request, name)
        read = validate(Section({"protected": Flag()}), request.data)
        found = services.protect_alias(model, alias, read["protected"], request.user)
        if found is None:
            get_object_or_404(model.aliases, name=alias)
        return Response(serializers.alias_data(found))

    @extend_schema(operation_id="remove_alias", responses=answers(None, 404, 409, 422, status=204))
    def delete(self, request: Request, name: str, alias: str) -> Response:
        """End an alias. Its history stays."""
        model = find_model(request, name)
        if not services.remove_alias(model, alias, request.user):
            get_object_or_404(model.aliases, name=alias)
        return Response(status=204)
