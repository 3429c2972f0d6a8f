"""Examples that wait for a run, how a model learns on, and what became of each night."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0011_jobs_of_every_kind"),
        ("training", "0004_games_and_datasets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LearningOn",
            fields=[
                (
                    "model",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="learning_on",
                        serialize=False,
                        to="registry.registeredmodel",
                    ),
                ),
                ("enough_examples", models.PositiveIntegerField(null=True)),
                ("problem", models.TextField(blank=True, editable=False)),
                ("nightly", models.BooleanField(default=False)),
                ("nightly_since", models.DateTimeField(editable=False, null=True)),
                (
                    "changed_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "settings of learning on",
                "verbose_name_plural": "settings of learning on",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("nightly", False),
                            models.Q(("nightly_since", None), _negated=True),
                            _connector="OR",
                        ),
                        name="nightly_has_a_beginning",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Night",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("night", models.DateField(editable=False)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("skipped", "Skipped"),
                            ("training", "Training"),
                            ("proposed", "Proposed"),
                            ("failed", "Failed"),
                        ],
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, editable=False)),
                ("games_count", models.PositiveIntegerField(editable=False)),
                ("newest_game", models.BigIntegerField(default=0, editable=False)),
                (
                    "decided_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("settled_at", models.DateTimeField(editable=False, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "model",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="nights",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "run",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="night",
                        to="training.run",
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="registry.modelversion",
                    ),
                ),
            ],
            options={
                "ordering": ["-night", "-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("settled_at", None)),
                        fields=["id"],
                        name="nights_to_settle",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("model", "night"), name="night_once_per_model"),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome__in", ["skipped", "training", "proposed", "failed"])
                        ),
                        name="night_outcome_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QueuedExamples",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("base", models.CharField(blank=True, editable=False, max_length=50)),
                ("examples", models.BinaryField()),
                ("count", models.PositiveIntegerField(editable=False)),
                ("idempotency_key", models.CharField(editable=False, max_length=100, null=True)),
                ("request_hash", models.CharField(editable=False, max_length=71)),
                (
                    "queued_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("taken_at", models.DateTimeField(editable=False, null=True)),
                (
                    "model",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="registry.registeredmodel",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="taken_examples",
                        to="training.run",
                    ),
                ),
            ],
            options={
                "verbose_name": "queued examples",
                "verbose_name_plural": "queued examples",
                "ordering": ["queued_at", "id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("taken_at", None)),
                        fields=["model", "base", "id"],
                        name="examples_that_wait",
                    ),
                    models.Index(fields=["taken_at"], name="examples_taken"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key", None), _negated=True),
                        fields=("owner", "idempotency_key"),
                        name="queued_examples_key_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("run", None),
                            models.Q(("taken_at", None), _negated=True),
                            _connector="OR",
                        ),
                        name="queued_examples_run_has_taken",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("count__gte", 1)), name="queued_examples_not_empty"
                    ),
                ],
            },
        ),
    ]
