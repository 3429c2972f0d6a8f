"""A model knows the highest number it ever gave out, a check how often and by whom it was begun;
a run registers one version in each model, so that nobody else's can stand in its way.

Numbers of versions that were deleted stand in the history of the aliases.
"""

from django.db import migrations, models

FILL = """
UPDATE registry_registeredmodel AS model
SET highest_number = array_to_string(known.highest, '.')
FROM (
    SELECT model_id, max(number) AS highest
    FROM (
        SELECT model_id, ARRAY[major, minor, patch] AS number FROM registry_modelversion
        UNION ALL
        SELECT model_id, string_to_array(new_number, '.')::int[] FROM registry_aliasmove
        WHERE new_number <> ''
    ) AS numbers
    GROUP BY model_id
) AS known
WHERE known.model_id = model.id
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0009_search_indexes")]
    operations = [
        migrations.AddField(
            "registeredmodel",
            "highest_number",
            models.CharField(blank=True, editable=False, max_length=50),
        ),
        migrations.AddField(
            "versioncheck",
            "attempts",
            models.PositiveSmallIntegerField(default=0, editable=False),
        ),
        migrations.AddField(
            "versioncheck", "begun_at", models.DateTimeField(editable=False, null=True)
        ),
        migrations.AddField(
            "versioncheck",
            "lease_holder",
            models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.RemoveConstraint("modelversion", "one_version_per_run"),
        migrations.AddConstraint(
            "modelversion",
            models.UniqueConstraint(
                condition=models.Q(("run_id", None), _negated=True),
                fields=("model", "run_id"),
                name="one_version_per_run",
            ),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
