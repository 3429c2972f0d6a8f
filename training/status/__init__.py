"""The platform at a glance, as far as the asker may see it."""
