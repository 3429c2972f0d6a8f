"""Routes of the page of workers, below /workers/."""

from __future__ import annotations

from django.urls import path

from registry.hosts import views

app_name = "hosts"
urlpatterns = [path("", views.worker_page, name="workers")]
