"""REST: models, versions, aliases and brain specs. The same services as the pages."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.dateparse import parse_datetime
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, Section, Text, validate
from hamlet.systems import SYSTEMS
from registry import queries, serializers, services
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, TEXT, BrainCheck, answers, body, page
from registry.downloads import send_checkpoint
from registry.models import RegisteredModel
from registry.pagination import in_utc, next_url, page_data, page_of

LONGEST_YAML = 256 * 1024
VIEW_MODEL = Access(Scope.READ, "registry.view_registeredmodel")
VIEW_VERSION = Access(Scope.READ, "registry.view_modelversion")
VIEW_ALIAS = Access(Scope.READ, "registry.view_alias")
VIEW_BRAIN = Access(Scope.READ, "registry.view_brainspec")


def find_model(request: Request, name: str) -> RegisteredModel:
    return get_object_or_404(queries.visible_models(request.user), name=name)


class ModelList(APIView):
    access = {"GET": VIEW_MODEL}

    @extend_schema(
        operation_id="list_models",
        parameters=[*PAGING, OpenApiParameter("system", str, enum=list(SYSTEMS))],
        responses=answers(page(serializers.ModelData), 422),
    )
    def get(self, request: Request) -> Response:
        """Models you may see, newest first."""
        models = queries.models_with_newest(request.user)
        if system := request.GET.get("system"):
            read = validate(Section({"system": Choice(*SYSTEMS)}), {"system": system})
            models = models.filter(system=read["system"])
        found = page_of(request, models, queries.MODEL_ORDER)
        newest = queries.newest_versions(found.items)
        items = [serializers.model_data(model, newest) for model in found.items]
        return Response({"items": items, "next": next_url(request, found)})


class ModelDetail(APIView):
    access = {"GET": VIEW_MODEL}

    @extend_schema(operation_id="get_model", responses=answers(serializers.ModelData, 404))
    def get(self, request: Request, name: str) -> Response:
        model = get_object_or_404(queries.models_with_newest(request.user), name=name)
        return Response(serializers.model_data(model, queries.newest_versions([model])))


class VersionList(APIView):
    access = {"GET": VIEW_VERSION}

    @extend_schema(
        operation_id="list_versions",
        parameters=PAGING,
        responses=answers(page(serializers.VersionData), 404, 422),
    )
    def get(self, request: Request, name: str) -> Response:
        """Versions of a model, highest number first."""
        versions = queries.versions_of_model(find_model(request, name))
        return Response(
            page_data(request, versions, queries.VERSION_ORDER, serializers.version_data)
        )


class VersionDetail(APIView):
    access = {"GET": VIEW_VERSION}

    @extend_schema(operation_id="get_version", responses=answers(serializers.VersionDetail, 404))
    def get(self, request: Request, name: str, number: str) -> Response:
        """One version, by number or by alias."""
        version = queries.find_version(request.user, name, number)
        return Response(serializers.VersionDetail(version).data)


class VersionDownload(APIView):
    access = {"GET": Access(Scope.READ, "registry.download_modelversion")}

    @extend_schema(
        operation_id="download_version",
        responses=answers(OpenApiTypes.BINARY, 404) | {304: None},
    )
    def get(self, request: Request, name: str, number: str) -> HttpResponse:
        """The inference checkpoint. ETag and Repr-Digest carry its sha256."""
        version = queries.find_version(request.user, name, number)
        return send_checkpoint(request, version)


class AliasList(APIView):
    access = {"GET": VIEW_ALIAS}

    @extend_schema(
        operation_id="list_aliases", responses=answers(serializers.AliasData(many=True), 404)
    )
    def get(self, request: Request, name: str) -> Response:
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
        "DELETE": Access(Scope.MANAGE, "registry.delete_alias"),
    }

    @extend_schema(
        operation_id="get_alias",
        parameters=[OpenApiParameter("at", datetime, description="what it named at this time")],
        responses=answers(serializers.AliasData, 404, 422),
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
        version = queries.alias_at(model, alias, when)
        number = version.number if version else None
        return Response({"alias": alias, "version": number, "at": when})

    @extend_schema(
        operation_id="move_alias",
        request=body(["version"], version=TEXT),
        responses=answers(serializers.AliasData, 404, 409, 422, takes_body=True),
    )
    def put(self, request: Request, name: str, alias: str) -> Response:
        """Let an alias name another version, from one moment to the next."""
        model = find_model(request, name)
        read = validate(Section({"version": Text(longest=50)}), request.data)
        version = queries.find_version(request.user, name, read["version"])
        moved = services.move_alias(model, alias, version, request.user)
        return Response(serializers.alias_data(moved))

    @extend_schema(operation_id="remove_alias", responses=answers(None, 404, 409, 422, status=204))
    def delete(self, request: Request, name: str, alias: str) -> Response:
        model = find_model(request, name)
        if not services.remove_alias(model, alias, request.user):
            get_object_or_404(model.aliases, name=alias)
        return Response(status=204)


class BrainList(APIView):
    access = {"GET": VIEW_BRAIN, "POST": Access(Scope.TRAIN, "registry.add_brainspec")}

    @extend_schema(
        operation_id="list_brains",
        parameters=PAGING,
        responses=answers(page(serializers.BrainSummary), 422),
    )
    def get(self, request: Request) -> Response:
        """Brain specs you may see, by name."""
        brains = queries.visible_brains(request.user).select_related("owner")
        return Response(page_data(request, brains, queries.BRAIN_ORDER, serializers.brain_data))

    @extend_schema(
        operation_id="create_brain",
        request=body(["name", "yaml"], name=TEXT, yaml=TEXT),
        responses=answers(serializers.BrainDetail, 409, 422, status=201, takes_body=True),
    )
    def post(self, request: Request) -> Response:
        """Keep a brain.yaml under a new name."""
        fields = Section({"name": Text(longest=100), "yaml": Text(longest=LONGEST_YAML)})
        read = validate(fields, request.data)
        brain = services.save_brain_spec(read["name"], read["yaml"], request.user, only_new=True)
        detail = serializers.BrainDetail(brain).data
        return Response(detail, status=201, headers={"Location": detail["url"]})


class BrainDetail(APIView):
    access = {"GET": VIEW_BRAIN, "PUT": Access(Scope.TRAIN, "registry.change_brainspec")}

    @extend_schema(operation_id="get_brain", responses=answers(serializers.BrainDetail, 404))
    def get(self, request: Request, name: str) -> Response:
        brain = get_object_or_404(queries.visible_brains(request.user), name=name)
        return Response(serializers.BrainDetail(brain).data)

    @extend_schema(
        operation_id="replace_brain",
        request=body(["yaml"], yaml=TEXT),
        responses=answers(serializers.BrainDetail, 404, 409, 422, takes_body=True),
    )
    def put(self, request: Request, name: str) -> Response:
        """Change your brain spec. Runs that used it keep the text they were started with."""
        get_object_or_404(queries.visible_brains(request.user), name=name)
        read = validate(Section({"yaml": Text(longest=LONGEST_YAML)}), request.data)
        brain = services.save_brain_spec(name, read["yaml"], request.user)
        return Response(serializers.BrainDetail(brain).data)


class BrainValidation(APIView):
    access = {"POST": VIEW_BRAIN}

    @extend_schema(
        operation_id="validate_brain",
        request=body(["yaml"], yaml=TEXT),
        responses=answers(BrainCheck, 422, takes_body=True),
    )
    def post(self, request: Request) -> Response:
        """Check a brain.yaml and write its defaults out; nothing is kept."""
        read = validate(Section({"yaml": Text(longest=LONGEST_YAML)}), request.data)
        spec = services.check_brain(read["yaml"])
        return Response({"spec_hash": spec.hash, "data": spec.data})


class OpenAPIDocument(SpectacularJSONAPIView):
    """This description. It holds no data, so anybody may read it."""

    permission_classes = [AllowAny]
    authentication_classes: list = []


def read_time(text: str, path: str) -> datetime:
    """Raises: SpecError."""
    try:
        found = parse_datetime(text.replace(" ", "+"))  # a + in a query string arrives as a space
        if found is not None:
            return in_utc(found)
    except (ValueError, OverflowError):
        pass
    message = f"found {text[:60]!r}; expected a time such as 2026-11-20T12:00:00Z"
    raise SpecError([Problem(path, message)])
