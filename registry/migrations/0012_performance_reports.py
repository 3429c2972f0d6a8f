"""What people report of how a model does, and who may look at it."""

from importlib import import_module

import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models

roles = import_module("registry.migrations.0003_roles")


class Migration(migrations.Migration):
    dependencies = [("registry", "0011_jobs_of_every_kind")]
    operations = [
        migrations.CreateModel(
            name="PerformanceReport",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                (
                    "reported_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("metrics", models.JSONField(editable=False)),
                ("feedback", models.TextField(blank=True, editable=False)),
                (
                    "idempotency_key",
                    models.CharField(editable=False, max_length=100, null=True),
                ),
                ("request_hash", models.CharField(editable=False, max_length=71)),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="performance_reports",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "reporter",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "performance report",
                "ordering": ["-reported_at", "-pk"],
                "indexes": [
                    models.Index(
                        fields=["model", "-reported_at", "-id"], name="reports_of_a_model"
                    ),
                    models.Index(fields=["model", "reporter", "-id"], name="reports_of_a_person"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key", None), _negated=True),
                        fields=("reporter", "idempotency_key"),
                        name="performance_idempotency_key_once",
                    )
                ],
            },
        ),
        migrations.RunPython(roles.create_groups, migrations.RunPython.noop),
    ]
