"""REST: build datasets, look at them, bring and take them along as files."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from hamlet.schema import Choice, Section, validate
from registry.accounts.models import Scope
from registry.accounts.permissions import Access
from registry.api_schema import PAGING, answers, page
from registry.jobs.api import IDEMPOTENCY_KEY, TOO_MANY, answer_queued, key_of
from registry.pagination import page_data
from training.datasets import queries, serializers, services
from training.datasets.models import Dataset
from training.streamed_files import CSV, FORMAT_OF, JSONLines, received, streamed

VIEW_DATASET = Access(Scope.READ, "training.view_dataset")
ADD_DATASET = Access(Scope.TRAIN, "training.add_dataset")
FORMAT = Section({"format": Choice("json", "csv", default="json")})
SUFFIXES = {"json": "jsonl", "csv": "csv"}
IMPORTED = ("name", "description", "classroom", "seed")


def find_dataset(request: HttpRequest | Request, name: str) -> Dataset:
    """Raises: Http404."""
    return get_object_or_404(queries.visible_datasets(request.user), name=name)


def read_format(request: HttpRequest | Request) -> str:
    """Raises: SpecError."""
    given = {"format": request.GET["format"]} if "format" in request.GET else {}
    return validate(FORMAT, given)["format"]


class DatasetList(APIView):
    access = {"GET": VIEW_DATASET, "POST": ADD_DATASET}

    @extend_schema(
        operation_id="list_datasets",
        parameters=PAGING,
        responses=answers(page(serializers.DatasetSummary), 422),
    )
    def get(self, request: Request) -> Response:
        """Datasets you may see, newest first."""
        found = queries.visible_datasets(request.user)
        return Response(page_data(request, found, queries.NEWEST_FIRST, queries.dataset_summary))

    @extend_schema(
        operation_id="build_dataset",
        request=serializers.DATASET_BODY,
        parameters=[IDEMPOTENCY_KEY],
        responses=answers(serializers.QueuedDataset, 409, 422, status=202, takes_body=True)
        | {200: serializers.QueuedDataset}
        | TOO_MANY,
    )
    def post(self, request: Request) -> Response:
        """Build a dataset from the games that you may learn from, or from `examples`. A worker
        does it; the dataset is there at once and becomes ready."""
        job, made = services.build_dataset(
            request.user, request.data, idempotency_key=key_of(request)
        )
        return answer_queued(request, job, made, dataset=services.name_of(job))


class DatasetImport(APIView):
    access = {"POST": ADD_DATASET}
    parser_classes = [JSONLines, CSV]

    @extend_schema(
        operation_id="import_dataset",
        parameters=[
            IDEMPOTENCY_KEY,
            OpenApiParameter("name", str, required=True),
            OpenApiParameter("description", str),
            OpenApiParameter("classroom", str, description="name or number of a class of yours"),
        ],
        request=dict.fromkeys(FORMAT_OF, OpenApiTypes.BINARY),
        responses=answers(serializers.QueuedDataset, 409, 422, status=202, takes_body=True)
        | {200: serializers.QueuedDataset}
        | TOO_MANY,
    )
    def post(self, request: Request) -> Response:
        """Make a dataset of a file with one example in a line. What was exported and not changed
        since becomes the same dataset again. A wrong example fails the job with its index."""
        with received(request.data) as path:
            asked: dict[str, Any] = {n: request.GET[n] for n in IMPORTED if n in request.GET}
            asked["format"] = FORMAT_OF[request.content_type.partition(";")[0].strip().lower()]
            job, made = services.import_dataset(
                request.user, path, asked, idempotency_key=key_of(request)
            )
        return answer_queued(request, job, made, dataset=services.name_of(job))


class DatasetDetail(APIView):
    access = {"GET": VIEW_DATASET}

    @extend_schema(operation_id="get_dataset", responses=answers(serializers.DatasetData, 404))
    def get(self, request: Request, name: str) -> Response:
        """A dataset: options, what each filter removed, statistics, files."""
        return Response(queries.dataset_data(find_dataset(request, name)))


class DatasetExport(APIView):
    access = {"GET": VIEW_DATASET}

    @extend_schema(
        operation_id="export_dataset",
        parameters=[OpenApiParameter("format", str, enum=["json", "csv"])],
        responses=answers(serializers.ExampleData, 404, 409, 422, media_types=tuple(FORMAT_OF)),
    )
    def get(self, request: Request, name: str) -> StreamingHttpResponse:
        """All examples, one in a line, as JSON or CSV."""
        form = read_format(request)
        dataset = find_dataset(request, name)
        pieces = services.export_dataset(dataset, form)
        # A dataset's name is a slug, so it can stand in a header and on any disk.
        file_name = f"{dataset.name}.{SUFFIXES[form]}"
        return streamed(request, pieces, services.MEDIA_TYPES[form], file_name)
