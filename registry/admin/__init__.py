"""Django's admin for all of the registry. What must not change cannot be changed here either."""

from registry.admin import keeping, people

__all__ = ["keeping", "people"]
