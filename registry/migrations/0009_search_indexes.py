"""Versions are found by the level they were made on from an index, and by parameters that stand in
the row itself: reading each from where long values are kept takes two to three times as long.

The expression is the one that `registry.searching` compares, so that PostgreSQL knows it again.
Rows that are there already stay as they were written; they are found all the same.
"""

from django.db import migrations

FORWARD = """
CREATE INDEX versions_by_level ON registry_modelversion ((lineage #> '{level}'::text[]));
ALTER TABLE registry_modelversion ALTER COLUMN parameters SET STORAGE MAIN;
"""
BACK = """
ALTER TABLE registry_modelversion ALTER COLUMN parameters SET STORAGE EXTENDED;
DROP INDEX versions_by_level;
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_predictions")]
    operations = [migrations.RunSQL(FORWARD, BACK)]
