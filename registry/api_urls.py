"""REST routes of the registry, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from registry import api
from registry.serving.api import Predict

urlpatterns = [
    path("openapi.json", api.OpenAPIDocument.as_view(), name="api-openapi"),
    path("predict", Predict.as_view(), name="api-predict"),
    path("models", api.ModelList.as_view(), name="api-models"),
    path("models/<slug:name>", api.ModelDetail.as_view(), name="api-model"),
    path("models/<slug:name>/versions", api.VersionList.as_view(), name="api-versions"),
    path(
        "models/<slug:name>/versions/<str:number>", api.VersionDetail.as_view(), name="api-version"
    ),
    path(
        "models/<slug:name>/versions/<str:number>/download",
        api.VersionDownload.as_view(),
        name="api-version-download",
    ),
    path("models/<slug:name>/aliases", api.AliasList.as_view(), name="api-aliases"),
    path("models/<slug:name>/aliases/<str:alias>", api.AliasDetail.as_view(), name="api-alias"),
    path("models/<slug:name>/alias-moves", api.AliasMoveList.as_view(), name="api-alias-moves"),
    path("brains", api.BrainList.as_view(), name="api-brains"),
    path("brains/validate", api.BrainValidation.as_view(), name="api-brain-validate"),
    path("brains/<slug:name>", api.BrainDetail.as_view(), name="api-brain"),
]
