"""Rules of the complete registry: what stays, what may be forgotten, and who may do what.

Also gives the versions, alias moves and roles that are there already what the new columns and
tables say of them.
"""

from importlib import import_module

from django.db import migrations

FUNCTIONS = """
-- Columns that may become empty; with `deleting:` before them, only while something is deleted
-- for good. The whole rows are compared but for these, so a column added later is guarded too.
CREATE OR REPLACE FUNCTION hamlet_allow_forgetting() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    old_row jsonb := to_jsonb(OLD);
    new_row jsonb := to_jsonb(NEW);
    deleting boolean := coalesce(current_setting('hamlet.deleting', true), '') = 'on';
    argument text;
    forgotten text;
BEGIN
    FOREACH argument IN ARRAY TG_ARGV LOOP
        forgotten := replace(argument, 'deleting:', '');
        IF new_row -> forgotten = 'null'::jsonb AND (forgotten = argument OR deleting) THEN
            old_row := old_row - forgotten;
            new_row := new_row - forgotten;
        END IF;
    END LOOP;
    IF old_row = new_row THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'Only ' || array_to_string(TG_ARGV, ', ') || ' may become empty.';
END $$;

CREATE FUNCTION hamlet_allow_deleting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF coalesce(current_setting('hamlet.deleting', true), '') = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '%: rows of % are deleted with a preview alone', TG_ARGV[0], TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = TG_ARGV[1];
END $$;

DROP TRIGGER version_never_changes ON registry_modelversion;
DROP TRIGGER version_never_goes ON registry_modelversion;
DROP TRIGGER alias_move_never_changes ON registry_aliasmove;
DROP TRIGGER alias_move_never_goes ON registry_aliasmove;
"""

BACKFILL = """
UPDATE registry_aliasmove SET old_number = version.major || '.' || version.minor || '.' || version.patch
    FROM registry_modelversion version WHERE version.id = registry_aliasmove.old_version_id;
UPDATE registry_aliasmove SET new_number = version.major || '.' || version.minor || '.' || version.patch
    FROM registry_modelversion version WHERE version.id = registry_aliasmove.new_version_id;
UPDATE registry_modelversion SET parameters =
        jsonb_build_object('seed', lineage #> '{run_spec,seed}', 'budget', lineage #> '{run_spec,budget}')
        || coalesce(lineage #> '{run_spec,content}', '{}'::jsonb)
    WHERE jsonb_typeof(lineage -> 'run_spec') = 'object';
INSERT INTO registry_versioncard (version_id, status, description, tags, changed_at)
    SELECT id, 'registered', '', '{}'::jsonb, created_at FROM registry_modelversion;
"""

TRIGGERS = """
CREATE TRIGGER version_never_changes BEFORE UPDATE ON registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION hamlet_allow_forgetting('registered_by_id', 'deleting:parent_id');
CREATE TRIGGER version_goes_with_a_preview BEFORE DELETE ON registry_modelversion
    FOR EACH ROW EXECUTE FUNCTION hamlet_allow_deleting(
        'a registered version stays', 'registry.deleting.services deletes it and all it has.');
CREATE TRIGGER alias_move_never_changes BEFORE UPDATE ON registry_aliasmove
    FOR EACH ROW EXECUTE FUNCTION hamlet_allow_forgetting(
        'moved_by_id', 'deleting:old_version_id', 'deleting:new_version_id');
CREATE TRIGGER alias_move_goes_with_its_model BEFORE DELETE ON registry_aliasmove
    FOR EACH ROW EXECUTE FUNCTION hamlet_allow_deleting(
        'the history of aliases stays', 'It goes with its model alone.');
CREATE TRIGGER audit_entry_never_changes BEFORE UPDATE ON registry_auditentry
    FOR EACH ROW EXECUTE FUNCTION hamlet_refuse(
        'what was done stays written', 'Do the right thing now; it gets an entry of its own.');
CREATE TRIGGER audit_entry_never_goes BEFORE DELETE ON registry_auditentry
    FOR EACH ROW EXECUTE FUNCTION hamlet_refuse(
        'what was done stays written', 'manage.py verify would find the hole.');
"""

DROP = """
DROP TRIGGER audit_entry_never_goes ON registry_auditentry;
DROP TRIGGER audit_entry_never_changes ON registry_auditentry;
DROP TRIGGER alias_move_goes_with_its_model ON registry_aliasmove;
DROP TRIGGER alias_move_never_changes ON registry_aliasmove;
DROP TRIGGER version_goes_with_a_preview ON registry_modelversion;
DROP TRIGGER version_never_changes ON registry_modelversion;
DROP FUNCTION hamlet_allow_deleting();
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
"""

roles = import_module("registry.migrations.0003_roles")


class Migration(migrations.Migration):
    dependencies = [("registry", "0004_registry_complete")]
    operations = [
        migrations.RunSQL(FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        migrations.RunSQL(TRIGGERS, DROP),
        migrations.RunPython(roles.create_groups, migrations.RunPython.noop),
    ]
