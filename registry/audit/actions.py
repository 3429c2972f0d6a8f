"""What is written down, by the name it has in the audit log and in webhooks."""

from __future__ import annotations

MODEL_CREATED = "model.created"
MODEL_CHANGED = "model.changed"
MODEL_DELETED = "model.deleted"
VERSION_REGISTERED = "version.registered"
VERSION_CHANGED = "version.changed"
VERSION_CHECKED = "version.checked"
VERSION_MOVED = "version.moved"
VERSION_EXPORTED = "version.exported"
VERSION_DELETED = "version.deleted"
ALIAS_MOVED = "alias.moved"
ALIAS_REMOVED = "alias.removed"
ALIAS_PROTECTED = "alias.protected"
ALIAS_FREED = "alias.freed"
BUNDLE_EXPORTED = "bundle.exported"
BUNDLE_IMPORTED = "bundle.imported"
BRAIN_SAVED = "brain.saved"
BRAIN_DELETED = "brain.deleted"
WEBHOOK_CHANGED = "webhook.changed"
RETENTION_CHANGED = "retention.changed"

TITLES = {
    MODEL_CREATED: "a model was made",
    MODEL_CHANGED: "description, tags or owner of a model changed",
    MODEL_DELETED: "a model was deleted for good",
    VERSION_REGISTERED: "a version was registered",
    VERSION_CHANGED: "description or tags of a version changed",
    VERSION_CHECKED: "a version was checked",
    VERSION_MOVED: "the status of a version changed",
    VERSION_EXPORTED: "a version was written in another engine's form",
    VERSION_DELETED: "a version was deleted for good",
    ALIAS_MOVED: "an alias began or moved",
    ALIAS_REMOVED: "an alias ended",
    ALIAS_PROTECTED: "an alias was protected",
    ALIAS_FREED: "the protection of an alias was taken away",
    BUNDLE_EXPORTED: "a model was exported as a bundle",
    BUNDLE_IMPORTED: "a bundle was imported",
    BRAIN_SAVED: "a brain spec was saved",
    BRAIN_DELETED: "a brain spec was deleted",
    WEBHOOK_CHANGED: "a webhook was made, changed or deleted",
    RETENTION_CHANGED: "a retention rule was made, changed or deleted",
}
