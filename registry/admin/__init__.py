"""Django's admin for all of the registry. What must not change cannot be changed here either."""

from registry.admin import brains, keeping, models_kept, people, retention, versions

__all__ = ["brains", "keeping", "models_kept", "people", "retention", "versions"]
