"""Every HTTP route. tests/access/ holds who may call which."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("registry.api_urls")),
    path("api/v1/", include("training.api_urls")),
    path("accounts/", include("registry.accounts.urls")),
    path("models/", include("registry.urls")),
    path("", include("hamletweb.health.urls")),
    path("", include("live.urls")),
]

# Below /api/ these answer with problem+json.
handler400 = "registry.problems.bad_request"
handler403 = "registry.problems.permission_denied"
handler404 = "registry.problems.page_not_found"
handler500 = "registry.problems.server_error"
