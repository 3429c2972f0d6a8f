"""Jobs of every kind: not predictions alone, so without a version or a file of questions, and with
a state from which the next worker goes on."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0010_what_has_been")]
    operations = [
        migrations.RenameField("job", "done_rows", "done"),
        migrations.RenameField("job", "total_rows", "total"),
        migrations.AlterField(
            "job", "total", models.PositiveBigIntegerField(editable=False, null=True)
        ),
        migrations.AddField(
            "job", "kind", models.CharField(default="prediction", editable=False, max_length=20)
        ),
        migrations.AddField("job", "request", models.JSONField(default=dict, editable=False)),
        migrations.AddField("job", "state", models.JSONField(editable=False, null=True)),
        migrations.AddField("job", "result", models.JSONField(editable=False, null=True)),
        migrations.AddField(
            "job",
            "classroom",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="registry.classroom",
            ),
        ),
        migrations.AlterField(
            "job",
            "question",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="registry.artifact",
            ),
        ),
        migrations.AlterField(
            "job",
            "version",
            models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="jobs",
                to="registry.modelversion",
            ),
        ),
    ]
