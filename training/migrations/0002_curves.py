"""The key of the metric points holds their values too, so that curves are read from it alone; the
curves of ended runs are kept thinned."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
ALTER TABLE training_metricpoint DROP CONSTRAINT training_metricpoint_pkey;
ALTER TABLE training_metricpoint ADD CONSTRAINT training_metricpoint_pkey
    PRIMARY KEY (run_id, name, at) INCLUDE (value);
"""
BACK = """
ALTER TABLE training_metricpoint DROP CONSTRAINT training_metricpoint_pkey;
ALTER TABLE training_metricpoint ADD CONSTRAINT training_metricpoint_pkey
    PRIMARY KEY (run_id, name, at);
"""


class Migration(migrations.Migration):
    dependencies = [("training", "0001_initial")]
    operations = [
        migrations.RunSQL(FORWARD, BACK),
        migrations.CreateModel(
            name="CurveSummary",
            fields=[
                (
                    "run",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="curve_summary",
                        serialize=False,
                        to="training.run",
                    ),
                ),
                ("ended_at", models.DateTimeField()),
                ("width", models.PositiveBigIntegerField()),
                ("names", models.JSONField()),
                ("means", models.BinaryField()),
                ("counts", models.BinaryField()),
            ],
        ),
    ]
