"""Searches for a config: trials that are runs like any other, and what chooses the next one."""
