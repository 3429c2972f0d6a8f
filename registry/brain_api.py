"""REST: brain specs. The same services as the pages."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from hamlet.schema import Choice, Section, Text, validate
from hamlet.systems import SYSTEMS
from registry import queries, serializers, services
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, TEXT, answers, body, page
from registry.brains.differing import field_differences, text_difference, too_long
from registry.brains.judging import known, overview_of
from registry.brains.schema import BrainCheck, BrainDifference
from registry.pagination import page_data

LONGEST_YAML = 256 * 1024
VALIDATION = Section(
    {
        "yaml": Text(longest=LONGEST_YAML),
        "system": Choice(*SYSTEMS, default=None, optional=True),
        "level": Text(None, longest=60, optional=True),
    }
)
VIEW_BRAIN = Access(Scope.READ, "registry.view_brainspec")


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
        """One brain spec: as it was written, and with every default written out."""
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
        request=body(
            ["yaml"],
            yaml=TEXT,
            system={"type": "string", "enum": [*SYSTEMS, None], "nullable": True},
            level={"type": "string", "example": "L1", "nullable": True},
        ),
        responses=answers(BrainCheck, 422, takes_body=True),
    )
    def post(self, request: Request) -> Response:
        """Check a brain.yaml and write its defaults out; nothing is kept.

        With a `level`, also the network it makes for what agents observe there: its layers, how
        many parameters it has and how much memory learning with it takes.
        """
        read = validate(VALIDATION, request.data)
        spec = services.check_brain(read["yaml"])
        network = None
        if read["level"]:
            system = known(read["system"] or "", read["level"])
            network = overview_of(spec, read["yaml"], system, read["level"]).to_data()
        elif read["system"]:
            message = "missing; it says which level of the system the brain shall fit"
            raise SpecError([Problem("level", message)])
        return Response({"spec_hash": spec.hash, "data": spec.data, "network": network})


class BrainDiff(APIView):
    access = {"GET": VIEW_BRAIN}

    @extend_schema(operation_id="compare_brains", responses=answers(BrainDifference, 404))
    def get(self, request: Request, name: str, other: str) -> Response:
        """In what two brain specs differ: in meaning, defaults written out, and in writing."""
        visible = queries.visible_brains(request.user)
        left, right = (get_object_or_404(visible, name=one) for one in (name, other))
        fields = field_differences(left, right)
        data = {
            "same": not fields,
            "fields": [field.to_data() for field in fields],
            "text": text_difference(left, right),
            "text_too_long": too_long(left, right),
        }
        return Response(data)
