"""Versions are found by the level they were made on from an index.

The expression is the one that `registry.searching` compares, so that PostgreSQL knows it again.
"""

from django.db import migrations

FORWARD = """
CREATE INDEX versions_by_level ON registry_modelversion ((lineage #> '{level}'::text[]));
"""
BACK = "DROP INDEX versions_by_level;"


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_predictions")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
