"""Routes of the Open Inference Protocol v2, below /v2."""

from __future__ import annotations

from django.urls import path

from registry.serving.protocol import api

MODEL = "v2/models/<slug:name>"
VERSION = f"{MODEL}/versions/<str:number>"

urlpatterns = [
    path("v2", api.ServerMetadata.as_view(), name="v2-server"),
    path("v2/", api.ServerMetadata.as_view(), name="v2-server-slash"),
    path("v2/health/live", api.Live.as_view(), name="v2-live"),
    path("v2/health/ready", api.Ready.as_view(), name="v2-ready"),
    path("v2/repository/index", api.RepositoryIndex.as_view(), name="v2-repository-index"),
    path(MODEL, api.ModelMetadata.as_view(), name="v2-model"),
    path(f"{MODEL}/", api.ModelMetadata.as_view(), name="v2-model-slash"),
    path(f"{MODEL}/ready", api.ModelReady.as_view(), name="v2-model-ready"),
    path(f"{MODEL}/infer", api.Infer.as_view(), name="v2-infer"),
    path(VERSION, api.ModelMetadata.as_view(), name="v2-version"),
    path(f"{VERSION}/", api.ModelMetadata.as_view(), name="v2-version-slash"),
    path(f"{VERSION}/ready", api.ModelReady.as_view(), name="v2-version-ready"),
    path(f"{VERSION}/infer", api.Infer.as_view(), name="v2-version-infer"),
]
