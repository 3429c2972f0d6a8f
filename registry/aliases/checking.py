"""Whether aliases and the history of their moves tell the same story."""

from __future__ import annotations

from django.db import connection

# Each move starts where the one before ended, and the alias stands where the last one ended.
GAPS = """
SELECT model.name, move.name, move.moved_at, move.old_number, move.before
FROM (
    SELECT *, coalesce(lag(new_number) OVER (
        PARTITION BY model_id, name ORDER BY moved_at, id), '') AS before
    FROM registry_aliasmove
) AS move JOIN registry_registeredmodel model ON model.id = move.model_id
WHERE move.old_number <> move.before
ORDER BY move.id LIMIT %s
"""
ENDS = """
WITH last AS (
    SELECT DISTINCT ON (model_id, name) model_id, name, new_number
    FROM registry_aliasmove ORDER BY model_id, name, moved_at DESC, id DESC
), standing AS (
    SELECT alias.model_id, alias.name,
        version.major || '.' || version.minor || '.' || version.patch AS number
    FROM registry_alias alias JOIN registry_modelversion version ON version.id = alias.version_id
)
SELECT model.name, coalesce(last.name, standing.name),
    coalesce(last.new_number, ''), coalesce(standing.number, '')
FROM last FULL JOIN standing USING (model_id, name)
JOIN registry_registeredmodel model ON model.id = model_id
WHERE coalesce(last.new_number, '') <> coalesce(standing.number, '')
ORDER BY 1, 2 LIMIT %s
"""
MOST_FINDINGS = 100


def inconsistencies() -> list[str]:
    """What does not fit, in words; empty where all fits."""
    with connection.cursor() as cursor:
        cursor.execute(GAPS, [MOST_FINDINGS])
        found = [
            f"{model}@{alias}: the move of {at:%Y-%m-%d %H:%M:%S} starts at {old or 'nothing'}, "
            f"the one before ended at {before or 'nothing'}"
            for model, alias, at, old, before in cursor.fetchall()
        ]
        cursor.execute(ENDS, [MOST_FINDINGS])
        return found + [
            f"{model}@{alias} names {stands or 'nothing'}, its history ends at {last or 'nothing'}"
            for model, alias, last, stands in cursor.fetchall()
        ]
