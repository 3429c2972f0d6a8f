"""REST: what was done."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.schema import Choice, Section, Text, validate
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, answers, page
from registry.audit.actions import TITLES
from registry.audit.queries import ORDER, entries_about
from registry.pagination import page_data
from registry.serializers import AuditData

FILTERS = Section(
    {
        "action": Choice(*TITLES, default=None, optional=True),
        "kind": Text(None, longest=40, optional=True),
        "subject": Text(None, longest=200, optional=True),
        "actor": Text(None, longest=150, optional=True),
    }
)


class AuditList(APIView):
    access = {"GET": Access(Scope.MANAGE, "registry.view_auditentry")}

    @extend_schema(
        operation_id="list_audit_entries",
        parameters=[
            *PAGING,
            OpenApiParameter("action", str, enum=list(TITLES)),
            OpenApiParameter("kind", str, description="model, version, alias, brain..."),
            OpenApiParameter("subject", str, description="walker, walker/1.0.0, walker@best..."),
            OpenApiParameter("actor", str, description="a username"),
        ],
        responses=answers(page(AuditData), 422),
    )
    def get(self, request: Request) -> Response:
        """What was done, newest first; each entry carries the hash of the one before."""
        given = {name: request.GET[name] for name in FILTERS.fields if name in request.GET}
        entries = entries_about(request.user, validate(FILTERS, given))
        return Response(page_data(request, entries, ORDER, lambda entry: AuditData(entry).data))
