"""REST: ask a version, or several, for a prediction. Ask the log who answered.

The serving application answers programs with the same functions (hamletweb/asgi_serving.py);
these views are for signed-in browsers, for tests, and for servers that run Django alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.api_schema import PAGING, answers, page
from registry.limits.leases import token_limits
from registry.pagination import page_data
from registry.serving import queries, schemas
from registry.serving.callers import PREDICT, READ, Caller, counted
from registry.serving.calls import REQUEST_ID_HEADER, request_id_of

GIVEN_ID = OpenApiParameter(
    REQUEST_ID_HEADER, str, OpenApiParameter.HEADER, description="echoed, and kept in the log"
)


class RawBodyView(APIView):
    """Keeps the body as it came: to look for a CSRF token, the framework reads the stream."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        _ = request._request.body
        super().initial(request, *args, **kwargs)


class Predict(RawBodyView):
    access = {"POST": PREDICT}

    @extend_schema(
        operation_id="predict",
        parameters=[GIVEN_ID],
        request=schemas.PREDICT_BODY,
        responses=answers(schemas.PredictionData, 404, 409, 422, 429, takes_body=True),
        examples=schemas.PREDICT_EXAMPLES,
    )
    def post(self, request: Request) -> HttpResponse:
        """Ask a version what it would do. Without version or alias, the newest answers."""
        # Brings torch. A web process has it since its start; what only lists routes needs none.
        from registry.serving.edge import check_json_type, predict

        return respond(request, check_json_type, predict)


class PredictEnsemble(RawBodyView):
    access = {"POST": PREDICT}

    @extend_schema(
        operation_id="predict_ensemble",
        parameters=[GIVEN_ID],
        request=schemas.ENSEMBLE_BODY,
        responses=answers(schemas.TOGETHER, 404, 409, 422, 429, takes_body=True),
        examples=schemas.ENSEMBLE_EXAMPLES,
    )
    def post(self, request: Request) -> HttpResponse:
        """Ask several versions at once, and what they say together: mean, vote or weighted.

        With a `board`, versions for Connect Four vote on a move: those of `model_ids`, or the
        three newest validated ones of the model (409 if there are fewer than two).
        """
        from registry.serving.edge import check_json_type, ensemble

        return respond(request, check_json_type, ensemble)


class PredictionList(APIView):
    access = {"GET": READ}

    @extend_schema(
        operation_id="list_predictions",
        parameters=[*PAGING, *schemas.LOG_FILTERS],
        responses=answers(page(schemas.PredictionRow), 422),
    )
    def get(self, request: Request) -> Response:
        """The log, newest first: your own predictions and those of models you teach with."""
        found = queries.find_predictions(request.user, request.GET)
        return Response(
            page_data(request, found, queries.PREDICTION_ORDER, schemas.prediction_data)
        )


class PredictionOfRequest(APIView):
    access = {"GET": READ}

    @extend_schema(
        operation_id="get_prediction",
        responses=answers(schemas.PredictionAnswers, 404),
    )
    def get(self, request: Request, request_id: str) -> Response:
        """Which weights answered a request: one row, or one for each member of an ensemble."""
        rows = queries.predictions_of_request(request.user, request_id)
        return Response(
            {"request_id": request_id, "items": [schemas.prediction_detail(row) for row in rows]}
        )


def respond(
    request: Request,
    check_type: Callable[[str], None],
    answer: Callable[..., Awaitable[Any]],
    **rest: Any,
) -> HttpResponse:
    """Answer with the functions that the serving application uses, here and now."""
    from registry.serving.bodies import unpack
    from registry.serving.runners import DirectRunner, finish_now

    token_limits().take(counted(request.user, request.auth))
    check_type(request.META.get("CONTENT_TYPE", ""))
    encoding = request.META.get("HTTP_CONTENT_ENCODING", "")
    body = unpack(request._request.body, encoding, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    request_id = request_id_of(request.headers.get(REQUEST_ID_HEADER, ""))
    caller = Caller(request.user, request.auth)
    reply = finish_now(answer(DirectRunner(), caller, request_id, body, **rest))
    headers = {**reply.headers, REQUEST_ID_HEADER: request_id}
    return HttpResponse(reply.body, reply.content_type, reply.status, headers=headers)
