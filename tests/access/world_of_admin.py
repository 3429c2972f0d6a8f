"""One row of each table that Django's admin shows and nobody calls by a route parameter."""

from __future__ import annotations

import uuid

from registry.accounts.models import User
from registry.artifacts.store import store_file
from registry.exports.models import ExportFormat
from registry.exports.services import MEDIA_TYPES
from registry.models import Export, ModelVersion, RetentionRule, Webhook, WebhookDelivery
from registry.performance import services as performance


def build(version: ModelVersion, owner: User) -> None:
    # Only to be sent and shown; the routes of exports also want a form that is not there: ONNX.
    file = store_file(b"a file for another engine", MEDIA_TYPES[ExportFormat.TORCHSCRIPT])
    Export.objects.create(
        version=version, format=ExportFormat.TORCHSCRIPT, artifact=file, parity_relative=0.0
    )
    RetentionRule.objects.create(model=version.model)
    performance.report(owner, version.model, {"metrics": {"wins": 0.5}})
    webhook = Webhook.objects.create(
        name="told",
        url="https://hooks.example.org/told",
        events=["version.registered"],
        owner=owner,
        classroom=version.model.classroom,
        secret="shown once",
        active=False,
    )
    WebhookDelivery.objects.create(
        webhook=webhook, event_id=uuid.uuid4(), event="version.registered", body="{}"
    )
