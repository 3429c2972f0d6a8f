"""Routes of the pages of prediction jobs, below /jobs/."""

from __future__ import annotations

from django.urls import path

from registry.jobs import views

app_name = "jobs"
urlpatterns = [
    path("", views.job_list, name="job-list"),
    path("<uuid:job_id>/", views.job_page, name="job"),
    path("<uuid:job_id>/result/", views.result, name="result"),
    path("<uuid:job_id>/cancel/", views.cancel, name="cancel"),
    path("<uuid:job_id>/retry/", views.retry, name="retry"),
]
