"""What must never change is refused by the database itself, whoever asks: page, shell or psql."""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION hamlet_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: rows of % are never %', TG_ARGV[0], TG_TABLE_NAME,
        CASE TG_OP WHEN 'UPDATE' THEN 'changed' ELSE 'deleted' END
        USING ERRCODE = 'restrict_violation', HINT = TG_ARGV[1];
END $$;

-- Compares the whole rows but for one column, so that a column added later is guarded too.
CREATE FUNCTION hamlet_allow_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - TG_ARGV[0] = to_jsonb(OLD) - TG_ARGV[0]
       AND to_jsonb(NEW) -> TG_ARGV[0] = 'null'::jsonb THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'Only ' || TG_ARGV[0] || ' may become empty, when its account is deleted.';
END $$;

CREATE FUNCTION hamlet_allow_discarding() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('hamlet.discarding', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'rows of % are deleted by retention alone', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'registry.artifacts.store.discard_unreferenced removes row and file together.';
END $$;

CREATE TRIGGER version_never_changes BEFORE UPDATE ON registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION hamlet_allow_forgetting('registered_by_id');
CREATE TRIGGER version_never_goes BEFORE DELETE ON registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION hamlet_refuse(
        'a registered version stays', 'Move its aliases to another version instead.');

CREATE TRIGGER alias_move_never_changes BEFORE UPDATE ON registry_aliasmove
    FOR EACH ROW EXECUTE FUNCTION hamlet_allow_forgetting('moved_by_id');
CREATE TRIGGER alias_move_never_goes BEFORE DELETE ON registry_aliasmove
    FOR EACH ROW EXECUTE FUNCTION hamlet_refuse(
        'the history of aliases stays', 'Move the alias again; that is a row of its own.');

CREATE TRIGGER artifact_never_changes BEFORE UPDATE ON registry_artifact
    FOR EACH ROW EXECUTE FUNCTION hamlet_refuse(
        'a stored file stays as it is', 'Store the other bytes; they get a row of their own.');
CREATE TRIGGER artifact_goes_by_retention BEFORE DELETE ON registry_artifact
    FOR EACH ROW EXECUTE FUNCTION hamlet_allow_discarding();
"""

DROP = """
DROP TRIGGER version_never_changes ON registry_modelversion;
DROP TRIGGER version_never_goes ON registry_modelversion;
DROP TRIGGER alias_move_never_changes ON registry_aliasmove;
DROP TRIGGER alias_move_never_goes ON registry_aliasmove;
DROP TRIGGER artifact_never_changes ON registry_artifact;
DROP TRIGGER artifact_goes_by_retention ON registry_artifact;
DROP FUNCTION hamlet_refuse();
DROP FUNCTION hamlet_allow_forgetting();
DROP FUNCTION hamlet_allow_discarding();
"""


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]
    operations = [migrations.RunSQL(FUNCTIONS, DROP)]
