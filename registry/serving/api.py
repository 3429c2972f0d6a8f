"""REST: ask a version for a prediction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.errors import Problem, SpecError
from hamlet.schema import Section, Text, describe, validate
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PREDICT_BODY, PredictionData, answers
from registry.names import LATEST
from registry.queries import NUMBER, find_version

ROUTING = Section(
    {
        "model": Text(longest=100),
        "version": Text(None, longest=50, optional=True),
        "alias": Text(None, longest=50, optional=True),
    }
)


class Predict(APIView):
    access = {"POST": Access(Scope.PREDICT, "registry.predict_modelversion")}

    @extend_schema(
        operation_id="predict",
        request=PREDICT_BODY,
        responses=answers(PredictionData, 404, 422, takes_body=True),
    )
    def post(self, request: Request) -> Response:
        """Ask a version what it would do. Without version or alias, the newest answers."""
        # Brings torch. A web process has it since its start; what only lists routes needs none.
        from registry.serving.prediction import predict

        started = time.perf_counter()
        data = request.data
        parse_s = time.perf_counter() - started
        route, body = split_request(data)
        asked = route["version"] or route["alias"] or LATEST
        version = find_version(request.user, route["model"], asked)
        answer = predict(version, body, parse_s=parse_s)
        return Response({**answer, "alias": None if NUMBER.fullmatch(asked) else asked})


def split_request(data: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part what chooses the version from what the model is asked.

    Raises: SpecError.
    """
    if not isinstance(data, Mapping):
        message = f"found {describe(data)}; expected a mapping"
        raise SpecError([Problem("(document)", message)])
    route = validate(ROUTING, {key: data[key] for key in ROUTING.fields if key in data})
    if route["version"] and route["alias"]:
        raise SpecError([Problem("alias", "stands beside version; send one of them")])
    if route["version"] and not NUMBER.fullmatch(route["version"]):
        message = f"found {describe(route['version'])}; expected a number such as 1.0.0"
        raise SpecError([Problem("version", message)])
    return route, {key: value for key, value in data.items() if key not in ROUTING.fields}
