"""Every HTTP route. tests/access/ holds who may call which."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from registry.openapi.views import docs

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/docs/", docs, name="api-docs"),
    path("api/v1/", include("registry.api_urls")),
    path("api/v1/", include("training.api_urls")),
    path("", include("registry.serving.protocol.urls")),
    path("accounts/", include("registry.accounts.urls")),
    path("models/", include("registry.urls")),
    path("webhooks/", include("registry.webhooks.urls")),
    path("jobs/", include("registry.jobs.urls")),
    path("workers/", include("registry.hosts.urls")),
    path("", include("hamletweb.health.urls")),
    path("", include("live.urls")),
]

# Below /api/ these answer with problem+json.
handler400 = "registry.problems.bad_request"
handler403 = "registry.problems.permission_denied"
handler404 = "registry.problems.page_not_found"
handler500 = "registry.problems.server_error"
