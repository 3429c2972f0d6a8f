"""Routes that machines ask."""

from django.urls import path

from hamletweb.health import views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.Metrics.as_view(), name="metrics"),
]
