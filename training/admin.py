"""Runs, their events and kept episodes in Django's admin: to look at, and to steer by services.

Metrics and episode summaries are not here: they have keys of several columns, which the admin
does not know, and charts show them better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from registry.admin.read_only import ReadOnlyAdmin
from registry.models import User
from training import services
from training.errors import TrainingError
from training.models import Replay, Run, RunEvent


def steer(
    request: HttpRequest, runs: QuerySet[Run], service: Callable[[Run, User], Run], done: str
) -> None:
    """Do the same to every chosen run, and say of each that refused why."""
    steered = 0
    for run in runs:
        try:
            service(run, request.user)
            steered += 1
        except TrainingError as error:
            messages.error(request, f"{run.name} ({str(run.pk)[:8]}): {error}")
    if steered:
        messages.success(request, f"{done} {steered} of {len(runs)} runs.")


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("name", "status", "wish", "progress", "level", "owner", "classroom", "created")
    list_filter = ("status", "system", "classroom")
    search_fields = ("id", "name", "owner__username", "spec_hash")
    list_select_related = ("owner", "classroom")
    date_hierarchy = "created_at"
    actions = ("pause", "resume", "cancel")

    @admin.display(description="progress")
    def progress(self, run: Run) -> str:
        return f"{run.done} of {run.total} {run.unit}"

    @admin.display(description="created", ordering="created_at")
    def created(self, run: Run) -> Any:
        return run.created_at

    def has_steer_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("training.change_run")

    @admin.action(description="Pause the chosen runs", permissions=["steer"])
    def pause(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        steer(request, runs, services.pause_run, "Asked to pause")

    @admin.action(description="Resume the chosen runs", permissions=["steer"])
    def resume(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        steer(request, runs, services.resume_run, "Resumed")

    @admin.action(description="Cancel the chosen runs", permissions=["steer"])
    def cancel(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        steer(request, runs, services.cancel_run, "Asked to cancel")


@admin.register(RunEvent)
class RunEventAdmin(ReadOnlyAdmin):
    list_display = ("run", "kind", "old_status", "new_status", "text", "actor", "happened_at")
    list_filter = ("kind", "new_status")
    search_fields = ("run__id", "run__name")
    list_select_related = ("run", "actor")


@admin.register(Replay)
class ReplayAdmin(ReadOnlyAdmin):
    list_display = ("run", "number", "survival_steps", "score", "stage", "ended_at")
    search_fields = ("run__id", "run__name")
    list_select_related = ("run",)
