"""The log of predictions, partitioned by day, and word of what changes who answers.

Django makes no partitioned tables, so the table is written in SQL; the state below is what the
model says. The triggers tell serving processes, at the moment of the commit, what they must look
up again; without them they do so within two seconds.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

TABLE = """
CREATE TABLE registry_prediction (
    asked_at timestamptz NOT NULL,
    id bigint NOT NULL,
    request_id varchar(64) NOT NULL,
    api varchar(10) NOT NULL,
    model_id bigint NOT NULL,
    version_id bigint NOT NULL,
    user_id bigint NULL,
    token_id bigint NULL,
    model_name varchar(100) NOT NULL,
    version_number varchar(32) NOT NULL,
    artifact_sha256 varchar(64) NOT NULL,
    engine varchar(20) NOT NULL,
    status smallint NOT NULL CHECK (status >= 0),
    problem text NOT NULL,
    rows integer NOT NULL CHECK (rows >= 0),
    batch_rows integer NOT NULL CHECK (batch_rows >= 0),
    parse_ms double precision NOT NULL,
    queue_ms double precision NOT NULL,
    run_ms double precision NOT NULL,
    total_ms double precision NOT NULL,
    inputs jsonb NULL,
    outputs jsonb NULL,
    PRIMARY KEY (asked_at, id)
) PARTITION BY RANGE (asked_at);
CREATE INDEX prediction_of_request ON registry_prediction (request_id);
CREATE INDEX predictions_of_model ON registry_prediction (model_id, asked_at DESC, id DESC);
CREATE INDEX predictions_of_version ON registry_prediction (version_id, asked_at DESC, id DESC);
CREATE INDEX predictions_of_user ON registry_prediction (user_id, asked_at DESC, id DESC);
"""

TRIGGERS = """
-- TG_ARGV: what changed, and the column that says which one.
CREATE FUNCTION hamlet_tell_serving() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed jsonb := to_jsonb(CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END);
BEGIN
    PERFORM pg_notify('hamlet_serving', TG_ARGV[0] || ':' || (changed ->> TG_ARGV[1]));
    RETURN NULL;
END $$;

CREATE TRIGGER alias_tells_serving AFTER INSERT OR UPDATE OR DELETE ON registry_alias
    FOR EACH ROW EXECUTE FUNCTION hamlet_tell_serving('model', 'model_id');
CREATE TRIGGER card_tells_serving AFTER UPDATE OF status ON registry_versioncard
    FOR EACH ROW EXECUTE FUNCTION hamlet_tell_serving('version', 'version_id');
CREATE TRIGGER export_tells_serving AFTER INSERT OR UPDATE OR DELETE ON registry_export
    FOR EACH ROW EXECUTE FUNCTION hamlet_tell_serving('version', 'version_id');
CREATE TRIGGER token_tells_serving
    AFTER DELETE OR UPDATE OF revoked_at, expires_at, scopes, requests_per_minute
    ON registry_apitoken
    FOR EACH ROW EXECUTE FUNCTION hamlet_tell_serving('token', 'id');
CREATE TRIGGER user_tells_serving AFTER DELETE OR UPDATE OF is_active, is_superuser ON registry_user
    FOR EACH ROW EXECUTE FUNCTION hamlet_tell_serving('user', 'id');
"""

NO_TRIGGERS = """
DROP TRIGGER alias_tells_serving ON registry_alias;
DROP TRIGGER card_tells_serving ON registry_versioncard;
DROP TRIGGER export_tells_serving ON registry_export;
DROP TRIGGER token_tells_serving ON registry_apitoken;
DROP TRIGGER user_tells_serving ON registry_user;
DROP FUNCTION hamlet_tell_serving();
"""


def first_partitions(apps, schema_editor):
    # Writers make the days they need; these are there before the first of them.
    from registry.serving.retention import make_partitions

    make_partitions()


def unenforced(to, **rest):
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        editable=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to=to,
        **rest,
    )


PREDICTION = migrations.CreateModel(
    name="Prediction",
    fields=[
        (
            "pk",
            models.CompositePrimaryKey(
                "asked_at", "id", blank=True, editable=False, primary_key=True, serialize=False
            ),
        ),
        ("asked_at", models.DateTimeField(editable=False)),
        ("id", models.BigIntegerField(editable=False)),
        ("request_id", models.CharField(editable=False, max_length=64)),
        (
            "api",
            models.CharField(
                choices=[
                    ("predict", "Predict"),
                    ("ensemble", "Ensemble"),
                    ("v2", "Open Inference Protocol v2"),
                ],
                editable=False,
                max_length=10,
            ),
        ),
        ("model_name", models.CharField(editable=False, max_length=100)),
        ("version_number", models.CharField(editable=False, max_length=32)),
        ("artifact_sha256", models.CharField(editable=False, max_length=64)),
        ("engine", models.CharField(editable=False, max_length=20)),
        ("status", models.PositiveSmallIntegerField(editable=False)),
        ("problem", models.TextField(blank=True, editable=False)),
        ("rows", models.PositiveIntegerField(editable=False)),
        ("batch_rows", models.PositiveIntegerField(editable=False)),
        ("parse_ms", models.FloatField(editable=False)),
        ("queue_ms", models.FloatField(editable=False)),
        ("run_ms", models.FloatField(editable=False)),
        ("total_ms", models.FloatField(editable=False)),
        ("inputs", models.JSONField(editable=False, null=True)),
        ("outputs", models.JSONField(editable=False, null=True)),
        ("model", unenforced("registry.registeredmodel")),
        ("version", unenforced("registry.modelversion")),
        ("user", unenforced(settings.AUTH_USER_MODEL, null=True)),
        ("token", unenforced("registry.apitoken", null=True)),
    ],
    options={
        "ordering": ["-asked_at", "-id"],
        "indexes": [
            models.Index(fields=["request_id"], name="prediction_of_request"),
            models.Index(fields=["model", "-asked_at", "-id"], name="predictions_of_model"),
            models.Index(fields=["version", "-asked_at", "-id"], name="predictions_of_version"),
            models.Index(fields=["user", "-asked_at", "-id"], name="predictions_of_user"),
        ],
    },
)


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_registry_rules")]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(TABLE, "DROP TABLE registry_prediction")],
            state_operations=[PREDICTION],
        ),
        migrations.RunPython(first_partitions, migrations.RunPython.noop),
        migrations.RunSQL(TRIGGERS, NO_TRIGGERS),
    ]
