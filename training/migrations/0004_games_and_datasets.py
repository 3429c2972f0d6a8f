"""Games, what perfect play makes of their positions, and datasets that never change once they are
ready; and who may look at them and make them."""

from importlib import import_module

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


TRIGGERS = """
CREATE TRIGGER ready_dataset_never_changes BEFORE UPDATE ON training_dataset
    FOR EACH ROW WHEN (OLD.manifest_id IS NOT NULL)
    EXECUTE FUNCTION hamlet_allow_forgetting('owner_id', 'classroom_id', 'job_id');
CREATE TRIGGER shard_never_changes BEFORE UPDATE ON training_datasetshard
    FOR EACH ROW EXECUTE FUNCTION hamlet_refuse(
        'the files of a dataset stay what they are', 'Build another dataset.');
"""
NO_TRIGGERS = """
DROP TRIGGER ready_dataset_never_changes ON training_dataset;
DROP TRIGGER shard_never_changes ON training_datasetshard;
"""

roles = import_module("registry.migrations.0003_roles")


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0011_jobs_of_every_kind"),
        ("training", "0003_inputs_and_remarks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PositionFinding",
            fields=[
                ("canonical_key", models.BigIntegerField(primary_key=True, serialize=False)),
                ("score", models.SmallIntegerField()),
                (
                    "best_columns",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(), size=7
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Dataset",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.SlugField(editable=False, max_length=100, unique=True)),
                ("system", models.CharField(default="connect_four", editable=False, max_length=32)),
                ("description", models.TextField(blank=True, editable=False)),
                ("options", models.JSONField(default=dict, editable=False)),
                ("seed", models.BigIntegerField(default=0, editable=False)),
                ("manifest_hash", models.CharField(blank=True, editable=False, max_length=71)),
                ("statistics", models.JSONField(editable=False, null=True)),
                ("filters", models.JSONField(editable=False, null=True)),
                ("sources", models.JSONField(editable=False, null=True)),
                ("examples_count", models.PositiveBigIntegerField(default=0, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("ready_at", models.DateTimeField(editable=False, null=True)),
                (
                    "classroom",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        to="registry.classroom",
                    ),
                ),
                (
                    "job",
                    models.OneToOneField(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="dataset",
                        to="registry.job",
                    ),
                ),
                (
                    "manifest",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.artifact",
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
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="DatasetShard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("position", models.PositiveIntegerField()),
                ("rows", models.PositiveIntegerField()),
                (
                    "artifact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.artifact",
                    ),
                ),
                (
                    "dataset",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shards",
                        to="training.dataset",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="GameBlock",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("games_count", models.PositiveIntegerField()),
                (
                    "artifact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.artifact",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Game",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("given_id", models.CharField(editable=False, max_length=64, null=True)),
                ("system", models.CharField(default="connect_four", editable=False, max_length=32)),
                (
                    "source",
                    models.CharField(
                        choices=[
                            ("human", "Human"),
                            ("self_play", "Self Play"),
                            ("tournament", "Tournament"),
                            ("import", "Import"),
                        ],
                        editable=False,
                        max_length=12,
                    ),
                ),
                ("origin", models.UUIDField(editable=False, null=True)),
                ("number", models.PositiveBigIntegerField(editable=False, null=True)),
                ("idempotency_key", models.CharField(editable=False, max_length=100, null=True)),
                ("request_hash", models.CharField(blank=True, editable=False, max_length=71)),
                ("red_type", models.CharField(editable=False, max_length=5)),
                ("red_rating", models.FloatField(editable=False, null=True)),
                ("red_name", models.CharField(blank=True, editable=False, max_length=120)),
                ("yellow_type", models.CharField(editable=False, max_length=5)),
                ("yellow_rating", models.FloatField(editable=False, null=True)),
                ("yellow_name", models.CharField(blank=True, editable=False, max_length=120)),
                ("moves", models.BinaryField()),
                ("plies", models.PositiveSmallIntegerField(editable=False)),
                ("winner", models.PositiveSmallIntegerField(editable=False)),
                ("reason", models.CharField(editable=False, max_length=12)),
                ("thinking_ms", models.JSONField(editable=False, null=True)),
                ("mirror_of", models.CharField(blank=True, editable=False, max_length=64)),
                ("consent", models.BooleanField(editable=False, null=True)),
                ("metadata", models.JSONField(default=dict, editable=False)),
                ("block_index", models.PositiveIntegerField(editable=False, null=True)),
                ("played_at", models.DateTimeField(editable=False)),
                (
                    "recorded_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "analysis",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="registry.job",
                    ),
                ),
                (
                    "classroom",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="registry.classroom",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "red_version",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="registry.modelversion",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="games",
                        to="training.run",
                    ),
                ),
                (
                    "yellow_version",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="registry.modelversion",
                    ),
                ),
                (
                    "block",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="training.gameblock",
                    ),
                ),
            ],
            options={
                "ordering": ["-played_at", "-id"],
            },
        ),
        migrations.AddIndex(
            model_name="dataset",
            index=models.Index(fields=["-created_at", "-id"], name="datasets_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="dataset",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("manifest", None),
                    models.Q(("manifest_hash", ""), _negated=True),
                    _connector="OR",
                ),
                name="dataset_ready_has_hash",
            ),
        ),
        migrations.AddConstraint(
            model_name="datasetshard",
            constraint=models.UniqueConstraint(
                fields=("dataset", "position"), name="shard_once_per_position"
            ),
        ),
        migrations.AddIndex(
            model_name="game",
            index=models.Index(fields=["-played_at", "-id"], name="games_newest_first"),
        ),
        migrations.AddIndex(
            model_name="game",
            index=models.Index(fields=["source", "-played_at", "-id"], name="games_of_a_source"),
        ),
        migrations.AddIndex(
            model_name="game",
            index=models.Index(fields=["classroom", "-played_at", "-id"], name="games_of_a_class"),
        ),
        migrations.AddIndex(
            model_name="game",
            index=models.Index(
                condition=models.Q(("red_version", None), _negated=True),
                fields=["red_version", "-played_at", "-id"],
                name="games_of_a_red_version",
            ),
        ),
        migrations.AddIndex(
            model_name="game",
            index=models.Index(
                condition=models.Q(("yellow_version", None), _negated=True),
                fields=["yellow_version", "-played_at", "-id"],
                name="games_of_a_yellow_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="game",
            constraint=models.UniqueConstraint(
                condition=models.Q(("origin", None), _negated=True),
                fields=("origin", "number"),
                name="game_once_per_origin",
            ),
        ),
        migrations.AddConstraint(
            model_name="game",
            constraint=models.UniqueConstraint(
                condition=models.Q(("given_id", None), _negated=True),
                fields=("owner", "given_id"),
                name="game_id_once_per_owner",
            ),
        ),
        migrations.AddConstraint(
            model_name="game",
            constraint=models.UniqueConstraint(
                condition=models.Q(("idempotency_key", None), _negated=True),
                fields=("owner", "idempotency_key"),
                name="game_idempotency_key_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="game",
            constraint=models.CheckConstraint(
                condition=models.Q(("winner__lte", 2)), name="game_winner_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="game",
            constraint=models.CheckConstraint(
                condition=models.Q(("source__in", ["human", "self_play", "tournament", "import"])),
                name="game_source_known",
            ),
        ),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
        migrations.RunPython(roles.create_groups, migrations.RunPython.noop),
    ]
