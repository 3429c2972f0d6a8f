"""Celery looks for tasks here; each package of the registry has its own."""

from __future__ import annotations

from registry.jobs import tasks as jobs
from registry.versions import tasks as versions
from registry.webhooks import tasks as webhooks

__all__ = ["jobs", "versions", "webhooks"]
